"""Where a rule's page of documentation is for an editor: a file of the installed sources, or none."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=256)
def docs_link(code: str) -> str | None:
    """Return a link to a rule's page, or None when the pages are not on this machine.

    Hovering over a finding shows the same text, which comes from the rule table and is always there.
    """
    import jupyter_mldeploy

    page = Path(jupyter_mldeploy.__file__).parent.parent / "docs" / "lint" / f"{code}.md"
    return page.as_uri() if page.is_file() else None
