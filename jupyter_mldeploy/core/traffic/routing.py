"""The router revision of an endpoint: how it is put together and made live."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ...errors import MldeployError
from ..assemble import Source, assemble
from ..config_marks import keys_of
from ..environment import EnvironmentSpec
from ..probe import swagger
from .dividing import divide
from .members import SPLIT_FACT
from .split import Split

if TYPE_CHECKING:
    from ..records import RevisionRecord, ServiceRecord
    from ..target import Progress
    from ..workspace import Workspace

#: Requests that a router passes on at once.
_AT_ONCE = 512


def route(
    workspace: Workspace,
    record: ServiceRecord,
    split: Split,
    plain: RevisionRecord,
    progress: Progress,
    *,
    counted: bool = False,
) -> None:
    """Make a router with this split the live revision of an endpoint.

    Args:
        plain: the revision that served before requests were divided; the router has its settings and comes back to it.
        counted: every request must go through the router, which counts them; nothing before it divides.
    """
    shares = ", ".join(f"{version} {weight:g} %" for version, weight in split.weights.items())
    progress.step("router", f"dividing the requests: {shares}")
    timeout_ms = int(plain.config.get("scoring_timeout_ms", 60_000))
    timeout_ms += int(plain.config.get("max_request_wait_time", 500))
    document, secrets = _addresses(workspace, record, split)
    document["timeout_s"] = timeout_ms / 1000 + 1
    script = files("jupyter_mldeploy.core.traffic").joinpath("router_script.py").read_text(encoding="utf-8")
    more = {"router.json": json.dumps(document, indent=1).encode(), **_documents(workspace, split)}
    bundle = assemble(
        Source("router.py", script, more),
        models=(),
        environment=EnvironmentSpec("router"),
        pip=(),
        interpreter=None,
        force=True,  # the linter's advice is for people
        registry=workspace.models,
        environments=workspace.environments,
        bundles=workspace.bundles,
    ).bundle
    settings = {
        **without(plain.config, keys_of(workspace.targets.get(record.target).config_type, "script")),
        "replica_max_concurrent_requests": _AT_ONCE,
        "scoring_timeout_ms": timeout_ms + 5_000,
        "secrets": secrets,
    }
    facts = {SPLIT_FACT: split.to_dict(), "plain": plain.number}
    workspace.deployer.serve(record.name, bundle, settings, progress, like=plain, facts=facts)
    if not counted:
        divide(workspace, record, split, progress)


def _addresses(workspace: Workspace, record: ServiceRecord, split: Split) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the split with each version's address, and references to the keys."""
    target = workspace.targets.get(record.target)
    # How one service of a target reaches another may differ from how this machine does (a name in a cluster).
    peer_uri = getattr(target, "peer_uri", None)
    document, secrets = split.to_dict(), {}
    for number, item in enumerate(document["versions"]):
        member = workspace.catalogue.service(item["service"])
        near = peer_uri(workspace.deployer.reference(member)) if peer_uri is not None else None
        item["uri"] = near or member.scoring_uri
        item["key_variable"] = f"MLDEPLOY_VERSION_KEY_{number}"
        secrets[item["key_variable"]] = f"key:{item['service']}"
    return document, secrets


def _documents(workspace: Workspace, split: Split) -> dict[str, bytes]:
    """Return the Swagger documents of the default version, so that the endpoint goes on describing itself."""
    member = workspace.service(split.services[split.default])
    found = {}
    for name, version in (("swagger2.json", "2"), ("swagger3.json", "3")):
        try:
            found[name] = json.dumps(swagger(member, version)).encode()
        except MldeployError:
            continue
    return found


def without(config: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """Return a configuration without some keys."""
    return {key: value for key, value in config.items() if key not in keys}
