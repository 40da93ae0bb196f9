"""The documents a service offers: Swagger and the interactive page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .calling import query_pairs
from .exchange import HTML, Exchange
from .spec import WorkerSpec

if TYPE_CHECKING:
    from ..schema.contract import RunContract

# A script's author may lay a document of their own beside the script or into the app root.
_OWN_FILES = {
    "2.0": ("swagger.json", "swagger2.json"),
    "3.0": ("swagger3.json",),
    "3.1": ("swagger3.1.json", "swagger31.json"),
}
_PAGE_POLICY = b"Content-Security-Policy: default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\r\n"


class ServiceDocuments:
    """Makes the documents from the script's contract; each is made once."""

    def __init__(self, spec: WorkerSpec, contract: RunContract) -> None:
        self._spec = spec
        self._contract = contract
        self._made: dict[str | None, bytes] = {}
        self._page = b""

    def swagger(self, exchange: Exchange) -> None:
        """Set the answer to the Swagger document that was asked for; 404 when there is none of that version."""
        from ..schema.errors import SwaggerVersionError

        asked = dict(query_pairs(exchange.query)).get("version")
        try:
            if asked not in self._made:
                made = self._make(asked)
                if len(self._made) < 10:
                    self._made[asked] = made
            exchange.payload = self._made[asked]
        except SwaggerVersionError as error:
            exchange.refuse(404, str(error))

    def page(self, exchange: Exchange) -> None:
        """Set the answer to the interactive page."""
        if not self._page:
            self._page = Path(__file__).with_name("docs_page.html").read_bytes()
        exchange.payload = self._page
        exchange.content_type = HTML
        exchange.extra += _PAGE_POLICY
        exchange.failed = None

    def _make(self, asked: str | None) -> bytes:
        from ..schema.openapi import document_version, swagger_document

        # Without a contract: a document of the author's own may describe what the samples cannot.
        own = self._own_document(document_version(asked))
        if own is not None:
            return own
        settings = self._spec.settings
        document = swagger_document(
            self._contract,
            asked,
            service_name=settings.service_name,
            service_version=settings.service_version,
            prefix=settings.service_path_prefix,
        )
        return json.dumps(document).encode()

    def _own_document(self, version: str) -> bytes | None:
        for directory in (Path(self._spec.app_root), self._spec.script_path.parent):
            for name in _OWN_FILES[version]:
                try:
                    content = json.loads((directory / name).read_bytes())
                except (OSError, ValueError):
                    continue
                return json.dumps(content).encode()
        return None
