"""Disputed legal questions, settled yes or no: what would each setup be exposed to, and which question divides them?

A question belongs to one state, and given facts and certificates states are independent: of each setup everything but
the state at issue is worked out once, and a question costs only its own state. The numbers are those of
:func:`riskmodel.exposure` with ``settled``.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.decide._shared import EQUAL_FACTOR, at_least_one, unknown
from riskmodel.decide.finding import Finding
from riskmodel.draws import (
    ROUTE_GROUPS,
    Draws,
    Kept,
    certificate_cells,
    contract_cells,
    fact_cells,
    legal_questions,
    questions_touched,
    rates,
    state_of,
    stretches,
)
from riskmodel.errors import UsageError
from riskmodel.exposure import authority_windows, custody_scales
from riskmodel.integral import Window, chances_of, expansion, expect, leaked, nothing_opens, stretched, subsets
from riskmodel.nexus import Option, Programme, SetupFacts, foreign_programmes, setup_facts
from riskmodel.wording import Probability, factor, percent, share_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["worlds"]

Pairs = tuple[tuple[int, int], ...]
"""(programme, stretch) of one state."""
Case = tuple[Kept, dict[tuple[int, int], frozenset[str]]]
"""What certificates leave of reach, and open routes: all that matters to one state."""
Means = tuple[float, float]
"""Predictive reach and probability."""


def worlds(
    posterior: Posterior,
    study: Study,
    *,
    questions: Sequence[str] | None = None,
    horizon_years: float = 5.0,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
    start: dt.date | None = None,
    equal_factor: float = EQUAL_FACTOR,
) -> Finding:
    """If a disputed legal question were settled, what would that mean for each setup?

    The answer is given to all programmes of the state and all providers; parameters keep their posterior, so that
    nothing else is learnt from it (the mean over samples is not conditioned on the answer).

    Parameters
    ----------
    questions
        Keys ``"STATE:route"`` of :func:`riskmodel.draws.legal_questions`; default all that touch a setup.
    posterior, study, horizon_years, setups, home, start
        As for :func:`riskmodel.exposure`.
    equal_factor
        Predictive probabilities within this factor are practically equal.

    Returns
    -------
    Finding
        One row a question, those that divide the setups most first: ``question``, ``label``, ``probability_yes`` (mean
        reach of the route, over parameters and programmes of the state), ``setups_touched``, ``pairs_reordered``
        (share of pairs of setups whose order, lower, equal or higher, depends on the answer), ``largest_factor`` (of
        the predictive probability, yes to no) with ``largest_setup``, ``smallest_factor`` and ``smallest_setup`` among
        those touched, ``horizon_years``. Detail: ``question``, ``settled`` (bool), ``setup``, ``label``, ``reach``,
        ``probability`` (predictive); setups that a question does not touch are in it, unchanged.

    Raises
    ------
    UsageError
        If there is no such question, the horizon is not positive, or ``equal_factor`` is below 1.

    Examples
    --------
    >>> import riskmodel as rm
    >>> found = worlds(rm.load_posterior(), rm.read_study(), questions=["US:parent_control"])
    >>> bool(found.table["largest_factor"][0] > 1)
    True
    """
    at_least_one(equal_factor)
    if not horizon_years > 0:
        raise UsageError(f"horizon_years: {horizon_years} - must be more than 0 years")
    labels = legal_questions(study, home)
    questions = [questions] if isinstance(questions, str) else questions
    if missing := [name for name in questions or () if name not in labels]:
        raise unknown("legal question", missing, labels)
    programmes = foreign_programmes(study, home or study.home)
    facts = setup_facts(study, setups, horizon_years=horizon_years, start=start)
    touched = frozenset().union(*(questions_touched(one, programmes) for one in facts))
    wanted = [name for name in labels if name in (touched if questions is None else questions)]
    draws = Draws(posterior, programmes)
    distinct, place = _hosts(facts, programmes, draws)
    rows, detail = [], []
    for name in wanted:
        state, _, route = name.partition(":")
        group = next(members for members in ROUTE_GROUPS.values() if draws.routes.index(route) in members)
        routes = frozenset(draws.routes[k] for k in group)  # states of one route are one question
        asks = [any(host.law.touched(state, routes) for _, host in hosts) for hosts in distinct]
        mine = [k for k, p in enumerate(place) if asks[p]]
        expected = {}
        for answer in (True, False):
            given = _given(draws, name, answer, programmes)
            each = [sum(w * np.array(host.means(state, routes, given)) for w, host in hosts) for hosts in distinct]
            means = np.array(each)[place]
            detail += [(name, answer, one.setup_id, one.label, *two) for one, two in zip(facts, means, strict=True)]
            expected[answer] = means[:, 1]
        asked = [j for j, p in enumerate(programmes) if state_of(p) == state and _opens(p, route)]
        chance = float(draws.reach[asked, draws.routes.index(route)].mean())
        divided = _divides(expected[True], expected[False], mine, facts, equal_factor)
        rows.append((name, labels[name], chance, len(mine), *divided))
    columns = ["question", "label", "probability_yes", "setups_touched", "pairs_reordered"]
    columns += ["largest_factor", "largest_setup", "smallest_factor", "smallest_setup"]
    table = pd.DataFrame(rows, columns=columns).sort_values(
        ["pairs_reordered", "largest_factor"], ascending=False, ignore_index=True, kind="stable"
    )
    table["horizon_years"] = float(horizon_years)
    long = pd.DataFrame(detail, columns=["question", "settled", "setup", "label", "reach", "probability"])
    return Finding(table, _says(table, long), long)


def _given(draws: Draws, question: str, answer: bool, programmes: Sequence[Programme]) -> Draws:
    """The same draws with one legal question settled; all but reach is shared."""
    given = copy.copy(draws)
    given.reach = draws.reach.copy()
    given.settle(question, answer, programmes)
    return given


def _opens(programme: Programme, route: str) -> bool:
    return any(route in opened for opened in programme.route_of_fact.values())


def _divides(
    yes: np.ndarray, no: np.ndarray, mine: Sequence[int], facts: Sequence[SetupFacts], equal_factor: float
) -> tuple[float, float, str | None, float, str | None]:
    """Share of pairs reordered, and largest and smallest factor among the setups touched."""
    upper = np.triu_indices(len(yes), 1)
    moved = float((_order(yes, equal_factor) != _order(no, equal_factor))[upper].mean()) if len(yes) > 1 else 0.0
    if not mine:
        return moved, float("nan"), None, float("nan"), None
    effect = yes[list(mine)] / no[list(mine)]  # a leak keeps every probability above 0
    most, least = int(effect.argmax()), int(effect.argmin())
    return moved, float(effect[most]), facts[mine[most]].setup_id, float(effect[least]), facts[mine[least]].setup_id


def _order(p: np.ndarray, equal_factor: float) -> np.ndarray:
    """-1, 0 or 1 where the row is clearly lower than, practically equal to, clearly higher than the column."""
    left, right = p[:, None], p[None]
    return (left > right * equal_factor).astype(int) - (left * equal_factor < right).astype(int)


class _Law:
    """One option in its joint states of facts and certificates (cells), and what each leaves open to a state."""

    def __init__(self, option: Option, programmes: Sequence[Programme], draws: Draws) -> None:
        parts = [(0, segments) for segments in stretches(option)]
        facts = {routes[0]: likely for routes, likely in fact_cells([option], programmes, draws).items()}
        self.reached = [j for j in range(len(programmes)) if any(routes[j] for routes in facts)]
        self.states: dict[str, Pairs] = {}
        for j in self.reached:
            name = state_of(programmes[j])
            self.states[name] = (*self.states.get(name, ()), *((j, m) for m in range(len(parts))))
        certificates = certificate_cells([option], parts, [True], draws) if self.states else []
        cells = [(q * p, kept, routes) for (q, kept), (routes, p) in product(certificates, facts.items())]
        self.likely = [likely for likely, _, _ in cells]
        self._mixture = draws.get("same_answer"), draws.get("same_law"), [option.provider_id] * len(parts)
        self.cases: dict[str, list[Case]] = {}
        self.case_of: dict[str, list[int]] = {}
        for name, pairs in self.states.items():
            keys: dict[Any, int] = {}
            cases: list[Case] = []
            place = []
            for _, kept, routes in cells:
                opened = {(j, m): routes[j] for j, m in pairs}
                key = (id(kept), tuple(opened.values()))
                if key not in keys:
                    cases.append((kept, opened))
                place.append(keys.setdefault(key, len(keys)))
            self.cases[name], self.case_of[name] = cases, place
        everything = frozenset(draws.routes)
        self.before = {name: self._shut(name, everything, draws) for name in self.states}
        self._last: tuple[Draws, list[np.ndarray | None]] | None = None

    def touched(self, state: str, routes: frozenset[str]) -> bool:
        """Whether one of the routes is open, or may be, to the state."""
        return any(mine & routes for _, opened in self.cases.get(state, ()) for mine in opened.values())

    def given(self, state: str, routes: frozenset[str], answer: Draws) -> list[np.ndarray | None]:
        """Probability that nothing opens, by case, with an answer about some routes; None where it is as before."""
        if self._last is None or self._last[0] is not answer:
            self._last = (answer, self._shut(state, routes, answer))
        return self._last[1]

    def _shut(self, state: str, routes: frozenset[str], draws: Draws) -> list[np.ndarray | None]:
        """Probability that nothing opens for any subset of a state's pairs, by case in which one of the routes is."""
        inside = subsets(self.states[state])
        found: list[np.ndarray | None] = []
        for kept, opened in self.cases[state]:
            if any(mine & routes for mine in opened.values()):
                chances = chances_of(opened, kept, draws)
                found.append(np.stack([nothing_opens(chances, subset, *self._mixture) for subset in inside]))
            else:
                found.append(None)
        return found


class _Host:
    """One provider of a setup: what stays the same when the law of one state is settled, worked out once."""

    def __init__(
        self, facts: SetupFacts, option: Option, law: _Law, programmes: Sequence[Programme], draws: Draws
    ) -> None:
        self.law = law
        years, windows = authority_windows(facts, programmes, draws)
        rate = rates(facts, option, programmes, draws)
        contract = contract_cells(facts, draws)
        scales = custody_scales(facts, option, contract, draws)
        spent = [(weight, rate[:, None] * stretched(option, used, years)) for weight, used in windows]
        self.share = np.array([weight * clause for weight in facts.custody.values() for clause, _ in contract])
        self.leak, self.leaked = draws.get("leak"), self.share @ leaked(spent, scales)
        every = [Window(weight, scales[:, None, None] * hazard) for weight, hazard in spent]
        self.weights = {state: expansion(pairs, every) for state, pairs in law.states.items()}
        self.expected = {
            state: [None if shut is None else expect(self.weights[state], shut) for shut in law.before[state]]
            for state in law.states
        }
        self._rest: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        self.before = self._mean(np.ones_like(self.leak), np.ones_like(self.leak))
        if law.states:
            self.before = self.means(next(iter(law.states)), frozenset(), draws)

    def means(self, state: str, routes: frozenset[str], answer: Draws) -> Means:
        """Predictive reach and probability, with an answer about some routes of one state."""
        if routes and not self.law.touched(state, routes):
            return self.before
        closed, survival = np.zeros_like(self.leak), np.zeros_like(self.leak)
        answered = self.law.given(state, routes, answer) if routes else [None] * len(self.law.cases[state])
        known = zip(self.law.before[state], self.expected[state], self._around(state), strict=True)
        for now, (shut, expected, (all_closed, left)) in zip(answered, known, strict=True):
            if now is not None:
                shut, expected = now, expect(self.weights[state], now)
            closed = closed + (all_closed if shut is None else all_closed * shut[-1])
            survival = survival + self.share @ (left if expected is None else left * expected)
        return self._mean(closed, survival)

    def _around(self, state: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """What facts, certificates and the law of other states leave, by case of one state: closed, and no event."""
        if state not in self._rest:
            sums: list[Any] = [(0.0, 0.0)] * len(self.law.cases[state])
            for cell, likely in enumerate(self.law.likely):
                closed, left = likely, np.broadcast_to(likely, (len(self.share), len(likely)))
                for other in self.law.states:
                    case = self.law.case_of[other][cell]
                    shut, expected = self.law.before[other][case], self.expected[other][case]
                    if other != state and shut is not None and expected is not None:
                        closed, left = closed * shut[-1], left * expected
                place = self.law.case_of[state][cell]
                sums[place] = (sums[place][0] + closed, sums[place][1] + left)
            self._rest[state] = sums
        return self._rest[state]

    def _mean(self, closed: np.ndarray, survival: np.ndarray) -> Means:
        """Reach and probability, the leak added, averaged over samples."""
        reach = self.leak + (1.0 - self.leak) * (1.0 - closed)
        return float(reach.mean()), float(((1.0 - self.leak) * (1.0 - survival) + self.leak * self.leaked).mean())


def _hosts(
    facts: Sequence[SetupFacts], programmes: Sequence[Programme], draws: Draws
) -> tuple[list[list[tuple[float, _Host]]], list[int]]:
    """Weights and providers of each distinct setup, and which of them each setup is; what is alike is made once."""
    options: list[Option] = []
    laws: list[_Law] = []
    distinct: list[SetupFacts] = []
    found: list[list[tuple[float, _Host]]] = []
    places = []
    for one in facts:
        plain = replace(one, setup_id="", label="")
        if plain not in distinct:
            distinct.append(plain)
            found.append([])
            for option in one.options:
                alone = replace(option, weight=1.0)
                if alone not in options:
                    options.append(alone)
                    laws.append(_Law(option, programmes, draws))
                host = _Host(one, option, laws[options.index(alone)], programmes, draws)
                found[-1].append((option.weight, host))
        places.append(distinct.index(plain))
    return found, places


def _says(table: pd.DataFrame, detail: pd.DataFrame) -> str:
    """What the table permits."""
    if table.empty or not table["setups_touched"].any():
        return "No legal question touches any of these setups: nothing is divided by it."
    first: Any = table.iloc[0]
    idle = int((table["pairs_reordered"] == 0).sum())
    cells = detail[(detail["question"] == first["question"]) & (detail["setup"] == first["largest_setup"])]
    p, label = cells.set_index("settled")["probability"], cells["label"].iloc[0]
    changes = share_text(first["pairs_reordered"]) if first["pairs_reordered"] else "none"
    return (
        f"Of {len(table)} legal questions, whether the {first['label']} divides the setups most: the answer changes "
        f"the order of {changes} of the pairs, and yes has a probability of {percent(first['probability_yes'])}. It "
        f"matters most for {label}: "
        f"{Probability(p[True], first['horizon_years'])} if yes, {factor(first['largest_factor'])} times the "
        f"{percent(p[False])} if no. {idle} of the questions change the order of no pair."
    )
