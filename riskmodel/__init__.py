"""Bayesian model of the exposure of hosted data to foreign legal access.

Three answers that are never merged into one score: *reach* (can a foreign law bind someone who can produce the data),
*likelihood* (probability of a disclosure within T years), *acceptability* (how authorities have judged such setups).

Names below are imported when they are first used, so that ``import riskmodel`` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "read_study": "study",
    "read_setups": "study",
    "Study": "study",
    "StudyError": "errors",
    "UsageError": "errors",
    "fit": "fit",
    "load_posterior": "fit",
    "Posterior": "fit",
    "SampleSettings": "fit",
    "Priors": "priors",
    "exposure": "exposure",
    "equal_terms": "nexus",
    "summarise": "decide",
    "compare": "decide",
    "rank": "decide",
    "tolerance": "decide",
    "drivers": "decide",
    "acceptability": "decide",
    "Finding": "decide",
    "show_versions": "_versions",
}

__all__ = ["__version__", *_HOME]

if TYPE_CHECKING:
    from riskmodel._versions import show_versions
    from riskmodel.decide import Finding, acceptability, compare, drivers, rank, summarise, tolerance
    from riskmodel.errors import StudyError, UsageError
    from riskmodel.exposure import exposure
    from riskmodel.fit import Posterior, SampleSettings, fit, load_posterior
    from riskmodel.nexus import equal_terms
    from riskmodel.priors import Priors
    from riskmodel.study import Study, read_setups, read_study


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'riskmodel' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"riskmodel.{_HOME[name]}"), name)
    globals()[name] = value  # a function may share its module's name: `rm.fit` must stay the function
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
