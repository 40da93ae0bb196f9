"""The page ``docs/rest-api.md``, made from the OpenAPI document: ``python -m jupyter_mldeploy.server.manual``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from .openapi import openapi
from .routes import API, ROUTES

_HEAD = f"""\
# REST API of the Jupyter server extension

Made from the OpenAPI document that every server gives at `{API}/openapi.json`
(`python -m jupyter_mldeploy.server.manual > docs/rest-api.md`).

All addresses lie below `<base_url>{API}`. Requests need Jupyter's token (`Authorization: token …`), or its cookie and
the header `X-XSRFToken`, as `ServerConnection.makeRequest` sends them. Each verb asks the server's authorizer for the
permission in the table.

A failure has the body `Error` and its status: 403 forbidden, 404 not found, 405 wrong verb, 409 conflict or busy, 413
too large, 422 invalid input, 502–504 the target or the service. An unforeseen one is 500 with the code
`internal_error` and a reference that stands in the server's log.

**Long work** answers 202 with an `OperationInFull`, or 200 when it ends within `wait_s` seconds (at most 30). Its `state`
tells what came of it, whatever the status; `error` is an `Error`, `card` a mimebundle.

## Addresses
"""

_STREAM = f"""
## Stream

`GET {API}/stream` is a WebSocket for everything that changes. The client sends JSON and gets JSON:

| Client | Server |
|---|---|
| `{{"type": "subscribe", "id": "a", "channel": "logs", "service": "NAME", "limit": 1000}}` | `{{"type": "subscribed", "id": "a", "channel": "logs"}}`, then `{{"type": "logs", "id": "a", "service", "uid", "lines": [LogLine …], "cursor"}}` again and again, and `{{"type": "ended", "id": "a", "service", "uid", "cursor"}}` after the service was deleted |
| the same with `"uid"` and `"cursor"` of the last message | goes on after that cursor, without a loss or a repetition |
| `{{"type": "subscribe", "id": "b", "channel": "events", "after": SEQ}}` | `{{"type": "events", "id": "b", "events": [Event …], "seq"}}`; without `after` only what happens from now on; `service` narrows it |
| `{{"type": "subscribe", "id": "c", "channel": "operations"}}` | `{{"type": "operations", "id": "c", "operations": [Operation …]}}` with those that have changed |
| `{{"type": "unsubscribe", "id": "a"}}` | `{{"type": "unsubscribed", "id": "a"}}` |
| anything wrong | `{{"type": "error", "id", "error": Error}}`; the other subscriptions go on |

`id` is the client's own name for a subscription. A client that stops reading is waited for, and let go after
`MldeployApp.stream_stall_timeout` seconds; it comes back with its cursors.

State changes of services and revisions are also events of Jupyter's event system, with the schemas
`https://events.jupyter.org/jupyter_mldeploy/service/v1` and `…/revision/v1`.

## Proxy

`<base_url>/mldeploy/proxy/NAME/PATH` passes GET, HEAD, POST, PUT, PATCH and DELETE on to the service with its key
(permission: execute on `jupyter_mldeploy:invoke`), streamed both ways. Jupyter's cookies, token, XSRF header, Origin and
Referer are taken off; so are the service's cookies, CORS and security headers, and its pages are sandboxed.
`…/proxy/NAME/score` is the scoring address, `…/proxy/NAME/swagger.json` the schema.
"""


def page() -> str:
    """Return the page."""
    document = openapi(ROUTES, API)
    lines = [
        _HEAD,
        "| Verb and address | What it does | Body | Answer | Permission |",
        "|---|---|---|---|---|",
        *_table(document),
        _STREAM,
        "## Bodies and answers",
    ]
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += ["", f"### {name}", "", _sentence(schema), "", *_fields(schema)]
    return "\n".join(lines).rstrip() + "\n"


def _table(document: Mapping[str, Any]) -> Iterator[str]:
    for address, verbs in document["paths"].items():
        for verb, about in verbs.items():
            query = [item for item in about["parameters"] if item["in"] == "query"]
            asked = "".join(f"<br>`?{item['name']}=` {item['description']}" for item in query)
            body = about.get("requestBody")
            status, answer = next(iter(about["responses"].items()))
            permission = about["x-permission"]
            yield (
                f"| `{verb.upper()} {address}` | {about['summary']}{asked} | {_link(body) if body else ''} "
                f"| {status} {_link(answer)} | {permission['action']} {permission['resource'].partition(':')[2]} |"
            )


def _link(content: Mapping[str, Any]) -> str:
    reference = content["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return f"[{reference}](#{reference.lower()})"


def _sentence(schema: Mapping[str, Any]) -> str:
    return " ".join(str(schema.get("description", "")).split())


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        optional = "" if name in required else _default(field)
        about = _sentence(field)
        yield f"- `{name}`: {_type(field)}{optional}{'. ' + about if about else ''}"


def _default(field: Mapping[str, Any]) -> str:
    default = field.get("default")
    return ", optional" if default in (None, {}, []) else f", default `{default}`"


def _type(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(_type(item) for item in field["anyOf"])
    if "enum" in field:
        return " \\| ".join(f"`{item}`" for item in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = str(field.get("type", "any"))
    if kind == "array":
        return f"list of {_type(field.get('items', {}))}"
    inner = field.get("additionalProperties")
    return f"object of {_type(inner)}" if kind == "object" and isinstance(inner, dict) else kind


def main() -> None:
    """Write the page to stdout."""
    sys.stdout.write(page())


if __name__ == "__main__":
    main()
