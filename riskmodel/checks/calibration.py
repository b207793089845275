"""Simulation-based calibration: does fitting recover what simulated the data, neither too sure nor too vague?

Draw parameters from the prior, data from the parameters, fit the data, and rank the truth among the posterior draws: if
simulator and sampler are right, every rank is equally likely (Talts et al. 2018; Modrák et al. 2023). Whether ranks are
uniform is judged by their cumulative distribution, which must stay inside a simultaneous band (Säilynoja, Bürkner and
Vehtari 2022). Draws are to be thinned until they are close to independent, or ranks pile up at both ends. A posterior
that ignores the data has uniform ranks too; the log likelihood, ranked like one more parameter, gives it away.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from riskmodel.checks.rows import Row, row

__all__ = ["Band", "calibrated", "calibration_rows", "coverage", "ecdf", "ecdf_band", "ranks"]

FAMILY_LEVEL = 0.99
COVERAGE_OF = 0.9
COVERAGE_WITHIN = (0.86, 0.94)
_BISECTIONS = 30  # of log gamma: far below the distance at which a bound moves by one simulation


class Band(NamedTuple):
    """Where the cumulative distribution of uniform ranks lies: ``grid``, ``lower``, ``upper``, all in 0..1."""

    grid: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def ranks(truth: np.ndarray, draws: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How many posterior draws lie below the truth?

    Parameters
    ----------
    truth
        What each simulation started from: (simulation, parameter).
    draws
        Posterior draws given that simulation's data: (simulation, draw, parameter).
    rng
        Breaks ties at random, so that a constant has uniform ranks too.

    Returns
    -------
    numpy.ndarray
        Integers 0..draws: (simulation, parameter).

    Raises
    ------
    ValueError
        Shapes that do not fit, or a value that is not a number.

    Examples
    --------
    >>> ranks(np.array([[2.5]]), np.array([[[1.0], [2.0], [3.0]]]), np.random.default_rng(1)).tolist()
    [[2]]
    """
    if draws.ndim != 3 or truth.shape != (draws.shape[0], draws.shape[2]):
        raise ValueError(f"truth {truth.shape} must be (simulation, parameter) of draws {draws.shape}")
    if np.isnan(truth).any() or np.isnan(draws).any():
        raise ValueError("truth and draws must be numbers: NaN has no rank")
    below, tied = (test(draws, truth[:, None, :]).sum(axis=1) for test in (np.less, np.equal))
    return below + rng.integers(0, tied, endpoint=True)


def ecdf(ranks: np.ndarray, draws: int, grid: np.ndarray) -> np.ndarray:
    """Share of simulations whose rank lies below each point of the grid.

    Parameters
    ----------
    ranks
        Integers 0..draws: (simulation, parameter).
    draws
        Number of draws that the truth was ranked among.
    grid
        Points in 0..1, a rank r being the cell from r / (draws + 1) to (r + 1) / (draws + 1).

    Returns
    -------
    numpy.ndarray
        Shares (point, parameter); uniform ranks have the expectation ``grid`` at the points of :func:`ecdf_band`.
    """
    middle = np.sort((ranks + 0.5) / (draws + 1), axis=0)
    return np.stack([np.searchsorted(column, grid) for column in middle.T], axis=1) / len(ranks)


@lru_cache(maxsize=64)
def ecdf_band(simulations: int, draws: int, level: float) -> Band:
    """Between which bounds does the cumulative distribution of uniform ranks stay, everywhere at once?

    Pointwise central binomial intervals, all with the same tail probability gamma; gamma is the largest for which the
    whole curve stays inside with at least the probability asked for. That probability is computed exactly, not
    simulated, so levels very close to 1 are as good as any other.

    Parameters
    ----------
    simulations
        Number of ranks, at least 2.
    draws
        Number of draws that the truth was ranked among; ranks are 0..draws.
    level
        Probability that uniform ranks of one parameter stay inside; counts are whole, so it is slightly exceeded.

    Returns
    -------
    Band
        Bounds included; at most min(simulations, draws + 1) - 1 points, each the end of a rank's cell. Read-only.

    Raises
    ------
    ValueError
        A level outside 0..1, fewer than two simulations or no draws.

    References
    ----------
    Säilynoja, Bürkner and Vehtari (2022), Statistics and Computing 32:32, section 2; the recursion as convolutions of
    Poisson counts that are given their total is due to Moscovich and Nadler (2017), Statistics & Probability Letters
    123.

    Examples
    --------
    >>> band = ecdf_band(100, 99, 0.95)
    >>> float(band.grid[49]), float(band.lower[49]), float(band.upper[49])
    (0.5, 0.36, 0.64)
    """
    if not 0 < level < 1 or simulations < 2 or draws < 1:
        raise ValueError(f"no band of level {level} from {simulations} simulations and {draws} draws")
    cells = min(simulations, draws + 1)
    grid = np.round(np.linspace(0, draws + 1, cells + 1))[1:-1] / (draws + 1)
    log_factorial = _log_factorials(simulations)
    count = np.arange(simulations + 1)
    share = np.exp(
        log_factorial[-1]
        - (log_factorial + log_factorial[::-1])
        + count * np.log(grid)[:, None]
        + count[::-1] * np.log1p(-grid)[:, None]
    )
    at_most, at_least = share.cumsum(axis=1), share[:, ::-1].cumsum(axis=1)

    def bounds(log_gamma: float) -> tuple[np.ndarray, np.ndarray]:
        tail = np.exp(log_gamma) / 2
        return (at_most <= tail).sum(axis=1), simulations - (at_least <= tail).sum(axis=1)

    wide, narrow = np.log((1 - level) / cells), 0.0  # the union bound holds the level; gamma 1 is the median alone
    for _ in range(_BISECTIONS):
        middle = (wide + narrow) / 2
        if _stay_inside(grid, *bounds(middle), simulations) >= level:
            wide = middle
        else:
            narrow = middle
    band = Band(grid, *(bound / simulations for bound in bounds(wide)))
    for values in band:
        values.flags.writeable = False
    return band


def _log_factorials(largest: int) -> np.ndarray:
    """Logarithms of 0!, 1!, ..., largest!."""
    return np.concatenate([[0.0], np.log(np.arange(1, largest + 1)).cumsum()])


def _stay_inside(grid: np.ndarray, lower: np.ndarray, upper: np.ndarray, size: int) -> float:
    """Probability that the counts of ``size`` uniform values below each grid point stay inside counts, bounds included.

    Counts of cells are independent Poisson counts given that their total is ``size``: convolve cell by cell, cut at the
    bounds, divide by the probability of the total.
    """
    log_factorial = _log_factorials(size)

    def poisson(mean: float, largest: int) -> np.ndarray:
        return np.exp(np.arange(largest + 1) * np.log(mean) - mean - log_factorial[: largest + 1])

    inside, low = np.ones(1), 0
    means = size * np.diff(grid, prepend=0.0, append=1.0)
    for mean, next_low, next_high in zip(means, [*lower, size], [*upper, size], strict=True):
        reached = np.convolve(inside, poisson(mean, next_high - low))
        inside, low = reached[next_low - low : next_high - low + 1], next_low
    return float(inside[0] / poisson(size, size)[-1])


def calibrated(
    ranks: np.ndarray, draws: int, family_level: float = FAMILY_LEVEL, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Which parameters have ranks that are not uniform?

    Each of P parameters gets a band of level 1 - (1 - family_level) / P (Bonferroni). If all ranks are uniform, all
    stay inside with at least the probability ``family_level``, whatever the dependence between parameters.

    Parameters
    ----------
    ranks
        Integers 0..draws: (simulation, parameter).
    draws
        Number of draws that the truth was ranked among.
    family_level
        Probability that no calibrated parameter is flagged.
    names
        Names of the parameters; their numbers when not given.

    Returns
    -------
    pandas.DataFrame
        A row a parameter: ``parameter``; ``excess``, the largest distance from the middle of the band in half-widths
        (above 1 is outside); ``z``, the mean rank in standard errors (positive: the truth lies above the posterior);
        ``inside``.

    Raises
    ------
    ValueError
        Ranks that are not a table of whole numbers 0..draws, or too few of them for a band.
    """
    _require_ranks(ranks, draws)
    simulations, parameters = ranks.shape
    grid, lower, upper = ecdf_band(simulations, draws, 1 - (1 - family_level) / parameters)
    curve = ecdf(ranks, draws, grid)
    lower, upper = lower[:, None], upper[:, None]
    half_width = np.maximum(upper - lower, 1 / simulations) / 2
    error = np.sqrt(draws * (draws + 2) / 12 / simulations)
    return pd.DataFrame(
        {
            "parameter": range(parameters) if names is None else list(names),
            "excess": (abs(curve - (lower + upper) / 2) / half_width).max(axis=0),
            "z": (ranks.mean(axis=0) - draws / 2) / error,
            "inside": ((curve >= lower) & (curve <= upper)).all(axis=0),
        }
    )


def coverage(ranks: np.ndarray, draws: int, probability: float = COVERAGE_OF) -> tuple[np.ndarray, float]:
    """In which share of simulations does the central posterior interval hold the truth?

    A rank whose cell straddles an end of the interval counts in part: uniform ranks then have exactly the expectation
    ``probability`` with any number of draws.

    Parameters
    ----------
    ranks
        Integers 0..draws: (simulation, parameter).
    draws
        Number of draws that the truth was ranked among.
    probability
        Content of the equal-tailed interval.

    Returns
    -------
    tuple
        Shares by parameter, and over all simulations and parameters.

    Raises
    ------
    ValueError
        Ranks that are not a table of whole numbers 0..draws.

    Examples
    --------
    >>> by_parameter, overall = coverage(np.arange(100)[:, None], 99)
    >>> round(overall, 6)
    0.9
    """
    _require_ranks(ranks, draws)
    low, high = (np.array([-probability, probability]) + 1) / 2 * (draws + 1)
    held = (np.clip(ranks + 1, low, high) - np.clip(ranks, low, high)).mean(axis=0)
    return held, float(held.mean())


def _require_ranks(ranks: np.ndarray, draws: int) -> None:
    """Refuse what is no table of ranks."""
    if ranks.ndim != 2 or not ranks.size or not np.issubdtype(ranks.dtype, np.integer):
        raise ValueError(f"ranks must be whole numbers (simulation, parameter), not {ranks.dtype} {ranks.shape}")
    if ranks.min() < 0 or ranks.max() > draws:
        raise ValueError(f"ranks among {draws} draws lie in 0..{draws}, not {ranks.min()}..{ranks.max()}")


def calibration_rows(ranks: np.ndarray, draws: int) -> list[Row]:
    """May the sampler be trusted on this model? Two rows of a checks table.

    Parameters
    ----------
    ranks
        Integers 0..draws: (simulation, parameter).
    draws
        Number of draws that the truth was ranked among.

    Returns
    -------
    list of rows
        Parameters outside the band of family-wise level 99 %, and the share of 90 % intervals that hold the truth.

    Raises
    ------
    ValueError
        As :func:`calibrated`.
    """
    outside = int((~calibrated(ranks, draws)["inside"]).sum())
    _, held = coverage(ranks, draws)
    low, high = COVERAGE_WITHIN
    return [
        row(
            f"SBC, parameters outside the {FAMILY_LEVEL:.0%} band".replace("%", " %"),
            float(outside),
            "= 0",
            outside == 0,
            "true values rank evenly among the draws fitted to their data",
        ),
        row(
            f"SBC, coverage of {COVERAGE_OF:.0%} intervals".replace("%", " %"),
            held,
            f"{low} to {high}",
            low <= held <= high,
            "intervals hold the true value as often as they say",
        ),
    ]
