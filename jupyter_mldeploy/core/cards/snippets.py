"""Calls of a service, ready to paste. They read the key when they run; it is never written into them."""

from __future__ import annotations

import json
import shlex

from .model import Code

_LONGEST_SAMPLE = 400


def call_snippets(name: str, scoring_uri: str, *, auth: bool, sample: object = None) -> list[Code]:
    """Return the Python and the curl call of a service.

    Args:
        auth: callers need a key.
        sample: a request that the service takes; None, or one too long to paste, leaves a place to fill in.
    """
    return [Code("Python", python_call(name, sample)), Code("curl", curl_call(name, scoring_uri, auth, sample))]


def python_call(name: str, sample: object = None, *, longest: int | None = _LONGEST_SAMPLE) -> str:
    """Return Python code that scores ``sample``; the service's handle knows where it is and which key to send.

    Args:
        longest: characters of JSON up to which the sample is written out; None is without a limit.
    """
    payload = _short_json(sample, longest)
    # JSON is sent as it stands when it is given as text, so a sample with true, null or NaN needs no translation.
    shown = "{...}" if payload is None else (repr(sample) if _same_in_python(sample) else repr(payload))
    return f"from jupyter_mldeploy import Workspace\n\nWorkspace().service({name!r}).score({shown})"


def curl_call(name: str, scoring_uri: str, auth: bool, sample: object = None) -> str:
    """Return a shell command that scores ``sample``."""
    payload = _short_json(sample)
    key = f' \\\n  -H "Authorization: Bearer $(mldeploy keys {shlex.quote(name)} --primary)"' if auth else ""
    body = shlex.quote(payload) if payload is not None else "@request.json"
    return (
        f"curl -sS {shlex.quote(scoring_uri)}{key} \\\n  -H 'Content-Type: application/json' \\\n  --data-binary {body}"
    )


def _short_json(sample: object, longest: int | None = _LONGEST_SAMPLE) -> str | None:
    if sample is None:
        return None
    try:
        text = json.dumps(sample, ensure_ascii=False)
    except (TypeError, ValueError):
        return None
    return text if longest is None or len(text) <= longest else None


def _same_in_python(sample: object) -> bool:
    """Return whether ``repr`` of decoded JSON is Python that gives it back."""
    if isinstance(sample, dict):
        return all(_same_in_python(value) for value in sample.values())
    if isinstance(sample, list):
        return all(map(_same_in_python, sample))
    return not isinstance(sample, float) or sample - sample == 0  # nan and inf have no literal
