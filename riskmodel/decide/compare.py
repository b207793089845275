"""Compare setups: levels in three labelled numbers, then ratios over parameters and over worlds."""

from __future__ import annotations

from typing import Any

import pandas as pd
import xarray as xr

from riskmodel.decide._shared import EQUAL_FACTOR, HIGH, LOW, at_least_one, known_setups, quotient, ratios, unknown
from riskmodel.decide.finding import Finding
from riskmodel.decide.ranking import rank, tolerance
from riskmodel.decide.rulings import OUTCOMES
from riskmodel.errors import UsageError
from riskmodel.language import localised, tr
from riskmodel.wording import Probability, factor, in_words, percent, ratios_between, share_text, years_text

__all__ = ["EQUAL_FACTOR", "compare", "rank", "summarise", "tolerance"]

_known = known_setups
TOLERATED = OUTCOMES[2:]
"""Outcomes of a ruling that let a system go on, at least for a time."""
SAME = ("horizon_years", "home", "start")
"""What two answers must share to be set side by side."""


def summarise(x: xr.Dataset) -> Finding:
    """What are reach and likelihood of each setup, in the three labelled numbers?

    Parameters
    ----------
    x
        From :func:`riskmodel.exposure`.

    Returns
    -------
    Finding
        Table, one row per setup in the order of ``x``: ``reach`` (predictive probability that some foreign law binds
        someone who can produce the data), ``reach_low``/``reach_high``; ``probability`` (predictive, over
        ``horizon_years``), ``probability_low``/``probability_high`` (90 % equal-tailed over parameters, settled
        unknowns integrated out), ``probability_median``; ``worlds_reached`` (share of worlds in which the setup is
        reached at all) and ``probability_if_reached`` (mean over those worlds).
    """
    reach, p = x["reach_any"], x["probability"]
    table = pd.DataFrame(
        {
            "setup": x["setup"].values,
            "label": x["label"].values,
            "reach": reach.mean("sample").values,
            "reach_low": reach.quantile(LOW, "sample").values,
            "reach_high": reach.quantile(HIGH, "sample").values,
            "probability": p.mean("sample").values,
            "probability_median": p.median("sample").values,
            "probability_low": p.quantile(LOW, "sample").values,
            "probability_high": p.quantile(HIGH, "sample").values,
            "worlds_reached": x["world_reached"].mean("sample").values,
            "probability_if_reached": (p.mean("sample") / reach.mean("sample")).values,
            "horizon_years": x.attrs["horizon_years"],
        }
    )
    ordered: list[dict[str, Any]] = table.sort_values("probability").to_dict("records")  # type: ignore[assignment]
    low, high = ordered[0], ordered[-1]
    years = x.attrs["horizon_years"]
    text = tr(
        "Predictive probability of at least one disclosure of intelligible content to a foreign authority: from "
        "{least} for {lowest} to {most} for {highest}.",
        least=Probability(low["probability"], years, (low["probability_low"], low["probability_high"])),
        lowest=low["label"],
        most=Probability(high["probability"], years, (high["probability_low"], high["probability_high"])),
        highest=high["label"],
    )
    return Finding(table, text)


def compare(
    x: xr.Dataset,
    a: str,
    b: str,
    equal_factor: float = EQUAL_FACTOR,
    *,
    suspended: xr.Dataset | None = None,
    judged: Finding | None = None,
) -> Finding:
    """Is setup ``a`` less exposed than setup ``b``, and how sure is that? Each answer for itself, never merged.

    Three comparisons, each labelled: *predictive* (ratio of predictive means), *over parameters* (settled unknowns
    integrated out), *over worlds* (legal questions, facts, certificates settled one way, the same for both).

    Parameters
    ----------
    x
        From :func:`riskmodel.exposure`.
    a, b
        Setup ids.
    equal_factor
        Probabilities within this factor count as practically equal; two unreached setups tie.
    suspended
        From :func:`riskmodel.suspension`, same setups and horizon: adds ``suspension``; over worlds only if it has
        them.
    judged
        From :func:`riskmodel.acceptability_of`: adds ``acceptability``, the predictive probability that the authority
        tolerates a setup (for a time or as it is). More is better there, and no ratio over parameters is known: the
        finding gives each outcome by itself.

    Returns
    -------
    Finding
        Columns ``answer`` (reach, likelihood, suspension, acceptability), ``comparison``, ``ratio`` a/b (over
        parameters and worlds the median) with ``ratio_low``/``ratio_high`` (90 % equal-tailed), ``lower``, ``equal``,
        ``higher`` (probability that a is below, equal to, above b), and on predictive rows ``value_a``, ``value_b``,
        the probabilities whose ratio it is.

    Raises
    ------
    UsageError
        If a setup was not scored, ``equal_factor`` is below 1, or the answers differ in horizon, home or start.

    Examples
    --------
    >>> import riskmodel as rm
    >>> x = rm.exposure(rm.load_posterior(), rm.read_study(), by_regime=False)
    >>> table = compare(x, "HDH_SCALEWAY", "HDH_AZURE").table.set_index(["answer", "comparison"])
    >>> bool(table.loc[("likelihood", "predictive"), "ratio"] < 1)
    True
    """
    known_setups(x, a, b)
    at_least_one(equal_factor)
    labels = dict(zip(x["setup"].values, x["label"].values, strict=True))
    names = labels[a], labels[b]
    rows = [
        *_compared("reach", x["reach_any"], x["world_reached"], (a, b), equal_factor),
        *_compared("likelihood", x["probability"], x["world_probability"], (a, b), equal_factor),
    ]
    said = [_likelihood_says({row["comparison"]: row for row in rows[3:]}, names, x, equal_factor)]
    if suspended is not None:
        _side_by_side(x, suspended, a, b)
        more = _compared(
            "suspension", suspended["probability"], suspended.get("world_probability"), (a, b), equal_factor
        )
        found = {row["comparison"]: row for row in more}
        over = found["over parameters"]
        said.append(
            tr(
                "The predictive probability of a suspension of {a} is {ratio} times that of {b}; over parameters it is "
                "lower with probability {lower}, practically equal with {equal}, higher with {higher}.",
                a=names[0],
                ratio=factor(found["predictive"]["ratio"], (over["ratio_low"], over["ratio_high"])),
                b=names[1],
                **_shares(over),
            )
        )
        rows += more
    if judged is not None:
        authority, left, right = _tolerated(judged.table, a, b)
        rows.append(_predictive("acceptability", left, right))
        unlike = judged.table.loc[judged.table["extrapolation"].astype(bool), "setup"].unique()
        said.append(
            tr(
                "A {authority} is predicted to tolerate or accept {a} with probability {left} and {b} with {right}, "
                "each ruled on once as a new system.",
                authority=tr(authority),
                a=names[0],
                left=percent(left),
                b=names[1],
                right=percent(right),
            )
        )
        if beyond := [labels[name] for name in (a, b) if name in unlike]:
            both = tr("{first} and {second}", first=beyond[0], second=beyond[-1]) if len(beyond) > 1 else beyond[0]
            said.append(tr("For {setups} this is extrapolation: no decided arrangement is comparable.", setups=both))
    columns = ["answer", "comparison", "ratio", "ratio_low", "ratio_high", "lower", "equal", "higher"]
    return Finding(pd.DataFrame(rows, columns=[*columns, "value_a", "value_b"]), " ".join(said))


def _predictive(answer: str, left: float, right: float) -> dict[str, Any]:
    ratio = quotient(left, right)
    return {"answer": answer, "comparison": "predictive", "ratio": ratio, "value_a": left, "value_b": right}


def _compared(
    answer: str, integrated: xr.DataArray, worlds: xr.DataArray | None, pair: tuple[str, str], equal_factor: float
) -> list[dict[str, Any]]:
    """Rows of one answer: over parameters, over worlds where there are any, predictive."""
    left, right = (integrated.sel(setup=setup).values for setup in pair)
    rows = [{"answer": answer, "comparison": "over parameters", **ratios(left, right, equal_factor)}]
    if worlds is not None:
        one, other = (worlds.sel(setup=setup).values.astype(float) for setup in pair)
        rows.append({"answer": answer, "comparison": "over worlds", **ratios(one, other, equal_factor)})
    return [*rows, _predictive(answer, float(left.mean()), float(right.mean()))]


def _likelihood_says(
    likely: dict[str, dict[str, Any]], names: tuple[str, str], x: xr.Dataset, equal_factor: float
) -> str:
    """What the three comparisons of the likelihood permit."""
    over, world, ratio = likely["over parameters"], likely["over worlds"], likely["predictive"]["ratio"]
    ends = over["ratio_low"], over["ratio_high"]
    given = {
        "years": years_text(x.attrs["horizon_years"]),
        "a": names[0],
        "b": names[1],
        "ratio": factor(ratio, ends),
        "ends": ratios_between(*ends),
    }
    if ratio * equal_factor < 1:
        level = tr(
            "Over {years}, a disclosure is about {times} times less probable with {a} than with {b} (ratio {ratio}; "
            "90 % of the ratios over parameters: {ends}).",
            times=factor(1 / ratio),
            **given,
        )
    elif ratio < equal_factor:
        level = tr(
            "Over {years}, a disclosure is about as probable with {a} as with {b} (ratio {ratio}; 90 % of the ratios "
            "over parameters: {ends}).",
            **given,
        )
    else:
        level = tr(
            "Over {years}, a disclosure is about {times} times as probable with {a} as with {b} (ratio {ratio}; 90 % "
            "of the ratios over parameters: {ends}).",
            times=factor(ratio),
            **given,
        )
    sure = tr(
        "It is {word} that {a} is the lower one: {lower} over what the parameters may be, practically equal {equal}, "
        "higher {higher} (within a factor of {factor} counts as equal). In single worlds it is lower in "
        "{worlds_lower}, tied in {worlds_equal}, higher in {worlds_higher}.",
        a=names[0],
        word=in_words(over["lower"]),
        factor=localised(f"{equal_factor:g}"),
        **_shares(over),
        **{f"worlds_{part}": share for part, share in _shares(world).items()},
    )
    return f"{level} {sure}"


def _shares(row: dict[str, Any]) -> dict[str, str]:
    """In words, the probabilities of being lower, equal and higher."""
    return {part: share_text(row[part]) for part in ("lower", "equal", "higher")}


def _side_by_side(x: xr.Dataset, suspended: xr.Dataset, a: str, b: str) -> None:
    """Raise a UsageError if the other endpoint was scored for other setups, or on another basis."""
    known_setups(suspended, a, b)
    for name in SAME:
        if suspended.attrs[name] != x.attrs[name]:
            raise UsageError(f"suspended: {name} {suspended.attrs[name]} - must be {x.attrs[name]}, as in the exposure")


def _tolerated(judged: pd.DataFrame, a: str, b: str) -> tuple[str, float, float]:
    """Authority, and predictive probability that it tolerates or accepts each of two setups."""
    rows = judged[judged["setup"].isin([a, b]) & judged["outcome"].isin(TOLERATED)]
    if missing := [name for name in (a, b) if name not in rows["setup"].values]:
        raise unknown("setup of judged", missing, judged["setup"].unique())
    authorities = list(rows["authority"].unique())
    if len(authorities) > 1:
        raise UsageError(f"judged: {', '.join(authorities)} - must be the rulings of one authority")
    total = rows.groupby("setup")["probability"].sum()
    return str(authorities[0]), float(total[a]), float(total[b])
