"""Compare setups: levels in three labelled numbers, then ratios over parameters and over worlds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError
from riskmodel.wording import INTERVAL, Probability, factor, percent, share_text, years_text

__all__ = ["EQUAL_FACTOR", "compare", "rank", "summarise", "tolerance"]

LOW, HIGH = (1 - INTERVAL) / 2, (1 + INTERVAL) / 2
EQUAL_FACTOR = 1.25
"""Two probabilities within this factor are practically equal, unless the caller says otherwise."""


def _known(x: xr.Dataset, *names: str) -> None:
    """Raise a UsageError that lists setups which were not scored."""
    scored = [str(s) for s in x["setup"].values]
    missing = [n for n in names if n not in scored]
    if missing:
        raise UsageError(f"unknown setup {', '.join(missing)}; known: {', '.join(scored)}")


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
    text = (
        f"Predictive probability of at least one disclosure of intelligible content to a foreign authority: from "
        f"{Probability(low['probability'], years)} for {low['label']} to {Probability(high['probability'], years)} for "
        f"{high['label']}."
    )
    return Finding(table, text)


def compare(x: xr.Dataset, a: str, b: str, equal_factor: float = EQUAL_FACTOR) -> Finding:
    """Is setup ``a`` less exposed than setup ``b``, and how sure is that?

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

    Returns
    -------
    Finding
        Columns ``answer`` (reach, likelihood), ``comparison``, ``ratio`` a/b with ``ratio_low``/``ratio_high`` (90 %
        equal-tailed), ``lower``, ``equal``, ``higher`` (probability that a is below, equal to, above b).

    Raises
    ------
    UsageError
        If a setup was not scored, or ``equal_factor`` is below 1.
    """
    _known(x, a, b)
    if equal_factor < 1:
        raise UsageError(f"equal_factor: {equal_factor} - must be 1 or more")
    rows: list[dict[str, Any]] = []
    for answer, name in (("reach", "reach_any"), ("likelihood", "probability")):
        left, right = x[name].sel(setup=a).values, x[name].sel(setup=b).values
        rows.append({"answer": answer, "comparison": "predictive", "ratio": left.mean() / right.mean()})
        rows.append({"answer": answer, "comparison": "over parameters", **_ratios(left, right, equal_factor)})
    for answer, name in (("likelihood", "world_probability"), ("reach", "world_reached")):
        left, right = (x[name].sel(setup=s).values.astype(float) for s in (a, b))
        rows.append({"answer": answer, "comparison": "over worlds", **_ratios(left, right, equal_factor)})
    table = pd.DataFrame(rows).sort_values(["answer", "comparison"], ascending=[False, True], ignore_index=True)
    labels = dict(zip(x["setup"].values, x["label"].values, strict=True))
    likely = {row["comparison"]: row for row in rows if row["answer"] == "likelihood"}
    over, world, ratio = likely["over parameters"], likely["over worlds"], likely["predictive"]["ratio"]
    text = (
        f"Over {years_text(x.attrs['horizon_years'])}, the predictive probability of {labels[a]} is {factor(ratio)} "
        f"times that of {labels[b]}. Over what the parameters may be, {labels[a]} is lower with probability "
        f"{share_text(over['lower'])}, practically equal with {share_text(over['equal'])}, higher with "
        f"{share_text(over['higher'])} (within a factor of {equal_factor:g} counts as "
        f"equal). In single worlds it is lower in "
        f"{share_text(world['lower'])}, tied in {share_text(world['equal'])}, higher in {share_text(world['higher'])}."
    )
    return Finding(table, text)


def _ratios(left: np.ndarray, right: np.ndarray, equal_factor: float) -> dict[str, float]:
    """Interval of the ratio and probabilities of below, equal, above; 0 against 0 is equal."""
    both_zero = (left == 0) & (right == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(both_zero, 1.0, left / right)
    finite = np.quantile(ratio, [LOW, 0.5, HIGH], method="inverted_cdf")
    return {
        "ratio": float(finite[1]),
        "ratio_low": float(finite[0]),
        "ratio_high": float(finite[2]),
        "lower": float((ratio < 1 / equal_factor).mean()),
        "equal": float(((ratio >= 1 / equal_factor) & (ratio <= equal_factor)).mean()),
        "higher": float((ratio > equal_factor).mean()),
    }


def rank(x: xr.Dataset, equal_factor: float = EQUAL_FACTOR) -> Finding:
    """Which setup is least exposed, and how firm is each place?

    Parameters
    ----------
    x
        From :func:`riskmodel.exposure`.
    equal_factor
        A setup counts as lowest when it is within this factor of the lowest one.

    Returns
    -------
    Finding
        Sorted by ``expected_rank`` (1 = least exposed, over parameters): ``rank_low``/``rank_high`` (90 %
        equal-tailed), ``lowest`` (probability of being lowest or practically equal to it, over parameters) and
        ``lowest_in_worlds`` (the same over worlds), ``probability`` (predictive).
    """
    p = x["probability"].transpose("sample", "setup").values
    worlds = x["world_probability"].transpose("sample", "setup").values
    places = p.argsort(axis=1).argsort(axis=1) + 1
    table = pd.DataFrame(
        {
            "setup": x["setup"].values,
            "label": x["label"].values,
            "expected_rank": places.mean(axis=0),
            "rank_low": np.quantile(places, LOW, axis=0, method="inverted_cdf"),
            "rank_high": np.quantile(places, HIGH, axis=0, method="inverted_cdf"),
            "lowest": (p <= p.min(axis=1, keepdims=True) * equal_factor).mean(axis=0),
            "lowest_in_worlds": (worlds <= worlds.min(axis=1, keepdims=True) * equal_factor).mean(axis=0),
            "probability": p.mean(axis=0),
        }
    ).sort_values("expected_rank", ignore_index=True)
    best = table.iloc[0]
    text = (
        f"{best['label']} has the lowest expected rank ({best['expected_rank']:.1f} of {len(table)}) and is lowest or "
        f"practically equal to the lowest with probability {share_text(best['lowest'])} over parameters and in "
        f"{share_text(best['lowest_in_worlds'])} of worlds; many worlds are ties, because setups that no foreign law "
        f"reaches are equal."
    )
    return Finding(table, text)


def tolerance(x: xr.Dataset, probability: float) -> Finding:
    """How sure is it that a setup stays below a tolerated probability over the horizon?

    Parameters
    ----------
    x
        From :func:`riskmodel.exposure`; its horizon is the horizon of the threshold.
    probability
        Tolerated probability, for example 0.10 over 5 years, the ceiling of the canton of Zurich (RRB 542/2022).

    Returns
    -------
    Finding
        ``exceeds`` (probability over parameters that the setup is above the threshold), ``exceeds_in_worlds``,
        ``predictive_exceeds`` (whether the predictive probability is above it), ``threshold``, ``horizon_years``.

    Raises
    ------
    UsageError
        If the threshold is not strictly between 0 and 1.
    """
    if not 0 < probability < 1:
        raise UsageError(f"tolerance: {probability} - must be between 0 and 1")
    years = x.attrs["horizon_years"]
    table = pd.DataFrame(
        {
            "setup": x["setup"].values,
            "label": x["label"].values,
            "threshold": probability,
            "horizon_years": years,
            "predictive_exceeds": (x["probability"].mean("sample") > probability).values,
            "exceeds": (x["probability"] > probability).mean("sample").values,
            "exceeds_in_worlds": (x["world_probability"] > probability).mean("sample").values,
        }
    )
    above = int(table["predictive_exceeds"].sum())
    worst: dict[str, Any] = table.sort_values("exceeds").to_dict("records")[-1]  # type: ignore[assignment]
    text = (
        f"Against a tolerance of {percent(probability)} over {years_text(years)}, the predictive probability of "
        f"{above} of {len(table)} setups is above it; most doubtful is {worst['label']}, above it with probability "
        f"{share_text(worst['exceeds'])}."
    )
    return Finding(table, text)
