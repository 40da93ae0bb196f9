"""Signed tokens: what opens a service, what does not, and what the caller is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.tokens import SigningKey, TokenKeyFile
from jupyter_mldeploy.scoring.auth import KeyRing
from jupyter_mldeploy.scoring.errors import SettingsError
from jupyter_mldeploy.scoring.settings import Settings
from jupyter_mldeploy.scoring.tokens import TokenChecker, read_signing_keys

from .worker_process import PLAIN, Worker, serving, wait_until

ECHO = PLAIN + "def run(data):\n    return data\n"
NOW = 1_800_000_000
KEY = SigningKey("k1", "k" * 64)


def b64(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forge(head: Any, claims: Any, secret: bytes = b"k" * 64, digest: Any = hashlib.sha256) -> str:
    signed = f"{b64(head)}.{b64(claims)}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), digest))}"


HEAD = {"alg": "HS256", "typ": "JWT", "kid": "k1"}
CLAIMS = {"aud": "svc", "nbf": NOW, "exp": NOW + 600}


def checker(at: float = NOW, *keys: SigningKey) -> TokenChecker:
    values = [{"kid": item.kid, "key": item.key} for item in keys or (KEY,)]
    return TokenChecker(read_signing_keys(values), "svc", lambda: at)


def refusal(token: str, at: float = NOW) -> str | None:
    return checker(at).refusal(token.encode())


def test_what_core_signs_opens_the_service() -> None:
    assert refusal(KEY.sign("svc", now=NOW)) is None
    assert refusal(forge(HEAD, CLAIMS)) is None
    assert refusal(forge({"alg": "HS256"}, {**CLAIMS, "aud": ["other", "svc"]})) is None


@pytest.mark.parametrize(
    "token",
    [
        forge({**HEAD, "alg": "none"}, CLAIMS),
        f"{b64({'alg': 'none'})}.{b64(CLAIMS)}.",
        forge({**HEAD, "alg": "HS512"}, CLAIMS, digest=hashlib.sha512),
        forge({**HEAD, "alg": "hs256"}, CLAIMS),
        forge({**HEAD, "kid": "k2"}, CLAIMS),
        forge({**HEAD, "kid": ["k1"]}, CLAIMS),
        forge({**HEAD, "crit": ["exp"]}, CLAIMS),
        forge(HEAD, CLAIMS, secret=b"x" * 64),
        forge(HEAD, CLAIMS)[:-2] + "AA",
        forge(HEAD, CLAIMS).replace(b64(CLAIMS), b64({**CLAIMS, "exp": NOW + 9999})),
        forge(HEAD, CLAIMS) + ".",
        forge(HEAD, CLAIMS) + "!",
        forge([], CLAIMS),
        "..",
        "a.b.c",
        "é.é.é",
        "x" * 9000 + ".x.x",
    ],
)
def test_what_was_not_signed_here_tells_the_caller_nothing_more(token: str) -> None:
    assert refusal(token) == "The token was not signed by this service."


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({**CLAIMS, "aud": "other"}, "another service"),
        ({**CLAIMS, "aud": None}, "another service"),
        ({"exp": NOW + 5}, "another service"),
        ({**CLAIMS, "aud": {"svc": 1}}, "another service"),
        ({"aud": "svc"}, "does not say when"),
        ({**CLAIMS, "exp": "tomorrow"}, "does not say when"),
        ({**CLAIMS, "exp": True}, "does not say when"),
        ({**CLAIMS, "exp": NOW - 61}, "expired"),
        ({**CLAIMS, "nbf": NOW + 61}, "not valid yet"),
        ([CLAIMS], "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_signed_token_is_told(claims: Any, told: str) -> None:
    assert told in (refusal(forge(HEAD, claims)) or "")


def test_present_and_previous_key_count() -> None:
    present = SigningKey("k2", "p" * 64)
    both = checker(NOW, present, KEY)
    assert both.refusal(KEY.sign("svc", now=NOW).encode()) is None
    assert both.refusal(present.sign("svc", now=NOW).encode()) is None
    assert checker(NOW, present).refusal(KEY.sign("svc", now=NOW).encode()) is not None


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"token_keys": []}', '{"token_keys": [{"kid": "a"}]}', '{"token_keys": [{"kid": "a", "key": "k"}]}'],
)
def test_bad_key_file_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match="MLDEPLOY_TOKEN_KEYS_FILE") as caught:
        KeyRing(Settings(token_keys_file=str(path)))
    assert '"kid"' not in str(caught.value)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Worker, TokenKeyFile]]:
    directory = tmp_path_factory.mktemp("tokens")
    (directory / "keys.json").write_text('{"primary": "first-key"}')
    file = TokenKeyFile(directory / "token_keys.json")
    file.ensure()
    settings = {
        "keys_file": str(directory / "keys.json"),
        "token_keys_file": str(file.path),
        "service_name": "diabetes",
    }
    with serving(directory, ECHO, settings=settings) as worker:
        yield worker, file


def test_server_takes_tokens_beside_keys(guarded: tuple[Worker, TokenKeyFile]) -> None:
    worker, file = guarded

    def ask(secret: str) -> Any:
        return worker.ask("POST", "/score", "x", {"Authorization": f"Bearer {secret}"})

    token = file.issue("diabetes").access_token
    assert (ask(token).status, ask("first-key").status) == (200, 200)
    assert ask(file.issue("other").access_token).message == "The token was made for another service."
    old = file.read()[0].sign("diabetes", life_s=60, now=time.time() - 3600)
    assert (ask(old).status, "expired" in ask(old).message) == (401, True)
    assert "key or token" in worker.ask("POST", "/score", "x", {}).message
    file.rotate()
    worker.tell("reload-keys")
    wait_until(lambda: ask(file.issue("diabetes").access_token).status == 200)
    assert ask(token).status == 200
    file.rotate()
    worker.tell("reload-keys")
    wait_until(lambda: ask(token).status == 401)
