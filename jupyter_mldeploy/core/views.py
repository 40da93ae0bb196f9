"""Interactive views of a service or a workspace, found like targets: by entry points, never by import.

Whoever shows things in a notebook (``jupyter_mldeploy.widgets``, or another package) names its views in the group
``jupyter_mldeploy.views_v1``; whoever wants one (a magic, ``Service.show``) asks for it here by name.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from ..errors import NotSupportedError
from .names import did_you_mean

GROUP = "jupyter_mldeploy.views_v1"


def views_available() -> bool:
    """Return whether this kernel can show views, without loading any."""
    return find_spec("ipywidgets") is not None and bool(entry_points(group=GROUP))


def open_view(name: str, subject: Any) -> Any:
    """Return a view of ``subject``: something that the notebook displays when it is the value of a cell.

    Args:
        name: ``panel``, ``test`` or ``logs`` (of a service), ``form`` or ``services`` (of a workspace).

    Raises:
        NotSupportedError: no view of that name is installed; the hint says what to install.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name not in points:
        known = ", ".join(sorted(points)) or "none"
        raise NotSupportedError(
            f"There is no view named {name!r}; installed are: {known}.", hint=did_you_mean(name, points) or None
        )
    try:
        view = points[name].load()
    except ImportError as error:
        raise NotSupportedError(
            f"The view {name!r} cannot be shown here: {error}.",
            hint='Install it with `pip install "jupyter_mldeploy[widgets]"` in the kernel\'s environment.',
        ) from error
    return view(subject)
