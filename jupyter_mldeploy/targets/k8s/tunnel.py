"""A port of this process that leads to a service's pods through the API server: all that it needs is the kubeconfig.

Every connection becomes a port-forward to a ready pod of the live revision. (The API server's proxy would be simpler,
but it keeps the ``Authorization`` header to itself, so that no key ever reaches the service.)
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .cluster import Cluster
from .kinds import KINDS
from .names import PORT

if TYPE_CHECKING:
    from websocket import WebSocket

#: Pods that are tried before a connection is given up.
_TRIES = 3
_CHUNK = 64 * 1024
_DATA, _ERROR = 0, 1
#: What a frame is, by RFC 6455.
_BINARY, _PING, _PONG = 2, 9, 10


class Tunnel:
    """Listens on a port of 127.0.0.1 for as long as this process lives.

    Args:
        pods: names of the pods to choose from, asked for each connection.
    """

    def __init__(self, cluster: Cluster, namespace: str, pods: Callable[[], list[str]]) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._pods = pods
        self._turn = 0
        self._lock = threading.Lock()
        self._clients: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, name=f"mldeploy-tunnel-{self.port}", daemon=True).start()

    def close(self) -> None:
        """Stop listening, and end the connections there are: what they lead to is not wanted any more."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with self._lock:
            for client in self._clients:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with self._lock:
                self._clients.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            remote = self._open()
            if remote is not None:  # else the caller sees a closed connection, and asks for the service's state
                with contextlib.closing(_Ending(remote)):
                    _carry(client, remote)
        finally:
            with self._lock:
                self._clients.discard(client)
            client.close()

    def _open(self) -> WebSocket | None:
        for _ in range(_TRIES):
            try:
                pods = self._pods()
                if not pods:
                    return None
                self._turn += 1
                return port_forward(self._cluster, self._namespace, pods[self._turn % len(pods)])
            except Exception:  # noqa: BLE001, S112  it raises errors of three other libraries; the next pod may do
                continue
        return None


def port_forward(cluster: Cluster, namespace: str, pod: str, port: int = PORT) -> WebSocket:
    """Open a connection to a port of a pod."""
    from kubernetes.stream.ws_client import create_websocket

    path = KINDS["Pod"].path(namespace, pod, "portforward")
    address = cluster.server.replace("http", "ws", 1) + f"{path}?ports={port}"
    headers = {**cluster.credentials(), "sec-websocket-protocol": "v4.channel.k8s.io"}
    found: Any = create_websocket(cluster.api.configuration, address, headers)
    return found  # type: ignore[no-any-return]


class _Ending:
    """Says goodbye and closes the socket. ``WebSocket.close`` would wait for the other end's goodbye first."""

    def __init__(self, remote: WebSocket) -> None:
        self._remote = remote

    def close(self) -> None:
        with contextlib.suppress(Exception):  # the peer may be gone in any way
            self._remote.send_close()
        self._remote.shutdown()  # type: ignore[no-untyped-call]


def _carry(client: socket.socket, remote: WebSocket) -> None:
    """Carry bytes both ways until either end closes.

    One thread does both: a TLS connection is not for two at once.
    """
    begun: set[int] = set()
    tls: Any = remote.sock
    with contextlib.suppress(Exception), selectors.DefaultSelector() as selector:  # either end may go at any moment
        selector.register(client, selectors.EVENT_READ)
        selector.register(tls, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if client in ready:
                data = client.recv(_CHUNK)
                if not data:
                    return
                remote.send_binary(bytes([_DATA]) + data)
            if tls in ready and not _answer(client, remote, begun):
                return


def _answer(client: socket.socket, remote: WebSocket, begun: set[int]) -> bool:
    """Carry what the pod has answered; False when that is all. The first frame of a channel holds its port's number."""
    while (found := _frame(remote)) is not None:
        opcode, data = found
        if opcode == _BINARY and data:
            channel = data[0]
            if channel not in begun:
                begun.add(channel)
            elif channel == _DATA:
                client.sendall(data[1:])
            elif channel == _ERROR:
                return False
        elif opcode not in (_PING, _PONG):
            return False
    return True


def _frame(remote: WebSocket) -> tuple[int, bytes] | None:
    """Return kind and content of the next frame, None when it is not there (as a whole) yet."""
    sock: Any = remote.sock
    sock.setblocking(False)
    try:
        opcode, frame = remote.recv_data_frame(control_frame=True)
    except (ssl.SSLWantReadError, BlockingIOError):
        return None  # what came of it is kept by the WebSocket, which goes on from there
    finally:
        sock.setblocking(True)
    return opcode, frame.data
