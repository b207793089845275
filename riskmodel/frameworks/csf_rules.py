"""The rules of the Cloud Sovereignty Framework: options, points, scores and a total; levels and a gate.

Question answered: *what does the framework make of the answers to its questions?* Eight objectives, each with a score
in per cent and a SEAL level 0 to 4. The overall level is the lowest of the eight (a gate); the total is the weighted
mean of the scores.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from riskmodel.errors import UsageError

__all__ = ["criterion_points", "objective_score", "overall_seal", "total_score"]

CRITERION = 125
"""Points of the highest option of a criterion."""
LADDERS = (4, 5)
"""Numbers of options that a criterion may have; points rise in equal steps, rounded half up."""
SEALS = (0, 1, 2, 3, 4)

ByObjective = Mapping[str, float] | pd.Series
"""A number for each objective, such as ``{"SOV-1": 33.4, ...}``."""


def criterion_points(option: int, options: int) -> int:
    """How many points does an option of a criterion carry?

    Parameters
    ----------
    option
        Place of the option chosen, from 0 (lowest) to ``options - 1``.
    options
        Number of options of the criterion, 4 or 5.

    Raises
    ------
    UsageError
        If there is no such ladder or option.

    Examples
    --------
    >>> [criterion_points(i, 4) for i in range(4)], [criterion_points(i, 5) for i in range(5)]
    ([0, 42, 83, 125], [0, 31, 63, 94, 125])
    """
    if options not in LADDERS:
        raise UsageError(f"options: {options} - must be 4 or 5, the ladders of the framework")
    if option not in range(options):
        raise UsageError(f"option: {option} - must be a whole number from 0 to {options - 1}")
    return math.floor(CRITERION * option / (options - 1) + 0.5)


def objective_score(points: Iterable[float], maximum: float = 1000.0) -> float:
    """What share of the points of an objective was reached, in per cent?

    Parameters
    ----------
    points
        Points of each criterion; missing (NaN) where it does not apply: its share of the maximum goes with it.
    maximum
        Points of all criteria together; every criterion has the same share of it.

    Raises
    ------
    UsageError
        If the maximum is not positive, no criterion applies, or points are below 0 or above a criterion's share.

    Examples
    --------
    >>> objective_score([125, 83, 42, 42, 42, 0, 0, 0])
    33.4
    """
    values = np.asarray(list(points), float)
    if not (math.isfinite(maximum) and maximum > 0):
        raise UsageError(f"maximum: {maximum} - must be more than 0 points")
    applies = ~np.isnan(values)
    if not applies.any():
        raise UsageError("points: no criterion applies - at least one must have points")
    share = maximum / len(values)
    wrong = values[applies & ~((values >= 0) & (values <= share))]
    if wrong.size:
        raise UsageError(f"points: {wrong[0]:g} - must be between 0 and {share:g}, the maximum of one criterion")
    return float(100 * values[applies].sum() / (share * applies.sum()))


def total_score(scores: ByObjective, weights: ByObjective, *, normalise: bool = False) -> float:
    """What is the weighted total, in per cent?

    Parameters
    ----------
    scores
        Score of each objective, 0 to 100; missing (NaN) where it does not apply: the other weights are scaled up.
    weights
        Weight of each of the same objectives, in per cent.
    normalise
        Whether weights of another sum are scaled to 100 instead of refused.

    Raises
    ------
    UsageError
        If objectives differ, no objective applies, a score is outside 0 to 100, or weights are negative, not finite,
        do not sum to 100, or are all 0 for what applies.

    Examples
    --------
    >>> total_score({"SOV-1": 50.0, "SOV-2": float("nan")}, {"SOV-1": 60.0, "SOV-2": 40.0})
    50.0
    """
    weight = _weights(weights, normalise)
    score = pd.Series(dict(scores), dtype=float)
    if set(score.index) != set(weight.index):
        names = sorted(set(score.index) ^ set(weight.index))
        raise UsageError(f"scores: {', '.join(names)} - scores and weights must name the same objectives")
    score = score.dropna()
    if score.empty:
        raise UsageError("scores: no objective applies - at least one must have a score")
    for name, value in score[~score.between(0, 100)].items():
        raise UsageError(f"scores: {value:g} for {name} - must be between 0 and 100")
    left = weight[score.index]
    if left.sum() == 0:
        raise UsageError("weights: 0 for every objective that applies - one must be more than 0")
    return float((score * left).sum() / left.sum())


def _weights(weights: ByObjective, normalise: bool) -> pd.Series:
    """Checked weights; their sum does not matter to what divides by it."""
    weight = pd.Series(dict(weights), dtype=float)
    for name, value in weight[~(np.isfinite(weight) & (weight >= 0))].items():
        raise UsageError(f"weights: {value} for {name} - must be 0 or more")
    total = weight.sum()
    if total == 0:
        raise UsageError("weights: sum 0 - must sum to 100")
    if not normalise and abs(total - 100) > 1e-6:
        raise UsageError(f"weights: sum {total:g} - must sum to 100, or pass normalise=True")
    return weight


def overall_seal(seals: ByObjective | Sequence[float]) -> int:
    """Which level passes the gate: the lowest of all objectives that apply.

    Parameters
    ----------
    seals
        Level of each objective, 0 to 4; missing (NaN) where it does not apply.

    Raises
    ------
    UsageError
        If no objective applies or a level is not a whole number from 0 to 4.

    Examples
    --------
    >>> overall_seal({"SOV-1": 4, "SOV-2": 4, "SOV-3": 1})
    1
    """
    values = seals.values() if isinstance(seals, Mapping) else seals
    level = pd.Series(list(values), dtype=float).dropna()
    if level.empty:
        raise UsageError("seals: no objective applies - at least one must have a level")
    for value in level[~level.isin(SEALS)]:
        raise UsageError(f"seals: {value:g} - must be a whole number from 0 to 4")
    return int(level.min())
