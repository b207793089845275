"""Exposure along the calendar: dated sequences of setups, and what each quarter of delay adds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.decide._shared import HIGH, LOW
from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError, did_you_mean
from riskmodel.paths import DAYS, Paths, legs_of
from riskmodel.wording import Probability, digits, percent, share_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["calendar", "delay", "plan_of"]

Legs = Sequence[tuple[str, dt.date, dt.date]]
"""Setup, first day, and the day on which the next one takes over."""
TODAY_RATES = "Rates are those of today, applied to every year; law, certificates and hosts change at their dates."


def plan_of(study: Study, plan: str) -> pd.DataFrame:
    """Return the legs of a dated sequence of setups that the study knows.

    Raises
    ------
    UsageError
        If it knows no such plan.
    """
    plans = study["plans"]
    if plan not in set(plans["plan"]):
        known = list(dict.fromkeys(plans["plan"]))
        raise UsageError(f"unknown plan {plan}{did_you_mean(plan, known)}; known: {', '.join(known)}")
    return plans[plans["plan"] == plan].reset_index(drop=True)


def calendar(
    posterior: Posterior,
    study: Study,
    plans: pd.DataFrame | None = None,
    *,
    every_months: int = 12,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
) -> Finding:
    """How does exposure add up along dated sequences of setups, and how do promised dates compare?

    A legal question, a fact or a key custody is settled once for the whole sequence, also across a migration.

    Parameters
    ----------
    posterior, study, setups, home
        As for :func:`riskmodel.exposure`.
    plans
        Rows of legs: ``plan``, ``setup_id``, ``from_date``, ``to_date`` (the day on which the next leg takes over) and,
        if wanted, ``label``. Default: those of the study.
    every_months
        Steps of the curve.

    Returns
    -------
    Finding
        ``table``, one row a plan in the given order: ``plan``, ``label``, ``start``, ``until``, ``horizon_years``,
        ``probability`` (predictive, at least one disclosure from start to until), ``probability_median``,
        ``probability_low``, ``probability_high`` (90 % equal-tailed over parameters), and against the first plan with
        the same dates ``extra``, ``extra_low``, ``extra_high`` (difference of probabilities) and ``worlds_higher``
        (share of worlds in which it is above). ``detail``, the curves: ``plan``, ``label``, ``setup``, ``date``,
        ``probability`` with its interval, ``added`` since the date before and ``years`` between them.

    Raises
    ------
    UsageError
        If legs overlap, leave a gap, end before they begin or name an unknown setup, or the step is below one month.

    Examples
    --------
    >>> import riskmodel as rm
    >>> found = rm.calendar(rm.load_posterior(), rm.read_study(), every_months=12)
    >>> bool((found.detail["added"] >= 0).all())
    True
    """
    if every_months < 1:
        raise UsageError(f"every_months: {every_months} - must be 1 or more")
    given = study["plans"] if plans is None else plans
    if "plan" not in given:
        given = given.assign(plan="plan")
    paths = Paths(posterior, study, setups, home)
    legs = {str(name): legs_of(rows, paths.rows, f"plan {name}") for name, rows in given.groupby("plan", sort=False)}
    label = given.drop_duplicates("plan").set_index("plan").get("label", pd.Series(dtype=object))
    rows, curves = [], []
    first: dict[tuple[dt.date, dt.date], xr.Dataset] = {}
    known: list[tuple[Legs, xr.Dataset]] = []
    for name, parts in legs.items():
        start, until = parts[0][1], parts[-1][2]
        x = _along(paths, parts, _dates(parts, every_months), known)
        known.append((parts, x))
        called = str(label.get(name, name))
        base = first.setdefault((start, until), x)
        years = (until - start).days / DAYS
        rows.append(
            {"plan": name, "label": called, "start": start, "until": until, "horizon_years": years, **_end(x, base)}
        )
        curves.append(_curve(x, parts).assign(plan=name, label=called))
    table = pd.DataFrame(rows)
    return Finding(table, _calendar_text(table), pd.concat(curves, ignore_index=True))


def _along(paths: Paths, parts: Legs, dates: Sequence[dt.date], known: Sequence[tuple[Legs, xr.Dataset]]) -> xr.Dataset:
    """Score a plan; up to the day on which it leaves an earlier plan the two are the same, and scored once."""
    ends = [_agree(parts, other) for other, _ in known]
    best = int(np.argmax([end.toordinal() for end in ends])) if ends else -1
    old = pd.DatetimeIndex([])
    if best >= 0:
        old = pd.DatetimeIndex(known[best][1]["date"].values)
        old = old[(old <= pd.Timestamp(ends[best])) & old.isin(pd.to_datetime(dates))]
    left = [day for day in dates if pd.Timestamp(day) not in old]
    new = paths.exposure(pd.DataFrame(parts, columns=["setup_id", "from_date", "to_date"]), left)
    if old.empty:
        return new
    names = ["probability", "world_probability"]
    joined = xr.concat([known[best][1][names].sel(date=old), new[names]], "date", combine_attrs="drop")
    return joined.sortby("date")


def _agree(parts: Legs, other: Legs) -> dt.date:
    """Last day up to which two plans are the same; the day before both when they never are."""
    last = dt.date.min
    for (one, begins, ends), (two, starts, stops) in zip(parts, other, strict=False):
        if (one, begins) != (two, starts):
            break
        last = min(ends, stops)
        if ends != stops:
            break
    return last


def _dates(parts: Legs, months: int) -> list[dt.date]:
    """Regular days after the start, the days on which legs change, and the last day."""
    start, until = parts[0][1], parts[-1][2]
    regular = pd.date_range(start, until, freq=pd.DateOffset(months=months))
    return sorted({day.date() for day in regular if day.date() > start} | {last for _, _, last in parts})


def _curve(x: xr.Dataset, parts: Legs) -> pd.DataFrame:
    p = x["probability"].transpose("date", "sample").values
    low, high = np.quantile(p, [LOW, HIGH], axis=1)
    days = [day.date() for day in pd.DatetimeIndex(x["date"].values)]
    mean = p.mean(axis=1)
    return pd.DataFrame(
        {
            "setup": [next(setup for setup, a, b in parts if a < day <= b) for day in days],
            "date": pd.to_datetime(days),
            "probability": mean,
            "probability_low": low,
            "probability_high": high,
            "added": np.diff(mean, prepend=0.0),
            "years": np.diff([(day - parts[0][1]).days / DAYS for day in days], prepend=0.0),
        }
    )


def _end(x: xr.Dataset, base: xr.Dataset) -> dict[str, Any]:
    """Numbers at the last day, and against another plan."""
    p, world = (x[name].isel(date=-1).values for name in ("probability", "world_probability"))
    extra = p - base["probability"].isel(date=-1).values
    return {
        "probability": p.mean(),
        "probability_median": np.median(p),
        "probability_low": np.quantile(p, LOW),
        "probability_high": np.quantile(p, HIGH),
        "extra": extra.mean(),
        "extra_low": np.quantile(extra, LOW),
        "extra_high": np.quantile(extra, HIGH),
        "worlds_higher": float((world > base["world_probability"].isel(date=-1).values * (1 + 1e-9)).mean()),
    }


def _calendar_text(table: pd.DataFrame) -> str:
    ordered: list[dict[str, Any]] = table.sort_values("probability").to_dict("records")  # type: ignore[assignment]
    said = [
        f"{Probability(row['probability'], round(row['horizon_years'], 1))} for “{row['label']}”"
        for row in (ordered[0], ordered[-1])
    ]
    ends = f"from {ordered[0]['start']} to {ordered[0]['until']}"
    words = ", ".join(said if len(table) > 1 else said[:1])
    return f"Predictive probability of at least one disclosure {ends}: {words}. {TODAY_RATES}"


def delay(
    posterior: Posterior,
    study: Study,
    plan: pd.DataFrame | str,
    dates: Sequence[dt.date | str],
    *,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
) -> Finding:
    """What does each later date of the last migration add?

    Parameters
    ----------
    posterior, study, setups, home
        As for :func:`riskmodel.exposure`.
    plan
        Legs as for :func:`calendar`, or the name of a plan of the study; at least two.
    dates
        Days on which the last leg may take over, in order.

    Returns
    -------
    Finding
        One row a date: ``date``, ``probability`` from the plan's start to its end with its 90 % interval, ``added``
        against the date before with ``added_low``, ``added_high`` (over parameters), ``worlds_higher`` (share of worlds
        in which the later date is worse), ``added_per_year``, ``horizon_years``.

    Raises
    ------
    UsageError
        If the plan has one leg only, or a date lies outside its last two legs or not after the one before.
    """
    table = plan_of(study, plan) if isinstance(plan, str) else plan
    paths = Paths(posterior, study, setups, home)
    legs = legs_of(table, paths.rows)
    if len(legs) < 2:
        raise UsageError("plan: has one leg, so that nothing can be delayed; give the one before and the one after")
    *before, (old, begins, _), (new, _, until) = legs
    days = [pd.Timestamp(day).date() for day in dates]
    wrong = [str(day) for day in days if not begins < day < until]
    if wrong or not days:
        raise UsageError(f"dates: {', '.join(wrong) or 'none'} - must be after {begins} and before {until}")
    if any(b <= a for a, b in pairwise(days)):
        raise UsageError(f"dates: {', '.join(map(str, days))} - must be in order, each once")
    rows: list[dict[str, Any]] = []
    last: xr.Dataset | None = None
    for day in days:
        parts = pd.DataFrame(
            [*before, (old, begins, day), (new, day, until)], columns=["setup_id", "from_date", "to_date"]
        )
        x = paths.exposure(parts)
        found = _end(x, x if last is None else last)
        years = (day - days[len(rows) - 1]).days / DAYS if rows else np.nan
        rows.append(
            {
                "date": pd.Timestamp(day),
                **{name: found[name] for name in ("probability", "probability_low", "probability_high")},
                **{f"added{end}": found[f"extra{end}"] if rows else np.nan for end in ("", "_low", "_high")},
                "worlds_higher": found["worlds_higher"] if rows else np.nan,
                "added_per_year": found["extra"] / years,
                "horizon_years": (until - legs[0][1]).days / DAYS,
            }
        )
        last = x
    out = pd.DataFrame(rows)
    first, latest = out.iloc[0], out.iloc[-1]
    total, whole = latest["probability"] - first["probability"], (days[-1] - days[0]).days / DAYS
    named = (study["setups"] if setups is None else setups).set_index("setup_id")
    label = named.get("label", pd.Series(dtype=object)).dropna()
    text = (
        f"If {label.get(new, new)} takes over from {label.get(old, old)} on {days[0]}, the predictive probability of "
        f"at least one disclosure from {legs[0][1]} to {until} is {percent(first['probability'])}"
    )
    if len(out) > 1:
        text += (
            f"; on {days[-1]} it is {percent(latest['probability'])}. The delay of {whole:.1f} years adds "
            f"{digits(100 * total)} percentage points, {digits(100 * total / whole)} a year on average; its "
            f"last step is worse in {share_text(latest['worlds_higher'])} of worlds and a tie in the others"
        )
    return Finding(out, f"{text}. {TODAY_RATES}")
