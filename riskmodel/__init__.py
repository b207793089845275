"""Bayesian model of the exposure of hosted data to foreign legal access.

Three answers that are never merged into one score: *reach* (can a foreign law bind someone who can produce the data),
*likelihood* (probability of a disclosure within T years), *acceptability* (how authorities have judged such setups).

Names below are imported when they are first used, so that ``import riskmodel`` stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskmodel._lazy import lazily

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
    "suspension": "suspension",
    "portfolio": "suspension",
    "equal_terms": "nexus",
    "summarise": "decide",
    "compare": "decide",
    "rank": "decide",
    "tolerance": "decide",
    "drivers": "decide",
    "contributions": "decide",
    "calendar": "decide",
    "delay": "decide",
    "intervene": "decide",
    "value_of_information": "decide",
    "worlds": "decide",
    "regret": "decide",
    "tradeoff": "decide",
    "aggregate": "decide",
    "severity": "decide",
    "read_overrides": "overrides",
    "acceptability": "decide",
    "load_acceptability": "acceptance",
    "acceptability_of": "acceptance",
    "Finding": "decide",
    "show_versions": "_versions",
}

__all__ = ["__version__", *_HOME]

if TYPE_CHECKING:
    from riskmodel._versions import show_versions as show_versions
    from riskmodel.acceptance import acceptability_of as acceptability_of
    from riskmodel.acceptance import load_acceptability as load_acceptability
    from riskmodel.decide import Finding as Finding
    from riskmodel.decide import acceptability as acceptability
    from riskmodel.decide import aggregate as aggregate
    from riskmodel.decide import calendar as calendar
    from riskmodel.decide import compare as compare  # type: ignore[no-redef]
    from riskmodel.decide import contributions as contributions  # type: ignore[no-redef]
    from riskmodel.decide import delay as delay
    from riskmodel.decide import drivers as drivers
    from riskmodel.decide import intervene as intervene
    from riskmodel.decide import rank as rank
    from riskmodel.decide import regret as regret
    from riskmodel.decide import severity as severity  # type: ignore[no-redef]
    from riskmodel.decide import summarise as summarise
    from riskmodel.decide import tolerance as tolerance
    from riskmodel.decide import tradeoff as tradeoff
    from riskmodel.decide import value_of_information as value_of_information
    from riskmodel.decide import worlds as worlds
    from riskmodel.errors import StudyError as StudyError
    from riskmodel.errors import UsageError as UsageError
    from riskmodel.exposure import exposure as exposure
    from riskmodel.fit import Posterior as Posterior
    from riskmodel.fit import SampleSettings as SampleSettings
    from riskmodel.fit import fit as fit
    from riskmodel.fit import load_posterior as load_posterior
    from riskmodel.nexus import equal_terms as equal_terms
    from riskmodel.overrides import read_overrides as read_overrides
    from riskmodel.priors import Priors as Priors
    from riskmodel.study import Study as Study
    from riskmodel.study import read_setups as read_setups
    from riskmodel.study import read_study as read_study
    from riskmodel.suspension import portfolio as portfolio
    from riskmodel.suspension import suspension as suspension


__getattr__ = lazily(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted(__all__)
