"""Reads the log of a failed installation: which requirement was to blame, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuildFailure:
    """Why an installation failed: a clause without a full stop, the requirement if one is to blame, what to do."""

    reason: str
    requirement: str | None = None
    hint: str | None = None


_NETWORK = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Connection refused|Network is unreachable|"
    r"Max retries exceeded|Failed to establish a new connection|ConnectTimeout|dns error|error sending request|"
    r"tcp connect error|ProxyError|Tunnel connection failed",
    re.IGNORECASE,
)
_RULES: tuple[tuple[re.Pattern[str], str, str | None], ...] = (
    (
        re.compile(
            r"THESE PACKAGES DO NOT MATCH THE HASHES|Hash mismatch for `?(?P<name>[\w.\-\[\]=<>!~]+)", re.IGNORECASE
        ),
        "a downloaded file does not have the digest that the environment demands",
        "Check where it comes from; do not install it unless you know why it changed.",
    ),
    (
        re.compile(r"Could not find a version that satisfies the requirement (?P<name>[^\s(]+)"),
        "no version of {name} fits",
        "Check the name and the version, and that it exists for this Python and platform.",
    ),
    (
        re.compile(r"No matching distribution found for (?P<name>\S+)"),
        "there is no distribution for {name}",
        "Check the name and the version, and that it exists for this Python and platform.",
    ),
    (
        re.compile(
            r"Because (?P<name>[\w.\-\[\]]+) was not found in the (?:package registry|provided package locations)"
        ),
        "{name} does not exist in the package index",
        "Check the spelling.",
    ),
    (
        re.compile(r"Because there (?:is|are) no versions? of (?P<name>[\w.\-\[\]]+(?:\s?[=<>!~]=?\S+)?)"),
        "no version of {name} fits",
        "Check the version, and that it exists for this Python and platform.",
    ),
    (
        re.compile(r"Cannot install (?P<name>.+?) because these package versions have conflicting dependencies"),
        "{name} contradict each other",
        "Loosen one of their versions.",
    ),
    (
        re.compile(r"(?P<name>[\w.\-]+) (?:\S+ )?Requires-Python|requires a different Python|requires Python"),
        "a requirement does not support this version of Python",
        "Choose another version of it, or another Python.",
    ),
    (
        re.compile(r"Failed (?:building wheel for|to build:?) [`']?(?P<name>[\w.\-]+(?:==\S+?)?)[`']?(?:\s|$|,)"),
        "{name} could not be compiled",
        "Choose a version that has a wheel for this Python, or install its compiler and headers.",
    ),
    (
        re.compile(r"Invalid requirement: '?(?P<name>[^'\n]+)"),
        "{name} is not a requirement",
        None,
    ),
)


def explain_failure(lines: Sequence[str]) -> BuildFailure:
    """Return why an installation failed, by the lines that pip or uv wrote."""
    text = "\n".join(lines)
    if "No space left on device" in text or "os error 28" in text:
        return BuildFailure("the disk is full", hint="Free some space, or set MLDEPLOY_HOME to another disk.")
    folded = re.sub(r"\s*\n\s+(?=\w)", " ", text)  # uv wraps its sentences
    network = _NETWORK.search(text)
    if network:
        return BuildFailure(
            f"the package index does not answer ({network.group()})",
            hint="Check the network, the proxy and --index-url; --find-links takes wheels from a folder.",
        )
    unsolved = re.search(r"No solution found when resolving dependencies.*", folded, re.DOTALL)
    for pattern, reason, hint in _RULES:
        found = pattern.search(folded)
        if found:
            name = (found.groupdict().get("name") or "").strip("`'\",. ") or None
            return BuildFailure(reason.format(name=name or "a requirement"), name, hint)
    if unsolved:
        asked = dict.fromkeys(re.findall(r"you require ([\w.\-\[\]]+(?:[=<>!~]=?[\w.*]+)?)", unsolved.group()))
        names = " and ".join(asked) or None
        return BuildFailure(
            f"no versions can be found that satisfy {names or 'all requirements'}", names, "Loosen one of the versions."
        )
    said = [line.strip() for line in lines if re.match(r"\s*(ERROR|error|×|╰)", line)]
    last = said[-1] if said else next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return BuildFailure(re.sub(r"^(ERROR|error):\s*", "", last).rstrip("."))
