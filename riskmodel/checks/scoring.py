"""Forecast scores: how well did draws predict what was then observed, and better than a baseline?

Draws are (draw, row), observations (row,). Scores are by row, so that two forecasts are compared on the same rows. The
log score is better when larger; CRPS and Brier score are losses, better when smaller.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Difference", "brier", "compare_scores", "crps", "interval_coverage", "log_score", "pit"]


class Difference(NamedTuple):
    """Mean of ours minus baseline over rows, and its standard error."""

    mean: float
    standard_error: float


def pit(observed: np.ndarray, drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where in its forecast distribution does each observation lie?

    The probability integral transform, spread at random over the draws that equal the observation. The observation is
    counted among the draws: if it is one more draw of the forecast, the value is exactly uniform with any number of
    draws, for counts and continuous quantities alike.

    Parameters
    ----------
    observed
        What happened: (row,).
    drawn
        Predictive draws: (draw, row).
    rng
        Chooses the place among equal draws.

    Returns
    -------
    numpy.ndarray
        Values in 0..1: (row,).

    Raises
    ------
    ValueError
        Shapes that do not fit, or a value that is not a number.

    References
    ----------
    Czado, Gneiting and Held (2009), Biometrics 65:1254-1261.

    Examples
    --------
    >>> at = pit(np.array([3]), np.array([[0], [0], [0], [1]]), np.random.default_rng(1))
    >>> bool(4 / 5 <= at[0] <= 1)
    True
    """
    _require_shapes(observed, drawn)
    below, equal = (test(drawn, observed).sum(axis=0) for test in (np.less, np.equal))
    return (below + rng.uniform(size=len(observed)) * (equal + 1)) / (len(drawn) + 1)


def log_score(log_density: np.ndarray) -> np.ndarray:
    """Log predictive probability (or density) of each observation; larger is better.

    The forecast is the mixture of what each draw of the parameters forecasts, so its probability is the mean of the
    probabilities under each draw. Unlike the share of drawn counts that equal the observation it needs no smoothing
    constant, varies less, and is zero only if every draw rules the observation out.

    Parameters
    ----------
    log_density
        Log probability of the observation given each posterior draw: (draw, row).

    Returns
    -------
    numpy.ndarray
        Natural logarithms: (row,).

    Raises
    ------
    ValueError
        Not a table, or a value that is not a number.

    References
    ----------
    Gneiting and Raftery (2007), Journal of the American Statistical Association 102:359-378; the mixture of parameters
    as estimator: Krüger, Lerch, Thorarinsdottir and Gneiting (2021), International Statistical Review 89:274-301.

    Examples
    --------
    >>> np.exp(log_score(np.log([[0.1], [0.3]]))).round(6).tolist()
    [0.2]
    """
    if log_density.ndim != 2 or not log_density.size or np.isnan(log_density).any():
        raise ValueError("log densities must be numbers (draw, row)")
    return np.logaddexp.reduce(log_density, axis=0) - np.log(len(log_density))


def crps(observed: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score: distance of forecast and observation in the unit of both; smaller is better.

    Exact for the distribution of the draws: mean distance of draws from the observation, less half the mean distance
    between draws. With one draw it is the absolute error.

    Parameters
    ----------
    observed
        What happened: (row,).
    drawn
        Predictive draws: (draw, row).

    Returns
    -------
    numpy.ndarray
        Scores of at least 0: (row,).

    Raises
    ------
    ValueError
        Shapes that do not fit, or a value that is not a number.

    References
    ----------
    Gneiting and Raftery (2007), Journal of the American Statistical Association 102:359-378, equation 21.

    Examples
    --------
    >>> crps(np.array([0.5]), np.array([[0.0], [1.0]])).tolist()
    [0.25]
    """
    _require_shapes(observed, drawn)
    size = len(drawn)
    weight = (2 * np.arange(1, size + 1) - size - 1) / size**2
    return abs(drawn - observed).mean(axis=0) - weight @ np.sort(drawn, axis=0)


def brier(probabilities: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Squared distance of forecast probabilities from what happened, summed over categories; smaller is better.

    Parameters
    ----------
    probabilities
        Forecast of each category, each row adding to 1: (row, category).
    observed
        Number of the category that happened, from 0: (row,).

    Returns
    -------
    numpy.ndarray
        Scores 0 (sure and right) to 2 (sure and wrong): (row,).

    Raises
    ------
    ValueError
        Rows that are no probabilities, or a category that was not forecast.

    References
    ----------
    Brier (1950), Monthly Weather Review 78:1-3.

    Examples
    --------
    >>> brier(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([1, 1])).tolist()
    [2.0, 0.5]
    """
    if probabilities.ndim != 2 or not (probabilities >= 0).all() or not np.allclose(probabilities.sum(axis=1), 1):
        raise ValueError("probabilities (row, category) must be at least 0, and each row must add to 1")
    categories = np.arange(probabilities.shape[1])
    if observed.shape != probabilities.shape[:1] or not np.isin(observed, categories).all():
        raise ValueError(f"observed must name one of {categories.size} categories for each row")
    return np.square(probabilities - (observed[:, None] == categories)).sum(axis=1)


def interval_coverage(observed: np.ndarray, drawn: np.ndarray, probability: float = 0.9) -> float:
    """In which share of rows does the central predictive interval hold the observation?

    The interval goes from one draw to another, ends included: at most (1 - probability) / 2 of the draws lie below it,
    and as many above. For counts it often holds more than ``probability``, so a share above it is no fault;
    :func:`pit` has no such excess.

    Parameters
    ----------
    observed
        What happened: (row,).
    drawn
        Predictive draws: (draw, row).
    probability
        Content of the equal-tailed interval.

    Returns
    -------
    float
        Share of rows.

    Raises
    ------
    ValueError
        Shapes that do not fit, or a value that is not a number.

    Examples
    --------
    >>> interval_coverage(np.array([0, 9]), np.array([[0, 0], [1, 1], [2, 2]]))
    0.5
    """
    _require_shapes(observed, drawn)
    tails = [(1 - probability) / 2, (1 + probability) / 2]
    low, high = np.quantile(drawn, tails, axis=0, method="inverted_cdf")
    return float(((low <= observed) & (observed <= high)).mean())


def compare_scores(ours: np.ndarray, baseline: np.ndarray) -> Difference:
    """Do we score better than a baseline on the same rows, by more than chance?

    Rows are paired, so what makes a row hard for both cancels. The standard error takes rows as independent and is too
    small with few rows; add up rows that belong together (half-years of one reporter) first.

    Parameters
    ----------
    ours, baseline
        Scores of the same kind on the same rows: (row,).

    Returns
    -------
    Difference
        Mean of ours minus baseline and its standard error. Above 0 is better for log scores, below 0 for losses.

    Raises
    ------
    ValueError
        Other than two rows of equal number, or a score that is not finite: an infinite log score means that a forecast
        held what happened impossible, and no mean says more than that.

    References
    ----------
    Vehtari, Gelman and Gabry (2017), Statistics and Computing 27:1413-1432, section 5.

    Examples
    --------
    >>> compare_scores(np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0, 1.0])).mean
    1.0
    """
    if ours.ndim != 1 or ours.shape != baseline.shape or len(ours) < 2:
        raise ValueError(f"two scores for each of at least two rows, not {ours.shape} and {baseline.shape}")
    if not np.isfinite([ours, baseline]).all():
        raise ValueError("scores must be finite: a forecast held what happened impossible, or a score is missing")
    gap = ours - baseline
    return Difference(float(gap.mean()), float(gap.std(ddof=1) / np.sqrt(len(gap))))


def _require_shapes(observed: np.ndarray, drawn: np.ndarray) -> None:
    """Refuse observations (row,) that do not belong to draws (draw, row), and NaN."""
    if drawn.ndim != 2 or not drawn.size or observed.shape != drawn.shape[1:]:
        raise ValueError(f"observed {observed.shape} must be the (row,) of draws {drawn.shape} (draw, row)")
    if np.isnan(drawn).any() or np.isnan(observed).any():
        raise ValueError("observed and drawn must be numbers: NaN has no score")
