"""Other methods: what a product of points hides, a gate against a score, clauses, and years until a probability.

Frames come from :mod:`riskmodel.frameworks`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from riskmodel.plots import house
from riskmodel.wording import digits, factor, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["clauses", "dependence", "gate_and_score", "seals", "years_until"]

VERDICTS = {
    "met": ("✓", "#0072B2", "white"),
    "probable": ("(✓)", "#A9D3EE", house.INK),
    "unknown": ("?", "#F1F2F4", "#5a6068"),
    "doubtful": ("(✗)", "#F6C9A2", house.INK),
    "not met": ("✗", "#D55E00", "white"),
}
"""Verdict -> symbol, colour of the cell and of the symbol; darker is surer."""
LEVELS = ("#D55E00", "#E69F00", "#CFD4DA", "#8CC4EA", "#0072B2")
"""Colours of the levels SEAL-0 to SEAL-4."""
LATEST = 1e8
"""Years beyond which marks are drawn at the right edge."""


def dependence(table: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """What do the same points become when cells are uncertain, and when the same mood is behind all of them?

    Parameters
    ----------
    table
        Of :func:`riskmodel.frameworks.dependence`: ``calculation``, ``concentration``, ``mean``, ``q05``, ``q50``,
        ``q95``, ``ratio``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One row an assumption: mean (marker), median (upright bar), 5 to 95 % (line, cut at the left edge).
    """
    kinds = ["point", "independent", "fully dependent"]
    rows = table.assign(kind=table["calculation"].map(kinds.index))
    rows = rows.sort_values(["kind", "concentration"], ascending=[True, False], kind="stable")
    names = [
        "one number in each cell" if math.isinf(c) else f"{SPREAD.get(c, 'uncertain')} (concentration {c:g})"
        for c in rows["concentration"]
    ]
    groups = list(
        rows["calculation"].map({"point": "points", "independent": "cells independent"}).fillna("one mood behind all")
    )
    ax = house.canvas(ax, house.row_height(len(rows), groups, per=0.3) + 0.35)
    places = house.label_rows(ax, names, groups)
    low, mid, high, mean = (rows[c].to_numpy(dtype=float) for c in ("q05", "q50", "q95", "mean"))
    house.odds_axis(ax, 1.0, house.FLOOR * 11)
    left = ax.get_xlim()[0]
    ax.hlines(places, np.maximum(low, left), high, color=house.GREY, lw=2)
    house.ticks(ax, np.maximum(mid, left), places, "median")
    house.dots(ax, mean, places, 0, "mean", ms=7)
    ax.axvline(mean[0], color=house.BLUE, lw=0.9, ls=":")
    for place, ratio in zip(places, rows["ratio"], strict=True):
        ax.text(1.02, place, f"{factor(ratio)} ×", transform=ax.get_yaxis_transform(), va="center", fontsize=9)
    ax.text(1.02, 1.0, "mean /\npoint", transform=ax.transAxes, va="bottom", fontsize=8.5, weight="bold")
    ax.set_xlabel("result of the chain (log scale)")
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, ncols=2)
    last = rows[rows["calculation"] == "fully dependent"].iloc[-1]
    caption = (
        f"The same points, {percent(mean[0])} as a product, under {len(rows) - 1} assumptions about what is not known; "
        f"round: mean, upright bar: median, line: 5 to 95 %, cut at the left edge. Independent cells spread the "
        f"result and keep its mean. One mood behind all cells multiplies the mean, up to {factor(last['ratio'])} times "
        f"({percent(last['mean'])}), while the median falls to {percent(last['q50'])}."
    )
    return ax, caption


SPREAD = {20.0: "fairly sure", 5.0: "unsure", 2.0: "very unsure"}
"""Concentration of a Beta in words."""


def gate_and_score(table: pd.DataFrame, version: str, other: str | None = None, ax: Axes | None = None) -> house.Drawn:
    """Do score and gate of the same cards say the same?

    Parameters
    ----------
    table
        Of :func:`riskmodel.frameworks.csf`: ``provider_name``, ``gate``, one ``score_`` with each version of weights.
    version
        Weights of the filled marks.
    other
        Weights of the open marks.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One row a card under its lowest level, highest first; right: the score, if the card prints levels and scores.
    """
    column = f"score_{version}"
    rows = table.sort_values(["gate", column], ascending=False, kind="stable", na_position="last")
    groups = [f"SEAL-{gate:g}" for gate in rows["gate"]]
    ax = house.canvas(ax, house.row_height(len(rows), groups) + 0.5)
    places = pd.Series(house.label_rows(ax, rows["provider_name"], groups), index=rows.index)
    scored, silent = table[table[column].notna()].sort_values(column), table[table[column].isna()]
    if other:
        both = scored[[f"score_{other}", column]].to_numpy(dtype=float)
        at = places[scored.index]
        ax.hlines(at, both.min(axis=1), both.max(axis=1), color=house.GREY, lw=1.2, zorder=2)
        house.dots(ax, both[:, 0], at, 1, f"weights {other}", mfc="white", mec=house.RED, mew=1.3)
    house.dots(ax, scored[column], places[scored.index], 0, f"weights {version}", ms=7)
    said = ("levels only" if np.isnan(score) else f"{score:.1f}" for score in rows[column])
    house.right_column(ax, places, said, "score")
    ax.set_xlim(0, 100)
    ax.set_xlabel("weighted score, per cent; in groups by the lowest level of the objectives (gate)")
    house.legend_below(ax, 0.65)
    worst, best = scored.iloc[-1], scored.sort_values(["gate", column]).iloc[-1]
    caption = (
        f"Weighted score and lowest level of {len(scored)} cards that print scores, {len(silent)} more with levels "
        f"only. Highest score: {worst['provider_name']}, {worst[column]:.1f} per cent at SEAL-{worst['gate']:g}; "
        f"highest gate among them: {best['provider_name']}, {best[column]:.1f} per cent at SEAL-{best['gate']:g}."
    )
    return ax, caption


def seals(table: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """Which level would our reach give each setup, and which one does the card of its provider print?

    Parameters
    ----------
    table
        Of :func:`riskmodel.frameworks.seal_of`: ``label``, ``at_least_1`` to ``at_least_4``, ``published_seal``,
        ``objective``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One bar a setup, parted by the probability over parameters of each level; right: the level on the card.
    """
    ax = house.canvas(ax, house.row_height(len(table), per=0.34) + 0.7)
    places = house.label_rows(ax, table["label"])
    ends = np.ones(len(table)), np.zeros(len(table))
    at_least = np.column_stack([ends[0], *(table[f"at_least_{k}"] for k in range(1, 5)), ends[1]])
    share, left = at_least[:, :-1] - at_least[:, 1:], np.zeros(len(table))
    for k in range(5):
        ax.barh(places, share[:, k], left=left, height=0.66, color=LEVELS[k], edgecolor="white")
        for row in np.flatnonzero(share[:, k] > 0.08):
            middle, ink = left[row] + share[row, k] / 2, "white" if k in (0, 4) else house.INK
            words = f"SEAL-{k}" if share[row, k] > 0.25 else str(k)
            ax.text(middle, places[row], words, ha="center", va="center", fontsize=8.5, color=ink)
        left = left + share[:, k]
    for place, level in zip(places, table["published_seal"], strict=True):
        words = "no card" if np.isnan(level) else f"SEAL-{level:g}"
        ax.text(1.03, place, words, transform=ax.get_yaxis_transform(), va="center", fontsize=9)
    ax.text(1.03, 1.0, "card of the\nprovider", transform=ax.transAxes, va="bottom", fontsize=8.5, weight="bold")
    house.share_axis(ax, f"probability over parameters of each level of {table['objective'].iloc[0]}, by our reach")
    ax.grid(False)
    carded = table[table["published_seal"].notna()]
    off = carded[carded["seal"] != carded["published_seal"]]
    said = "; ".join(
        f"{r['label']} SEAL-{r['seal']} here, SEAL-{r['published_seal']:g} on the card" for _, r in off.iterrows()
    )
    caption = (
        f"Probability over parameters of each level of {table['objective'].iloc[0]} by a stated mapping of our reach, "
        f"for {len(table)} setups, against the level on the card of the provider. Median level and card differ for "
        f"{len(off)} of {len(carded)}{f': {said}' if said else ''}."
    )
    return ax, caption


def clauses(grid: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """Which clauses does each provider meet, which not, and which did nobody see?

    Parameters
    ----------
    grid
        Verdicts, one row a clause (index: its words), one column a provider or setup.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        A symbol and a colour for each verdict.

    Raises
    ------
    ValueError
        If a cell is no verdict of :func:`riskmodel.frameworks.secnumcloud`.
    """
    if strange := set(grid.to_numpy().ravel()) - set(VERDICTS):
        raise ValueError(f"verdicts {', '.join(map(str, strange))} - must be among {', '.join(VERDICTS)}")
    ax = house.canvas(ax, 1.7 + 0.29 * len(grid))
    places = house.label_rows(ax, grid.index)
    for column, name in enumerate(grid):
        for place, verdict in zip(places, grid[name], strict=True):
            sign, colour, ink = VERDICTS[verdict]
            ax.barh(place, 0.94, left=column + 0.03, height=0.88, color=colour)
            ax.text(column + 0.5, place, sign, ha="center", va="center", color=ink, fontsize=9)
    names = [str(name).split(" (")[0] for name in grid]
    names = names if len(set(names)) == len(names) else [str(name).replace(" (", "\n(") for name in grid]
    ax.set_xlim(0, len(names))
    ax.set_xticks(np.arange(len(names)) + 0.5, names)
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0, labelsize=8 if len(names) > 4 else 9)
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    shown = [v for v in VERDICTS if (grid.to_numpy() == v).any()]
    handles = [Patch(color=VERDICTS[v][1], label=f"{VERDICTS[v][0]} {v}") for v in shown]
    ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.01),
        ncols=len(handles),
        frameon=False,
        fontsize=8.5,
        handlelength=1.1,
        columnspacing=1.0,
    )
    said = "; ".join(
        f"{name} " + ", ".join(f"{n} {v}" for v in VERDICTS if (n := int((grid[name] == v).sum()))) for name in grid
    )
    return ax, f"Verdict on each of {len(grid)} clauses, one column a provider or setup. {said}."


def years_until(table: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """When would a disclosure be that likely: by one hazard, where a law reaches, and for the setup as a whole?

    Parameters
    ----------
    table
        Rows ``posterior, reach settled`` of :func:`riskmodel.frameworks.rosenthal`, one a setup: ``label``,
        ``years_method``, ``years_given_reach``, ``years_low``, ``years_high``, ``years_setup``, ``quantile``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Three marks a setup on a log axis of years; a setup that never gets there is said so at the right.
    """
    ax = house.canvas(ax, 1.65 + 0.5 * len(table))
    places = house.label_rows(ax, table["label"])
    level = percent(float(table["quantile"].iloc[0]))
    low, high = (np.minimum(table[f"years_{end}"].to_numpy(dtype=float), LATEST) for end in ("low", "high"))
    ax.hlines(places, low, high, color=house.GREY, lw=2.2)
    kinds = {
        "years_method": "one hazard, as the method restates it",
        "years_given_reach": "where a law reaches (line: 90 % of parameters)",
        "years_setup": "the setup as a whole",
    }
    for k, (column, words) in enumerate(kinds.items()):
        years = table[column].to_numpy(dtype=float)
        ever = np.isfinite(years)
        at = np.minimum(years[ever], LATEST)
        house.dots(ax, at, places[ever] + 0.2 * (k - 1), k, words, ms=7)
    for place, years in zip(places, table["years_setup"], strict=True):
        words = "never" if math.isinf(years) else _about(years).replace("million ", "million\n")
        ax.text(1.03, place, words, transform=ax.get_yaxis_transform(), va="center", fontsize=9)
    ax.text(1.03, 1.0, "setup\nafter", transform=ax.transAxes, va="bottom", fontsize=8.5, weight="bold")
    ax.set_xscale("log")
    ax.set_xlim(1, LATEST)
    marks = {1: "1", 100: "100", 1e4: "10,000", 1e6: "1\nmillion", 1e8: "100\nmillion"}
    ax.set_xticks(list(marks), list(marks.values()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(f"years until {level}, if hazards stay\nas they are (log scale)")
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, ncols=1)
    said = "; ".join(
        f"{row['label']}: {_about(row['years_method'])} as the method restates it, {_about(row['years_low'])} to "
        f"{_about(row['years_high'])} where a law reaches, as a whole "
        f"{'never' if math.isinf(row['years_setup']) else 'after ' + _about(row['years_setup'])}"
        for _, row in table.iterrows()
    )
    return ax, f"Years until a disclosure is {level} likely, if hazards stay as they are. {said}."


def _about(years: float) -> str:
    """A number of years in words, two digits."""
    return f"{digits(years / 1e6)} million years" if years >= 1e6 else f"{digits(years)} years"
