"""Interventions: what if keys move outside, a clause is added, a subsidiary is sold, a certificate arrives or lapses?

Question answered: *which change lowers the exposure of this setup, by how much, and which cheapest set of changes meets
a tolerance?* The same draws are moved: providers keep their ids, so that everything drawn by their names stays as it is
and a difference is the change alone. A change holds over the whole horizon; what putting it into effect takes is not
modelled.
"""

from __future__ import annotations

import datetime as dt
import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.decide._case import Case, edited, first_case
from riskmodel.decide._interventions import Change, catalogue, made_up, refused
from riskmodel.decide._shared import EQUAL_FACTOR, HIGH, LOW, at_least_one, quotient, ratios, unknown
from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError
from riskmodel.exposure import exposure, thinned
from riskmodel.nexus._rows import records
from riskmodel.wording import Probability, factor, percent, ratios_between, share_text, years_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["intervene"]

TOGETHER = "together"
"""Name of the row of all given changes at once."""
SAME = 1e-3
"""A change of the predictive probability by less than this share makes no difference."""
Chosen = tuple[str, ...]
"""Ids of the changes of a set, in the order in which they are made."""
Scores = dict[str, np.ndarray]


def intervene(
    posterior: Posterior,
    study: Study,
    setup: str,
    changes: Sequence[str] | Mapping[str, Any] | None = None,
    *,
    tolerance: float | None = None,
    costs: Mapping[str, float] | None = None,
    equal_factor: float = EQUAL_FACTOR,
    horizon_years: float = 5.0,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
    start: dt.date | None = None,
) -> Finding:
    """What does each change do to the exposure of a setup, and which cheapest set of them meets a tolerance?

    Parameters
    ----------
    setup
        Id of the setup that changes.
    changes
        None: every change of the catalogue (``data/interventions.csv``) that applies. Ids of the catalogue. Or changes
        of one's own by name: columns of the setup's row (``{"key_custody": "client_side"}``), a table and its columns
        (``("providers", {"licensor_access": "none"})``, likewise ``ownership``, ``certifications``,
        ``contract_terms``), or a list of those; the infrastructure that the provider runs on changes with it. Given
        ones are also made together, or, with a tolerance, are the choice to search in.
    tolerance
        Tolerated predictive probability over the horizon: the cheapest set of changes below it is searched.
    costs
        Cost of changes by name, 0 or more in any unit; 1 for those not named.
    equal_factor
        Probabilities within this factor count as practically equal.
    posterior, study, horizon_years, setups, home, start
        As for :func:`riskmodel.exposure`.

    Returns
    -------
    Finding
        One row a change, the largest reduction first, all given ones together last: ``change``, ``label``, ``actor``,
        ``cost``; ``reach_before``, ``reach_after``, ``probability_before``, ``probability_after`` (predictive, over
        ``horizon_years``), each probability with ``_low`` and ``_high`` (90 % equal-tailed over parameters);
        ``difference`` (after less before) and ``ratio`` (after to before) of predictive means, with
        ``difference_low``/``_high`` and ``ratio_median``/``_low``/``_high`` over parameters; ``lower``, ``equal``,
        ``higher`` over parameters and ``world_lower``, ``world_equal``, ``world_higher`` over worlds. With a tolerance
        also ``meets_tolerance``, and ``detail``: the sets that were scored, ``changes``, ``labels``, ``number``,
        ``cost``, ``probability``, ``meets_tolerance``, ``role`` (``tried``; ``bound``: the most that a branch of the
        search could reach) and ``chosen``.

    Raises
    ------
    UsageError
        If the setup or a change is unknown, a change contradicts the setup, two changes to be made together set the
        same thing, the tolerance is not between 0 and 1, or a cost is negative or belongs to no change.

    Notes
    -----
    The search goes by cost and is exact where more protection never raises exposure, which holds by construction of the
    model: a branch is left when all that it could still add leaves the setup at or above the tolerance. Changes that
    raise the probability are not searched.

    Examples
    --------
    >>> import riskmodel as rm
    >>> found = intervene(rm.load_posterior(), rm.read_study(), "HDH_AZURE", ["keys_external"])
    >>> bool(found.table["ratio"][0] < 1)
    True
    """
    if tolerance is not None and not 0 < tolerance < 1:
        raise UsageError(f"tolerance: {tolerance} - must be between 0 and 1")
    if not 0 < horizon_years < math.inf:
        raise UsageError(f"horizon_years: {horizon_years} - must be more than 0 years")
    at_least_one(equal_factor)
    row, offered = _row(study, setups, setup), _offered(study, setup, changes)
    named = [str(value) for change in offered.values() for cells in change.cells.values() for value in cells.values()]
    case = first_case(study, row, home or study.home, start or study.as_of, named)
    bench = _Bench(posterior, case, offered, _prices(offered, costs), horizon_years)
    rows: list[Chosen] = [(name,) for name in offered if bench.refusal((), name) is None]
    if changes is not None and tolerance is None and len(every := bench.made(offered)) > 1:
        rows.append(every)
    before, *after = bench.scores([(), *rows])
    table = _table(bench, rows, before, after, equal_factor)
    text = _said(table, str(case.row["label"]), horizon_years)
    if tolerance is None:
        return Finding(table, text)
    chosen, tried = _cheapest(bench, table, tolerance, given=changes is not None)
    meets = table["probability_after"] < tolerance
    return Finding(table.assign(meets_tolerance=meets), f"{text} {_set_said(bench, chosen, tried, tolerance)}", tried)


def _row(study: Study, setups: pd.DataFrame | None, setup: str) -> dict[str, Any]:
    """The row of a setup, with every column of the study's table."""
    table = study["setups"] if setups is None else setups
    rows = {str(row["setup_id"]): row for row in records(table)}
    if setup not in rows:
        raise unknown("setup", [setup], rows)
    row = {column: rows[setup].get(column) for column in study.tables["setups"].columns}
    return {**row, "label": row["label"] or setup}


def _offered(study: Study, setup: str, changes: Sequence[str] | Mapping[str, Any] | None) -> dict[str, Change]:
    """The changes that are asked for, by name."""
    if isinstance(changes, Mapping):
        return {name: made_up(study, setup, name, edits) for name, edits in changes.items()}
    every = catalogue(study)
    names = list(every) if changes is None else [changes] if isinstance(changes, str) else list(dict.fromkeys(changes))
    if missing := [name for name in names if name not in every]:
        raise unknown("change", missing, every)
    return {name: every[name] for name in names}


def _prices(offered: Mapping[str, Change], costs: Mapping[str, float] | None) -> dict[str, float]:
    """Cost of each change, 1 unless given."""
    if missing := [name for name in costs or {} if name not in offered]:
        raise unknown("change in costs", missing, offered)
    for name, cost in (costs or {}).items():
        if not 0 <= cost < math.inf:
            raise UsageError(f"costs: {name} {cost} - must be 0 or more")
    return {name: float((costs or {}).get(name, 1.0)) for name in offered}


@dataclass
class _Bench:
    """Sets of changes made to one setup, and what they leave of its exposure; each is made and scored once."""

    posterior: Posterior
    start: Case
    offered: Mapping[str, Change]
    prices: Mapping[str, float]
    horizon_years: float

    def __post_init__(self) -> None:
        self._cases: dict[Chosen, Case] = {(): self.start}
        self._means: dict[frozenset[str], float] = {}

    def case(self, chosen: Chosen) -> Case:
        """The setup after these changes, made in this order."""
        if chosen not in self._cases:
            self._cases[chosen] = edited(self.case(chosen[:-1]), self.offered[chosen[-1]].cells)
        return self._cases[chosen]

    def refusal(self, chosen: Chosen, name: str) -> UsageError | None:
        """Why a change cannot be made after others; None if it can."""
        for other in chosen:
            if both := self.offered[other].touches & self.offered[name].touches:
                table, what = min(both)
                return UsageError(f"setup {self.start.name}, changes {other}, {name}: both set {what} of {table}")
        return refused(self.case(chosen), self.offered[name])

    def made(self, names: Iterable[str]) -> Chosen:
        """All of these changes, in an order in which they can be made.

        Raises
        ------
        UsageError
            Of the first one that cannot be made beside the others.
        """
        chosen: Chosen = ()
        left = list(names)
        while left:
            refusals = {name: self.refusal(chosen, name) for name in left}
            free = next((name for name, error in refusals.items() if error is None), None)
            if free is None:
                raise refusals[left[0]] or UsageError(left[0])
            chosen = (*chosen, free)
            left.remove(free)
        return chosen

    def extended(self, chosen: Chosen, names: Iterable[str]) -> Chosen:
        """These changes and, of further ones, each that can still be made."""
        for name in names:
            if self.refusal(chosen, name) is None:
                chosen = (*chosen, name)
        return chosen

    def scores(self, sets: Sequence[Chosen]) -> list[Scores]:
        """Reach and probability over parameters and worlds of each set, each (sample,)."""
        found: dict[int, Scores] = {}
        for places, study, rows in self._grouped(sets):
            x = exposure(self.posterior, study, setups=rows, by_regime=False, **self._asked)
            for k, place in enumerate(places):
                found[place] = {
                    name: x[name].values[:, k].astype(float)
                    for name in ("reach_any", "probability", "world_probability")
                }
                self._means[frozenset(sets[place])] = float(found[place]["probability"].mean())
        return [found[place] for place in range(len(sets))]

    def mean(self, chosen: Chosen) -> float:
        """Predictive probability of a set."""
        key = frozenset(chosen)
        if key not in self._means:
            ((_, study, rows),) = self._grouped([chosen])
            probability = thinned(self.posterior, study, np.ones(1), setups=rows, **self._asked)
            self._means[key] = float(probability.mean())
        return self._means[key]

    @property
    def _asked(self) -> dict[str, Any]:
        return {"horizon_years": self.horizon_years, "home": self.start.home, "start": self.start.start}

    def _grouped(self, sets: Sequence[Chosen]) -> list[tuple[list[int], Study, pd.DataFrame]]:
        """Sets whose facts are in the same study, scored in one go: places, study, rows of setups."""
        groups: dict[int, list[int]] = {}
        for place, chosen in enumerate(sets):
            groups.setdefault(id(self.case(chosen).study), []).append(place)
        cases = [self.case(chosen) for chosen in sets]
        return [
            (places, cases[places[0]].study, pd.DataFrame([{**cases[k].row, "setup_id": str(k)} for k in places]))
            for places in groups.values()
        ]

    def labels(self, chosen: Chosen) -> str:
        """A set in words."""
        return "; ".join(self.offered[name].label for name in chosen)

    def cost(self, chosen: Chosen) -> float:
        """Cost of a set."""
        return sum(self.prices[name] for name in chosen)


def _table(
    bench: _Bench, rows: Sequence[Chosen], before: Scores, after: Sequence[Scores], equal_factor: float
) -> pd.DataFrame:
    """One row a change, the largest reduction first, all together last."""
    found = [_effect(bench, chosen, before, scores, equal_factor) for chosen, scores in zip(rows, after, strict=True)]
    if not found:  # the columns of a table without rows
        return pd.DataFrame(columns=list(_effect(bench, (), before, before, equal_factor)))
    table = pd.DataFrame(found).assign(last=[len(chosen) > 1 for chosen in rows])
    return table.sort_values(["last", "probability_after", "change"], ignore_index=True).drop(columns="last")


def _effect(bench: _Bench, chosen: Chosen, before: Scores, after: Scores, equal_factor: float) -> dict[str, Any]:
    """What a set of changes does, over parameters and over worlds."""
    old, new = before["probability"], after["probability"]
    over = ratios(new, old, equal_factor)
    worlds = ratios(after["world_probability"], before["world_probability"], equal_factor)
    single = len(chosen) == 1
    return {
        "change": chosen[0] if single else TOGETHER,
        "label": bench.labels(chosen),
        "actor": bench.offered[chosen[0]].actor if single else "",
        "cost": bench.cost(chosen),
        "reach_before": before["reach_any"].mean(),
        "reach_after": after["reach_any"].mean(),
        **_level("probability_before", old),
        **_level("probability_after", new),
        **_level("difference", new - old),
        "ratio": quotient(new.mean(), old.mean()),
        "ratio_median": over["ratio"],
        **{name: over[name] for name in ("ratio_low", "ratio_high", "lower", "equal", "higher")},
        **{f"world_{name}": worlds[name] for name in ("lower", "equal", "higher")},
        "horizon_years": bench.horizon_years,
    }


def _level(name: str, values: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(values, [LOW, HIGH])
    return {name: float(values.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}


def _said(table: pd.DataFrame, label: str, years: float) -> str:
    """Which change lowers the probability most, and which raise it or make no difference."""
    if table.empty:
        return f"No change applies to {label}."
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    best = next((row for row in rows if row["change"] == TOGETHER), rows[0])
    made = "all of them together" if best["change"] == TOGETHER else best["label"]
    ends = best["ratio_low"], best["ratio_high"]
    many = f"Of {len(rows)} changes to {label} the strongest is: {made}. It takes"
    lowers = best is rows[0] and len(rows) > 1 and best["ratio"] < 1
    text = (
        f"{many if lowers else f'{label}, {made}: this takes'} the predictive probability "
        f"from {Probability(best['probability_before'], years)} to {Probability(best['probability_after'], years)}; "
        f"over parameters to {factor(best['ratio_median'], ends)} times what it was (90 % interval "
        f"{ratios_between(*ends)}). In single worlds it is lower in "
        f"{share_text(best['world_lower'])}, tied in {share_text(best['world_equal'])}, higher in "
        f"{share_text(best['world_higher'])}."
    )
    others = [row for row in rows if row is not best]
    same = [row["label"] for row in others if math.isclose(row["ratio"], 1.0, rel_tol=SAME)]
    raised = [row["label"] for row in others if row["ratio"] > 1.0 and row["label"] not in same]
    for said, labels in (("makes no difference", same), ("raises it", raised)):
        text += f" What {said}: {'; '.join(labels)}." if labels else ""
    return text


def _cheapest(
    bench: _Bench, table: pd.DataFrame, tolerance: float, *, given: bool
) -> tuple[Chosen | None, pd.DataFrame]:
    """The cheapest set below a tolerance, or None, and the sets that were scored.

    Sets are taken by cost, each extended by weaker changes only, so that every set comes once.
    """
    order = list(table.loc[table["probability_after"] <= table["probability_before"], "change"])
    most = bench.extended((), order)
    for name in (name for name in bench.offered if name not in set(table["change"])):
        error = bench.refusal(most, name)  # some changes need others first
        if error is None:
            order.append(name)
        elif given:
            raise error
    tried: dict[Chosen, dict[str, Any]] = {}
    found = _searched(bench, order, tolerance, tried)
    rows = [{**row, "chosen": found is not None and chosen == found} for chosen, row in tried.items()]
    return found, pd.DataFrame(rows)


def _searched(
    bench: _Bench, order: Sequence[str], tolerance: float, tried: dict[Chosen, dict[str, Any]]
) -> Chosen | None:
    """Search by cost; leave a branch when all that it could still add is not enough."""

    def meets(chosen: Chosen, role: str) -> bool:
        probability = bench.mean(chosen)
        tried[chosen] = {
            "changes": "; ".join(chosen),
            "labels": bench.labels(chosen),
            "number": len(chosen),
            "cost": bench.cost(chosen),
            "probability": probability,
            "meets_tolerance": probability < tolerance,
            "role": "tried" if role == "tried" or tried.get(chosen, {}).get("role") == "tried" else role,
        }
        return probability < tolerance

    if meets((), "tried"):
        return ()
    if not meets(bench.extended((), order), "bound"):
        return None
    queue: list[tuple[float, int, tuple[int, ...]]] = [(0.0, 0, ())]
    while queue:
        _, _, places = heapq.heappop(queue)
        chosen = tuple(order[k] for k in places)
        if meets(chosen, "tried"):
            return chosen
        for k in range(places[-1] + 1 if places else 0, len(order)):
            if bench.refusal(chosen, order[k]) is not None:
                continue
            more = (*chosen, order[k])
            if not meets(bench.extended(more, order[k + 1 :]), "bound"):
                break  # what is left after weaker ones is less
            heapq.heappush(queue, (bench.cost(more), len(more), (*places, k)))
    return None


def _set_said(bench: _Bench, chosen: Chosen | None, tried: pd.DataFrame, tolerance: float) -> str:
    """The cheapest set in words, or that there is none."""
    years = bench.horizon_years
    limit = f"the tolerance of {percent(tolerance)} over {years_text(years)}"
    if chosen is None:
        least = float(tried["probability"].min())
        return f"No set of these changes gets below {limit}: all that go together leave {percent(least)}."
    if not chosen:
        return f"It is below {limit} without any change."
    left, cost = percent(bench.mean(chosen)), f"cost {bench.cost(chosen):g}"
    return f"The cheapest set below {limit} is: {bench.labels(chosen)} ({cost}), which leaves {left}."
