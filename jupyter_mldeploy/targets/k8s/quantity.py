"""Kubernetes' way to write amounts: ``100m`` cores, ``512Mi``."""

from __future__ import annotations

import re

_FACTORS = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?\d+)?)([numkKMGTPE]i?|)")


def amount(text: object) -> float:
    """Return a quantity as a number of cores, bytes or pieces; 0 when it is none.

    >>> amount("100m"), amount("1Ki"), amount("1e3"), amount(2)
    (0.1, 1024.0, 1000.0, 2.0)
    """
    match = _QUANTITY.fullmatch(str(text).strip())
    if match is None or match[2] not in _FACTORS:
        return 0.0
    return float(match[1]) * _FACTORS[match[2]]


def shown(resource: str, value: float) -> str:
    """Return an amount for people.

    >>> shown("memory", 2**30), shown("cpu", 0.5), shown("nvidia.com/gpu", 1.0)
    ('1 GiB', '0.5 cores', '1')
    """
    if resource.endswith(("memory", "storage")):
        return f"{value / 2**30:.3g} GiB"
    if resource.endswith("cpu"):
        return f"{value:.3g} cores"
    return f"{value:g}"
