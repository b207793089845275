"""What should be found out first, before a setup is chosen?

Question answered: *by how much would an answer to this question lower the risk of the setup that is then chosen?*
Settled unknowns (a legal question, key custody) are enumerated: the expected loss given each possible answer follows
exactly from the posterior. Parameters are regressed (:func:`evppi`).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.decide._shared import unknown as unknown_names
from riskmodel.decide._worth import Value, answered, error_of, evpi, evppi, evsi_binary, ranks
from riskmodel.decide.finding import Finding
from riskmodel.decide.information import INPUTS, SHARED
from riskmodel.draws import REPORTER_OF_PROVIDER, Draws, legal_questions, questions_touched, state_of
from riskmodel.errors import UsageError
from riskmodel.exposure import exposure
from riskmodel.nexus import Programme, SetupFacts, foreign_programmes, setup_facts
from riskmodel.wording import Probability, digits, share_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["NONE", "Value", "evpi", "evppi", "evsi_binary", "value_of_information"]

NONE = "(none)"
"""Id of not accepting any setup, where a tolerance makes that an option."""
Without = Callable[[str, Sequence[int]], np.ndarray]
"""Legal question and setups by position -> their probability if the law does not reach: (sample, setup)."""


def value_of_information(
    posterior: Posterior,
    study: Study,
    *,
    choose: Sequence[str] | None = None,
    costs: Mapping[str, float] | None = None,
    tolerance: float | None = None,
    accuracy: float = 0.9,
    horizon_years: float = 5.0,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
    start: dt.date | None = None,
) -> Finding:
    """What should be found out first, before one of several setups is chosen or a single one accepted?

    Parameters
    ----------
    posterior, study, horizon_years, setups, home, start
        As for :func:`riskmodel.exposure`.
    choose
        Ids of the setups to choose among; default all. One alone needs a ``tolerance``.
    costs
        What a setup costs beside its exposure, by id, in units of probability of a disclosure within the horizon: 0.01
        is as bad as one more disclosure in a hundred. (To weigh persons or money, divide by what a disclosure costs.)
    tolerance
        Makes it an option to accept none; that costs as much as a disclosure with this probability.
    accuracy
        Probability that a legal opinion is right, whichever way the question is settled.

    Returns
    -------
    Finding
        ``table``, one row a thing to find out: ``rank`` (0 for bounds, which nobody can buy), ``item``, ``kind``
        (``bound``, ``legal opinion``, ``audit``, ``figure``, ``judgement``), ``value`` (by how much the expected loss
        falls, in probability over ``horizon_years``), ``value_error`` (standard error of Monte Carlo),
        ``share_of_evpi``, ``changes_choice_to`` (id, empty when no answer changes the choice),
        ``probability_choice_changes``, ``horizon_years``. ``detail``, one row an option: ``setup``, ``label``,
        ``probability``, ``cost``, ``expected_loss``, sorted by it.

        An opinion settles a question of law for all setups; where the answer turns on each provider's facts instead
        (``same_law``) it says nothing, unless one provider alone has the route. What an answer would teach of the bias
        that all experts may share is left out; the bias is a bound of its own. The values of figures and judgements
        are lower bounds (:func:`evppi`).

    Raises
    ------
    UsageError
        If a setup is unknown, there is nothing to choose, or a cost, tolerance or accuracy is out of its range.
    """
    rows = study["setups"] if setups is None else setups
    ids = [str(name) for name in rows["setup_id"]]
    asked = list(dict.fromkeys(ids if choose is None else [choose] if isinstance(choose, str) else choose))
    _check(ids, asked, costs or {}, tolerance, accuracy)
    rows = rows[rows["setup_id"].isin(asked)]
    score = partial(exposure, posterior, study, home=home, horizon_years=horizon_years, start=start, by_regime=False)
    x = score(setups=rows)
    facts = setup_facts(study, rows, horizon_years=horizon_years, start=start)
    programmes = foreign_programmes(study, home or study.home)
    case = _Case(x, facts, programmes, Draws(posterior, programmes), costs or {}, tolerance)

    def without(key: str, touched: Sequence[int]) -> np.ndarray:
        return np.asarray(score(setups=rows.iloc[list(touched)], settled={key: False})["probability"].values)

    parameters = evpi(case.loss, case.best)
    worlds = case.worlds()
    everything = Value(max(worlds, parameters), worlds.error, worlds.changes, worlds.option)
    found = [("everything", "bound", everything), ("all parameters", "bound", parameters)]
    found += [
        (item, kind, value.within(everything)) for item, kind, value in case.legal(study, home, accuracy, without)
    ]
    found += [(item, "audit", value.within(everything)) for item, value in case.custody()]
    names = dict(zip(study["providers"]["provider_id"], study["providers"]["name"], strict=True))
    found += [(item, kind, evppi(case.loss, u, best=case.best)) for item, kind, u in case.parameters(names)]
    table = pd.DataFrame(
        {
            "item": item,
            "kind": kind,
            "value": float(value),
            "value_error": value.error,
            "share_of_evpi": float(value) / everything if everything else 0.0,
            "changes_choice_to": "" if value.option is None else case.ids[value.option],
            "probability_choice_changes": value.changes,
            "horizon_years": float(horizon_years),
        }
        for item, kind, value in found
    )
    order = np.where(table["kind"] != "bound", 1, np.where(table.index < 2, 0, 2))
    table = table.assign(order=order).sort_values(
        ["order", "value"], ascending=[True, False], kind="stable", ignore_index=True
    )
    table.insert(0, "rank", np.where(table["order"] == 1, (table["order"] == 1).cumsum(), 0))
    return Finding(table.drop(columns="order"), _said(table, case, horizon_years), case.options())


def _check(
    ids: Sequence[str], asked: Sequence[str], costs: Mapping[str, float], tolerance: float | None, accuracy: float
) -> None:
    if missing := [name for name in (*asked, *costs) if name not in ids]:
        raise unknown_names("setup", missing, ids)
    if len(asked) < (2 if tolerance is None else 1):
        raise UsageError(f"choose: {', '.join(asked) or 'nothing'} - must be two setups or more, or give a tolerance")
    if tolerance is not None and not 0 < tolerance < 1:
        raise UsageError(f"tolerance: {tolerance} - must be between 0 and 1")
    if not 0.5 <= accuracy <= 1:
        raise UsageError(f"accuracy: {accuracy} - must be between 0.5 and 1")
    for name, cost in costs.items():
        if not math.isfinite(cost):
            raise UsageError(f"costs, {name}: {cost} - must be a finite number")


class _Case:
    """A decision: options with their losses (sample, option), and what can be found out about them."""

    def __init__(
        self,
        x: xr.Dataset,
        facts: Sequence[SetupFacts],
        programmes: Sequence[Programme],
        draws: Draws,
        costs: Mapping[str, float],
        tolerance: float | None,
    ) -> None:
        self.x, self.facts, self.programmes, self.draws = x, facts, programmes, draws
        self.cost = np.array([float(costs.get(fact.setup_id, 0.0)) for fact in facts])
        self.none = [] if tolerance is None else [tolerance]
        self.ids = [fact.setup_id for fact in facts] + [NONE for _ in self.none]
        self.labels = [fact.label for fact in facts] + ["accepting none" for _ in self.none]
        self.loss = self.priced(x["probability"].values)
        self.best = int(self.loss.mean(axis=0).argmin())
        self.risk = np.append(x["probability"].values.mean(axis=0), np.zeros(len(self.none)))

    def priced(self, probability: np.ndarray) -> np.ndarray:
        """Loss of every option: (sample, option)."""
        extra = np.broadcast_to(np.array(self.none), (len(probability), len(self.none)))
        return np.concatenate([probability + self.cost, extra], axis=1)

    def options(self) -> pd.DataFrame:
        """Each option with its expected loss, the least first."""
        expected = self.loss.mean(axis=0)
        cost = [*self.cost, *self.none]
        columns = {"setup": self.ids, "label": self.labels, "probability": self.risk, "cost": cost}
        return pd.DataFrame({**columns, "expected_loss": expected}).sort_values("expected_loss", ignore_index=True)

    def worlds(self) -> Value:
        """Value of knowing the world too; what single worlds leave of the loss, of mean 0, takes out their noise."""
        loss = self.priced(self.x["world_probability"].values)
        found = evpi(loss, self.best)
        gain = loss[:, self.best] - loss.min(axis=1)
        noise = loss - self.loss
        factor = np.linalg.lstsq(noise - noise.mean(axis=0), gain - gain.mean(), rcond=None)[0]
        gain = gain - np.einsum("no,o->n", noise, factor)
        most = self.loss[:, self.best].mean() - min([*self.cost, *self.none])  # if nothing reached the cheapest
        return Value(min(gain.mean(), most), error_of(gain), found.changes, found.option)

    # -- settled unknowns: exact -------------------------------------------------------------------------------

    def legal(
        self, study: Study, home: str | None, accuracy: float, without: Without
    ) -> Iterator[tuple[str, str, Value]]:
        """Each legal question that a setup raises: its answer beyond doubt, and an opinion that is mostly right.

        With p the chance that the law reaches through the route, and the loss ``no`` if it does not, the loss if it
        does is ``no + (loss - no) / p``. Programmes of a state whose chances differ are taken at the largest.
        """
        touched = [questions_touched(fact, self.programmes) for fact in self.facts]
        for key, label in legal_questions(study, home).items():
            if raised := [k for k, mine in enumerate(touched) if key in mine]:
                perfect, opinion = self._opinions(key, raised, accuracy, without)
                yield f"{label}: beyond doubt", "bound", perfect
                yield f"{label}: opinion", "legal opinion", opinion

    def _opinions(self, key: str, raised: Sequence[int], accuracy: float, without: Without) -> tuple[Value, Value]:
        """Value of a sure answer and of an opinion on one legal question that some setups raise."""
        likely = self._chance(key)
        chance = np.clip(self._apart(likely[:, None])[:, 0], 1e-3, 1.0)
        places = self._in_reach(key, raised, likely, chance)
        if not places:  # the choice does not raise the question, and no answer makes a setup that does the choice
            return Value(0.0), Value(0.0)
        no = self.loss.copy()
        no[:, places] = np.minimum(without(key, places) + self.cost[places], self.loss[:, places])
        yes = no + (self.loss - no) / chance[:, None]
        if len({tuple(o.provider_id for o in self.facts[k].options) for k in raised}) > 1:
            law = self.draws.get("same_law")[:, None]
            no, yes = (law * answer + (1.0 - law) * self.loss for answer in (no, yes))
        kept = [k for k in range(len(self.ids)) if k in places or k not in raised]
        answers = yes[:, kept], no[:, kept], chance
        best = kept.index(self.best)
        found = evsi_binary(*answers, best=best), evsi_binary(*answers, accuracy, accuracy, best)
        for value in found:
            value.option = None if value.option is None else kept[value.option]
        return found

    def _programmes(self, key: str) -> list[int]:
        """Positions of the state's programmes that know the route."""
        state, _, route = key.partition(":")
        return [
            j
            for j, p in enumerate(self.programmes)
            if state_of(p) == state and any(route in opened for opened in p.route_of_fact.values())
        ]

    def _chance(self, key: str) -> np.ndarray:
        """Chance that the law reaches through a route, the largest over a state's programmes: (sample,)."""
        route = self.draws.routes.index(key.partition(":")[2])
        return np.asarray(self.draws.reach[self._programmes(key), route].max(axis=0))

    def _apart(self, entries: np.ndarray) -> np.ndarray:
        """Take out what goes with the bias that all experts may share: (sample, entry)."""
        bias = ranks(self.draws.get(SHARED))
        bias = (bias - bias.mean()) / bias.std()
        return entries - np.outer(bias, np.einsum("n,nk->k", bias, entries) / len(bias))

    def _in_reach(self, key: str, raised: Sequence[int], likely: np.ndarray, chance: np.ndarray) -> list[int]:
        """Setups that a "no" could make the choice, from bounds that need no scoring; all, if the choice is one.

        Without the route the loss is at least (1) what is left if a "yes" made everything reach, and (2) what is left
        without the events through the state's programmes. ``likely`` is the chance, ``chance`` the same without the
        shared bias, by which answers are weighted.
        """
        if self.best in raised:
            return list(raised)
        years, mine = self.x.attrs["horizon_years"], self._programmes(key)
        leak, reach, rate = self.draws.get("leak")[:, None], self.x["reach"].values, self.x["rate"].values * years
        reach, rate, loss = reach[:, raised], rate[:, raised], self.loss[:, raised]
        reached = reach.mean(axis=0) > leak.mean() + 1e-12
        most = leak - np.expm1(-(rate * reached).sum(axis=2)) + self.cost[list(raised)]
        through = (reach * -np.expm1(-rate))[:, :, mine].sum(axis=2)
        left = (loss - likely[:, None] * most) / np.maximum(1.0 - likely, 1e-9)[:, None]
        least = ((1.0 - chance)[:, None] * np.maximum(left, loss - through)).mean(axis=0)
        now = ((1.0 - chance) * self.loss[:, self.best]).mean()
        return [k for k, low in zip(raised, least, strict=True) if low < now]

    def custody(self) -> Iterator[tuple[str, Value]]:
        """Key custody where it is not known: an audit shows which it is, at one provider for all its setups."""
        holder, held = self.x["reading_setup"].values, self.x["reading_custody"].values
        weight, by_reading = self.x["reading_weight"].values, self.x["probability_reading"].values
        groups: dict[tuple[object, ...], list[int]] = {}
        for k, fact in enumerate(self.facts):
            if len(fact.custody) > 1:
                key = (*(o.provider_id for o in fact.options), *fact.custody.items())
                groups.setdefault(key, []).append(k)
        for places in groups.values():
            custody = self.facts[places[0]].custody
            losses = []
            for name, chance in custody.items():
                loss = self.loss.copy()
                for k in places:
                    mine = (holder == self.ids[k]) & (held == name)
                    share = weight[mine] / weight[mine].sum()
                    loss[:, k] = np.einsum("nr,r->n", by_reading[:, mine], share) + self.cost[k]
                losses.append(chance * loss)
            item = f"who holds the keys: {', '.join(self.labels[k] for k in places)}"
            yield item, answered(losses, list(custody.values()), self.best)

    # -- parameters: regressed ---------------------------------------------------------------------------------

    def parameters(self, names: Mapping[str, str]) -> Iterator[tuple[str, str, np.ndarray]]:
        """Figures and judgements: item, kind, and what would become known (sample, entry)."""
        draws = self.draws
        for base, figure in zip(draws.coords["customer_base"], draws.values["log_customers"], strict=True):
            yield f"number of customers: {names.get(base, base)}", "figure", self._apart(figure[:, None])
        services: dict[str, set[str]] = {}
        for fact in self.facts:
            for option in fact.options if len(fact.options) == 1 else ():
                services.setdefault(option.provider_id, set()).add(fact.service_model)
        for provider, sold in services.items():
            reporter = REPORTER_OF_PROVIDER.get(provider, "")
            counted = all(f"{reporter}.{service}" in draws.coords["reporter_service"] for service in sold)
            own = [] if counted else [draws.fresh(f"criminal:{provider}", "normal")]
            if reporter not in draws.coords["band_reporter"]:
                own.append(draws.fresh(f"intelligence:{provider}", "normal"))
            if own:
                yield f"own record of demands: {names.get(provider, provider)}", "figure", np.stack(own, axis=1)
            how = draws.fresh(f"custody:{provider}", "normal")
            yield f"how firmly keys are kept: {names.get(provider, provider)}", "audit", how
        for name, (label, informed, _) in INPUTS.items():
            entries = draws.get(name).reshape(-1, draws.size).T
            if name == SHARED:  # nobody can find it out
                yield label, "bound", entries
            else:
                yield label, "judgement" if informed == "judgement" else "figure", self._apart(entries)


def _said(table: pd.DataFrame, case: _Case, horizon_years: float) -> str:
    """The choice without information, what it would be worth to know, and what to find out first."""

    def points(value: float) -> str:
        return f"{digits(100 * value)} percentage points"

    value, place = table["value"], case.best
    none = case.ids[place] == NONE
    chance = Probability(float(case.none[0] if none else case.risk[place]), horizon_years)
    risk = f", which counts as {chance}" if none else f", a risk of {chance}"
    text = (
        f"Of {len(case.ids)} options, {case.labels[place]} has the least expected loss{risk}. To know everything that "
        f"is uncertain before choosing would lower the loss by {points(value[0])} of probability, to know the "
        f"parameters alone by {points(value[1])}."
    )
    ranked = table[table["rank"] > 0]
    worth = ranked[ranked["value"] > 2 * ranked["value_error"]]
    if worth.empty:
        return f"{text} Nothing listed is worth more than the error of sampling: no single answer clearly matters."
    top: dict[str, Any] = worth.to_dict("records")[0]  # type: ignore[assignment]
    opinions = ranked[ranked["kind"] == "legal opinion"]["value"]
    law = " No legal opinion would change it." if len(opinions) and opinions.max() == 0 else ""
    return (
        f"{text} To find out first ({top['kind']}): {top['item']}, worth {points(top['value'])}; with probability "
        f"{share_text(top['probability_choice_changes'])} it changes the choice, mostly to "
        f"{case.labels[case.ids.index(top['changes_choice_to'])]}.{law}"
    )
