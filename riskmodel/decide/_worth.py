"""What is it worth to know something before choosing? The arithmetic, on arrays of losses.

The decision is to take the option with the least expected loss. The value of a piece of information is how much lower
the expected loss becomes when the choice may wait for it (Raiffa and Schlaifer 1961); it is 0 when no answer would
change the choice.

Answers that are one of several are enumerated. Everything at once is a mean over samples. Parameters are regressed:
the expected loss of each option given some parameters is fitted on four fifths of the samples and the choice that
follows is judged on the other fifth, so that a fit that follows noise loses instead of gaining. Such a value is what a
rule that can be stated would have gained: a lower bound, apart from the error of sampling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from riskmodel.errors import UsageError

__all__ = ["Value", "answered", "error_of", "evpi", "evppi", "evsi_binary", "ranks"]

FOLDS = 5
"""Parts into which samples are split: choices are judged on one, regressed on the others."""
KEPT = 6
"""Entries of an unknown that a regression keeps: those that go most with the differences between options."""
KNOTS = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)
"""Quantiles between which the regression is a straight line in each entry."""
RIDGE = 1e-6
BLOCK = 64
DISCRETE = 20
"""An unknown with at most so many distinct values is conditioned on exactly."""


class Value(float):
    """A value of information, in the units of the loss.

    Attributes
    ----------
    error
        Standard error of Monte Carlo, draws taken as independent.
    changes
        Probability that the choice changes.
    option
        Position of the option it changes to most often; None when it never changes.
    """

    error: float
    changes: float
    option: int | None

    def __new__(cls, value: float, error: float = 0.0, changes: float = 0.0, option: int | None = None) -> Value:
        """Return a number that carries its error."""
        self = super().__new__(cls, value)
        self.error, self.changes, self.option = error, changes, option
        return self

    def within(self, bound: float) -> Value:
        """Return the same between 0 and what theory allows; a value of 0 changes no choice."""
        kept = min(max(float(self), 0.0), bound)
        return Value(kept, self.error, self.changes, self.option) if kept > 0 else Value(0.0, self.error)


def evpi(loss: np.ndarray, best: int | None = None) -> Value:
    """Expected value of perfect information: what would knowing the sample before choosing be worth?

    Parameters
    ----------
    loss
        (sample, option), less is better.
    best
        Option taken without the information; default the one with the least mean loss.

    Returns
    -------
    Value
        In the units of the loss, 0 or more.

    Raises
    ------
    UsageError
        If the loss is not a table of finite numbers.

    Examples
    --------
    >>> float(evpi(np.array([[0.0, 1.0], [3.0, 1.0]])))
    0.5
    """
    loss = _table(loss)
    now = int(loss.mean(axis=0).argmin()) if best is None else best
    order = loss.mean(axis=0).argsort(kind="stable")  # of equals the one that is better on the whole
    picked = np.where(loss[:, now] <= loss.min(axis=1), now, order[loss[:, order].argmin(axis=1)])
    return _gained(loss, picked, now)


def evppi(loss: np.ndarray, unknown: np.ndarray, *, best: int | None = None) -> Value:
    """Expected value of perfect information about some of the unknowns, the rest staying unknown.

    Parameters
    ----------
    loss
        (sample, option), less is better.
    unknown
        (sample,) or (sample, entry). With at most 20 distinct values it is conditioned on exactly. Otherwise the loss
        of each option is regressed on lines between quantiles of the six entries that matter most, and their products;
        choices are judged on samples that the regression has not seen.
    best
        Option taken without the information; default the one with the least mean loss.

    Returns
    -------
    Value
        In the units of the loss, between 0 and :func:`evpi`.

    Raises
    ------
    UsageError
        If shapes disagree, numbers are not finite, or samples are too few to regress on (fewer than 50).

    Examples
    --------
    >>> answer = np.array([0, 0, 1, 1])
    >>> round(evppi(np.array([[0.0, 2.0], [1.0, 2.0], [3.0, 2.0], [4.0, 2.0]]), answer), 3)
    0.75
    """
    loss = _table(loss)
    known = np.asarray(unknown, dtype=float)
    known = known[:, None] if known.ndim == 1 else known
    if known.ndim != 2 or len(known) != len(loss):
        raise UsageError(f"unknown: shape {np.shape(unknown)} - must have the {len(loss)} samples of the loss first")
    if not np.isfinite(known).all():
        raise UsageError("unknown: must hold finite numbers only")
    now = int(loss.mean(axis=0).argmin()) if best is None else best
    values, groups = np.unique(known, axis=0, return_inverse=True)
    if len(values) <= DISCRETE:
        sums = np.stack([np.bincount(groups.ravel(), column) for column in loss.T], axis=1)
        picked = np.where(sums[:, now] <= sums.min(axis=1), now, sums.argmin(axis=1))[groups.ravel()]
    else:
        if len(loss) < 50:
            raise UsageError(f"loss: {len(loss)} samples - must be 50 or more to regress on an unknown")
        picked = _regressed(loss, known, now)
    return _gained(loss, picked, now).within(evpi(loss, now))


def evsi_binary(
    loss_if_yes: np.ndarray,
    loss_if_no: np.ndarray,
    prior: float | np.ndarray,
    sensitivity: float = 1.0,
    specificity: float = 1.0,
    best: int | None = None,
) -> Value:
    """Expected value of an imperfect answer to a yes-or-no question (an opinion, a test, an audit).

    Parameters
    ----------
    loss_if_yes, loss_if_no
        (option,) or (sample, option), when the truth is yes and no.
    prior
        Probability of yes, one number or (sample,).
    sensitivity, specificity
        Probability that the answer is right when the truth is yes, and when it is no; 1 and 1: a perfect answer.
    best
        Option taken without the answer; default the one with the least expected loss.

    Returns
    -------
    Value
        In the units of the loss, 0 or more.

    Raises
    ------
    UsageError
        If a probability is not between 0 and 1, or a loss is not finite.

    Examples
    --------
    >>> yes, no = np.array([4.0, 1.0]), np.array([0.0, 1.0])
    >>> float(evsi_binary(yes, no, 0.5)), float(evsi_binary(yes, no, 0.5, 0.5, 0.5))
    (0.5, 0.0)
    """
    yes, no = _table(np.atleast_2d(loss_if_yes)), _table(np.atleast_2d(loss_if_no))
    for name, value in (("prior", prior), ("sensitivity", sensitivity), ("specificity", specificity)):
        if not ((np.asarray(value) >= 0) & (np.asarray(value) <= 1)).all():
            raise UsageError(f"{name}: {value} - must be between 0 and 1")
    likely = np.reshape(np.asarray(prior, dtype=float), (-1, 1))
    said_yes = sensitivity * likely * yes + (1.0 - specificity) * (1.0 - likely) * no
    said_no = (1.0 - sensitivity) * likely * yes + specificity * (1.0 - likely) * no
    chance = float((sensitivity * likely + (1.0 - specificity) * (1.0 - likely)).mean())
    return answered([said_yes, said_no], [chance, 1.0 - chance], best)


def answered(losses: Sequence[np.ndarray], chances: Sequence[float], best: int | None = None) -> Value:
    """Value of an answer that is one of several.

    Parameters
    ----------
    losses
        One table (sample, option) an answer: loss given the answer times its probability in the sample. Their sum is
        the loss without the answer.
    chances
        Probability of each answer.
    """
    total = sum(losses)
    assert isinstance(total, np.ndarray)
    now = int(total.mean(axis=0).argmin()) if best is None else best
    means = np.stack([loss.mean(axis=0) for loss in losses])
    # a tie up to rounding changes nothing
    picked = np.where(means[:, now] <= means.min(axis=1) * (1 + 1e-12), now, means.argmin(axis=1))
    gain = total[:, now] - sum(loss[:, option] for loss, option in zip(losses, picked, strict=True))
    moved = {int(k): sum(c for c, p in zip(chances, picked, strict=True) if p == k) for k in picked if k != now}
    value = Value(gain.mean(), error_of(gain), sum(moved.values()), max(moved, key=moved.__getitem__, default=None))
    return value.within(math.inf)


def _table(loss: np.ndarray) -> np.ndarray:
    """Return a loss as floats (sample, option), or say what is wrong with it."""
    found = np.asarray(loss, dtype=float)
    if found.ndim != 2 or not found.size:
        raise UsageError(f"loss: shape {found.shape} - must be a table of samples by options")
    if not np.isfinite(found).all():
        raise UsageError("loss: must hold finite numbers only")
    return found


def _gained(loss: np.ndarray, picked: np.ndarray, now: int) -> Value:
    """Mean gain of a choice made sample by sample over the choice made now; below 0 where noise was followed."""
    gain = loss[:, now] - loss[np.arange(len(loss)), picked]
    others = np.bincount(picked[picked != now], minlength=1)
    return Value(
        gain.mean(), error_of(gain), float((picked != now).mean()), int(others.argmax()) if others.any() else None
    )


def error_of(gain: np.ndarray) -> float:
    return float(gain.std() / math.sqrt(len(gain)))


def _regressed(loss: np.ndarray, known: np.ndarray, now: int) -> np.ndarray:
    """Choice for each sample from a regression on the samples of the other folds: (sample,)."""
    against = loss - loss[:, [now]]  # what all options share is no matter of choice
    known = known[:, known.std(axis=0) > 0]
    places = np.stack([ranks(entry) for entry in known.T], axis=1)
    part = np.random.default_rng(0).permutation(len(loss)) % FOLDS
    fitted, mean = np.empty_like(loss), np.empty_like(loss)
    keep = max(1, min(KEPT, known.shape[1], len(loss) // 100))
    bases: dict[tuple[int, ...], np.ndarray] = {}
    for fold in range(FOLDS):
        seen = part != fold
        mean[~seen] = against[seen].mean(axis=0)
        centred, spread = places[seen] - places[seen].mean(axis=0), against[seen].std(axis=0)
        slopes = _cross(centred, against[seen] - against[seen].mean(axis=0)) / np.where(spread > 0, spread, np.inf)
        chosen = tuple(sorted(np.abs(slopes).max(axis=1).argsort()[::-1][:keep]))
        if chosen not in bases:
            bases[chosen] = _basis(places[:, chosen])
        basis = bases[chosen]
        square = _cross(basis[seen], basis[seen])
        square[np.diag_indices_from(square)] += RIDGE * seen.sum()
        slope = np.linalg.solve(square, _cross(basis[seen], against[seen]))
        fitted[~seen] = np.einsum("nk,ko->no", basis[~seen], slope)
    # a fit that does worse on unseen samples than the mean says nothing of its option
    worse = np.square(against - fitted).sum(axis=0) >= np.square(against - mean).sum(axis=0)
    return np.asarray(np.where(worse, np.maximum(mean, 0.0), fitted).argmin(axis=1))


def _cross(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Product of the transposed left with the right, added up over blocks of rows.

    Products this small stay on one thread; threads that wait for a busy core made the whole ten times slower.
    """
    padded = (np.pad(m, ((0, -len(m) % BLOCK), (0, 0))).reshape(-1, BLOCK, m.shape[1]) for m in (left, right))
    a, b = padded
    return np.asarray(np.matmul(a.transpose(0, 2, 1), b).sum(axis=0))


def ranks(entry: np.ndarray) -> np.ndarray:
    """Ranks between 0 and 1, the mean rank where values are equal."""
    order = entry.argsort(kind="stable")
    fresh = np.diff(entry[order], prepend=np.nan) != 0
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(entry))
    found = np.empty(len(entry))
    found[order] = ((first + last) / (2 * len(entry)))[fresh.cumsum() - 1]
    return found


def _basis(ranks: np.ndarray) -> np.ndarray:
    """Linear B-splines of normal scores, and products of pairs of entries: (sample, column)."""
    scores = (ranks**0.135 - (1.0 - ranks) ** 0.135) / 0.1975  # about the quantiles of a standard Normal
    columns = [np.ones(len(ranks))]
    for entry in scores.T:
        knots = np.unique(np.quantile(entry, KNOTS))
        columns += [np.interp(entry, knots, np.eye(len(knots))[k]) for k in range(1, len(knots))]
    columns += [a * b for a, b in combinations(scores.T, 2)]
    return np.stack(columns, axis=1)
