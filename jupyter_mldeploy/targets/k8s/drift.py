"""What somebody else has changed in a cluster: our manifests compared with what is there. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .quantity import amount

#: Parts that others change rightly: autoscalers count replicas, ``stop`` notes them, a Secret's refresh marks pods.
_THEIRS = {("spec", "replicas"), ("metadata", "annotations")}
_QUANTITIES = {"cpu", "memory", "requests", "limits"}


def drift(wanted: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what differs from our manifests, a line for each field; what others have added is theirs.

    Args:
        wanted: manifests that we applied, of the kinds in ``found``.
        found: objects as the cluster has them.
    """
    there = {(item.get("kind"), item["metadata"]["name"]): item for item in found}
    lines = []
    for manifest in wanted:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        live = there.get((kind, name))
        if live is None:
            lines.append(f"{kind} {name} is gone")
            continue
        lines += [f"{kind} {name}: {text}" for text in _differences(manifest, live, ())]
    return lines


def _differences(wanted: Any, found: Any, path: tuple[str, ...]) -> Iterator[str]:
    if path[:2] in _THEIRS or path in {("apiVersion",), ("kind",), ("status",)}:
        return
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            if wanted:
                yield f"{_dotted(path)} is gone"
            return
        for key, value in wanted.items():
            yield from _differences(value, found.get(key), (*path, str(key)))
    elif isinstance(wanted, list):
        yield from _list_differences(wanted, found, path)
    elif not _same(wanted, found, path):
        yield f"{_dotted(path)} is {found!r} instead of {wanted!r}"


def _list_differences(wanted: list[Any], found: Any, path: tuple[str, ...]) -> Iterator[str]:
    there = found if isinstance(found, list) else []
    named = all(isinstance(item, Mapping) and "name" in item for item in wanted)
    if named and wanted:
        by_name = {item.get("name"): item for item in there if isinstance(item, Mapping)}
        for item in wanted:
            yield from _differences(item, by_name.get(item["name"]), (*path, str(item["name"])))
        if path[-1] == "containers":  # one more beside ours may be a mesh's; it is no drift
            return
        return
    if len(there) < len(wanted):
        yield f"{_dotted(path)} has {len(there)} instead of {len(wanted)} entries"
        return
    for index, item in enumerate(wanted):
        yield from _differences(item, there[index], (*path, str(index)))


def _same(wanted: Any, found: Any, path: tuple[str, ...]) -> bool:
    if wanted == found:
        return True
    if found is None:
        return wanted in (False, 0, "", None)  # the server leaves out what is a default
    if _QUANTITIES & set(path) and isinstance(wanted, str):
        return abs(amount(wanted) - amount(found)) < 1e-6
    return str(wanted) == str(found)


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(path)
