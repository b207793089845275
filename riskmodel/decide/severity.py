"""How many persons would a disclosure take, and how likely is one that takes many?

A disclosure is *targeted* (named persons) or *in bulk* (a share of all persons in the data). Given what is settled,
disclosures arrive as a Poisson process, and those that take n persons or more are the fraction

    f(n) = (1 - b) P(targeted >= n) + b P(share * base >= n)

of it, so that P(at least one with n persons or more) is the exposure with every hazard multiplied by f(n), settled
unknowns still integrated exactly. With the share of the base that a disclosure takes on average instead of f(n), it is
the chance of one given person, and the base times it is the expected number of different persons.

``b``, the persons of a targeted disclosure and the share of a disclosure in bulk are the reading of one desk; the base
is in ``data/populations.csv``. Readings are Normal on their link scale and carry the bias that experts may share.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.decide._shared import HIGH, LOW, unknown
from riskmodel.decide.finding import Finding
from riskmodel.design.judgements import Z90, link
from riskmodel.draws import Draws
from riskmodel.errors import UsageError
from riskmodel.exposure import thinned_one
from riskmodel.nexus import Programme, SetupFacts, foreign_programmes, setup_facts
from riskmodel.wording import Probability, digits, share_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["AT_LEAST", "BETWEEN", "MANY", "severity"]

AT_LEAST = tuple(10.0**k for k in range(8))
"""Numbers of persons of the exceedance curve, unless the caller says otherwise."""
MANY = 1000
"""Persons of a disclosure that is called large in the table."""
BETWEEN = 0.5
"""Share of an elicited variance that is difference between disclosures; the rest is not knowing the usual one."""
FEW, BENT = 1e-5, 0.9
"""Multiple at which events are counted singly; ratio of P to expected events above which P is nearly linear in f."""
GRID = np.linspace(-8.0, 8.0, 3201)
BELOW = np.array([NormalDist().cdf(z) for z in GRID])
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(41)

Quantiles = tuple[float, float, float]


def severity(
    posterior: Posterior,
    study: Study,
    *,
    persons: Mapping[str, float | Quantiles] | None = None,
    at_least: Sequence[float] = AT_LEAST,
    between: float = BETWEEN,
    horizon_years: float = 5.0,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
    start: dt.date | None = None,
) -> Finding:
    """How many persons would disclosures affect in each setup, and how likely is a disclosure that takes many?

    Parameters
    ----------
    posterior, study, horizon_years, setups, home, start
        As for :func:`riskmodel.exposure`.
    persons
        Setup id -> persons in its data, or their 10, 50 and 90 % quantiles; replaces ``data/populations.csv``. Give
        the same number to setups that would hold the same data, to compare hosts and not contents.
    at_least
        Numbers of persons of the exceedance curve.
    between
        Share of the elicited variance of sizes that is difference between disclosures (the rest is not knowing the
        usual size): moves the bands, hardly the middle.

    Returns
    -------
    Finding
        ``table``, one row a setup: ``base`` (median persons in the data) with ``base_from`` (given, setup, data
        class), ``persons`` (different persons whose data are disclosed within ``horizon_years``, expected; mean over
        the posterior) with ``persons_low``/``persons_median``/``persons_high`` (90 % equal-tailed over parameters) and
        ``persons_error`` (Monte Carlo standard error of the mean), ``persons_a_year`` (``persons`` by year),
        ``bulk_share`` (share of the expected persons that disclosures in bulk take), ``probability`` (at least one
        disclosure), ``probability_large`` (at least one with 1,000 persons or more), ``probability_bulk`` (at least
        one in bulk), ``probability_person`` (of one given person), ``bulk_borrowed`` (whether the chance of bulk was
        elicited for another class of data). ``detail``, the exceedance curve: ``setup``, ``label``, ``persons`` (n),
        ``probability`` of at least one disclosure with n persons or more, ``probability_low``, ``probability_high``,
        ``horizon_years``.

    Raises
    ------
    UsageError
        If the horizon is not positive, ``persons`` names an unknown setup or no number of 1 or more, ``at_least`` or
        ``between`` is out of range, or a setup's number of persons is not known.

    Examples
    --------
    >>> import riskmodel as rm
    >>> study = rm.read_study()
    >>> some = study["setups"].query("setup_id == 'DARWIN_AZURE'")
    >>> found = severity(rm.load_posterior(), study, setups=some)
    >>> bool((found.detail["probability"].diff().dropna() <= 0).all())
    True
    """
    if not horizon_years > 0:
        raise UsageError(f"horizon_years: {horizon_years} - must be more than 0 years")
    if not 0 <= between <= 1:
        raise UsageError(f"between: {between} - must be a share from 0 to 1")
    sizes = np.unique(np.asarray(at_least, dtype=float))
    if not (sizes.size and (sizes >= 1).all() and np.isfinite(sizes).all()):
        raise UsageError(f"at_least: {list(at_least)} - must be numbers of persons of 1 or more")
    rows = study["setups"] if setups is None else setups
    given = _given(persons or {}, rows["setup_id"])
    facts = setup_facts(study, rows, horizon_years=horizon_years, start=start)
    programmes = foreign_programmes(study, home or study.home)
    draws = Draws(posterior, programmes)
    memory: dict[tuple[str, str], _Sizes] = {}
    scored: list[tuple[SetupFacts, _Sizes, np.ndarray]] = []
    for fact, row in zip(facts, rows.to_dict("records"), strict=True):
        base = _base(study, {str(k): v for k, v in row.items()}, given)
        key = (base.name, fact.data_class)
        if key not in memory:
            memory[key] = _sizes(study, draws, base, fact.data_class, np.append(sizes, MANY), between)
        same = replace(fact, setup_id="", label="")  # setups that differ in name alone are scored once
        done = next((s for s in scored if s[1] is memory[key] and replace(s[0], setup_id="", label="") == same), None)
        found = done[2] if done else _at_least_one(same, programmes, draws, memory[key].fraction)
        scored.append((fact, memory[key], found))
    table = pd.DataFrame([_row(*each, horizon_years) for each in scored])
    detail = pd.concat(
        [_curve(fact, sizes, found[: len(sizes)], horizon_years) for fact, _, found in scored], ignore_index=True
    )
    return Finding(table, _text(table, horizon_years), detail)


@dataclass(frozen=True)
class _Base:
    """Persons in the data of a setup: quantiles, a name that keys the draws, and where they come from."""

    name: str
    quantiles: Quantiles
    origin: str


@dataclass(frozen=True)
class _Sizes:
    """What disclosures from a base take, by sample."""

    base: _Base
    whole: np.ndarray  # persons in the data (sample,)
    fraction: (
        np.ndarray
    )  # of disclosures: with at least so many persons, MANY, in bulk, with a given person (.., sample)
    in_bulk: np.ndarray  # share of the expected persons that disclosures in bulk take (sample,)
    borrowed: bool


class _Some(Draws):
    """The same draws for some of the samples."""

    def __init__(self, whole: Draws, chosen: np.ndarray) -> None:
        self.__dict__.update(whole.__dict__)
        self.whole, self.chosen, self.size = whole, chosen, len(chosen)
        self.values = {name: value[..., chosen] for name, value in whole.values.items()}
        self.reach, self.transfer = whole.reach[..., chosen], whole.transfer[..., chosen]

    def fresh(self, name: str, kind: str = "uniform") -> np.ndarray:
        return self.whole.fresh(name, kind)[self.chosen]


def _given(persons: Mapping[str, float | Quantiles], known: pd.Series) -> dict[str, Quantiles]:
    """Persons that the caller gives, as quantiles."""
    if missing := [name for name in persons if name not in set(known)]:
        raise unknown("setup", missing, known)
    found = {}
    for name, value in persons.items():
        each = np.ravel(np.asarray(value, dtype=float))
        if each.size not in (1, 3) or not (np.isfinite(each).all() and each[0] >= 1 and (np.diff(each) >= 0).all()):
            raise UsageError(f"persons: {name} {value} - must be a number of 1 or more, or three in rising order")
        found[name] = (float(each[0]), float(each[each.size // 2]), float(each[-1]))
    return found


def _base(study: Study, row: Mapping[str, Any], given: Mapping[str, Quantiles]) -> _Base:
    """Persons in the data of a setup: given, else its own row, else that of the setup it varies, else of its class."""
    setup = str(row["setup_id"])
    if setup in given:
        return _Base(f"given:{given[setup]}", given[setup], "given")
    table = study["populations"]
    for column, name, origin in (
        ("setup_id", setup, "setup"),
        ("setup_id", row.get("variant_of"), "setup"),
        ("data_class", row["data_class"], "data class"),
    ):
        mine = table[table[column] == name]
        if len(mine):
            low, mid, high = (float(mine[q].iloc[0]) for q in ("q10", "q50", "q90"))
            return _Base(str(mine["population_id"].iloc[0]), (low, mid, high), origin)
    raise UsageError(f"persons: {setup} - not in the table populations, nor is its class of data: must be given")


def _normal(quantiles: Quantiles, how: str) -> tuple[float, float]:
    """Location and spread of a reading on its link scale, as the design of the fit reads it; a low of 0 is rounding."""
    rounded = quantiles[0] <= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        low, mid, high = link(np.array(quantiles), how)
    return float(mid), float((high - mid) / Z90 if rounded else (high - low) / (2 * Z90))


def _reading(study: Study, quantity: str, condition: str, how: str) -> tuple[float, float, bool]:
    """Location, spread and whether the reading was made for another condition; several experts are averaged."""
    table = study["elicitation"]
    mine = table[table["quantity"] == quantity]
    if mine.empty:
        raise UsageError(f"elicitation: no row of {quantity}, which severity needs")
    own = mine[mine["condition"].isin([condition, "any"])]
    read = [_normal(q, how) for q in (mine if own.empty else own)[["q10", "q50", "q90"]].itertuples(index=False)]
    location, spread = np.mean(read, axis=0)
    if not np.isfinite([location, spread]).all():
        raise UsageError(f"elicitation: quantiles of {quantity} - must lie inside its range")
    return float(location), float(spread), own.empty


def _drawn(draws: Draws, name: str, read: tuple[float, float, bool], between: float) -> tuple[np.ndarray, float]:
    """Usual value on the link scale (sample,), with the bias experts may share, and spread between disclosures."""
    location, spread, _ = read
    unsure = math.sqrt(1.0 - between) * draws.fresh(f"severity:{name}", "normal") + draws.get("common_bias")
    return location + spread * unsure, spread * math.sqrt(between)


def _sizes(study: Study, draws: Draws, base: _Base, data_class: str, sizes: np.ndarray, between: float) -> _Sizes:
    """Sizes of disclosures from a base, by sample."""
    chance = _reading(study, "bulk_given_disclosure", data_class, "logit")
    few, share = (
        _drawn(draws, name, _reading(study, name, data_class, how), between)
        for name, how in (("persons_per_targeted_disclosure", "log"), ("bulk_share_of_base", "logit"))
    )
    bulk = _expit(_drawn(draws, "bulk_given_disclosure", chance, 0.0)[0])
    middle, spread = _normal(base.quantiles, "log")
    whole = np.exp(middle + spread * draws.fresh(f"population:{base.name}", "normal"))
    targeted = np.stack([_above(few, math.log(n)) if n > 1 else np.ones(draws.size) for n in sizes])
    parts = np.clip(sizes[:, None] / whole, 1e-12, 1 - 1e-12)
    taken = np.stack([_above(share, link(part, "logit")) for part in parts])
    fits = sizes[:, None] <= whole
    fraction = ((1.0 - bulk) * targeted + bulk * np.where(sizes[:, None] > 1, taken, 1.0)) * fits
    named = np.clip(np.exp(few[0] + few[1] * NODES[:, None]), 1.0, whole)
    carried = np.maximum(_expit(share[0] + share[1] * NODES[:, None]) * whole, 1.0)
    weights = WEIGHTS / WEIGHTS.sum()
    by_name, by_bulk = (1.0 - bulk) * (weights @ named), bulk * (weights @ carried)
    fraction = np.concatenate([fraction, [bulk, (by_name + by_bulk) / whole]])
    return _Sizes(base, whole, fraction, by_bulk / (by_name + by_bulk), chance[2])


def _above(usual: tuple[np.ndarray, float], bound: float | np.ndarray) -> np.ndarray:
    """P(a Normal around the usual value exceeds the bound), by sample."""
    location, spread = usual
    if spread == 0:
        return np.asarray(location >= bound, dtype=float)
    return np.interp((location - bound) / spread, GRID, BELOW)


def _expit(value: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-value))


def _at_least_one(fact: SetupFacts, programmes: Sequence[Programme], draws: Draws, fraction: np.ndarray) -> np.ndarray:
    """Probability of at least one of each fraction of the disclosures: (fraction, sample).

    Where events are rare, P(f) = 1 - exp(-f (e + (g - e) f)) with e the expected number and g = -log(1 - P(1)) is exact
    to a part in a thousand; the other samples are integrated for each fraction.
    """
    ends = np.stack([np.full(draws.size, FEW), np.ones(draws.size)])
    single, one = thinned_one(fact, programmes, draws, ends)
    expected = -np.log1p(-single) / FEW
    every = -np.log1p(-np.minimum(one, 1.0 - 1e-15))
    found = -np.expm1(-fraction * (expected + (every - expected) * fraction))
    bent = np.flatnonzero(one < BENT * expected)
    if bent.size:
        found[:, bent] = thinned_one(fact, programmes, _Some(draws, bent), fraction[:, bent])
    return np.asarray(found)


def _row(fact: SetupFacts, sizes: _Sizes, found: np.ndarray, years: float) -> dict[str, Any]:
    """One row of the table."""
    persons = sizes.whole * found[-1]
    low, median, high = np.quantile(persons, [LOW, 0.5, HIGH])
    return {
        "setup": fact.setup_id,
        "label": fact.label,
        "base": sizes.base.quantiles[1],
        "base_from": sizes.base.origin,
        "persons": persons.mean(),
        "persons_low": low,
        "persons_median": median,
        "persons_high": high,
        "persons_error": persons.std() / math.sqrt(persons.size),
        "persons_a_year": persons.mean() / years,
        "bulk_share": float(persons @ sizes.in_bulk / persons.sum()),
        "probability": found[0].mean(),
        "probability_large": found[-3].mean(),
        "probability_bulk": found[-2].mean(),
        "probability_person": found[-1].mean(),
        "bulk_borrowed": sizes.borrowed,
        "horizon_years": years,
    }


def _curve(fact: SetupFacts, sizes: np.ndarray, found: np.ndarray, years: float) -> pd.DataFrame:
    """Exceedance curve of one setup."""
    return pd.DataFrame(
        {
            "setup": fact.setup_id,
            "label": fact.label,
            "persons": sizes,
            "probability": found.mean(axis=1),
            "probability_low": np.quantile(found, LOW, axis=1),
            "probability_high": np.quantile(found, HIGH, axis=1),
            "horizon_years": years,
        }
    )


def _text(table: pd.DataFrame, years: float) -> str:
    """What the table permits."""
    ordered: list[dict[str, Any]] = table.sort_values("probability_large").to_dict("records")  # type: ignore[assignment]
    ends = [ordered[-1], ordered[0]][: len(ordered)]
    large = " and ".join(f"{Probability(row['probability_large'], years)} for {row['label']}" for row in ends)
    persons = " and ".join(
        f"{digits(row['persons_a_year'])} (error {digits(row['persons_error'] / years, 1)}) for {row['label']}"
        for row in ends
    )
    bulk = min(row["bulk_share"] for row in ends)
    bases = table["base"].agg(["min", "max"])
    apart = (
        f" The setups hold data of {digits(bases['min'])} to {digits(bases['max'])} persons, so that numbers of "
        "persons compare contents as well as hosts."
        if bases["max"] > bases["min"]
        else ""
    )
    return (
        f"A disclosure that takes {MANY:,} persons or more has a predictive probability of {large}. Expected persons a "
        f"year: {persons}; disclosures in bulk take {share_text(bulk)} of them, so that each stands for a small chance "
        f"of a large number. How many persons a disclosure takes is the reading of one desk.{apart}"
    )
