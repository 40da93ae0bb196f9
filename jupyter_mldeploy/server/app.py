"""The extension application: what administrators can set, and how everything is wired."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Float, Integer, List, Unicode

from .announcer import Announcer, register_schemas
from .backend import Backend
from .policy import Limits, Policy
from .rootpaths import RootPaths
from .routes import handlers


class MldeployApp(ExtensionApp):
    """Deployments of models in this Jupyter server."""

    name = "jupyter_mldeploy"
    load_other_extensions = True

    workspace = Unicode(
        "", help="Folder of the workspace; empty is $MLDEPLOY_HOME, or mldeploy below Jupyter's data directory."
    ).tag(config=True)
    read_only = Bool(
        False,
        help="Show services, logs and revisions, allow test requests, plans and lint, and refuse every change"
        " (deploy, update, delete, keys, models, environments).",
    ).tag(config=True)
    allowed_targets = List(
        Unicode(), help="Names of the targets that may be deployed to, for example ['local']; empty allows all."
    ).tag(config=True)
    max_ttl = Integer(
        0,
        min=0,
        help="Longest life of a service in seconds, also the life of one that asks for none; 0 is no limit."
        " Targets that cannot end a service by themselves are refused while it is set.",
    ).tag(config=True)
    allow_paths_outside_root = Bool(
        False,
        help="Let clients name scripts, models and other files outside of the folder that the file browser shows.",
    ).tag(config=True)
    refresh_interval = Float(
        5.0, min=0.5, help="Seconds after which a service that somebody looks at is compared with the truth again."
    ).tag(config=True)
    max_operations = Integer(
        4, min=1, help="Deployments and other long work that may run at once; more of it waits for its turn."
    ).tag(config=True)
    proxy_max_body_mb = Float(
        100.0, min=0.001, help="Largest request body that the proxy passes on, in MiB; larger ones are answered 413."
    ).tag(config=True)
    proxy_timeout = Float(300.0, min=1, help="Longest time for one proxied request, in seconds.").tag(config=True)
    invoke_max_body_mb = Float(
        4.0, min=0.001, help="Most of an answer that a test request shows, in MiB; the rest is left out."
    ).tag(config=True)
    stream_page = Integer(500, min=1, max=10_000, help="Most log lines or events in one WebSocket message.").tag(
        config=True
    )
    stream_max_subscriptions = Integer(32, min=1, help="Most subscriptions of one WebSocket.").tag(config=True)
    stream_stall_timeout = Float(
        30.0, min=0.1, help="Seconds after which a WebSocket whose client does not read is closed."
    ).tag(config=True)

    backend: Backend
    _tasks: list[asyncio.Task[None]]

    def initialize_settings(self) -> None:
        """Make what the handlers share."""
        self._tasks = []
        self.backend = Backend(
            Path(self.workspace).expanduser().absolute() if self.workspace else None,
            self._policy(),
            self._paths(),
            refresh_s=self.refresh_interval,
        )
        self.settings["mldeploy_backend"] = self.backend

    def initialize_handlers(self) -> None:
        """Add the table of addresses."""
        self.handlers.extend(handlers())

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Begin the background work; it ends with :meth:`stop_extension`."""
        loop = asyncio.get_running_loop()
        self.backend.changed.bind(loop)
        self.backend.news.bind(loop)
        register_schemas(serverapp.event_logger)
        announcer = Announcer(self.backend, serverapp.event_logger)
        self._tasks = [
            asyncio.create_task(self._go_on("announcer", announcer.run)),
            asyncio.create_task(self._go_on("freshness", self.backend.freshness.run)),
        ]

    async def stop_extension(self) -> None:
        """Cancel operations, close streams and end the background work. Deployments go on without us."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stream in list(self.backend.streams):
            stream.close(1001, "The Jupyter server stops.")
        self.backend.close()

    def current_activity(self) -> dict[str, Any] | None:
        """Return what goes on, None when nothing does, so that idle servers can be culled."""
        return self.backend.activity()

    async def _go_on(self, what: str, run: Any) -> None:
        """Run background work for ever; an error is logged and does not end it."""
        while True:
            try:
                await run()
            except Exception:
                self.log.exception("jupyter_mldeploy: the %s had to start again", what)
                await asyncio.sleep(5.0)

    def _policy(self) -> Policy:
        return Policy(
            allowed_targets=frozenset(self.allowed_targets) if self.allowed_targets else None,
            max_ttl_s=self.max_ttl,
            read_only=self.read_only,
            limits=Limits(
                operations=self.max_operations,
                proxy_body=int(self.proxy_max_body_mb * (1 << 20)),
                proxy_s=self.proxy_timeout,
                invoke_body=int(self.invoke_max_body_mb * (1 << 20)),
                stream_page=self.stream_page,
                stream_subscriptions=self.stream_max_subscriptions,
                stream_stall_s=self.stream_stall_timeout,
            ),
        )

    def _paths(self) -> RootPaths:
        assert self.serverapp is not None  # noqa: S101  the extension is linked before it is initialised
        contents = self.serverapp.contents_manager
        root = Path(getattr(contents, "root_dir", None) or self.serverapp.root_dir)
        hidden = bool(getattr(contents, "allow_hidden", False))
        return RootPaths(root.resolve(), anywhere=self.allow_paths_outside_root, hidden=hidden)
