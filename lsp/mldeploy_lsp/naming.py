"""The service that a document is deployed as."""

from __future__ import annotations

import re
from pathlib import Path

from mldeploy_lsp.document import Document

_PLAIN_NAMES = {"score", "main", "entry", "inference", "scoring", "run"}


def name_of(document: Document, given: object = None) -> str:
    """Return the service's name: as given, as the cell says, or after the file (the folder, for a plain score.py)."""
    named = str(given) if given else named_in_cell(document)
    if named:
        return named
    path = document.path or Path("service.py")
    words = path.parent.name if path.stem.lower() in _PLAIN_NAMES and path.parent.name else path.stem
    plain = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:32].rstrip("-")
    if not re.match(r"[a-z]", plain):
        plain = f"s-{plain}"[:32].rstrip("-")
    return plain if len(plain) >= 3 else f"{plain}-service"


def named_in_cell(document: Document) -> str | None:
    """Return the service that a ``%%deploy`` cell names."""
    if document.magic is None or document.magic[0] != "deploy":
        return None
    from jupyter_mldeploy.core.deployargs import parse_deploy_line
    from jupyter_mldeploy.errors import InvalidInputError

    try:
        return parse_deploy_line(document.magic[1]).name
    except InvalidInputError:
        return None
