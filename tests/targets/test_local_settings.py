"""The scoring server's own variables, given as environment variables of a deployment on the local target."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from jupyter_mldeploy.core.config import DeploymentConfig
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import InvalidConfigurationError
from jupyter_mldeploy.targets.container_settings import container_variables

SLEEPY = "import time\ndef init():\n    pass\n\n\ndef run(data):\n    time.sleep(float(data))\n    return data\n"
ASYNC = """
import asyncio

together = None


def init():
    pass


async def run(data):
    global together
    together = together or asyncio.Barrier(int(data))
    await together.wait()
    return 0
"""


def test_the_servers_variables_count_where_the_configuration_is_silent(deploy: Callable[..., Service]) -> None:
    service = deploy(SLEEPY, environment_variables={"SCORING_TIMEOUT_MS": "200", "SERVICE_NAME": "shown"})
    answer = service.request("5")
    assert (answer.status, b"Scoring timeout after 200 ms" in answer.body) == (504, True)
    assert service.swagger()["info"]["title"] == "shown"


def test_the_configuration_has_the_last_word(deploy: Callable[..., Service]) -> None:
    variables = {"SCORING_TIMEOUT_MS": "60000", "MLDEPLOY_TIMEOUT_STATUS": "503"}
    service = deploy(SLEEPY, scoring_timeout_ms=300, environment_variables=variables)
    answer = service.request("5")
    assert (answer.status, b"Scoring timeout after 300 ms" in answer.body) == (503, True)


def test_variables_do_not_open_a_service_or_change_its_keys(deploy: Callable[..., Service]) -> None:
    service = deploy(environment_variables={"MLDEPLOY_PRIMARY_KEY": "known", "MLDEPLOY_LOG_FORMAT": "text"})
    assert service.request("1", headers={"Authorization": "Bearer known"}).status == 401
    assert service.score("1") == "1"
    assert all(line.source for line in service.log_lines()[0])


def test_a_variable_that_cannot_be_used_is_refused_before_anything_exists(
    deploy: Callable[..., Service], workspace: Workspace
) -> None:
    with pytest.raises(InvalidConfigurationError, match=r"SCORING_TIMEOUT_MS must be a whole number .* not 'soon'"):
        deploy(environment_variables={"SCORING_TIMEOUT_MS": "soon"})
    assert workspace.services() == []


def test_async_scripts_take_many_requests_unless_told_otherwise(deploy: Callable[..., Service]) -> None:
    service = deploy(ASYNC, max_request_wait_time=60_000)
    # Each waits for all the others: one after the other, they would never end.
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: service.score("8"), range(8))) == [0] * 8


@pytest.mark.parametrize(("variables", "status"), [({}, "504"), ({"MLDEPLOY_TIMEOUT_STATUS": "500"}, "500")])
def test_containers_answer_time_limits_as_v1s_router_did(variables: dict[str, str], status: str) -> None:
    config = DeploymentConfig.model_validate({"environment_variables": variables})
    assert container_variables(config, "svc", 1)["MLDEPLOY_TIMEOUT_STATUS"] == status
