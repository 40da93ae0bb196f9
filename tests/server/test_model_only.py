"""A model file alone, by REST: its script is made, a plan reads no pickle, deploying does."""

from __future__ import annotations

from pathlib import Path

import joblib
from sklearn.linear_model import LinearRegression

from .conftest import Api


async def test_a_model_without_a_script_is_planned_and_deployed(api: Api, jp_root_dir: Path) -> None:
    joblib.dump(LinearRegression().fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], [1.0, 2.0, 5.0]), jp_root_dir / "fit.pkl")
    body = {"name": "alone", "source": {}, "models": ["fit.pkl"]}
    plan = (await api("POST", "/plan", body, request_timeout=60)).body
    assert (plan["service"], plan["revision"]) == ("alone", 1)
    operation = (await api("POST", "/services", body, params={"wait_s": 30})).body
    assert operation["state"] == "succeeded", operation["error"]
    document = (await api("GET", "/services/alone/schema")).body
    sample = document["definitions"]["ServiceInput"]["example"]
    answer = (await api("POST", "/services/alone/invoke", {"payload": sample})).body
    assert answer["status"] == 200, answer


async def test_nothing_to_deploy_is_refused_naming_the_field(api: Api) -> None:
    refused = await api("POST", "/services", {"name": "nothing", "source": {}})
    assert refused.status == 422
    assert "source" in refused.body["message"]
    missing = await api("POST", "/plan", {"name": "nothing", "source": {}, "models": ["no/such.onnx"]})
    assert (missing.status, missing.body["details"]["field"]) == (422, "models")
    update = await api("POST", "/services/nothing/update", {"source": {}})
    assert update.status == 422
