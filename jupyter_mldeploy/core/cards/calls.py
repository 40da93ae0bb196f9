"""Code that sends one particular request to a service, in Python, for curl and in C#.

For a request that somebody tried, as :mod:`snippets` is for the sample on a card. The service may be called directly,
or through the Jupyter server where only that one can be reached. No key stands in the code: it is read when it runs.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .model import Code
from .snippets import python_call

Credential = Literal["key", "token", "jupyter", "none"]

#: Where the code finds its credential: environment variable, and what prints its value.
_VARIABLES: Mapping[Credential, tuple[str, str]] = {
    "key": ("MLDEPLOY_KEY", "mldeploy keys {name} --primary"),
    "token": ("MLDEPLOY_TOKEN", "mldeploy token {name}"),
    "jupyter": ("JUPYTER_TOKEN", "your token of the Jupyter server"),
}
_SCHEMES: Mapping[Credential, str] = {"key": "Bearer", "token": "Bearer", "jupyter": "token"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        name: the service.
        uri: where the request goes.
        credential: what opens the service: a key, a signed token, the Jupyter server's token, or nothing.
        text: the body as text; None for bytes, which are then read from ``request.bin``.
        headers: further request headers.
    """

    name: str
    uri: str
    credential: Credential = "key"
    text: str | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def call_codes(call: Call) -> list[Code]:
    """Return the call in Python, for curl and in C#."""
    return [Code("Python", _python(call)), Code("curl", _curl(call)), Code("C#", _csharp(call))]


def _python(call: Call) -> str:
    if call.credential != "jupyter" and call.text is not None and not call.headers and _is_json(call.content_type):
        try:
            return python_call(call.name, json.loads(call.text), longest=None)
        except ValueError:
            pass  # what is no JSON is sent as it stands
    lines = ["import urllib.request", ""]
    if call.text is None:
        lines[:0] = ["from pathlib import Path"]
        body = 'Path("request.bin").read_bytes()'
    else:
        body = f"{call.text!r}.encode()"
    headers = {"Content-Type": call.content_type, **call.headers}
    shown = [f"        {name!r}: {value!r}," for name, value in headers.items()]
    if call.credential != "none":
        variable, source = _credential(call)
        lines[:0] = ["import os"]
        shown.append(f"        'Authorization': '{_SCHEMES[call.credential]} ' + os.environ[{variable!r}],  # {source}")
    lines += [
        "request = urllib.request.Request(",
        f"    {call.uri!r},",
        f"    data={body},",
        "    headers={",
        *shown,
        "    },",
        ")",
        "with urllib.request.urlopen(request) as answer:",
        "    print(answer.status, answer.read().decode())",
    ]
    return "\n".join(lines)


def _curl(call: Call) -> str:
    parts = [f"curl -sS {shlex.quote(call.uri)}"]
    if call.credential in ("key", "token"):
        command = _VARIABLES[call.credential][1].format(name=shlex.quote(call.name))
        parts.append(f'-H "Authorization: Bearer $({command})"')
    elif call.credential == "jupyter":
        parts.append('-H "Authorization: token $JUPYTER_TOKEN"')
    parts.append(f"-H {shlex.quote(f'Content-Type: {call.content_type}')}")
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in call.headers.items()]
    # curl reads a file for a body that begins with @; --data-raw never does.
    parts.append("--data-binary @request.bin" if call.text is None else f"--data-raw {shlex.quote(call.text)}")
    return " \\\n  ".join(parts)


def _csharp(call: Call) -> str:
    lines = ["using System.Net.Http.Headers;", "using System.Text;", "", "using var client = new HttpClient();"]
    if call.credential != "none":
        variable, source = _credential(call)
        lines += [
            f"// {variable}: {source}",
            f'var secret = Environment.GetEnvironmentVariable("{variable}");',
            "client.DefaultRequestHeaders.Authorization = "
            f'new AuthenticationHeaderValue("{_SCHEMES[call.credential]}", secret);',
        ]
    lines += [
        f"client.DefaultRequestHeaders.TryAddWithoutValidation({_verbatim(name)}, {_verbatim(value)});"
        for name, value in call.headers.items()
    ]
    if call.text is None:
        lines.append('using var body = new ByteArrayContent(await File.ReadAllBytesAsync("request.bin"));')
    else:
        lines.append(f"using var body = new ByteArrayContent(Encoding.UTF8.GetBytes({_verbatim(call.text)}));")
    lines += [
        f"body.Headers.ContentType = MediaTypeHeaderValue.Parse({_verbatim(call.content_type)});",
        f"using var answer = await client.PostAsync({_verbatim(call.uri)}, body);",
        'Console.WriteLine($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");',
    ]
    return "\n".join(lines)


def _credential(call: Call) -> tuple[str, str]:
    variable, source = _VARIABLES[call.credential]
    return variable, source.format(name=call.name)


def _verbatim(text: str) -> str:
    """Return a C# verbatim string, in which only quotes are doubled."""
    return '@"' + text.replace('"', '""') + '"'


def _is_json(content_type: str) -> bool:
    return content_type.split(";", maxsplit=1)[0].strip().lower() == "application/json"


def credential_of(config: Mapping[str, Any]) -> Credential:
    """Return what opens a service, from the configuration that a revision was given."""
    if config.get("token_auth_enabled"):
        return "token"
    return "key" if config.get("auth_enabled", True) else "none"
