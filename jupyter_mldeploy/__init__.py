"""From a notebook cell to a live model endpoint."""

from ._version import __version__

__all__ = ["__version__"]
