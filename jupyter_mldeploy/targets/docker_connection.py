"""The docker package's client, made so that every socket that it opens is closed again.

An answer that is read as it comes (a log, events, a build) holds a connection of its own. The package leaves it to the
garbage collector when its reader stops early, and so it does with the socket of a failed attempt to connect. In a
server that runs for weeks those are descriptors that nobody gives back in time.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import docker
import requests
from docker.transport import unixconn


class EngineConnection(docker.APIClient):  # type: ignore[misc]  # the package has no types
    """A client that knows which of its answers are read as they come."""

    def __init__(self, **settings: Any) -> None:
        self._streams: list[requests.Response] = []
        try:
            super().__init__(**settings)
        except BaseException:
            with suppress(Exception):
                self.close()
            raise

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request; an answer that is read as it comes is remembered."""
        response: requests.Response = super().send(request, **kwargs)
        if kwargs.get("stream"):
            self._streams.append(response)
        return response

    def end_streams(self) -> None:
        """Close the connections of answers that were not read to their ends; what they tell of is broken off."""
        streams, self._streams = self._streams, []
        for response in streams:
            response.close()

    def close(self) -> None:
        """Close all connections."""
        super().close()
        self.end_streams()

    def _retrieve_server_version(self) -> Any:
        """Ask for the version: the first request, so the adapter is exchanged before it."""
        adapter: Any = getattr(self, "_custom_adapter", None)
        if type(adapter) is unixconn.UnixHTTPAdapter:
            adapter.close()
            self._custom_adapter = _Adapter(
                f"http+unix://{adapter.socket_path}", adapter.timeout, max_pool_size=adapter.max_pool_size
            )
            self.mount("http+docker://", self._custom_adapter)
        return super()._retrieve_server_version()


class _Connection(unixconn.UnixHTTPConnection):  # type: ignore[misc]
    def connect(self) -> None:
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            found.settimeout(self.timeout)
            found.connect(self.unix_socket)
        except BaseException:
            found.close()
            raise
        self.sock = found


class _Pool(unixconn.UnixHTTPConnectionPool):  # type: ignore[misc]
    def _new_conn(self) -> _Connection:
        return _Connection(self.base_url, self.socket_path, self.timeout)


class _Adapter(unixconn.UnixHTTPAdapter):  # type: ignore[misc]
    def get_connection(self, url: str, proxies: Any = None) -> Any:  # noqa: ARG002  the interface's
        """Return the connections to the engine; there is one place to connect to."""
        with self.pools.lock:
            pool = self.pools.get("engine")
            if pool is None:
                pool = _Pool(url, self.socket_path, self.timeout, maxsize=self.max_pool_size)
                self.pools["engine"] = pool
        return pool
