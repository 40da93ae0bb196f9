"""What holds for every test."""

import fcntl
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.patience import limit
from tests.real_parts import demand
from tests.shares import Shares, turn

# Whoever starts the tests in the background of a script ignores SIGINT for them, and so would every process that the
# tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long examples take, and how long they take to make, is no sign of anything where others use the processors too.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests that need a real part find it here, or say that it is missing."""
    demand(item)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shares | None:
    """Several workers share the tests as ``tests/shares.py`` says, unless ``--dist`` asks for another way."""
    return Shares(config, log) if config.getvalue("dist") == "load" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have the tests in the order in which workers share them, and give each the time that it may take."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: turn(item.nodeid))
    for item in items:
        item.add_marker(pytest.mark.timeout(limit(item)), append=False)


@pytest.fixture(autouse=True)
def _turns_in_the_cluster(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that stops parts of the cluster or closes its node (``whole_node``) runs while no other test uses it."""
    if request.node.get_closest_marker("kubernetes") is None:
        yield
        return
    alone = request.node.get_closest_marker("whole_node") is not None
    folder = Path(tempfile.gettempdir())
    with (folder / "mldeploy-kubernetes-tests.lock").open("a") as lock:
        # Whoever waits for the cluster alone holds the queue, so that nobody who came later goes before.
        with (folder / "mldeploy-kubernetes-tests.queue").open("a") as queue:
            fcntl.flock(queue, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
