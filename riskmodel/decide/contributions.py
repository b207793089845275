"""Why does one setup differ from another? Contributions of ownership, law, certificates, contract, keys that add up."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.decide._shared import HIGH, LOW
from riskmodel.decide.finding import Finding
from riskmodel.draws import Draws
from riskmodel.errors import UsageError, did_you_mean
from riskmodel.exposure import probability_of
from riskmodel.integral import Settled
from riskmodel.nexus import Option, Programme, Segment, SetupFacts, foreign_programmes, setup_facts
from riskmodel.wording import digits, years_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["FACTORS", "NO_EFFECT", "contributions", "times_text"]

FACTORS = {
    "ownership": "seat and owners of the provider",
    "technology": "licensor of the technology",
    "jurisdiction": "establishments, staff and data abroad",
    "certification": "certificates asked for and held",
    "contract": "protective contract terms",
    "keys": "who holds the keys",
    "attractiveness": "kind of data and of service",
    "demands": "demands that this provider receives",
}
"""What two setups may differ in, and what it covers."""
OWNED = ("seat", "control", "minority")
LICENSED = ("licensor_with_access", "licensor_without_access")
NO_EFFECT = "no effect"
"""How a factor that rounds to 1 is said."""
STRUCTURE = ("ownership", "technology", "jurisdiction", "certification")
"""Factors that decide who reaches; the others scale the rate."""


def contributions(
    posterior: Posterior,
    study: Study,
    a: str,
    b: str,
    *,
    horizon_years: float = 5.0,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
    start: dt.date | None = None,
) -> Finding:
    """How much of the ratio between two setups comes from ownership, jurisdiction, certificates, contract, keys?

    Each factor is taken from ``b`` to ``a`` in every possible order and its effects on the logarithm of the predictive
    probability are averaged (Shapley 1953), so that contributions add up to the whole ratio and no order is favoured.

    Parameters
    ----------
    posterior, study, horizon_years, setups, home, start
        As for :func:`riskmodel.exposure`.
    a, b
        Setup ids.

    Returns
    -------
    Finding
        Columns ``answer`` (reach, likelihood), ``factor`` (of :data:`FACTORS`, those in which the setups differ, and
        ``all``), ``covers``, ``contribution`` (natural logarithm of the ratio a/b of predictive numbers),
        ``times`` (its exponential: factors multiply to the ratio), ``times_low`` and ``times_high`` (90 % equal-tailed
        over parameters, of the same contribution sample by sample; these do not add up), ``horizon_years``.

    Raises
    ------
    UsageError
        If a setup is unknown or the horizon is not positive.

    Examples
    --------
    >>> import riskmodel as rm
    >>> found = rm.contributions(rm.load_posterior(), rm.read_study(), "HDH_AZURE", "HDH_SCALEWAY").table
    >>> likely = found[found["answer"] == "likelihood"].set_index("factor")["contribution"]
    >>> bool(abs(likely.drop("all").sum() - likely["all"]) < 1e-9)
    True
    """
    if not horizon_years > 0:
        raise UsageError(f"horizon_years: {horizon_years} - must be more than 0 years")
    table = study["setups"] if setups is None else setups
    known = [str(name) for name in table["setup_id"]]
    for name in (a, b):
        if name not in known:
            raise UsageError(f"unknown setup {name}{did_you_mean(name, known)}")
    rows = table.set_index("setup_id", drop=False)
    left, right = (setup_facts(study, rows.loc[[name]], horizon_years=horizon_years, start=start)[0] for name in (a, b))
    left, right = _aligned(left, right)
    programmes = foreign_programmes(study, home or study.home)
    draws = Draws(posterior, programmes)
    differ = [
        name for name in FACTORS if any(_differs(name, left, right, one, other) for one, other, _ in _ways(left, right))
    ]
    values: dict[str, dict[frozenset[str], np.ndarray]] = {"likelihood": {}, "reach": {}}
    for taken in map(frozenset, chain.from_iterable(combinations(differ, n) for n in range(len(differ) + 1))):
        likelihood, reach = np.zeros(draws.size), np.zeros(draws.size)
        for one, other, weight in _ways(left, right):
            p, r = _hybrid(left, right, one, other, taken, programmes, draws)
            likelihood, reach = likelihood + weight * p, reach + weight * r
        values["likelihood"][taken], values["reach"][taken] = likelihood, reach
    found = [
        {"answer": answer, **row, "horizon_years": horizon_years}
        for answer in ("reach", "likelihood")
        for row in _shapley(differ, values[answer])
    ]
    out = pd.DataFrame(found)
    return Finding(out, _text(out, left.label, right.label, horizon_years))


def _ways(left: SetupFacts, right: SetupFacts) -> Iterator[tuple[Option, Option, float]]:
    """Pairs of hosts, with the probability of each pair where a host is not chosen yet."""
    for one in left.options:
        for other in right.options:
            yield one, other, one.weight * other.weight


def _aligned(left: SetupFacts, right: SetupFacts) -> tuple[SetupFacts, SetupFacts]:
    """Cut both horizons at the dates of either, so that certificates of one can be put beside the law of the other."""
    edges = np.unique(np.round([t for facts in (left, right) for t in _edges(facts)], 9))

    def cut(facts: SetupFacts) -> SetupFacts:
        begins = _edges(facts)[:-1]
        place = [int(np.searchsorted(begins, (u + v) / 2, side="right")) - 1 for u, v in pairwise(edges)]
        segments = tuple(
            Segment(facts.segments[m].start, float(v - u), facts.segments[m].authority)
            for m, (u, v) in zip(place, pairwise(edges), strict=True)
        )
        options = tuple(replace(o, status=tuple(o.status[m] for m in place)) for o in facts.options)
        return replace(facts, segments=segments, options=options)

    return cut(left), cut(right)


def _edges(facts: SetupFacts) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum([segment.years for segment in facts.segments])])


def _part(option: Option, name: str) -> tuple[frozenset[Any], tuple[Any, ...]]:
    """Certain facts and unknowns of an option that belong to a factor of structure."""

    def of(kind: str) -> str:
        return "ownership" if kind in OWNED else "technology" if kind in LICENSED else "jurisdiction"

    mine = [u for u in option.unknowns if name in {of(k) for way in u.alternatives for k, _ in way.facts}]
    # facts that share a question stay together, with the first factor that they speak of
    first = [
        u for u in mine if name == min((of(k) for way in u.alternatives for k, _ in way.facts), key=STRUCTURE.index)
    ]
    return frozenset(fact for fact in option.facts if of(fact[0]) == name), tuple(first)


def _differs(name: str, left: SetupFacts, right: SetupFacts, one: Option, other: Option) -> bool:
    if name == "certification":
        return one.status != other.status
    if name in STRUCTURE:
        return _part(one, name) != _part(other, name)
    if name == "contract":
        return _terms(left) != _terms(right)
    if name == "keys":
        return dict(left.custody) != dict(right.custody)
    if name == "attractiveness":
        return (left.data_class, left.service_model) != (right.data_class, right.service_model)
    return one.provider_id != other.provider_id


def _terms(facts: SetupFacts) -> tuple[frozenset[str], frozenset[str], float]:
    return facts.terms, facts.terms_unseen, facts.terms_probability if facts.terms_unseen else 0.0


def _hybrid(
    left: SetupFacts,
    right: SetupFacts,
    one: Option,
    other: Option,
    taken: frozenset[str],
    programmes: Sequence[Programme],
    draws: Draws,
) -> tuple[np.ndarray, np.ndarray]:
    """Probability and reach of a setup that has these factors from the left one and the others from the right one."""

    def options(name: str) -> Option:
        return one if name in taken else other

    def setups(name: str) -> SetupFacts:
        return left if name in taken else right

    parts = [_part(options(name), name) for name in STRUCTURE[:3]]
    option = Option(
        options("demands").provider_id,
        1.0,
        frozenset().union(*(facts for facts, _ in parts)),
        tuple(unknown for _, unknowns in parts for unknown in unknowns),
        options("certification").status,
    )
    terms, unseen, chance = _terms(setups("contract"))
    facts = replace(
        left,
        options=(option,),
        custody=setups("keys").custody,
        terms=terms,
        terms_unseen=unseen,
        terms_probability=chance,
        data_class=setups("attractiveness").data_class,
        service_model=setups("attractiveness").service_model,
    )
    settled, leak = Settled([option], programmes, draws), draws.get("leak")
    p = probability_of(facts, option, settled, programmes, draws)[0]
    return p, leak + (1.0 - leak) * settled.reach_any


def _shapley(names: Sequence[str], values: Mapping[frozenset[str], np.ndarray]) -> list[dict[str, Any]]:
    """Average effect of each factor over all orders, on the logarithm of means and sample by sample."""
    whole, nothing = frozenset(names), frozenset[str]()
    log_mean = {taken: math.log(value.mean()) for taken, value in values.items()}
    logs = {taken: np.log(value) for taken, value in values.items()}
    rows = []
    for name in names:
        mean, each = 0.0, np.zeros_like(next(iter(logs.values())))
        for taken in (t for t in values if name not in t):
            n = len(taken)
            weight = math.factorial(n) * math.factorial(len(names) - n - 1) / math.factorial(len(names))
            mean += weight * (log_mean[taken | {name}] - log_mean[taken])
            each += weight * (logs[taken | {name}] - logs[taken])
        rows.append(_row(name, FACTORS[name], mean, each))
    rows.sort(key=lambda row: -abs(row["contribution"]))
    return [
        *rows,
        _row("all", "all factors together", log_mean[whole] - log_mean[nothing], logs[whole] - logs[nothing]),
    ]


def _row(name: str, covers: str, mean: float, each: np.ndarray) -> dict[str, Any]:
    low, high = np.exp(np.quantile(each, [LOW, HIGH]))
    return {
        "factor": name,
        "covers": covers,
        "contribution": mean,
        "times": math.exp(mean),
        "times_low": low,
        "times_high": high,
    }


def times_text(value: float) -> str:
    """Print a factor with three digits, so that the product of several can be checked.

    >>> times_text(0.10397), times_text(1.0405), times_text(0.9991)
    ('0.104', '1.04', 'no effect')
    """
    return NO_EFFECT if abs(value - 1) < 0.005 else digits(value, 3)


def _text(table: pd.DataFrame, a: str, b: str, years: float) -> str:
    likely = table[table["answer"] == "likelihood"]
    times: dict[str, float] = dict(zip(likely["factor"], likely["times"], strict=True))
    ratio = times.pop("all")
    if not times:
        return f"{a} and {b} do not differ in anything that the model knows."
    said = {name: times_text(value) for name, value in times.items()}
    moved = ", ".join(f"{name} {words}" for name, words in said.items() if words != NO_EFFECT)
    still = ", ".join(name for name, words in said.items() if words == NO_EFFECT)
    return (
        f"Over {years_text(years)} the predictive probability of {a} is {digits(ratio, 3)} times that of {b}. As "
        f"factors that multiply to it: {moved or 'none'}{f'; without effect: {still}' if still else ''}."
    )
