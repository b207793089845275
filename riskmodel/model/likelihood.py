"""Published data of a likelihood: containers that can be exchanged, and rows that can be left out.

Every likelihood ``name`` reads its values from the container ``name_data`` and the mask ``name_kept`` (1 a row that
speaks, 0 one that is left out). A model is then compiled once and fitted to other data or to fewer rows: simulated
studies, one provider left out, the past up to a year (:mod:`riskmodel.program`). A row that is left out has a density
that does not depend on the parameters:

| likelihood | what a row that is left out becomes |
|---|---|
| counts | a zero whose expectation is ``NOTHING`` |
| shares | no trial |
| totals, bands | an interval, or a spread, that is as good as infinite |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

__all__ = ["NOTHING", "expected", "kept", "published"]

NOTHING = 1e-12
"""Expectation of a count that is left out."""


def published(name: str, values: np.ndarray, dims: str | Sequence[str]) -> Any:
    """Add the container ``name_data`` of a likelihood to the model on the stack and return it."""
    return pm.Data(f"{name}_data", values, dims=dims)


def kept(name: str, rows: int, dim: str) -> Any:
    """Add the mask ``name_kept`` (row,) of a likelihood to the model on the stack, all rows kept, and return it."""
    return pm.Data(f"{name}_kept", np.ones(rows), dims=dim)


def expected(mean: Any, mask: Any) -> Any:
    """Expectation of counts of which some rows are left out."""
    return pt.switch(mask > 0, mean, NOTHING)
