"""The entry scripts in the documents beside the repository, cut out of their Markdown as they stand."""

from __future__ import annotations

import re
from pathlib import Path

#: The documents; absent from a plain checkout, and the tests that need them are then skipped.
SEEDS = Path(__file__).resolve().parents[3] / "shared" / "seeds"

_FENCE = re.compile(r"^```(?:python|Python)\s*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def entry_scripts() -> dict[str, str]:
    """Return ``{name: text}`` for every code block with init() and run(), as a reader would copy it.

    A first line ``%%writefile score.py`` belongs to the notebook and not to the file that it writes.
    """
    found: dict[str, str] = {}
    for path in sorted(SEEDS.glob("*.txt")):
        for match in _FENCE.finditer(path.read_text(encoding="utf-8")):
            text = re.sub(r"\A%%writefile \S+\n", "", match.group(1))
            if re.search(r"^def init\(", text, re.MULTILINE) and re.search(r"^def run\(", text, re.MULTILINE):
                found[f"{path.name[:3]}-{_kind(text)}"] = text
    return found


def _kind(text: str) -> str:
    if "Access-Control" in text:
        return "cors"
    if "rawhttp" in text:
        return "binary"
    if "PandasParameterType(" in text:
        return "pandas"
    if "NumpyParameterType(" in text:
        return "schema"
    return "json"
