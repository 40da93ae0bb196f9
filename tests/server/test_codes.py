"""Code to paste: what it says, and that it runs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.patience import FACTOR

from .conftest import Api
from .test_registries import WITH_SCHEMA

Deployed = Callable[..., Awaitable[dict[str, Any]]]


async def test_code_for_a_request_that_was_tried(api: Api, deployed: Deployed) -> None:
    await deployed("coded", source={"text": WITH_SCHEMA})
    body = '{"data": [1.0, "it\'s", NaN]}'
    python, curl, csharp = (await api("POST", "/services/coded/code", {"text": body})).body["code"]
    assert (python["label"], curl["label"], csharp["label"]) == ("Python", "curl", "C#")
    compile(python["text"], "snippet", "exec")
    assert "Workspace().service('coded').score(" in python["text"]
    assert "mldeploy keys coded --primary" in curl["text"]
    assert '""it\'s""' in csharp["text"]
    through = {"jupyter_url": "https://hub.example/user/ann/", "headers": {"azureml-model-deployment": "v2"}}
    python, curl, csharp = (await api("POST", "/services/coded/code", {"text": body, **through})).body["code"]
    compile(python["text"], "snippet", "exec")
    for code in (python, curl, csharp):
        assert "https://hub.example/user/ann/mldeploy/proxy/coded/score" in code["text"]
        assert "azureml-model-deployment" in code["text"]
        assert "JUPYTER_TOKEN" in code["text"]
    keys = (await api("GET", "/services/coded/keys")).body
    binary = (await api("POST", "/services/coded/code", {"content_type": "image/png"})).body["code"]
    assert all("request.bin" in item["text"] for item in binary)
    assert not any(key in item["text"] for key in keys.values() for item in (*binary, python, curl, csharp))
    assert (await api("POST", "/services/coded/code", {"headers": {"a b": "c"}})).status == 422
    assert (await api("POST", "/services/coded/code", {"jupyter_url": "javascript:x"})).status == 422


async def test_the_code_works(
    api: Api, deployed: Deployed, jp_base_url: str, jp_http_port: int, jp_serverapp: Any
) -> None:
    await deployed("called", source={"text": WITH_SCHEMA})
    server = f"http://127.0.0.1:{jp_http_port}{jp_base_url}"
    body = {"text": '{"data": [4]}'}
    keys = (await api("GET", "/services/called/keys")).body
    for more in ({}, {"jupyter_url": server}):
        codes = (await api("POST", "/services/called/code", {**body, **more, "headers": {"x-try": "1"}})).body["code"]
        for command in ([sys.executable, "-c", codes[0]["text"]], ["bash", "-c", codes[1]["text"]]):
            found = await asyncio.to_thread(
                subprocess.run,
                command,
                capture_output=True,
                text=True,
                timeout=60 * FACTOR,
                env={
                    **os.environ,
                    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                    "JUPYTER_TOKEN": jp_serverapp.identity_provider.token,
                    "MLDEPLOY_KEY": keys["primary"],
                    "MLDEPLOY_HOME": str(jp_serverapp.web_app.settings["mldeploy_backend"].workspace.home),
                },
            )
            assert "[8]" in found.stdout.replace("[\n  8\n]", "[8]"), (command, found.stdout, found.stderr)
