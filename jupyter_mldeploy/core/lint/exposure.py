"""MLD610: secrets in the script, and callers' data in the log."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name
from jupyter_mldeploy.core.lint.rule import rule

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|pwd|secret|client_secret|api_?key|account_?key|access_?key|storage_?key|subscription_?key|primary_?key"
    r"|connection_?string|conn_?str|sas_?token|auth_?token|access_?token|bearer|token)$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"AccountKey=[A-Za-z0-9+/=]{20,}|SharedAccessKey=[A-Za-z0-9+/=]{20,}|[?&]sig=[A-Za-z0-9%+/=]{20,}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|\bBearer [A-Za-z0-9._-]{24,}|-----BEGIN (?:RSA |EC )?PRIVATE KEY-----"
)
_NO_SECRET = re.compile(
    r"<|\$|\{|your|example|placeholder|xxx|\*\*\*|changeme|\.\.\.|^[A-Z0-9_]+$|^(?:none|null|test|dummy|todo|password|token|secret)$"
    r"|^\[|\s",
    re.IGNORECASE,
)
_LOG_CALLS = {"print", "info", "debug", "warning", "error", "log", "pprint"}


@rule("MLD610", "secret-or-payload-exposed", "warning", stage="answer")
def secret_or_payload_exposed(ctx: ScriptContext) -> Iterator[Finding]:
    """A secret is written in the script, or `run()` prints what callers send.

    The script is part of the image and of every bundle; logs are read by more people than the data is meant for. Take
    secrets from environment variables that are set by reference, and log sizes or ids instead of bodies.

    Bad::

        import json

        def init():
            global password
            password = "hunter2-Xy7!pq"

        def run(raw_data):
            return json.loads(raw_data)

    Good::

        import json
        import os

        def init():
            global password
            password = os.environ["STORE_PASSWORD"]

        def run(raw_data):
            return json.loads(raw_data)
    """
    reported: set[ast.AST] = set()
    for node, text in ctx.facts.strings:
        if len(text) > 20 and _SECRET_TEXT.search(text):
            reported.add(node)
            yield _secret(ctx, node, "This text holds a key")
    dictionaries: dict[ast.Dict, dict[ast.AST, str]] = {}
    for node, text in ctx.facts.strings:
        if node in reported or not 6 <= len(text) <= 200 or _NO_SECRET.search(text):
            continue
        name = _name_of(ctx, node, dictionaries)
        if name is None or not _SECRET_NAME.search(name):
            continue
        strong = any(character.isdigit() for character in text) and any(character.isalpha() for character in text)
        if strong and (len(text) >= 16 or not name.lower().endswith("token")):
            yield _secret(ctx, node, f"{name} is a secret written in the script")
    yield from _printed(ctx)


def _secret(ctx: ScriptContext, node: ast.Constant, what: str) -> Finding:
    return ctx.finding(node, f"{what}, which goes into the image; read it from an environment variable.")


def _name_of(ctx: ScriptContext, node: ast.Constant, dictionaries: dict[ast.Dict, dict[ast.AST, str]]) -> str | None:
    """Return the variable, keyword or key that a text is given to."""
    match ctx.facts.parents[node]:
        case (
            ast.Assign(targets=[ast.Name(id=name)])
            | ast.keyword(arg=str(name))
            | ast.AnnAssign(target=ast.Name(id=name))
        ):
            return name
        case ast.Assign(targets=[ast.Attribute(attr=name)]):
            return name
        case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=str(name)))]):
            return name
        case ast.Dict() as found:
            if found not in dictionaries:
                dictionaries[found] = {
                    value: key.value
                    for key, value in zip(found.keys, found.values, strict=True)
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
            return dictionaries[found].get(node)
    return None


def _printed(ctx: ScriptContext) -> Iterator[Finding]:
    scope = ctx.run_scope
    if scope is None or ctx.entry.kind not in {"json", "schema", "class"} or not ctx.inputs:
        return
    names = {item.name for item in ctx.inputs}
    for call in ctx.facts.calls:
        if called_name(call) not in _LOG_CALLS or not ctx.in_run(call):
            continue
        for argument in call.args:
            shown = _whole_value(argument, names)
            if shown is not None and ctx.is_parameter(shown, shown.id, scope):
                yield ctx.finding(
                    call, f"This writes what callers send ({shown.id}) to the log; log its size or an id instead."
                )
                break


def _whole_value(node: ast.expr, names: set[str]) -> ast.Name | None:
    """Return an input that is printed as a whole: by itself, in an f-string, by ``format``, ``%`` or ``+``."""
    match node:
        case ast.Name(id=name):
            return node if name in names else None
        case ast.JoinedStr(values=values):
            parts: list[ast.expr] = [item.value for item in values if isinstance(item, ast.FormattedValue)]
        case ast.Call(func=ast.Attribute(attr="format"), args=args):
            parts = list(args)
        case ast.Call(func=ast.Name(id="str" | "repr"), args=args):
            parts = list(args)
        case ast.BinOp(left=left, right=right):
            parts = [left, right]
        case ast.Tuple(elts=elements):
            parts = list(elements)
        case _:
            return None
    for part in parts:
        found = _whole_value(part, names)
        if found is not None:
            return found
    return None
