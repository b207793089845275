"""Levels: how high reach and likelihood of each setup are, under which reading and through which law."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure

from riskmodel.language import localised, tr
from riskmodel.plots import house
from riskmodel.tables import CUSTODY
from riskmodel.wording import one_in, percent, share_text, years_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["by_regime", "intervals", "readings", "what_if", "worlds"]

SAME = 0.01
"""Relative difference up to which the lowest or highest values of several setups are said as one."""


def intervals(
    summary: pd.DataFrame, answer: str = "probability", *, horizon_years: float = 5.0, ax: Axes | None = None
) -> house.Drawn:
    """How high is the answer for each setup, and how well do the inputs determine it?

    Parameters
    ----------
    summary
        Table of :func:`riskmodel.summarise`, with ``group`` where rows stand under headings.
    answer
        ``"reach"`` (linear axis in per cent) or ``"probability"`` (log axis).
    horizon_years
        Horizon of the likelihood.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Point: predictive probability; line: 90 % equal-tailed interval over parameters; tick: median.
    """
    groups = list(summary["group"]) if "group" in summary else []
    ax = house.canvas(ax, house.row_height(len(summary), groups))
    places = house.label_rows(ax, summary["label"], groups)
    low, high = summary[f"{answer}_low"], summary[f"{answer}_high"]
    ax.hlines(places, np.maximum(low, house.FLOOR), np.maximum(high, house.FLOOR), color=house.BLUE, lw=2.2, alpha=0.75)
    if answer == "probability":
        house.ticks(ax, summary["probability_median"], places, tr("median"))
        house.odds_axis(ax, horizon_years)
        house.beyond(ax, low, places, house.BLUE)
        what = tr(
            "Probability of at least one disclosure within {years} of {count} setups. Round point: predictive "
            "probability; line: 90 % equal-tailed interval over parameters. Upright tick: median over parameters; "
            "arrow at the left edge: goes below 1 in 1 million.",
            years=years_text(horizon_years),
            count=len(summary),
        )
    else:
        axis = tr("probability that a foreign law reaches someone who can produce the data")
        house.share_axis(ax, axis, zero=tr("none"))
        what = tr(
            "Probability of reach of {count} setups. Round point: predictive probability; line: 90 % equal-tailed "
            "interval over parameters.",
            count=len(summary),
        )
    house.dots(ax, summary[answer], places, 0, tr("predictive"), color=house.RED)
    (lowest, least), (highest, most) = (_extreme(summary, answer, pick) for pick in (np.argmin, np.argmax))
    ends = tr(
        "Lowest: {lowest}, {least}; highest: {highest}, {most}.",
        lowest=lowest,
        least=least,
        highest=highest,
        most=most,
    )
    return ax, f"{what} {ends}"


def _extreme(summary: pd.DataFrame, answer: str, pick: Callable[[np.ndarray], Any]) -> tuple[str, str]:
    """Who has the lowest or highest value (how many setups where they are practically equal), and the value."""
    values = summary[answer].to_numpy()
    row = summary.iloc[int(pick(values))]
    count = int((np.abs(values - row[answer]) <= SAME * row[answer]).sum())
    name = str(row["label"]) if count == 1 else tr("{count} setups", count=count)
    return name, percent(row[answer], (row[f"{answer}_low"], row[f"{answer}_high"]))


def worlds(x: xr.Dataset, setups: Sequence[str]) -> tuple[Figure, str]:
    """In how many of a hundred worlds does a foreign law reach each setup?

    Parameters
    ----------
    x
        From :func:`riskmodel.exposure`.
    setups
        Up to three setups, side by side.

    Returns
    -------
    figure and caption
        Each small square is a world; filled ones are those in which the setup is reached.
    """
    fig, axes = plt.subplots(1, len(setups), figsize=(house.WIDTH, house.WIDTH / len(setups) + 0.7), squeeze=False)
    said = []
    for ax, setup in zip(axes[0], setups, strict=True):
        share = float(x["world_reached"].sel(setup=setup).mean())
        count = min(max(round(100 * share), int(share > 0)), 100 - int(share < 1))
        label = str(x["label"].sel(setup=setup).values)
        row, col = np.divmod(np.arange(100), 10)
        ax.scatter(col[count:], row[count:], marker="s", s=50, facecolor="white", edgecolor="#9aa3ad", lw=0.8)
        ax.scatter(col[:count], row[:count], marker="s", s=50, color=house.BLUE, lw=0)
        ax.set(xticks=[], yticks=[], xlim=(-0.7, 9.7), ylim=(9.7, -0.7), aspect="equal")
        reached = tr("reached in {count}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}100", count=count)
        ax.set_title("\n".join(textwrap.fill(part, 46 // len(setups)) for part in (label, reached)), fontsize=10)
        sns.despine(ax=ax, left=True, bottom=True)
        said.append(tr("{label}: about {count}", label=label, count=count))
    caption = tr(
        "Worlds out of a hundred in which some foreign law reaches the setup. {setups}. Filled squares are worlds in "
        "which it is reached, which is not yet disclosed; open squares are worlds in which it is not.",
        setups=tr("; ").join(said),
    )
    return fig, caption


def readings(found: pd.DataFrame, horizon_years: float, ax: Axes | None = None) -> house.Drawn:
    """What would the probability be under each reading of an unknown key custody?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.readings`.
    horizon_years
        Horizon of the likelihood.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One marker a reading, from the most exposing at the top of a row; a bar marks the stated mixture.
    """
    labels = list(found["label"].unique())
    kinds = [name for name in CUSTODY if (found["custody"] == name).any()]
    ax = house.canvas(ax, house.row_height(len(labels), per=0.14 + 0.075 * len(kinds)) + 0.8)
    rows = house.label_rows(ax, [textwrap.fill(label, 30) for label in labels])
    places = found["label"].map(dict(zip(labels, rows, strict=True)))
    house.odds_axis(ax, horizon_years, found["probability"].min(), found["probability"].max())
    mixed = found["custody"] == "stated mixture"
    house.ticks(ax, found.loc[mixed, "probability"], places[mixed], tr("stated mixture"), size=20)
    for lane, name in enumerate(kinds):
        mine = found["custody"] == name
        at = places[mine] + 0.72 * ((lane + 0.5) / len(kinds) - 0.5)
        _dots_or_arrows(ax, found.loc[mine, "probability"], at, list(CUSTODY).index(name), tr(CUSTODY[name]), ms=4.8)
    for between in rows[:-1] + 0.5:
        ax.axhline(between, color="#e6e9ed", lw=1)
    ax.grid(False, axis="y")
    house.legend_below(ax, 0.85)
    spread = found.groupby("label")["probability"].agg(lambda v: v.max() / v.min()).median()
    caption = tr(
        "Predictive probability within {years} under each reading of the keys, for {count} setups whose key custody "
        "was not seen, with the stated mixture as an upright bar. From the most to the least exposing reading the "
        "probability changes by a factor of about {factor} in the middle setup.",
        years=years_text(horizon_years),
        count=len(labels),
        factor=localised(f"{spread:.0f}"),
    )
    return ax, caption + _arrows_say(found["probability"])


def by_regime(found: pd.DataFrame, horizon_years: float, ax: Axes | None = None) -> house.Drawn:
    """Through which law does the probability of each setup come?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.by_regime`.
    horizon_years
        Horizon of the likelihood.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One marker a setup on the row of each regime; an arrow at the left edge where it is below the floor.
    """
    top = found.groupby("name")["probability"].max().sort_values(ascending=False)
    names = list(top[top >= house.FLOOR].index)
    labels = list(found["label"].unique())
    ax = house.canvas(ax, house.row_height(len(names), per=0.46) + 0.5)
    places = dict(zip(names, house.label_rows(ax, [textwrap.fill(n, 34) for n in names]), strict=True))
    house.odds_axis(ax, horizon_years, most=found["probability"].max())
    for k, label in enumerate(labels):
        mine = found[(found["label"] == label) & found["name"].isin(names)]
        at = mine["name"].map(places) + 0.19 * (k - (len(labels) - 1) / 2)
        _dots_or_arrows(ax, mine["probability"], at, k, house.short(label), ms=5.5)
    house.legend_below(ax, 0.85)
    best = found.iloc[int(found["share"].to_numpy().argmax())]
    caption = tr(
        "Predictive probability within {years} through each foreign law alone, for {setups}. The largest share of one "
        "law is {share}: {law} for {label}.",
        years=years_text(horizon_years),
        setups=", ".join(labels),
        share=share_text(best["share"]),
        law=best["name"],
        label=best["label"],
    )
    return ax, caption + _arrows_say(found.loc[found["name"].isin(names), "probability"])


def _dots_or_arrows(ax: Axes, x: pd.Series, y: pd.Series, k: int, label: str, ms: float) -> None:
    """Draw points, and what lies below the floor as arrows at the left edge of finished axes."""
    drawn = x >= house.FLOOR
    house.dots(ax, x[drawn], y[drawn], k, label, ms=ms)
    house.beyond(ax, x, y, house.COLOURS[k])


def _arrows_say(x: pd.Series) -> str:
    """What arrows mean, if there are any."""
    return f" {tr('Arrow at the left edge: below 1 in 1 million.')}" if (x < house.FLOOR).any() else ""


def what_if(found: pd.DataFrame, horizon_years: float, ax: Axes | None = None) -> house.Drawn:
    """What would change the answer of one setup?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.what_if`; the first row is the setup as described.
    horizon_years
        Horizon of the likelihood.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Square: as described; round: with one fact changed.
    """
    ax = house.canvas(ax, house.row_height(len(found), per=0.36))
    labels, p = [tr(label) for label in found["label"]], found["probability"].to_numpy()
    places = house.label_rows(ax, [textwrap.fill(label, 30) for label in labels])
    ax.axvline(p[0], color=house.GREY, lw=1, ls="--")
    ax.hlines(places, p[0], p, color=house.BLUE, lw=2)
    house.dots(ax, p[1:], places[1:], 0, ms=7)
    house.dots(ax, p[:1], places[:1], 1, ms=7)
    spans = zip(found["probability_low"], found["probability_high"], strict=True)
    odds = [one_in(chance) for chance, span in zip(p, spans, strict=True)]
    for said, *at in zip(odds, np.maximum(p, p[0]), places, strict=True):
        ax.annotate(said, (at[0], at[1]), xytext=(9, 0), textcoords="offset points", va="center", fontsize=8.5)
    house.odds_axis(ax, horizon_years, p.min())
    most = int(p.argmax())
    caption = tr(
        "Predictive probability within {years} if one fact were known to be so, against the setup as described "
        "(square, {now}). The largest change is: {change}, {then}.",
        years=years_text(horizon_years),
        now=odds[0],
        change=labels[most],
        then=odds[most],
    )
    return ax, caption
