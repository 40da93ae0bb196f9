"""An endpoint with several versions, on any target that can run a service.

    endpoint = workspace.endpoint("diabetes")
    endpoint.create_version("green", "score2.py", models=["ridge:2"], traffic=10)
    endpoint.set_traffic({"green": 50})
    endpoint.canary("green")                   # or judge for yourself:
    endpoint.finish("green")

Each version is a service of its own. While there are several, the endpoint's live revision is a *router*
(``router_script``): a revision like any other, so that it is swapped in and out without a failed request, at the same
address and with the same keys. With one version left, that version is served directly again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConflictError, InvalidInputError, MldeployError, NotFoundError
from ..assemble import Source
from ..config_marks import keys_of
from ..probe import exchange
from ..replaced import delete_versions, versions_seen_out
from ..target import Progress, Report
from .figures import VersionFigures, total_figures
from .members import member_name, split_in, split_of
from .routing import route, without
from .split import ENDPOINT_TAG, HEADER, VERSION_TAG, Split, check_version_name

if TYPE_CHECKING:
    from ..bundle import Bundle
    from ..model import Model
    from ..records import RevisionRecord, ServiceRecord
    from ..workspace import Workspace
    from .canary import CanaryOutcome
    from .referee import Policy

_POLLS = 4


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an endpoint; ``weight`` and ``mirror`` in percent."""

    name: str
    service: str
    weight: float
    mirror: float
    is_default: bool


class Endpoint:
    """See the module's docstring. Cheap to make; everything is read from the workspace when it is asked for."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name
        workspace.catalogue.service(name)

    @property
    def record(self) -> ServiceRecord:
        """The endpoint's own service."""
        return self.workspace.catalogue.service(self.name)

    @property
    def split(self) -> Split | None:
        """How requests are divided; None while there is one version only."""
        return split_of(self.workspace.catalogue, self.record)

    def versions(self) -> dict[str, Version]:
        """Return the versions by name; empty while there is only the service itself."""
        split = self.split
        if split is None:
            return {}
        return {
            item.version: Version(item.version, item.service, item.weight, item.mirror, item.version == split.default)
            for item in split.routes
        }

    def to_dict(self, *, figures: bool = True) -> dict[str, Any]:
        """Return the versions as JSON; with ``figures`` what the router counted of each, None where it is silent."""
        versions = self.versions()
        counted: Mapping[str, VersionFigures] = {}
        if versions and figures:
            with suppress(MldeployError):  # a router that is down is no reason not to show the shares
                counted = self.figures()
        return {
            "name": self.name,
            "versions": [
                {
                    "name": item.name,
                    "service": item.service,
                    "weight": item.weight,
                    "mirror": item.mirror,
                    "default": item.is_default,
                    "figures": counted[item.name].to_dict() if item.name in counted else None,
                }
                for item in versions.values()
            ],
        }

    # Changing it.

    def create_version(
        self,
        version: str,
        entry_script: str | Path | Source | None = None,
        *,
        models: Sequence[str | Path | Model] = (),
        revision: int | None = None,
        traffic: float = 0.0,
        mirror: float = 0.0,
        default: bool = False,
        config: Mapping[str, Any] | None = None,
        timeout_s: float = 300.0,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
        **request: Any,
    ) -> Version:
        """Deploy one more version beside those there are, and give it a share of the requests.

        The first time, what the endpoint serves becomes a version too (``r`` and its revision's number), the default.

        Args:
            entry_script, models, request: as for ``Workspace.deploy``.
            revision: serve this earlier revision of the endpoint instead of a new script.
            traffic: percentage of the requests; the default version gives it up.
            mirror: percentage of the requests that are copied to it, at most 50; their answers are thrown away.
            default: make it the version that gets what nobody else has.
            config: the version's configuration; left-out keys are as the endpoint has them.

        Raises:
            InvalidInputError, ConflictError: nothing was changed.
            DeploymentError: it did not become healthy; the endpoint serves as before.
        """
        check_version_name(version)
        goal = member_name(self.name, version)
        record = self.record
        target = self.workspace.targets.get(record.target)
        target.capabilities.require(target.name, "traffic_split")
        progress = Progress(timeout_s, report, cancelled)
        with self._locked():
            split, made = self.split, []
            plain = self._plain()
            services = split.services if split is not None else {}
            if version in services:
                raise ConflictError(f"{self.name!r} has a version {version!r} already.", hint="Use update_version.")
            first = f"r{plain.number}"
            names = {**(services or {first: member_name(self.name, first)}), version: goal}
            weights = {**(split.weights if split is not None else {first: 100.0})}
            chosen = split.default if split is not None else first
            weights = _make_room({**weights, version: 0.0}, version, traffic, chosen)
            copies = {**(split.mirror if split is not None else {}), **({version: mirror} if mirror else {})}
            new = Split.of(names, weights, default=version if default else chosen, mirror=copies)
            settings = {**without(plain.config, self._of_the_endpoint()), **(config or {})}
            try:
                if split is None:
                    progress.step("version", f"starting {first}, what is served now, beside the endpoint")
                    made.append(names[first])
                    self._serve(
                        names[first], first, self._bundle(plain), settings=plain.config, of=plain, progress=progress
                    )
                progress.step("version", f"starting version {version}")
                made.append(goal)
                if revision is not None:
                    earlier = self.workspace.catalogue.revision(record.uid, revision)
                    if split_in(earlier) is not None:
                        raise InvalidInputError(f"Revision {revision} of {self.name!r} is a router.", field="revision")
                    self._serve(goal, version, self._bundle(earlier), settings=settings, of=earlier, progress=progress)
                else:
                    prepared, _ = self.workspace.prepare(
                        goal, entry_script, models=models, target=record.target,
                        config=self._member_config(settings, version), **request,
                    )  # fmt: skip
                    self.workspace.deployer.deploy(
                        prepared, timeout_s=max(1.0, progress.remaining), report=report, cancelled=progress.cancelled
                    )
                route(self.workspace, self.record, new, plain, progress)
            except BaseException:
                live = self.split  # what was broken off a moment too late divides the requests all the same
                used = set(live.services.values()) if live is not None else set()
                delete_versions(self.workspace, [name for name in reversed(made) if name not in used])
                raise
        return self.versions()[version]

    def update_version(self, version: str, entry_script: str | Path | None = None, **changes: Any) -> Version:
        """Bring one version to a new revision; arguments as for ``Service.update``. The others notice nothing."""
        from ..service import Service

        found = self._version(version)
        Service(self.workspace, found.service).update(entry_script, **changes)
        return found

    def set_traffic(
        self,
        traffic: Mapping[str, float] | None = None,
        *,
        default: str | None = None,
        mirror: Mapping[str, float] | None = None,
        counted: bool = False,
        timeout_s: float = 300.0,
        report: Report | None = None,
    ) -> Split:
        """Divide the requests anew.

        Args:
            traffic: version → percentage; versions that are left out get none, and the default what remains.
                None leaves the percentages as they are.
            default: the version that gets what no percentage covers.
            mirror: version → percentage of the requests copied to it; None leaves it, {} ends it.
            counted: have all requests go through the router, which counts them, even where a Gateway could divide them.
        """
        with self._locked():
            split = self._require_split()
            chosen = default or split.default
            weights = split.weights if traffic is None else dict(traffic)
            if traffic is not None and chosen not in traffic:
                weights.pop(chosen, None)
            copies = split.mirror if mirror is None else dict(mirror)
            new = Split.of(split.services, weights, default=chosen, mirror=copies)
            route(self.workspace, self.record, new, self._plain(), Progress(timeout_s, report), counted=counted)
            return new

    def delete_version(
        self,
        version: str,
        *,
        timeout_s: float = 300.0,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
    ) -> None:
        """Take a version out and delete it; its share goes to the default.

        With one version left, that one is served directly.
        """
        split = self._require_split()
        self._version(version)
        left = [name for name in split.services if name != version]
        if len(left) == 1:
            self.finish(left[0], timeout_s=timeout_s, report=report, cancelled=cancelled)
            return
        if version == split.default:
            raise ConflictError(
                f"{version!r} is the default version of {self.name!r}.", hint="Make another one the default first."
            )
        with self._locked():
            services = {name: service for name, service in split.services.items() if name != version}
            weights = {
                name: weight for name, weight in split.weights.items() if name in services and name != split.default
            }
            copies = {name: share for name, share in split.mirror.items() if name in services}
            new = Split.of(services, weights, default=split.default, mirror=copies)
            progress = Progress(timeout_s, report, cancelled)
            with versions_seen_out(self.workspace, self.name, progress):
                route(self.workspace, self.record, new, self._plain(), progress)

    def finish(
        self,
        version: str,
        *,
        timeout_s: float = 300.0,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
    ) -> RevisionRecord:
        """Serve one version alone, directly at the endpoint's address; all versions are deleted afterwards."""
        deployer, catalogue = self.workspace.deployer, self.workspace.catalogue
        with self._locked():
            self._require_split()
            found = self._version(version)
            member = catalogue.service(found.service)
            live = catalogue.revision(member.uid, member.live_revision or 0)
            plain = self._plain()
            own = self._of_the_endpoint()
            kept = {key: value for key, value in plain.config.items() if key in own}
            settings = {**without(live.config, own), **kept}
            progress = Progress(timeout_s, report, cancelled)
            progress.step("finish", f"serving version {version} alone")
            with versions_seen_out(self.workspace, self.name, progress):
                return deployer.serve(self.name, self._bundle(live), settings, progress, like=live).revision

    # Looking at it.

    def figures(self, answers: dict[str, Mapping[str, Any]] | None = None) -> dict[str, VersionFigures]:
        """Return what the routers counted of each version since the requests were last divided anew.

        Args:
            answers: kept between calls, it makes up for replicas that do not answer every time.
        """
        self._require_split()
        known = answers if answers is not None else {}
        connection = self.workspace.service(self.name).connection()
        for _ in range(_POLLS):
            answer = exchange(connection, "GET", "/score?router=figures", None, {}, 10.0).result()
            seen = answer["instance"] in known
            known[answer["instance"]] = answer
            if seen:
                break
        return total_figures(known.values())

    def canary(self, version: str, policy: Policy | None = None, **how: Any) -> CanaryOutcome:
        """Give a version more and more of the requests and let a referee judge it; see :mod:`.canary`."""
        from .canary import run_canary
        from .referee import Policy as Rules

        return run_canary(self, version, policy or Rules(), **how)

    # Parts.

    def _locked(self) -> Any:
        return self.workspace.store.lock(f"endpoint-{self.name}", timeout_s=60.0)

    def _require_split(self) -> Split:
        split = self.split
        if split is None:
            raise ConflictError(
                f"{self.name!r} has one version only.", hint="`mldeploy traffic create` adds one; it then has two."
            )
        return split

    def _version(self, name: str) -> Version:
        versions = self.versions()
        if name not in versions:
            raise NotFoundError(
                "version",
                name,
                message=f"{self.name!r} has no version {name!r}; it has: {', '.join(versions) or 'none'}.",
            )
        return versions[name]

    def _plain(self) -> RevisionRecord:
        """Return the revision that served before requests were divided, or serves now."""
        record = self.record
        live = self.workspace.deployer.live(record)
        number = live.facts.get("plain")
        return live if number is None else self.workspace.catalogue.revision(record.uid, int(number))

    def _of_the_endpoint(self) -> frozenset[str]:
        """Return the keys of a configuration that the endpoint has and its versions have not."""
        return keys_of(self.workspace.targets.get(self.record.target).config_type, "endpoint")

    def _bundle(self, revision: RevisionRecord) -> Bundle:
        return self.workspace.bundles.get(revision.bundle)

    def _member_config(self, settings: Mapping[str, Any], version: str) -> dict[str, Any]:
        tags = {ENDPOINT_TAG: self.name, VERSION_TAG: version}
        return {**without(settings, self._of_the_endpoint()), "tags": tags, "auth_enabled": True}

    def _serve(
        self,
        name: str,
        version: str,
        bundle: Bundle,
        *,
        settings: Mapping[str, Any],
        of: RevisionRecord,
        progress: Progress,
    ) -> None:
        config = self._member_config(settings, version)
        self.workspace.deployer.serve(name, bundle, config, progress, like=of, target=self.record.target)


def _make_room(weights: dict[str, float], version: str, traffic: float, default: str) -> dict[str, float]:
    """Return the explicit weights with ``version`` at ``traffic``; the default's share is what remains."""
    return {
        name: weight for name, weight in {**weights, version: traffic}.items() if name != default or name == version
    }


__all__ = ["HEADER", "Endpoint", "Version"]
