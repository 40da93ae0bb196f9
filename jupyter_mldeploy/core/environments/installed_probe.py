"""Lists the distributions beside the interpreter that runs it. Standard library only: other Pythons read it too."""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import sys
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

_cache: dict[str, Any] = {}


def probe(imports: list[str]) -> dict[str, Any]:
    """Return where ``imports`` come from, as JSON (see ``_import`` and ``_facts``)."""
    table = _table()
    found = {name: _import(name, table) for name in imports}
    needed = {name for item in found.values() for name in item["distributions"]}
    facts: dict[str, Any] = {}
    pending = sorted(needed)
    while pending:
        name = pending.pop()
        if name in facts or name not in table["by_name"]:
            continue
        facts[name] = _facts(table["by_name"][name], table["facts"])
        pending.extend(_normal(re.split(r"[^\w.\-]", text, maxsplit=1)[0]) for text in facts[name]["requires"])
    return {"python": platform.python_version(), "markers": _markers(), "imports": found, "distributions": facts}


def _table() -> dict[str, Any]:
    """Read top-level names of every distribution once; again when a folder of the search path has changed."""
    key = tuple((entry, _changed(entry)) for entry in sys.path)
    if _cache.get("key") != key:
        by_import: dict[str, list[str]] = {}
        by_name: dict[str, Distribution] = {}
        for distribution in importlib.metadata.distributions():
            folder = getattr(distribution, "_path", None)
            name = _distribution_name(distribution, folder)
            if name is None or name in by_name:
                continue
            by_name[name] = distribution
            for top in _top_level(distribution):
                by_import.setdefault(top, []).append(name)
        _cache.update(key=key, table={"by_import": by_import, "by_name": by_name, "facts": {}})
    table: dict[str, Any] = _cache["table"]
    return table


def _changed(entry: str) -> int:
    try:
        return Path(entry or ".").stat().st_mtime_ns
    except OSError:
        return 0


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution_name(distribution: Distribution, folder: Path | None) -> str | None:
    # The folder's name says it without reading the metadata of everything that is installed.
    found = re.match(r"(.+?)-[^-]+(?:-.*)?\.(?:dist|egg)-info$", getattr(folder, "name", "") or "")
    name = found.group(1) if found else distribution.metadata["Name"]
    return _normal(name) if name else None


def _top_level(distribution: Distribution) -> set[str]:
    names = set((distribution.read_text("top_level.txt") or "").split())
    record = distribution.read_text("RECORD") or ""
    for line in record.splitlines():
        path = line.rpartition(",")[0].rpartition(",")[0].strip('"')
        first, slash, _ = path.partition("/")
        if slash:
            if first.isidentifier() and not path.endswith((".dist-info/", ".pth")):
                names.add(first)
        else:
            module = _module_name(first)
            if module:
                names.add(module)
    return {name.split("/")[0] for name in names}


def _module_name(file: str) -> str | None:
    for suffix in importlib.machinery.all_suffixes():
        if file.endswith(suffix):
            stem = file[: -len(suffix)]
            return stem if stem.isidentifier() else None
    return None


def _import(name: str, table: dict[str, Any]) -> dict[str, Any]:
    top = name.partition(".")[0]
    answer: dict[str, Any] = {"stdlib": False, "distributions": [], "path": None, "namespace": False}
    if top in getattr(sys, "stdlib_module_names", ()) or top in sys.builtin_module_names:
        answer["stdlib"] = True
        return answer
    candidates = table["by_import"].get(top, [])
    spec = _find(top)
    place = _place(spec)
    if len(candidates) > 1:
        candidates = _closest(name, candidates, table["by_name"])
    if place and candidates and not any(_holds(table["by_name"][item], place) for item in candidates):
        candidates = []  # a file of that name lies in front of the installed one
    if not candidates and place:
        owner = _editable_owner(place, table)
        candidates = [owner] if owner else []
    answer.update(distributions=list(candidates), path=place, namespace=spec is not None and place is None)
    return answer


def _find(top: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(top)
    except (ImportError, AttributeError, ValueError):
        return None


def _place(spec: ModuleSpec | None) -> str | None:
    """Return the file or folder of a top-level module, or None for none and for namespace packages."""
    if spec is None or not spec.has_location or not spec.origin:
        return None
    path = Path(spec.origin)
    return str(path.parent if path.name.startswith("__init__.") else path)


def _holds(distribution: Distribution, place: str) -> bool:
    base = distribution.locate_file("")
    # An editable install is listed under its name but lies elsewhere.
    return _is_below(place, base) or _editable(distribution) is not None


def _is_below(place: str, base: object) -> bool:
    try:
        Path(place).resolve().relative_to(Path(str(base)).resolve())
    except ValueError:
        return False
    return True


def _closest(name: str, candidates: list[str], by_name: dict[str, Distribution]) -> list[str]:
    """Of several distributions that share a namespace return those with the longest part of ``name``."""
    parts = name.split(".")
    for length in range(len(parts), 1, -1):
        prefix = "/".join(parts[:length])
        files = tuple(prefix + end for end in ("/", ".py", ".pyi", ".cpython", ".abi3"))
        holding = [item for item in candidates if _has_file(by_name[item], files)]
        if holding:
            return holding
    return candidates


def _has_file(distribution: Distribution, starts: tuple[str, ...]) -> bool:
    return any(line.startswith(starts) for line in (distribution.read_text("RECORD") or "").splitlines())


def _origin(distribution: Distribution) -> dict[str, Any]:
    try:
        return json.loads(distribution.read_text("direct_url.json") or "null") or {}
    except ValueError:
        return {}


def _editable(distribution: Distribution) -> str | None:
    origin = _origin(distribution)
    if origin.get("dir_info", {}).get("editable") and origin.get("url", "").startswith("file://"):
        from urllib.parse import unquote, urlsplit

        return unquote(urlsplit(origin["url"]).path)
    return None


def _editable_owner(place: str, table: dict[str, Any]) -> str | None:
    for name, distribution in table["by_name"].items():
        folder = _editable(distribution)
        if folder and _is_below(place, folder):
            return str(name)
    return None


def _facts(distribution: Distribution, known: dict[int, Any]) -> Any:
    name = id(distribution)
    if name not in known:
        origin = _origin(distribution)
        vcs = origin.get("vcs_info") or {}
        url = None
        if vcs.get("commit_id"):
            url = "{}+{}@{}".format(vcs.get("vcs", "git"), origin["url"], vcs["commit_id"])
        elif origin.get("url", "").startswith(("http://", "https://")):
            url = origin["url"]
        known[name] = {
            "version": distribution.version,
            "requires": list(distribution.requires or ()),
            "editable": _editable(distribution),
            "url": url,
        }
    return known[name]


def _markers() -> dict[str, str]:
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "platform_python_implementation": platform.python_implementation(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1:])))  # noqa: T201 - its output is its answer
