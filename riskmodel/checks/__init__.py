"""Checks: may this posterior be used, is the sampler calibrated, and do forecasts beat a baseline?

:mod:`~riskmodel.checks.convergence` looks at the chains of one fit, :mod:`~riskmodel.checks.calibration` at many fits
to simulated data, :mod:`~riskmodel.checks.scoring` at forecasts of what was observed. Rows of
:mod:`~riskmodel.checks.rows` carry the verdicts.
"""

from riskmodel.checks.calibration import Band, calibrated, calibration_rows, coverage, ecdf, ecdf_band, ranks
from riskmodel.checks.convergence import convergence
from riskmodel.checks.rows import Row, passed, row
from riskmodel.checks.scoring import (
    Difference,
    brier,
    compare_scores,
    crps,
    interval_coverage,
    log_score,
    pit,
)

__all__ = [
    "Band",
    "Difference",
    "Row",
    "brier",
    "calibrated",
    "calibration_rows",
    "compare_scores",
    "convergence",
    "coverage",
    "crps",
    "ecdf",
    "ecdf_band",
    "interval_coverage",
    "log_score",
    "passed",
    "pit",
    "ranks",
    "row",
]
