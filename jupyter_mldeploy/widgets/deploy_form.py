"""A form that deploys: entry script, models, target and its configuration; a plan first, progress, then the result."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import traitlets as t

from ..core.card import deployment_card, failure_card, plan_card, progress_card
from ..core.names import check_service_name
from ..core.target import BrokenTarget
from ..errors import InvalidInputError, MldeployError, NotFoundError
from .config_form import ConfigForm
from .view import View, alert, close_tree

if TYPE_CHECKING:
    from ..core.request import Outcome, Plan, Request
    from ..core.target import Target
    from ..core.workspace import Workspace

_MOST_FILES = 200


class DeployForm(View):
    """Deploys what its user fills in.

    Args:
        workspace: where to deploy; None is the default workspace.
        name, entry_script, models, target, config: what the fields show first.

    Traits to observe: ``value`` (what is filled in), ``problems`` (what is wrong, by field), ``stage`` (``idle``,
    ``planning``, ``planned``, ``deploying``, ``done`` or ``failed``), ``plan`` and ``service`` (the results).
    """

    value = t.Dict(help="What is filled in: name, entry_script, models, target, environment, config.").tag(sync=False)
    problems = t.Dict(help="What is wrong, by field.").tag(sync=False)
    stage = t.Unicode("idle", help="idle, planning, planned, deploying, done or failed.").tag(sync=False)
    plan = t.Any(None, allow_none=True, help="The last Plan.").tag(sync=False)
    service = t.Any(None, allow_none=True, help="The Service that was deployed last.").tag(sync=False)

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        name: str = "",
        entry_script: str = "",
        models: Sequence[str] = (),
        target: str = "local",
        config: dict[str, Any] | None = None,
    ) -> None:
        if workspace is None:
            from ..core.workspace import Workspace

            workspace = Workspace()
        self._workspace = workspace
        self._cancelled = threading.Event()
        wide = {"width": "420px"}
        self._name = w.Text(
            name,
            placeholder="for example diabetes",
            tooltip="Name of the service",
            layout=wide,
            continuous_update=False,
        )
        self._script = w.Combobox(
            value=entry_script, options=_scripts(), ensure_option=False, layout=wide, continuous_update=False,
            placeholder="score.py (empty: made for the models)", tooltip="Entry script with init() and run()",
        )  # fmt: skip
        registered = [f"{model.name}:{model.version}" for model in workspace.models.list()]
        self._models = w.SelectMultiple(
            options=registered, value=[item for item in models if item in registered],
            rows=min(6, max(2, len(registered))),
            tooltip="Registered models; several with Ctrl", layout=wide,
        )  # fmt: skip
        self._files = w.Text(
            ", ".join(item for item in models if item not in registered),
            placeholder="ridge.pkl, vectors/ (comma between)",
            tooltip="Files and folders that are not registered", layout=wide, continuous_update=False,
        )  # fmt: skip
        self._environment = w.Combobox(
            options=sorted({item.name for item in workspace.environments.list()}), ensure_option=False, layout=wide,
            placeholder="what the script uses in this kernel",
            tooltip="Registered environment, conda or requirements file",
            continuous_update=False,
        )  # fmt: skip
        self._target = w.Dropdown(options=self._targets(), value=target, tooltip="Where it runs", layout=wide)
        self._about_target, self._config_place, self._out = w.HTML(), w.VBox(), w.HTML()
        self._complaints = {key: w.HTML() for key in ("name", "entry_script", "models", "environment", "target")}
        self._plan_button = w.Button(
            description="Plan", icon="list", tooltip="Say what would happen; nothing is created"
        )
        self._deploy_button = w.Button(description="Deploy", icon="rocket", button_style="primary", tooltip="Deploy it")
        self._cancel_button = w.Button(
            description="Cancel", icon="times", disabled=True, tooltip="Give the deployment up"
        )
        super().__init__()
        self.children = (
            self._row("Name", self._name, "name"),
            self._row("Entry script", self._script, "entry_script"),
            self._row("Registered models", self._models, "models"),
            self._row("Model files", self._files, ""),
            self._row("Environment", self._environment, "environment"),
            self._row("Target", self._target, "target"),
            self._about_target,
            self._config_place,
            w.HBox([self._plan_button, self._deploy_button, self._cancel_button]),
            alert(self),
            self._out,
        )
        for control in (self._name, self._script, self._models, self._files, self._environment):
            control.observe(lambda _: self._collect(), "value")
        self._target.observe(lambda _: self._choose_target(), "value")
        self._plan_button.on_click(lambda _: self.make_plan())
        self._deploy_button.on_click(lambda _: self.deploy())
        self._cancel_button.on_click(lambda _: self.cancel())
        self.observe(lambda change: self._set_buttons(change["new"]), "busy")
        self.observe(lambda change: self._complain(change["new"]), "problems")
        self._choose_target()
        if config:
            self._config.value = config
            self._collect()

    # What the buttons do.

    def make_plan(self) -> None:
        """Say what a deployment would do; nothing is created."""
        if self.check():
            value = self.value  # as it was checked: the fields can be changed while a thread works
            self.stage = "planning"
            self.run(self._guarded(lambda: self._workspace.deployer.plan(self._request(value)), value), self._planned)

    def deploy(self) -> None:
        """Deploy in a thread; :meth:`wait` waits for the end."""
        if self.check():
            self._cancelled.clear()
            value = self.value
            self.stage = "deploying"
            self.run(self._guarded(lambda: self._deploy(value), value), self._deployed)

    def cancel(self) -> None:
        """Give a deployment under way up at its next step; what served before goes on serving."""
        self._cancelled.set()

    def check(self) -> bool:
        """Return whether all fields can be used, and say beside them what is wrong."""
        self._collect()
        problems = {} if self._config is None else dict(self._config.check())
        try:
            check_service_name(self.value["name"])
        except InvalidInputError as error:
            problems["name"] = error.message
        script = self.value["entry_script"]
        if script is not None and not Path(script).expanduser().is_file():
            problems["entry_script"] = f"there is no file {script!r}"
        if script is None and not self.value["models"]:
            problems["entry_script"] = "name an entry script, or choose models to make one for"
        availability = self._chosen.available()
        if not availability.ok:
            problems["target"] = f"{availability.reason} {availability.hint or ''}".strip()
        self.problems = problems
        if problems:
            self.error = f"{len(problems)} field{'s' * (len(problems) != 1)} cannot be used: {', '.join(problems)}."
        return not problems

    # In threads.

    def _request(self, value: dict[str, Any]) -> Request:
        request, _ = self._workspace.prepare(
            value["name"],
            value["entry_script"],
            models=value["models"],
            environment=value["environment"],
            target=value["target"],
            config=value["config"],
        )
        return request

    def _deploy(self, value: dict[str, Any]) -> tuple[Outcome, int | None]:
        name = value["name"]
        try:
            replaced = self._workspace.catalogue.service(name).live_revision
        except NotFoundError:
            replaced = None
        progress = _Progress(name, self._out)
        outcome = self._workspace.deployer.deploy(self._request(value), report=progress.step, cancelled=self._cancelled)
        return outcome, replaced

    def _guarded(self, work: Any, value: dict[str, Any]) -> Any:
        def guarded() -> Any:
            try:
                return work()
            except BaseException as error:
                self.stage = "failed"
                if isinstance(error, MldeployError):
                    self._out.value = _html(self._failure(value["name"], error))
                raise

        return guarded

    def _failure(self, name: str, error: MldeployError) -> dict[str, Any]:
        from ..core.service import Service

        try:
            service = Service(self._workspace, name)
            newest = next(reversed(service.revisions()), None)
        except NotFoundError:
            return failure_card(name, error)
        failed = newest.number if newest is not None and newest.state == "failed" and self.stage == "failed" else None
        return failure_card(name, error, service=service.record, revision=failed)

    # Showing.

    def _planned(self, plan: Plan) -> None:
        self.plan, self.stage = plan, "planned"
        self._out.value = _html(plan_card(plan))

    def _deployed(self, found: tuple[Outcome, int | None]) -> None:
        from ..core.service import Service

        outcome, replaced = found
        bundle = self._workspace.bundles.get(outcome.revision.bundle)
        self._out.value = _html(deployment_card(outcome, bundle, replaced=replaced))
        self.service = Service(self._workspace, outcome.service.name)
        self.stage = "done"

    def _targets(self) -> list[str]:
        return self._workspace.targets.names()

    def _choose_target(self) -> None:
        found = self._workspace.targets.find(self._target.value)
        for child in self._config_place.children:
            close_tree(child)
        if isinstance(found, BrokenTarget):
            self._config_place.children = ()
            self.problems = {"target": f"{found.package} could not be loaded: {found.error}"}
            return
        self._chosen: Target = found
        self._config = ConfigForm(found, self._collect)
        self._config_place.children = (self._config,)
        availability = found.available()
        said = (
            ""
            if availability.ok
            else f" <b>✗ Not available:</b> {escape(availability.reason or '')} {escape(availability.hint or '')}"
        )
        self._about_target.value = f"<small>{escape(found.summary)}</small>{said}"
        self._collect()

    def _collect(self) -> None:
        files = [part.strip() for part in self._files.value.split(",") if part.strip()]
        self.value = {
            "name": self._name.value.strip(),
            "entry_script": self._script.value.strip() or None,
            "models": [*self._models.value, *files],
            "environment": self._environment.value.strip() or None,
            "target": self._target.value,
            "config": self._config.value,
        }

    def _row(self, label: str, control: w.Widget, key: str) -> w.HBox:
        title = w.HTML(f"<label>{escape(label)}</label>", layout={"width": "150px"})
        return w.HBox([title, control, *([self._complaints[key]] if key else [])])

    def _complain(self, problems: dict[str, str]) -> None:
        for key, place in self._complaints.items():
            text = problems.get(key, "")
            place.value = f'<span role="alert"><b>✗</b> {escape(text)}</span>' if text else ""

    def _set_buttons(self, busy: bool) -> None:
        self._plan_button.disabled = self._deploy_button.disabled = busy
        self._cancel_button.disabled = not (busy and self.stage == "deploying")


class _Progress:
    """Shows the sub-steps of a deployment in one place."""

    def __init__(self, name: str, place: w.HTML) -> None:
        self._name, self._place = name, place
        self._done: list[tuple[str, float]] = []
        self._current, self._began, self._shown = "", time.monotonic(), 0.0

    def step(self, name: str, message: str) -> None:
        """Say that a sub-step begins."""
        now = time.monotonic()
        if name == self._current and now - self._shown < 0.1:  # a build reports hundreds of lines
            return
        if name != self._current:
            if self._current:
                self._done.append((self._current, now - self._began))
            self._current, self._began = name, now
        self._shown = now
        self._place.value = _html(progress_card(self._name, self._done, message))


def _html(bundle: dict[str, Any]) -> str:
    return str(bundle["text/html"])


def _scripts() -> list[str]:
    """Return the entry scripts that lie in the working directory."""
    found = sorted(path.name for path in Path.cwd().glob("*.py"))
    return found[:_MOST_FILES]
