"""Levels: how high reach and likelihood of each setup are, under which reading and through which law."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

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
        under = places[low < house.FLOOR]
        ax.plot(np.full(len(under), house.FLOOR * 1.15), under, "<", color=house.BLUE, ms=5, clip_on=False)
        house.ticks(ax, summary["probability_median"], places, tr("median"))
        house.odds_axis(ax, horizon_years)
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
    least, most = (summary.iloc[int(pick(summary[answer].to_numpy()))] for pick in (np.argmin, np.argmax))
    ends = tr(
        "Lowest: {lowest}, {least}; highest: {highest}, {most}.",
        lowest=least["label"],
        least=percent(least[answer], (least[f"{answer}_low"], least[f"{answer}_high"])),
        highest=most["label"],
        most=percent(most[answer], (most[f"{answer}_low"], most[f"{answer}_high"])),
    )
    return ax, f"{what} {ends}"


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
        Each small square is a world; filled ones with a cross are those in which the setup is reached.
    """
    fig, axes = plt.subplots(1, len(setups), figsize=(house.WIDTH, house.WIDTH / len(setups) + 0.7), squeeze=False)
    said = []
    for ax, setup in zip(axes[0], setups, strict=True):
        share = float(x["world_reached"].sel(setup=setup).mean())
        count = min(max(round(100 * share), int(share > 0)), 100 - int(share < 1))
        label = str(x["label"].sel(setup=setup).values)
        row, col = np.divmod(np.arange(100), 10)
        ax.scatter(col[count:], row[count:], marker="s", s=50, facecolor="white", edgecolor="#9aa3ad", lw=0.8)
        ax.scatter(col[:count], row[:count], marker="s", s=50, color=house.RED, lw=0)
        ax.scatter(col[:count], row[:count], marker="x", s=18, color="white", lw=1)
        ax.set(xticks=[], yticks=[], xlim=(-0.7, 9.7), ylim=(9.7, -0.7), aspect="equal")
        reached = tr("reached in {count}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}100", count=count)
        ax.set_title("\n".join(textwrap.fill(part, 46 // len(setups)) for part in (label, reached)), fontsize=10)
        sns.despine(ax=ax, left=True, bottom=True)
        said.append(tr("{label}: about {count}", label=label, count=count))
    caption = tr(
        "Worlds out of a hundred in which some foreign law reaches the setup. {setups}. Filled squares with a cross "
        "are worlds in which it is reached, open squares are worlds in which it is not.",
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
        One marker a reading; a bar marks the stated mixture.
    """
    labels = list(found["label"].unique())
    ax = house.canvas(ax, house.row_height(len(labels), per=0.3) + 0.8)
    rows = house.label_rows(ax, [textwrap.fill(label, 30) for label in labels])
    places = found["label"].map(dict(zip(labels, rows, strict=True)))
    for k, (name, words) in enumerate(CUSTODY.items()):
        mine = found["custody"] == name
        if mine.any():
            house.dots(ax, found.loc[mine, "probability"], places[mine] + 0.11 * (-1) ** k, k, tr(words))
    mixed = found["custody"] == "stated mixture"
    house.ticks(ax, found.loc[mixed, "probability"], places[mixed], tr("stated mixture"), size=15)
    house.odds_axis(ax, horizon_years, found["probability"].min())
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
    return ax, caption


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
        One marker a setup on the row of each regime.
    """
    top = found.groupby("name")["probability"].max().sort_values(ascending=False)
    names = list(top[top >= house.FLOOR].index)
    labels = list(found["label"].unique())
    ax = house.canvas(ax, house.row_height(len(names), per=0.42) + 0.5)
    places = dict(zip(names, house.label_rows(ax, [textwrap.fill(n, 28) for n in names]), strict=True))
    for k, label in enumerate(labels):
        mine = found[(found["label"] == label) & found["name"].isin(names)]
        house.dots(
            ax,
            mine["probability"],
            mine["name"].map(places) + 0.17 * (k - (len(labels) - 1) / 2),
            k,
            house.short(label),
        )
    house.odds_axis(ax, horizon_years)
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
    return ax, caption


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
    odds = [one_in(chance, span) for chance, span in zip(p, spans, strict=True)]
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
