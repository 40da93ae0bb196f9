"""How many replicas an expected load needs, for targets that have replicas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from ..core.config import read_config
from ..core.sizing import size
from ..errors import MldeployError

if TYPE_CHECKING:
    from ..core.target import Target


class Sizing(w.HBox):
    """Requests per second and the time of one; the figure can be taken over.

    Args:
        config: returns the configuration as it stands.
        use: takes the number of replicas.
    """

    def __init__(self, target: Target, config: Callable[[], Mapping[str, Any]], use: Callable[[int], None]) -> None:
        self._target, self._config, self._use = target, config, use
        narrow = {"width": "90px"}
        self.rps = w.FloatText(10.0, tooltip="Requests per second", layout=narrow)
        self.latency_ms = w.FloatText(100.0, tooltip="Time of one request in milliseconds", layout=narrow)
        self.ask = w.Button(description="Work it out", tooltip="Say how many replicas this load needs")
        self.take = w.Button(disabled=True, description="Use it", tooltip="Put the figure into num_replicas")
        self.said = w.HTML()
        self._replicas = 0
        self.ask.on_click(lambda _: self.work_out())
        self.take.on_click(lambda _: self._use(self._replicas))
        label = w.HTML("<label>How many replicas? Requests/s, ms each</label>")
        super().__init__([label, self.rps, self.latency_ms, self.ask, self.take, self.said])

    def work_out(self) -> None:
        """Show how many replicas the load needs, or what is wrong with it."""
        self.take.disabled = True
        try:
            config = read_config(self._target.config_type, dict(self._config()))
            found = size(config, self.rps.value, self.latency_ms.value / 1000)
        except MldeployError as error:
            self.said.value = f'<span role="alert">{escape(error.message)}</span>'
            return
        self._replicas = found.replicas
        self.said.value = f'<span role="status">{escape(str(found))}</span>'
        self.take.disabled = False
