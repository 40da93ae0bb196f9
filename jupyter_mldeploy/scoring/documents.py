"""The documents a service offers: Swagger and the interactive page."""

from __future__ import annotations

import json
from typing import Any

from .calling import query_values
from .exchange import HTML, Exchange
from .spec import WorkerSpec

VERSIONS = {"2": "2.0", "2.0": "2.0", "3": "3.0", "3.0": "3.0", "3.1": "3.1"}


class ServiceDocuments:
    """Makes the documents from the script's contract; each is made once."""

    def __init__(self, spec: WorkerSpec, contract: Any) -> None:
        self._spec = spec
        self._contract = contract
        self._made: dict[str, bytes] = {}

    def swagger(self, exchange: Exchange) -> None:
        """Set the answer to the Swagger document that was asked for."""
        asked = query_values(exchange.query).get("version", ["2"])[0]
        version = VERSIONS.get(asked)
        if version is None:
            exchange.refuse(404, f"Swagger version [{asked}] is not valid. Supported versions: [2, 3, 3.1].")
            return
        if version not in self._made:
            from ..schema import swagger_document

            settings = self._spec.settings
            name = settings.service_name
            self._made[version] = json.dumps(
                swagger_document(
                    self._contract,
                    version,
                    service_name=name,
                    description=f"API specification for the Azure Machine Learning service {name}",
                    service_version=settings.service_version,
                    prefix=settings.service_path_prefix,
                )
            ).encode()
        exchange.payload = self._made[version]

    def page(self, exchange: Exchange) -> None:
        """Set the answer to the interactive page."""
        exchange.content_type = HTML
        exchange.payload = b"<!doctype html><title>docs</title>"
        exchange.failed = None
