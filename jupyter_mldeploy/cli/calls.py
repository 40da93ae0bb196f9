"""``mldeploy score`` and ``mldeploy keys``: using a service as its callers do."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError
from .context import Context
from .output import fields
from .parser import option_type

if TYPE_CHECKING:
    from ..core.probe import Answer
    from ..core.service import Service


def score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``score``."""
    parser.description = (
        "Send one request with the service's key and print the answer's body. Without data it is the sample of the"
        " service's schema."
    )
    parser.add_argument("name", metavar="NAME", help="the service")
    body = parser.add_mutually_exclusive_group()
    body.add_argument(
        "-d", "--data", metavar="JSON|@FILE|-", help="the request as JSON: text, @ and a file, or - for stdin"
    )
    body.add_argument("--file", metavar="FILE", help="send a file's bytes as they are (application/octet-stream)")
    parser.add_argument(
        "-H", "--header", metavar="NAME: VALUE", action="append", default=[], help="a request header (repeatable)"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=option_type("timeout"),
        default=60.0,
        help="wait so long for the answer (60)",
    )


def run_score(context: Context, args: argparse.Namespace) -> int | None:
    """Send one request; an answer that is not a success is an error."""
    headers = _headers(args.header)
    payload = _payload(args, headers)
    service = context.service(args.name)
    answer = service.request(payload, timeout_s=args.timeout, headers=headers)
    answer.result()
    if context.output.json:
        context.output.result(_document(answer), "")
    else:
        _print_body(answer)
    return None


def _payload(args: argparse.Namespace, headers: dict[str, str]) -> str | bytes | None:
    if args.file is not None:
        return _read(args.file, "--file")
    if args.data is None:
        return None
    data: bytes | str = args.data
    if args.data == "-":
        data = sys.stdin.buffer.read()
    elif args.data.startswith("@"):
        data = _read(args.data[1:], "--data")
    if not any(name.lower() == "content-type" for name in headers):
        data = _json_text(data)
    return data


def _json_text(data: bytes | str) -> str:
    """Return the text when it is JSON: a shell that ate the quotation marks is noticed here, not by the service."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        json.loads(text)
    except ValueError as error:
        raise InvalidInputError(
            f"--data is not JSON: {error}.",
            field="--data",
            hint="Quote it for the shell ('{\"data\": [[1, 2]]}'), or send other content with --file.",
        ) from None
    return text


def _read(name: str, option: str) -> bytes:
    try:
        return Path(name).expanduser().read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"{option}: the file {name!r} cannot be read: {error.strerror}.", field=option
        ) from None


def _headers(given: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for text in given:
        name, colon, value = text.partition(":")
        if not colon or not name.strip() or not text.isprintable():
            raise InvalidInputError(f"The header {text!r} cannot be used: expected NAME: VALUE.", field="--header")
        headers[name.strip()] = value.strip()
    return headers


def _document(answer: Answer) -> dict[str, Any]:
    """Return the answer as a document; ``result`` is its JSON, ``body`` its text when it is not JSON."""
    document: dict[str, Any] = {
        "status": answer.status,
        "seconds": round(answer.seconds, 6),
        "headers": dict(answer.headers),
    }
    try:
        document["result"] = json.loads(answer.body, parse_constant=_no_constant)
    except ValueError:
        document["body"] = answer.text
    return document


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _print_body(answer: Answer) -> None:
    """Write text as text, and other bytes as they are unless that would garble a terminal."""
    try:
        text = answer.body.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    if text is None:
        if sys.stdout.isatty():
            raise InvalidInputError(
                f"The answer is {len(answer.body)} bytes that are not text.", hint="Redirect them into a file: > FILE."
            )
        sys.stdout.flush()
        sys.stdout.buffer.write(answer.body)
        sys.stdout.buffer.flush()
        return
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def keys_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``keys``."""
    parser.add_argument("name", metavar="NAME", help="the service")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--primary", action="store_true", help="print the primary key alone")
    which.add_argument("--secondary", action="store_true", help="print the secondary key alone")
    parser.add_argument(
        "--regenerate",
        choices=["primary", "secondary"],
        help="change this key first; callers with the other one notice nothing",
    )


def run_keys(context: Context, args: argparse.Namespace) -> int | None:
    """Show or change the keys."""
    service = context.service(args.name)
    _require_auth(context, service)
    if args.regenerate:
        service.regenerate_key(args.regenerate)
        context.output.note(f"the {args.regenerate} key of {args.name} was changed")
    keys = service.keys()
    if args.primary or args.secondary:
        which = "primary" if args.primary else "secondary"
        key = getattr(keys, which)
        context.output.result({which: key}, key)
    else:
        pairs = {"primary": keys.primary, "secondary": keys.secondary}
        context.output.result(pairs, fields(pairs.items()))
    return None


def _require_auth(context: Context, service: Service) -> None:
    record = service.record
    context.workspace.targets.get(record.target).capabilities.require(record.target, "key_auth")
    live = record.live_in(service.revisions())
    if context.workspace.deployer.takes_tokens(record):
        context.output.note(f"callers of {record.name} send tokens, not keys: `mldeploy token {record.name}`")
    elif live is not None and live.config.get("auth_enabled") is False:
        context.output.note(f"{record.name} runs without authentication; its keys are not asked for")


def token_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``token``."""
    parser.description = (
        "Print a signed access token. The service must have been deployed with --set token_auth_enabled=true; the token"
        " is sent as `Authorization: Bearer TOKEN` and ends by itself."
    )
    parser.add_argument("name", metavar="NAME", help="the service")
    parser.add_argument(
        "--life", metavar="TIME", type=option_type("ttl"), default=12 * 3600.0, help="how long it is valid (12h)"
    )
    parser.add_argument("--rotate", action="store_true", help="sign with a new key from now on")
    parser.add_argument("--revoke", action="store_true", help="with --rotate: end all tokens that were issued before")


def run_token(context: Context, args: argparse.Namespace) -> int | None:
    """Issue a token, after changing the signing key where that is asked for."""
    if args.revoke and not args.rotate:
        raise InvalidInputError("--revoke goes with --rotate.", field="--revoke")
    service = context.service(args.name)
    if args.rotate:
        service.rotate_token_key(revoke=args.revoke)
        context.output.note(
            f"the signing key of {args.name} was changed" + (" and its tokens were revoked" if args.revoke else "")
        )
    token = service.get_access_token(life_s=args.life)
    document = {
        "access_token": token.access_token,
        "token_type": token.token_type,
        "refresh_after": token.refresh_after.isoformat(),
        "expiry_on": token.expiry_on.isoformat(),
    }
    context.output.result(document, token.access_token)
    return None
