"""The views in a real kernel, driven by messages as a frontend sends them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.magics.conftest import Kernel
from tests.patience import FACTOR

#: Seconds to wait for a message of the kernel.
PATIENCE_S = 60 * FACTOR


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    running = Kernel(tmp_path)
    yield running
    running.stop()


class Frontend:
    """Talks to the widgets of a cell's output through a shell of their own, as JupyterLab does."""

    def __init__(self, kernel: Kernel, code: str) -> None:
        self._client = kernel.client
        self._client.kernel_info()
        features = self._client.get_shell_msg(timeout=PATIENCE_S)["content"].get("supported_features", ())
        if "kernel subshells" not in features:
            pytest.skip("this ipykernel has no subshells")
        self._client.control_channel.send(self._client.session.msg("create_subshell_request"))
        self._shell = self._client.get_control_msg(timeout=PATIENCE_S)["content"]["subshell_id"]
        opened = kernel.run(code).of("comm_open")
        self._models = {item["comm_id"]: item["data"]["state"] for item in opened}

    def find(self, key: str, beginning: str) -> str:
        """Return the model with a text that begins so."""
        return next(model for model, state in self._models.items() if str(state.get(key)).startswith(beginning))

    def tell(self, model: str, **data: Any) -> None:
        """Send a model a message."""
        message = self._client.session.msg("comm_msg", {"comm_id": model, "data": data})
        message["header"]["subshell_id"] = self._shell
        self._client.shell_channel.send(message)

    def await_text(self, text: str) -> None:
        """Wait until a widget shows a text."""
        while True:
            message = self._client.get_iopub_msg(timeout=PATIENCE_S)
            if message["msg_type"] == "comm_msg" and text in str(message["content"]["data"].get("state")):
                return


def test_a_click_counts_after_what_was_typed_ahead_of_it(kernel: Kernel, tmp_path: Path) -> None:
    """While a cell runs as well, and after a thread has shown something."""
    (tmp_path / "score.py").write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    frontend = Frontend(
        kernel,
        "import os, time\nfrom jupyter_mldeploy.widgets import DeployForm\nform = DeployForm(name='typed')\nform",
    )
    script, plan = frontend.find("placeholder", "score.py"), frontend.find("description", "Plan")
    enough = tmp_path / "enough"
    cell = kernel.send(f"while not os.path.exists({str(enough)!r}): time.sleep(0.01)")
    try:
        for number in range(10):
            for text, shown in (("score.py", "'disabled': False"), (f"no{number}.py", f"&#x27;no{number}.py&#x27;")):
                frontend.tell(script, method="update", state={"value": text}, buffer_paths=[])
                frontend.tell(plan, method="custom", content={"event": "click"})
                frontend.await_text(shown)
    finally:
        enough.touch()
    assert kernel.collect(cell).status == "ok"
