"""Compute targets of the workspace: clusters that were attached or created under a name, as in v1.

    workspace.computes.attach("aks", "my-cluster", {"resource_group": "rg", "cluster_name": "prod"})
    workspace.deploy("diabetes", "score.py", target="aks", config={"compute_target_name": "my-cluster"})

What is kept is a name and where the cluster is; never a credential. What can be attached comes from plug-ins (entry
points in the group ``jupyter_mldeploy.computes_v1``), because the cloud's SDK belongs to them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ValidationError

from ..errors import AlreadyExistsError, InvalidInputError, NotFoundError
from .names import NameRule, did_you_mean
from .target import Progress

if TYPE_CHECKING:
    from .store import Store

GROUP = "jupyter_mldeploy.computes_v1"
#: v1's rule for the names of compute targets.
NAME = NameRule(
    "compute target name", r"[a-zA-Z]([a-zA-Z0-9-]*[a-zA-Z0-9])?", 2, 16,
    "made of letters, digits and '-', starting with a letter and not ending with '-'", lower_case=False,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compute:
    """One compute target.

    Attributes:
        kind: the plug-in that it came from, such as ``aks``.
        facts: where the cluster is and what it was attached for, JSON.
        created: epoch seconds.
        owned: it was created here, so that deleting it deletes the cluster.
    """

    name: str
    kind: str
    facts: Mapping[str, Any]
    created: float
    owned: bool = False


class ComputeProvider(Protocol):
    """A kind of compute target.

    Attributes:
        attach_type, create_type: models of what attaching and creating take.
    """

    attach_type: type[BaseModel]
    create_type: type[BaseModel]

    def attach(self, name: str, settings: Any) -> Mapping[str, Any]:
        """Look for the cluster and return the facts to keep; NotFoundError when it is not there."""
        ...

    def create(self, name: str, settings: Any, progress: Progress) -> Mapping[str, Any]:
        """Create the cluster, wait for it, and return the facts to keep."""
        ...

    def delete(self, facts: Mapping[str, Any], progress: Progress) -> None:
        """Delete the cluster and wait until it is gone. Idempotent."""
        ...

    def state(self, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return how the cluster is now: ``provisioning_state``, ``nodes``, ``kubernetes_version`` …"""
        ...

    def credentials(self, facts: Mapping[str, Any]) -> str:
        """Return a kubeconfig for the cluster."""
        ...


class ComputeRegistry:
    """The compute targets of one workspace: a small file each, written whole or not at all."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store = store
        self._folder = home / "computes"

    def list(self) -> list[Compute]:
        """Return all, by name."""
        if not self._folder.is_dir():
            return []
        return [self._read(path) for path in sorted(self._folder.glob("*.json"))]

    def get(self, name: str) -> Compute:
        """Return one; NotFoundError names the closest."""
        path = self._folder / f"{name}.json"
        if "/" in name or not path.is_file():
            known = [item.name for item in self.list()]
            raise NotFoundError(
                "compute target", name, hint=did_you_mean(name, known) or f"There are: {', '.join(known) or 'none'}."
            )
        return self._read(path)

    def attach(self, kind: str, name: str, settings: Mapping[str, Any]) -> Compute:
        """Keep a cluster that exists under a name.

        Raises:
            InvalidInputError: a setting is wrong; says which.
            AlreadyExistsError: the name is taken.
            NotFoundError: the cluster is not there, or the kind is not known.
        """
        provider = provider_of(kind)
        checked = _check(provider.attach_type, settings)
        with self._free(name):
            return self._keep(Compute(name, kind, provider.attach(name, checked), time.time()))

    def create(self, kind: str, name: str, settings: Mapping[str, Any], progress: Progress) -> Compute:
        """Create a cluster and keep it under a name; errors as for :meth:`attach`."""
        provider = provider_of(kind)
        checked = _check(provider.create_type, settings)
        with self._free(name):
            return self._keep(Compute(name, kind, provider.create(name, checked, progress), time.time(), owned=True))

    def detach(self, name: str) -> Compute:
        """Forget a cluster; it goes on running."""
        found = self.get(name)
        (self._folder / f"{name}.json").unlink(missing_ok=True)
        return found

    def delete(self, name: str, progress: Progress) -> Compute:
        """Delete the cluster with all that runs in it, and forget it.

        Raises:
            InvalidInputError: it was attached, not created here: only detaching is safe.
        """
        found = self.get(name)
        if not found.owned:
            raise InvalidInputError(
                f"{name!r} was attached, not created here, so it is not deleted.",
                field="name",
                hint=f"`mldeploy compute detach {name}` forgets it.",
            )
        provider_of(found.kind).delete(found.facts, progress)
        return self.detach(name)

    def state(self, name: str) -> Mapping[str, Any]:
        """Return how a cluster is now."""
        found = self.get(name)
        return provider_of(found.kind).state(found.facts)

    def credentials(self, name: str) -> str:
        """Return a kubeconfig for a cluster."""
        found = self.get(name)
        return provider_of(found.kind).credentials(found.facts)

    def _free(self, name: str) -> Any:
        NAME.check(name)
        if (self._folder / f"{name}.json").exists():
            raise AlreadyExistsError(f"There is a compute target {name!r} already.", hint="Detach it first.")
        return self._store.lock(f"compute-{name}")

    def _keep(self, compute: Compute) -> Compute:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self._folder / f".{compute.name}.{os.getpid()}"
        temporary.write_text(json.dumps(asdict(compute), indent=1), encoding="utf-8")
        temporary.replace(self._folder / f"{compute.name}.json")
        return compute

    @staticmethod
    def _read(path: Path) -> Compute:
        return Compute(**json.loads(path.read_text(encoding="utf-8")))


def provider_of(kind: str) -> ComputeProvider:
    """Return the plug-in of a kind of compute target; NotFoundError names those that are installed."""
    points = {point.name: point for point in entry_points(group=GROUP)}
    if kind not in points:
        raise NotFoundError(
            "kind of compute target", kind, hint=did_you_mean(kind, points) or f"There are: {', '.join(points)}."
        )
    provider: ComputeProvider = points[kind].load()()
    return provider


def _check(model: type[BaseModel], settings: Mapping[str, Any]) -> BaseModel:
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        said = [
            f"{'.'.join(map(str, item['loc'])) or 'settings'}: {str(item['msg']).removeprefix('Value error, ')}"
            for item in error.errors()
        ]
        first = error.errors()[0]["loc"]
        raise InvalidInputError(f"{'; '.join(said)}.", field=str(first[0]) if first else "settings") from None
