"""The exact integral over settled unknowns (legal questions, facts, certificates), for one host or several in turn.

Question answered: *given rates, what is the probability of an event when nobody knows how the open questions are
settled?* A path is cut into stretches m, in which host and certificates stay as they are. Within a state, pairs i =
(regime j, stretch m) have integrated hazard L_i and open with O_i = max_k 1[U_jk < p_ik]:

    E exp(-sum_i L_i O_i) = sum_{S} [prod_{i not in S} e^{-L_i}] [prod_{i in S} (1 - e^{-L_i})] P(O_i = 0 for i in S)
    P(O_i = 0 for i in S) = prod_k { a Q(S) + (1 - a) prod_j Q(S, regime j) }
    Q(S) = s (1 - max_{i in S} p_ik) + (1 - s) prod_host (1 - max_{i in S, host} p_ik)

because 1 - O is 0 or 1; all weights are positive, so nothing cancels. ``a`` is the probability that the regimes of a
state share one answer to the legal question, ``s`` that the question is one of law, common to all hosts, and not of
each host's own facts. For one segment of one host and a = 0 it reduces to the noisy-OR closed form
1 - prod_j [1 - rho_j (1 - e^{-L_j})].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from riskmodel.draws import ROUTE_GROUPS, Draws, Kept, certificate_cells, fact_cells, state_of, stretches
from riskmodel.nexus import Option, Programme

__all__ = [
    "Settled",
    "Window",
    "Windows",
    "always",
    "chances_of",
    "event",
    "expansion",
    "expect",
    "leaked",
    "nothing_opens",
    "stretched",
    "subsets",
]

Windows = Sequence[tuple[np.ndarray, np.ndarray]]
"""Joint states of lapsed authorities: weight (sample,) and hazard (regime, stretch, sample)."""
BLOCK = 2**23
"""Numbers that the weights of one state may take at a time."""
Pair = tuple[int, int]
"""(regime, stretch)."""
Pairs = tuple[Pair, ...]
State = tuple[int, ...]
"""Positions of the programmes of one state."""


@dataclass(frozen=True)
class Window:
    """Hazards over the stretches, by joint state of lapsed authorities, custody and terms."""

    weight: np.ndarray  # (sample,)
    hazard: np.ndarray  # (custody and terms, regime, stretch, sample)


@dataclass(frozen=True)
class _Mean:
    """Sum over cells of their weight, and of weight times what is shut: (sample,) and (subset, sample)."""

    weight: np.ndarray
    shut: Any

    def plus(self, weight: np.ndarray, shut: np.ndarray) -> _Mean:
        return _Mean(self.weight + weight, self.shut + weight * shut)


def _states(programmes: Sequence[Programme], reached: Sequence[int]) -> list[State]:
    """Positions of the reached programmes, grouped by state."""
    groups: dict[str, State] = {}
    for j in reached:
        groups[state_of(programmes[j])] = (*groups.get(state_of(programmes[j]), ()), j)
    return list(groups.values())


def nothing_opens(
    chance: np.ndarray | Mapping[Pair, np.ndarray],
    members: Sequence[Pair],
    same: np.ndarray,
    law: np.ndarray | float = 1.0,
    hosts: Sequence[str] = (),
) -> np.ndarray:
    """P(nothing opens for any (regime, stretch) in members): product over legal questions of the state's mixture."""
    worst: dict[int, dict[str, np.ndarray]] = {}
    for j, m in members:
        own, host = worst.setdefault(j, {}), hosts[m] if hosts else ""
        own[host] = np.maximum(own[host], chance[j, m]) if host in own else chance[j, m]

    def shut(regimes: Sequence[dict[str, np.ndarray]]) -> np.ndarray:
        """Chance that one answer, asked once for these regimes, opens nothing: (question, sample)."""
        by_host = [
            np.max([own[host] for own in regimes if host in own], axis=0)
            for host in {h: 0 for own in regimes for h in own}
        ]
        common = 1.0 - np.max(by_host, axis=0)
        return common if len(by_host) == 1 else law * common + (1.0 - law) * np.prod(1.0 - np.array(by_host), axis=0)

    every = list(worst.values())
    if len(every) == 1:
        return shut(every).prod(axis=0)
    apart = np.prod([shut([own]) for own in every], axis=0)
    return (same * shut(every) + (1.0 - same) * apart).prod(axis=0)


def subsets(pairs: Pairs) -> list[Pairs]:
    """All non-empty subsets of pairs, in the order of the expansion's weights."""
    chosen = [
        tuple(p for p, flag in zip(pairs, flags, strict=True) if flag)
        for flags in product((False, True), repeat=len(pairs))
    ]
    return chosen[1:]


def expansion(pairs: Sequence[Pair], windows: Sequence[Window]) -> np.ndarray:
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


def event(weights: np.ndarray, shut: np.ndarray, total: np.ndarray | float = 1.0) -> np.ndarray:
    """1 - E exp(-sum L O) of one state, without cancellation; total is the weight of shut: (row, sample)."""
    return np.asarray(np.einsum("krs,ks->rs", weights[1:], total - shut))


def expect(weights: np.ndarray, shut: np.ndarray) -> np.ndarray:
    """E exp(-sum L O) of one state, from what is shut by subset (subset, sample): (row, sample)."""
    return weights[0] + np.einsum("krs,ks->rs", weights[1:], shut)


def always(rate: np.ndarray, scales: np.ndarray, windows: Windows, years: np.ndarray) -> np.ndarray:
    """Probability through each regime alone if it reached in every segment: (regime, custody and terms, sample)."""
    result = np.zeros((len(rate), *scales.shape))
    for j, own in enumerate(rate):
        spent = [(factor[j] * years[:, None]).sum(axis=0) for _, factor in windows]
        same = all(np.array_equal(spent[0], other) for other in spent[1:])
        # most regimes do not change with a lapsed authority: one evaluation instead of one per window
        for weight, time in [(1.0, spent[0])] if same else zip((w for w, _ in windows), spent, strict=True):
            result[j] += weight * -np.expm1(-scales * own * time)
    return result


def stretched(option: Option, factor: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Years of each stretch in which each regime can be used: (regime, stretch, sample)."""
    return np.stack([(factor[:, m] * years[m, None]).sum(axis=1) for m in stretches(option)], axis=1)


def leaked(windows: Windows, scales: np.ndarray) -> np.ndarray:
    """Probability of an event where every regime reaches: (custody and terms, sample)."""
    return np.asarray(sum(weight * -np.expm1(-scales * hazard.sum(axis=(0, 1))) for weight, hazard in windows))


class Settled:
    """All that can be said of the settled unknowns before hazards are known: who reaches when, and how surely.

    Parameters
    ----------
    path
        One option, or several in turn: a provider with the facts of one setup and its certificates by segment. Two
        setups at one provider share facts, legal answers and the quality of certificates.

    Attributes
    ----------
    stretches
        Of each stretch of the path, its place in ``path`` and its segments there.
    reach, reach_any
        Probability that each regime, or any, reaches at some time, leaks left aside: (regime, sample) and (sample,).
    """

    def __init__(self, path: Sequence[Option], programmes: Sequence[Programme], draws: Draws) -> None:
        self.programmes, self.size = programmes, draws.size
        self.stretches = [(k, segments) for k, option in enumerate(path) for segments in stretches(option)]
        hosts = [path[k].provider_id for k, _ in self.stretches]
        same, law = draws.get("same_answer"), draws.get("same_law")
        cells = fact_cells(path, programmes, draws)
        open_in = [
            {j for j in range(len(programmes)) if any(routes[k][j] for routes in cells)} for k in range(len(path))
        ]
        self.reached = sorted(set().union(*open_in))
        states = _states(programmes, self.reached)
        self.pairs: dict[State, Pairs] = {
            members: tuple((j, m) for j in members for m, (k, _) in enumerate(self.stretches) if j in open_in[k])
            for members in {*states, *((j,) for j in self.reached)}
        }
        self.states = states
        inside = {members: subsets(pairs) for members, pairs in self.pairs.items()}
        self.alone = {  # where the subsets of one regime stand among those of its state
            (state, j): [inside[state].index(subset) for subset in inside[j,]] for state in states for j in state
        }
        self.reach, self.reach_any = np.zeros((len(programmes), draws.size)), np.zeros(draws.size)
        self.cells: list[tuple[np.ndarray, list[tuple[State, np.ndarray]]]] = []
        # what is linear in `shut` is averaged over cells before any hazard is known: each regime alone, and the cells
        # in which one state only reaches
        self.mean = {state: _Mean(np.zeros(draws.size), 0.0) for state in states}
        self.only = {state: _Mean(np.zeros(draws.size), 0.0) for state in states}
        of_use = [bool(opened) for opened in open_in]
        for quality, kept in certificate_cells(path, self.stretches, of_use, draws) if states else []:
            answers: dict[tuple[State, tuple[frozenset[str], ...]], np.ndarray] = {}
            for routes, likely in cells.items():
                parts, weight = [], quality * likely
                for state in states:
                    opened = {(j, m): routes[self.stretches[m][0]][j] for j, m in self.pairs[state]}
                    if not any(opened.values()):
                        continue
                    key = (state, tuple(opened.values()))
                    if key not in answers:
                        chances = chances_of(opened, kept, draws)
                        answers[key] = np.stack([nothing_opens(chances, i, same, law, hosts) for i in inside[state]])
                    parts.append((state, answers[key]))
                    self.mean[state] = self.mean[state].plus(weight, answers[key])
                if len(parts) == 1:
                    self.only[parts[0][0]] = self.only[parts[0][0]].plus(weight, parts[0][1])
                elif parts:
                    self.cells.append((weight, parts))
        for weight, parts in self.cells:  # in the order in which events are added, so that none is likelier than reach
            opens = np.zeros(draws.size)
            for _, shut in parts:
                opens += (1.0 - shut[-1]) * (1.0 - opens)
            self.reach_any += weight * opens
        for mean in self.only.values():
            if isinstance(mean.shut, np.ndarray):
                self.reach_any += mean.weight - mean.shut[-1]
        for state, mean in self.mean.items():
            for j in state:
                self.reach[j] = mean.weight - mean.shut[self.alone[state, j][-1]]

    def through(
        self, windows: Windows, scales: np.ndarray, *, by_regime: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Probability of an event when no host leaks: (row, sample), and through each regime alone.

        Parameters
        ----------
        windows
            Hazard (regime, stretch, sample) of each joint state of lapsed authorities; with a row in front where rows
            differ in more than a factor.
        scales
            What custody and terms leave of it: (row, sample), or (row, stretch, sample).
        """
        by_stretch = scales[:, None, None] if scales.ndim == 2 else scales[:, None]
        every = [Window(weight, by_stretch * hazard[..., self.reached, :, :]) for weight, hazard in windows]
        rows, most = len(every[0].hazard), max([2 ** len(self.pairs[state]) for state in self.states], default=1)
        step = max(1, BLOCK // (most * self.size))
        blocks = [
            self._through([Window(w.weight, w.hazard[r : r + step]) for w in every], by_regime)
            for r in range(0, rows, step)
        ]
        alone = np.concatenate([part for _, part in blocks], axis=1) if by_regime else None
        return np.concatenate([part for part, _ in blocks]), alone

    def _through(self, windows: Sequence[Window], by_regime: bool) -> tuple[np.ndarray, np.ndarray]:
        """The same for rows whose weights fit into memory."""
        wanted = self.pairs if by_regime else self.states
        place = {state: [(self.reached.index(j), m) for j, m in self.pairs[state]] for state in wanted}
        weights = {state: expansion(place[state], windows) for state in wanted}
        through = np.zeros((len(windows[0].hazard), self.size))
        alone = np.zeros((len(self.programmes) if by_regime else 0, *through.shape))
        known: dict[int, np.ndarray] = {}
        for likely, parts in self.cells:
            happens = np.zeros_like(through)
            for state, shut in parts:
                if id(shut) not in known:
                    known[id(shut)] = event(weights[state], shut)
                happens += known[id(shut)] * (1.0 - happens)
            through += likely * happens
        for state, mean in self.only.items():
            if isinstance(mean.shut, np.ndarray):
                through += event(weights[state], mean.shut, mean.weight)
        for state, mean in self.mean.items() if by_regime else ():
            for j in state:
                alone[j] = event(weights[j,], mean.shut[self.alone[state, j]], mean.weight)
        return through, alone


def chances_of(opened: Mapping[Pair, frozenset[str]], kept: Kept, draws: Draws) -> dict[Pair, np.ndarray]:
    """Chance that each legal question of a state opens, by (regime, stretch): the strongest open route of its group."""
    routes = {pair: {draws.routes.index(route) for route in mine} for pair, mine in opened.items()}
    groups = [group for group in ROUTE_GROUPS.values() if any(mine & set(group) for mine in routes.values())]
    found = {}
    for (j, m), mine in routes.items():
        chance = np.zeros((len(groups), draws.size))
        for g, group in enumerate(groups):
            for k in mine.intersection(group):
                np.maximum(chance[g], draws.reach[j, k] * (kept[m][k] if draws.certified[j] else 1.0), out=chance[g])
        found[j, m] = chance
    return found
