"""All known scripts."""

from __future__ import annotations

from .case import Case
from .cases_answers import RAW_CASES, RETURN_CASES
from .cases_schema import SCHEMA_CASES
from .cases_shape import SHAPE_CASES, STATE_CASES

CASES: list[Case] = [*SCHEMA_CASES, *SHAPE_CASES, *STATE_CASES, *RETURN_CASES, *RAW_CASES]
