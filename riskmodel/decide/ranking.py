"""Places among setups, with ties, and setups against a tolerated probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel._files import shipped_data_dir
from riskmodel.decide._shared import EQUAL_FACTOR, HIGH, LOW, at_least_one, unknown
from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError
from riskmodel.language import localised, tr
from riskmodel.wording import in_words, percent, share_text, years_text

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["rank", "tolerance"]

PUBLISHED = "published_probabilities"
ALIKE = 0.5
"""Setups whose expected ranks are less than this apart are named together."""


def rank(x: xr.Dataset, top: int = 3, equal_factor: float = EQUAL_FACTOR) -> Finding:
    """Which setup is least exposed, and how firm is each place?

    Setups within ``equal_factor`` of one another tie: one with L setups clearly lower and E practically equal takes
    each of the places L + 1 to L + E + 1 with probability 1 / (E + 1). Being practically equal does not pass on (A to
    B to C), so that a place may be taken by a little more or less than one setup; expected ranks add up.

    Parameters
    ----------
    x
        From :func:`riskmodel.exposure`.
    top
        Number k of the places that count as the top, 1 or more.
    equal_factor
        Probabilities within this factor are practically equal.

    Returns
    -------
    Finding
        Table sorted by ``expected_rank`` (1 = least exposed, over parameters): ``rank_low``/``rank_high`` (90 %
        equal-tailed), ``lowest`` (probability of being lowest or practically equal to it, over parameters) and
        ``lowest_in_worlds`` (the same over worlds), ``probability`` (predictive); ``best`` (probability of the first
        place, ties shared), ``in_top`` (of the first ``top``), the same and ``expected_rank`` over worlds
        (``..._in_worlds``). Detail: ``setup``, ``label``, ``rank`` and the probability that the setup has it, over
        parameters (``probability``) and over worlds (``probability_in_worlds``).

    Raises
    ------
    UsageError
        If ``top`` is no whole number of 1 or more, or ``equal_factor`` is below 1.
    """
    at_least_one(equal_factor)
    if not top >= 1 or top % 1:
        raise UsageError(f"top: {top} - must be a whole number of 1 or more")
    p = x["probability"].transpose("sample", "setup").values
    (matrix, lowest), (in_worlds, lowest_in_worlds) = (
        _places(values, equal_factor) for values in (p, x["world_probability"].transpose("sample", "setup").values)
    )
    places = np.arange(1, len(matrix) + 1)
    cumulated = matrix.cumsum(axis=1)
    table = pd.DataFrame(
        {
            "setup": x["setup"].values,
            "label": x["label"].values,
            "expected_rank": matrix @ places,
            "rank_low": _first(cumulated, LOW),
            "rank_high": _first(cumulated, HIGH),
            "lowest": lowest,
            "lowest_in_worlds": lowest_in_worlds,
            "probability": p.mean(axis=0),
            "best": matrix[:, 0],
            "in_top": matrix[:, :top].sum(axis=1),
            "top": min(int(top), len(matrix)),
            "expected_rank_in_worlds": in_worlds @ places,
            "best_in_worlds": in_worlds[:, 0],
            "in_top_in_worlds": in_worlds[:, :top].sum(axis=1),
        }
    ).sort_values("expected_rank", ignore_index=True, kind="stable")
    detail = pd.DataFrame(
        {
            "setup": np.repeat(x["setup"].values, len(matrix)),
            "label": np.repeat(x["label"].values, len(matrix)),
            "rank": np.tile(places, len(matrix)),
            "probability": matrix.ravel(),
            "probability_in_worlds": in_worlds.ravel(),
        }
    )
    return Finding(table, _rank_says(table), detail)


def _places(values: np.ndarray, equal_factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Probability of each place (setup, rank), ties shared evenly, and of none being clearly lower (setup,)."""
    count = values.shape[1]
    matrix, lowest = np.empty((count, count)), np.empty(count)
    for i in range(count):
        mine = values[:, [i]]
        below = (values * equal_factor < mine).sum(axis=1)
        after = count - (values > mine * equal_factor).sum(axis=1)  # first place that is clearly higher
        share = 1.0 / (after - below)
        steps = np.bincount(below, share, count + 1) - np.bincount(after, share, count + 1)
        matrix[i] = steps.cumsum()[:count] / len(values)
        lowest[i] = (below == 0).mean()
    return np.clip(matrix, 0.0, 1.0), lowest


def _first(cumulated: np.ndarray, level: float) -> np.ndarray:
    """First rank at which the cumulated probability reaches a level: (setup,)."""
    return (cumulated < level - 1e-9).sum(axis=1) + 1


def _rank_says(table: pd.DataFrame) -> str:
    """What the ranks permit."""
    first: Any = table.iloc[0]
    alike = table[table["expected_rank"] < first["expected_rank"] + ALIKE]
    text = tr(
        "{labels} cannot be told apart: their expected ranks are the lowest, {low} to {high} of {count}. Each is "
        "lowest or practically equal to the lowest with a probability of {share} or less over parameters and in up to "
        "{worlds} of worlds; many worlds are ties, because setups that no foreign law reaches are equal.",
        labels=tr(", ").join(alike["label"]),
        low=localised(f"{first['expected_rank']:.1f}"),
        high=localised(f"{alike['expected_rank'].max():.1f}"),
        count=len(table),
        share=share_text(alike["lowest"].max()),
        worlds=share_text(alike["lowest_in_worlds"].max()),
    )
    if len(alike) > 1:
        return text
    text = tr(
        "{label} has the lowest expected rank ({rank} of {count}) and is lowest or practically equal to the lowest "
        "with probability {share} over parameters and in {worlds} of worlds; many worlds are ties, because setups that "
        "no foreign law reaches are equal.",
        label=first["label"],
        rank=localised(f"{first['expected_rank']:.1f}"),
        count=len(table),
        share=share_text(first["lowest"]),
        worlds=share_text(first["lowest_in_worlds"]),
    )
    if first["top"] == len(table):
        return text
    most: Any = table.iloc[int(table["in_top"].to_numpy().argmax())]
    more = tr(
        "With ties shared, {label} is most often among the first {top}: with probability {share} over parameters, and "
        "in {worlds} of worlds.",
        label=most["label"],
        top=most["top"],
        share=share_text(most["in_top"]),
        worlds=share_text(most["in_top_in_worlds"]),
    )
    return f"{text} {more}"


def tolerance(
    x: xr.Dataset, limit: float | str, horizon_years: float | None = None, *, study: Study | None = None
) -> Finding:
    """How sure is it that a setup stays below a tolerated probability over the horizon?

    Parameters
    ----------
    x
        From :func:`riskmodel.exposure`; its horizon is the horizon of the limit.
    limit
        Tolerated probability, for example 0.10, or the name of a published one: an id of kind ``tolerance`` in
        ``data/published_probabilities.csv``, such as ``"zurich"`` (10 % over 5 years).
    horizon_years
        Horizon of a limit given as a number, if it is to be checked; a published one has its own.
    study
        Where published limits are looked up; default the shipped table.

    Returns
    -------
    Finding
        ``exceeds`` (probability over parameters that the setup is above the threshold), ``exceeds_in_worlds``,
        ``predictive_exceeds`` (whether the predictive probability is above it), ``threshold``, ``horizon_years``,
        and of a published threshold its ``preset``, ``source_ids`` (else missing).

    Raises
    ------
    UsageError
        If the limit is not strictly between 0 and 1, has no such name, or is of another horizon than ``x``.

    Examples
    --------
    >>> import riskmodel as rm
    >>> x = rm.exposure(rm.load_posterior(), rm.read_study(), horizon_years=5, by_regime=False)
    >>> found = tolerance(x, "zurich").table
    >>> float(found["threshold"][0]), found["source_ids"][0]
    (0.1, 'DR-ZH-RRB542')
    """
    years = x.attrs["horizon_years"]
    preset = _preset(limit, study) if isinstance(limit, str) else {}
    probability = preset.get("probability", limit)
    if not 0 < probability < 1:
        raise UsageError(f"tolerance: {probability} - must be between 0 and 1")
    for of, asked in (("horizon_years", horizon_years), (str(limit), preset.get("horizon_years"))):
        if asked is not None and not np.isclose(asked, years, rtol=1e-9, atol=0):
            raise UsageError(
                f"{of}: {years_text(asked)} - must be the horizon of the exposure, {years_text(years)}; score again "
                f"with exposure(..., horizon_years={asked:g})"
            )
    table = pd.DataFrame(
        {
            "setup": x["setup"].values,
            "label": x["label"].values,
            "threshold": float(probability),
            "horizon_years": years,
            "predictive_exceeds": (x["probability"].mean("sample") > probability).values,
            "exceeds": (x["probability"] > probability).mean("sample").values,
            "exceeds_in_worlds": (x["world_probability"] > probability).mean("sample").values,
            "preset": preset.get("id"),
            "source_ids": preset.get("source_ids"),
        }
    )
    above = int(table["predictive_exceeds"].sum())
    worst: dict[str, Any] = table.sort_values("exceeds").to_dict("records")[-1]  # type: ignore[assignment]
    tolerated = tr("{chance} over {years}", chance=percent(probability), years=years_text(years))
    text = tr(
        "Against a tolerance of {limit}, {above} of {count} setups have a predictive probability above it; most "
        "doubtful is {label}, for which it is {word} ({share}) over parameters.",
        limit=f"{tolerated} ({preset['name']})" if preset else tolerated,
        above=above,
        count=len(table),
        label=worst["label"],
        word=in_words(worst["exceeds"]),
        share=share_text(worst["exceeds"]),
    )
    return Finding(table, text)


def _preset(name: str, study: Study | None) -> dict[str, Any]:
    """A published tolerance by its id, whatever the case of its letters."""
    rows = pd.read_csv(shipped_data_dir() / f"{PUBLISHED}.csv") if study is None else study[PUBLISHED]
    rows = rows[rows["kind"] == "tolerance"]
    found: list[dict[str, Any]] = rows[rows["id"].str.lower() == name.lower()].to_dict("records")  # type: ignore[assignment]
    if not found:
        raise unknown("tolerance", [name], rows["id"])
    return found[0]
