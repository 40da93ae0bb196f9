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

    package = Path(jupyter_mldeploy.__file__).parent
    # In the package when it was built, beside it in the sources.
    for folder in (package / "docs", package.parent / "docs"):
        page = folder / "lint" / f"{code}.md"
        if page.is_file():
            return page.as_uri()
    return None
