"""The exact integral over settled unknowns: legal questions, facts, certificates and lapsed authorities of one option.

Question answered: *given rates, what is the probability of an event when nobody knows how the open questions are
settled?* Within a state, pairs i = (regime j, segment m) have integrated hazard L_i and open with
O_i = max_k 1[U_jk < p_ik]:

    E exp(-sum_i L_i O_i) = sum_{S} [prod_{i not in S} e^{-L_i}] [prod_{i in S} (1 - e^{-L_i})] P(O_i = 0 for i in S)
    P(O_i = 0 for i in S) = prod_k { a (1 - max_{i in S} p_ik) + (1 - a) prod_j (1 - max_{i in S, regime j} p_ik) }

because 1 - O is 0 or 1; all weights are positive, so nothing cancels. ``a`` is the probability that the regimes of a
state share one answer to the legal question. For one segment and a = 0 it reduces to the noisy-OR closed form
1 - prod_j [1 - rho_j (1 - e^{-L_j})].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from riskmodel.draws import ROUTE_GROUPS, Draws, Kept, Routes, certificate_cells, fact_cells, stretches
from riskmodel.nexus import Option, Programme

__all__ = ["Settled", "always", "leaked", "settle", "stretched"]


@dataclass(frozen=True)
class _Window:
    """Hazards of one option over its stretches, by joint state of lapsed authorities, custody and terms."""

    weight: np.ndarray  # (sample,)
    hazard: np.ndarray  # (custody and terms, regime, stretch, sample)


State = tuple[int, ...]
"""Positions of the programmes of one state."""


def _states(programmes: Sequence[Programme], reached: Sequence[int]) -> list[State]:
    """Positions of the reached programmes, grouped by state."""
    groups: dict[frozenset[str], State] = {}
    for j in reached:
        groups[programmes[j].countries] = (*groups.get(programmes[j].countries, ()), j)
    return list(groups.values())


def _closed(
    chance: np.ndarray | Mapping[tuple[int, int], np.ndarray], members: Sequence[tuple[int, int]], same: np.ndarray
) -> np.ndarray:
    """P(nothing opens for any (regime, stretch) in members): product over legal questions of the state's mixture."""
    regimes = sorted({j for j, _ in members})
    worst = [np.max([chance[j, m] for i, m in members if i == j], axis=0) for j in regimes]
    if len(regimes) == 1:
        return (1.0 - worst[0]).prod(axis=0)
    apart = np.prod([1.0 - w for w in worst], axis=0)
    return (same * (1.0 - np.max(worst, axis=0)) + (1.0 - same) * apart).prod(axis=0)


def _inside(pairs: Sequence[tuple[int, int]]) -> list[tuple[tuple[int, int], ...]]:
    """All non-empty subsets of pairs, in the order of the expansion's weights."""
    chosen = [
        tuple(p for p, flag in zip(pairs, flags, strict=True) if flag)
        for flags in product((False, True), repeat=len(pairs))
    ]
    return chosen[1:]


def _weights(pairs: Sequence[tuple[int, int]], windows: Sequence[_Window]) -> np.ndarray:
    """Positive weights of the expansion for every subset of pairs: (subset, custody and terms, sample)."""
    total: Any = 0.0
    for window in windows:
        gone = [-np.expm1(-window.hazard[:, j, m]) for j, m in pairs]
        terms = [
            window.weight * np.prod([g if flag else 1.0 - g for g, flag in zip(gone, flags, strict=True)], axis=0)
            for flags in product((False, True), repeat=len(pairs))
        ]
        total = total + np.stack(terms)
    return np.asarray(total)


def _expect(
    weights: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    shut: Mapping[tuple[tuple[int, int], ...], np.ndarray],
) -> np.ndarray:
    """E exp(-sum L O) of one state given the facts of a cell: (custody and terms, sample)."""
    result = weights[0].copy()
    for weight, inside in zip(weights[1:], _inside(pairs), strict=True):
        result += weight * shut[inside]
    return result


def always(
    rate: np.ndarray, scales: np.ndarray, windows: Sequence[tuple[np.ndarray, np.ndarray]], years: np.ndarray
) -> np.ndarray:
    """Probability through each regime alone if it reached in every segment: (regime, custody and terms, sample)."""
    result = np.zeros((len(rate), *scales.shape))
    for j, own in enumerate(rate):
        spent = [(factor[j] * years[:, None]).sum(axis=0) for _, factor in windows]
        same = all(np.array_equal(spent[0], other) for other in spent[1:])
        # most regimes do not change with a lapsed authority: one evaluation instead of one per window
        for weight, time in [(1.0, spent[0])] if same else zip((w for w, _ in windows), spent, strict=True):
            result[j] += weight * -np.expm1(-scales * own * time)
    return result


@dataclass(frozen=True)
class Settled:
    """What follows when every settled unknown of an option is integrated out, the leak left aside."""

    reach: np.ndarray  # (regime, sample)
    reach_any: np.ndarray  # (sample,)
    through: np.ndarray  # (custody and terms, sample): probability of an event
    alone: np.ndarray  # (regime, custody and terms, sample): through one regime alone; zeros unless asked for


def stretched(option: Option, factor: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Years of each stretch in which each regime can be used: (regime, stretch, sample)."""
    return np.stack([(factor[:, m] * years[m, None]).sum(axis=1) for m in stretches(option)], axis=1)


def leaked(windows: Sequence[tuple[np.ndarray, np.ndarray]], scales: np.ndarray) -> np.ndarray:
    """Probability of an event where every regime reaches: (custody and terms, sample)."""
    return np.asarray(sum(weight * -np.expm1(-scales * hazard.sum(axis=(0, 1))) for weight, hazard in windows))


def _chances(state: State, routes: Routes, kept: Kept, draws: Draws) -> dict[tuple[int, int], np.ndarray]:
    """Chance that each legal question of a state opens, by (regime, stretch): the strongest open route of its group."""
    opened = [{draws.routes.index(route) for route in mine} for mine in routes]
    groups = [group for group in ROUTE_GROUPS.values() if any(mine & set(group) for mine in opened)]
    found = {}
    for (j, mine), (m, left) in product(zip(state, opened, strict=True), enumerate(kept)):
        chance = np.zeros((len(groups), draws.size))
        for g, group in enumerate(groups):
            for k in mine.intersection(group):
                np.maximum(chance[g], draws.reach[j, k] * (left[k] if draws.certified[j] else 1.0), out=chance[g])
        found[j, m] = chance
    return found


def settle(
    option: Option,
    programmes: Sequence[Programme],
    draws: Draws,
    windows: Sequence[tuple[np.ndarray, np.ndarray]],
    scales: np.ndarray,
    by_regime: bool = False,
) -> Settled:
    """Integrate facts, certificates and legal questions of one option out.

    Parameters
    ----------
    windows
        Joint states of lapsed authorities: weight (sample,) and integrated hazard (regime, stretch, sample).
    scales
        What custody and terms leave of the hazard: (custody and terms, sample).
    """
    same = draws.get("same_answer")
    cells = fact_cells(option, programmes, draws)
    reached = [j for j in range(len(programmes)) if any(routes[j] for routes in cells)]
    states, parts = _states(programmes, reached), range(len(stretches(option)))
    singly = [(j,) for j in reached]
    pairs = {state: tuple((j, m) for j in state for m in parts) for state in {*states, *singly}}
    spans = [_Window(weight, scales[:, None, None] * hazard[reached]) for weight, hazard in windows]
    placed = {state: [(reached.index(j), m) for j, m in pairs[state]] for state in (pairs if by_regime else states)}
    weights = {state: _weights(place, spans) for state, place in placed.items()}
    reach, reach_any = np.zeros((len(programmes), draws.size)), np.zeros(draws.size)
    through, alone = np.zeros_like(scales), np.zeros((len(programmes), *scales.shape))
    for quality, kept in certificate_cells(option, draws) if states else []:
        answers: dict[tuple[State, Routes], tuple[Any, np.ndarray]] = {}
        weighed: dict[tuple[State, Routes], Any] = {}
        for routes, likely in cells.items():
            survival, closed = np.ones_like(through), np.ones(draws.size)
            for state in states:
                key = (state, tuple(routes[j] for j in state))
                if not any(key[1]):
                    continue
                if key not in answers:
                    chances = _chances(*key, kept, draws)
                    shut = {inside: _closed(chances, inside, same) for inside in _inside(pairs[state])}
                    answers[key] = (shut, _expect(weights[state], pairs[state], shut))
                weighed[key] = weighed.get(key, 0.0) + quality * likely
                survival *= answers[key][1]
                closed *= answers[key][0][pairs[state]]
            through += quality * likely * (1.0 - survival)
            reach_any += quality * likely * (1.0 - closed)
        for (state, routes), weight in weighed.items():
            shut, expected = answers[state, routes]
            for j in state:
                reach[j] += weight * (1.0 - shut[pairs[j,]])
                if by_regime:
                    one = expected if len(state) == 1 else _expect(weights[j,], pairs[j,], shut)
                    alone[j] += weight * (1.0 - one)
    return Settled(reach, reach_any, through, alone)
