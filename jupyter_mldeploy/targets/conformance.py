"""The tests that every target must pass, ours or a third party's; needs pytest.

    pytest.register_assert_rewrite("jupyter_mldeploy.targets.conformance")  # in conftest.py, for readable failures

    from jupyter_mldeploy.targets.conformance import TargetConformance

    class TestMyTarget(TargetConformance):
        target_name = "mine"
        config = {"cluster": "kind"}

They drive the target through the workspace, as frontends do. What the target's capabilities rule out is skipped. A
plug-in that is not installed is offered by overriding the ``targets`` fixture.
"""

# ruff: noqa: S101, ARG002  these are tests: they assert, and ask for fixtures for what those do

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ..core.logs import follow
from ..core.records import RevisionState, State
from ..core.service import Service
from ..core.target import Capabilities, ServiceRef, Target, Targets
from ..core.workspace import Workspace
from ..errors import (
    DeadlineExceededError,
    DeploymentError,
    InvalidConfigurationError,
    MldeployError,
    NotSupportedError,
    TargetUnavailableError,
)

NAME = "conformance"


def script(answer: str, *, init: str = "pass", run: str = "") -> str:
    """Return an entry script whose ``run()`` gives back ``answer`` and what it got."""
    return f"import os\n\n\ndef init():\n    {init}\n\n\ndef run(data):\n    {run or f'return [{answer!r}, data]'}\n"


class TargetConformance:
    """Subclass it, name the target, and pytest finds the rest.

    Attributes:
        target_name: name of the target's entry point.
        config: the smallest configuration that works.
        deadline_s: seconds that one deployment may take.
    """

    target_name: ClassVar[str]
    config: ClassVar[Mapping[str, Any]] = {}
    deadline_s: ClassVar[float] = 120.0

    # What a subclass may override.

    @pytest.fixture
    def targets(self) -> Targets:
        """The targets to choose from; those installed by default."""
        return Targets()

    @pytest.fixture
    def workspace(self, tmp_path: Path, targets: Targets) -> Iterator[Workspace]:
        """An empty workspace; what is left in it is deleted afterwards."""
        found = Workspace(tmp_path / "home", targets=targets)
        yield found
        for service in found.services():
            with suppress(MldeployError):
                service.delete()

    @pytest.fixture
    def target(self, workspace: Workspace) -> Target:
        """The target under test; skipped where it cannot be used."""
        found = workspace.targets.get(self.target_name)
        available = found.available()
        if not available.ok:
            pytest.skip(f"{self.target_name}: {available.reason}")
        if found.capabilities.scoring != "http":
            pytest.skip(f"{self.target_name} does not answer over HTTP")
        return found

    @pytest.fixture
    def service(self, workspace: Workspace, target: Target, tmp_path: Path) -> Service:
        """A service whose first revision answers ``["one", …]``."""
        return self.deploy(workspace, tmp_path, script("one", init="print('one is ready')"))

    def deploy(self, workspace: Workspace, folder: Path, text: str, **options: Any) -> Service:
        """Deploy a script's text."""
        config = {**self.config, **options.pop("config", {})}
        options.setdefault("timeout_s", self.deadline_s)
        return workspace.deploy(NAME, self.write(folder, text), target=self.target_name, config=config, **options)

    @staticmethod
    def write(folder: Path, text: str) -> Path:
        """Write an entry script and return its path."""
        path = folder / "score.py"
        path.write_text(text, encoding="utf-8")
        return path

    @staticmethod
    def needs(target: Target, capability: str) -> None:
        """Skip what the target does not declare, after checking that it says so itself."""
        if not getattr(target.capabilities, capability):
            with pytest.raises(NotSupportedError, match=target.name):
                target.capabilities.require(target.name, capability)
            pytest.skip(f"{target.name} does not declare {capability}")

    # What the target says about itself.

    def test_it_introduces_itself(self, target: Target) -> None:
        """Name, title, summary, capabilities and configuration are there for people and forms."""
        assert isinstance(target, Target)
        assert (target.name, bool(target.title), bool(target.summary)) == (self.target_name, True, True)
        assert isinstance(target.capabilities, Capabilities)
        fields = target.config_type.model_json_schema()["properties"]
        assert [name for name, field in fields.items() if not field.get("description")] == []

    def test_an_unknown_key_is_refused_before_anything_exists(self, workspace: Workspace, target: Target,
                                                              tmp_path: Path) -> None:  # fmt: skip
        """A wrong key is named, with the closest known one, and nothing is created."""
        with pytest.raises(InvalidConfigurationError, match=r"descripton: unknown key, did you mean 'description'"):
            self.deploy(workspace, tmp_path, script("one"), config={"descripton": "typo"})
        assert workspace.services() == []

    def test_a_plan_has_no_effects(self, workspace: Workspace, target: Target, tmp_path: Path) -> None:
        """Planning says what would happen and leaves nothing behind."""
        request = workspace.request(
            NAME, self.write(tmp_path, script("one")), target=self.target_name, config=dict(self.config)
        )
        plan = workspace.deployer.plan(request)
        assert plan.steps
        assert str(plan)
        assert workspace.services() == []
        assert not (workspace.home / "services").exists() or list((workspace.home / "services").iterdir()) == []

    # The life of a service.

    def test_a_deployed_service_answers(self, service: Service) -> None:
        """It is healthy when ``deploy`` returns, and answers at once."""
        assert service.score({"x": 1})[0] == "one"
        record = service.refresh()
        assert (record.state, record.reason, record.live_revision) == (State.HEALTHY, None, 1)
        assert record.scoring_uri

    def test_another_process_finds_it(self, service: Service, workspace: Workspace, targets: Targets) -> None:
        """Everything that is needed to reach a service is on disk."""
        other = Workspace(workspace.home, targets=Targets() if targets is workspace.targets else targets)
        assert other.service(NAME).score("1")[0] == "one"

    def test_models_and_variables_reach_the_script(
        self, workspace: Workspace, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``AZUREML_MODEL_DIR`` leads to the model, and configured variables and secrets are set."""
        (tmp_path / "weights.txt").write_text("42", encoding="utf-8")
        monkeypatch.setenv("CONFORMANCE_SECRET", "hidden-value-1234")
        text = (
            "import os\n\n\ndef init():\n    pass\n\n\ndef run(data):\n"
            "    path = os.path.join(os.environ['AZUREML_MODEL_DIR'], 'weights.txt')\n"
            "    return [open(path).read(), os.environ['COLOUR'], len(os.environ['SECRET'])]\n"
        )
        config = {"environment_variables": {"COLOUR": "blue"}, "secrets": {"SECRET": "env:CONFORMANCE_SECRET"}}
        service = self.deploy(workspace, tmp_path, text, models=[tmp_path / "weights.txt"], config=config)
        assert service.score("0") == ["42", "blue", 17]
        assert "hidden-value-1234" not in str(service.logs())
        for path in workspace.home.rglob("*"):
            with suppress(FileNotFoundError):  # a running service writes its files anew, and renames them
                if path.is_file() and not path.is_symlink():
                    assert b"hidden-value-1234" not in path.read_bytes(), f"the secret is in {path}"

    def test_a_first_deployment_that_fails_explains_itself_and_leaves_nothing(
        self, workspace: Workspace, target: Target, tmp_path: Path
    ) -> None:
        """The error carries the user's own exception; the service is Failed, and nothing of it answers."""
        with pytest.raises(DeploymentError, match="no weights here") as failure:
            self.deploy(workspace, tmp_path, script("one", init="raise RuntimeError('no weights here')"))
        assert any("no weights here" in line for line in failure.value.log_tail)
        service = workspace.service(NAME)
        record = service.refresh()
        assert (record.state, record.live_revision) == (State.FAILED, None)
        assert "no weights here" in str(record.reason)
        assert "no weights here" in str(service.logs())
        with pytest.raises(TargetUnavailableError):
            target.connect(workspace.deployer.reference(record))

    def test_the_deadline_holds(self, workspace: Workspace, target: Target, tmp_path: Path) -> None:
        """A deployment that hangs ends with its deadline, says where it was, and leaves nothing."""
        deadline = min(4.0, self.deadline_s / 2)
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError) as failure:
            self.deploy(workspace, tmp_path, script("one", init="__import__('time').sleep(3600)"), timeout_s=deadline)
        assert time.monotonic() - began < deadline + 60
        assert failure.value.steps
        assert workspace.service(NAME).state is State.FAILED

    def test_an_update_takes_over(self, service: Service, target: Target, tmp_path: Path) -> None:
        """After ``update`` the new revision answers; the numbers go up."""
        self.needs(target, "update")
        service.update(self.write(tmp_path, script("two")), timeout_s=self.deadline_s)
        assert service.score("1")[0] == "two"
        assert service.revision == 2
        assert [item.state for item in service.revisions()] == [RevisionState.SUPERSEDED, RevisionState.LIVE]

    def test_an_update_loses_no_request(self, service: Service, target: Target, tmp_path: Path) -> None:
        """Where zero downtime is declared, requests during an update all succeed."""
        self.needs(target, "zero_downtime_update")
        answers: list[Any] = []
        failures: list[BaseException] = []
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                try:
                    answers.append(service.score("1")[0])
                except MldeployError as error:
                    failures.append(error)

        asker = threading.Thread(target=ask)
        asker.start()
        try:
            for number in range(3):
                service.update(self.write(tmp_path, script(f"r{number}")), timeout_s=self.deadline_s)
        finally:
            stop.set()
            asker.join(60)
        assert not failures, f"{len(failures)} of {len(answers)} requests failed: {failures[0]!r}"
        assert answers
        assert service.score("1")[0] == "r2"

    def test_a_failed_update_changes_nothing(self, service: Service, target: Target, tmp_path: Path) -> None:
        """The old revision goes on serving, and the error says so."""
        self.needs(target, "update")
        with pytest.raises(DeploymentError, match="no weights here"):
            service.update(
                self.write(tmp_path, script("two", init="raise RuntimeError('no weights here')")),
                timeout_s=self.deadline_s,
            )
        assert service.score("1")[0] == "one"
        record = service.refresh()
        assert (record.state, record.live_revision) == (State.HEALTHY, 1)
        assert service.revisions()[-1].state is RevisionState.FAILED

    def test_a_rollback_serves_the_earlier_bytes(self, service: Service, target: Target, tmp_path: Path) -> None:
        """Rollback is a new revision with the old bundle."""
        self.needs(target, "rollback")
        service.update(self.write(tmp_path, script("two")), timeout_s=self.deadline_s)
        service.rollback(timeout_s=self.deadline_s)
        assert service.score("1")[0] == "one"
        first, _, third = service.revisions()
        assert (third.bundle, third.state) == (first.bundle, RevisionState.LIVE)

    def test_stop_and_start(self, service: Service, target: Target, workspace: Workspace) -> None:
        """A stopped service answers nobody, keeps its address if it can, and comes back; both are idempotent."""
        self.needs(target, "stop_start")
        service.stop()
        service.stop()
        assert service.state == "Stopped"
        with pytest.raises(TargetUnavailableError):
            service.score("1")
        service.start(timeout_s=self.deadline_s)
        service.start(timeout_s=self.deadline_s)
        assert service.state == "Healthy"
        assert service.score("1")[0] == "one"

    def test_keys_guard_the_service(self, service: Service, target: Target) -> None:
        """Without a key 401 or 403; each of the two keys works; changing one leaves the other alone."""
        self.needs(target, "key_auth")
        primary, secondary = service.keys()
        for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": ""}):
            assert service.request("1", headers=headers).status in (401, 403)
        assert service.request("1", headers={"Authorization": f"Bearer {secondary}"}).ok
        service.regenerate_key("secondary")
        _, changed = service.keys()
        assert service.request("1", headers={"Authorization": f"Bearer {primary}"}).ok
        assert service.request("1", headers={"Authorization": f"Bearer {changed}"}).ok
        assert service.request("1", headers={"Authorization": f"Bearer {secondary}"}).status in (401, 403)

    def test_auth_can_be_switched_off(self, workspace: Workspace, target: Target, tmp_path: Path) -> None:
        """With ``auth_enabled`` off nobody needs a key."""
        self.needs(target, "key_auth")
        service = self.deploy(workspace, tmp_path, script("one"), config={"auth_enabled": False})
        assert "authorization" not in {name.lower() for name in service.connection().headers}
        assert service.score("1")[0] == "one"

    def test_tokens_guard_the_service(self, workspace: Workspace, target: Target, tmp_path: Path) -> None:
        """A token of the service opens it, no key and no revoked token does."""
        self.needs(target, "token_auth")
        service = self.deploy(workspace, tmp_path, script("one"), config={"token_auth_enabled": True})
        assert service.score("1")[0] == "one"
        token = service.get_access_token().access_token
        for wrong in ("Bearer wrong", "", f"Bearer {service.keys().primary}", f"Bearer {token[:-4]}AAAA"):
            assert service.request("1", headers={"Authorization": wrong}).status in (401, 403)
        service.rotate_token_key()
        assert service.request("1", headers={"Authorization": f"Bearer {token}"}).ok
        service.rotate_token_key(revoke=True)
        assert service.request("1", headers={"Authorization": f"Bearer {token}"}).status in (401, 403)
        assert service.score("1")[0] == "one"

    # Logs.

    def test_logs_go_on_from_a_cursor(self, service: Service, target: Target) -> None:
        """Each line comes once, and none is left out."""
        self.needs(target, "logs")
        first, cursor = service.log_lines()
        assert any("one is ready" in line.text for line in first)
        page, cursor = service.log_lines(cursor)
        seen = [line.text for line in page]
        service.update(config={**self.config, "environment_variables": {"AGAIN": "1"}}, timeout_s=self.deadline_s)
        deadline = time.monotonic() + 20
        while not any("one is ready" in text for text in seen) and time.monotonic() < deadline:
            page, cursor = service.log_lines(cursor, limit=3)
            seen += [line.text for line in page]
        assert sum("one is ready" in text for text in seen) == 1

    def test_logs_can_be_followed_until_the_service_is_deleted(self, service: Service, target: Target) -> None:
        """A follower gets what is there and what comes, and ends with the service."""
        self.needs(target, "follow_logs")
        seen: list[str] = []

        def read() -> None:
            seen.extend(line.text for line in follow(service))

        reader = threading.Thread(target=read)
        reader.start()
        service.delete()
        reader.join(60)
        assert not reader.is_alive()
        assert any("one is ready" in text for text in seen)

    def test_logs_outlive_the_service(self, service: Service, target: Target) -> None:
        """After deletion the log is as readable as before."""
        self.needs(target, "logs")
        service.delete()
        assert "one is ready" in str(service.logs())

    # The end.

    def test_delete_is_idempotent_and_complete(self, service: Service, target: Target, workspace: Workspace) -> None:
        """Deleting twice is no error; nothing answers and nothing is listed; the name is free again."""
        reference = workspace.deployer.reference(service.record)
        service.delete()
        target.delete(reference)
        service.delete()
        assert workspace.services() == []
        with pytest.raises(TargetUnavailableError):
            target.connect(reference)
        assert target.observe(reference).live_revision is None

    def test_a_name_can_be_used_again(self, service: Service, workspace: Workspace, tmp_path: Path) -> None:
        """A new service of an old name starts with revision 1 and its own log."""
        service.delete()
        again = self.deploy(workspace, tmp_path, script("again"))
        assert again.score("1")[0] == "again"
        assert again.revision == 1
        assert "one is ready" not in str(again.logs())

    def test_observing_what_never_existed_does_not_raise(self, target: Target, tmp_path: Path) -> None:
        """The truth about nothing is an answer too."""
        nothing = ServiceRef("0" * 32, "nothing", tmp_path / "private", tmp_path / "logs", {})
        seen = target.observe(nothing)
        assert seen.live_revision is None
        assert seen.state is not State.HEALTHY
        target.delete(nothing)
        target.stop(nothing)
