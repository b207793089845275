"""Acceptability: how would a regulator or a court judge a setup like this, and does any decided case resemble it?

Rulings never update reach: each run of the sampler is given one imputation of it from the posterior of the main model,
and runs are pooled (:mod:`riskmodel.model.acceptability`). Few systems were judged and they hardly differ in reach, so
much is prior-driven; a setup without a comparable decided one is called extrapolation beside every number.
"""

from riskmodel.acceptance.fitting import backtest_rulings, fit_acceptability, leave_one_system_out
from riskmodel.acceptance.judged import acceptability_of
from riskmodel.acceptance.posterior import Acceptability, load_acceptability
from riskmodel.acceptance.rulings import Rulings, build_rulings

__all__ = [
    "Acceptability",
    "Rulings",
    "acceptability_of",
    "backtest_rulings",
    "build_rulings",
    "fit_acceptability",
    "leave_one_system_out",
    "load_acceptability",
]
