"""Reliability: how sure is the evidence, on whose word does it rest, where do experts differ, and what was not seen?

Frames come from :mod:`riskmodel.tables.reliability`.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.plots import house
from riskmodel.wording import digits, share_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confidence", "coverage", "disagreement", "facts_seen", "publishers"]


def confidence(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """How sure was the compiler of the rows of each table?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.reliability.sizes`.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One bar a table, from high to low confidence; numbers are rows.
    """
    grades = {"high": (house.BLUE, ""), "medium": ("#d7dbe0", ""), "low": (house.RED, "////")}
    rows = found[found[list(grades)].sum(axis=1) > 0]
    graded = rows[list(grades)].sum(axis=1)
    ax = house.canvas(ax, house.row_height(len(rows)) + 0.3)
    places = house.label_rows(ax, rows["table"].str.replace("_", " ") + graded.map(" ({})".format))
    left = np.zeros(len(rows))
    for grade, (colour, hatch) in grades.items():
        share = (rows[grade] / graded).to_numpy()
        ax.barh(places, share, left=left, color=colour, hatch=hatch, edgecolor="white", lw=0.5, height=0.8, label=grade)
        for k in np.flatnonzero(share > 0.06):
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1} if hatch else None
            ink = "white" if grade == "high" else house.INK
            at = left[k] + share[k] / 2, places[k]
            ax.text(*at, f"{rows[grade].iloc[k]}", ha="center", va="center", color=ink, fontsize=8.5, bbox=box)
        left += share
    house.share_axis(ax, "share of the rows, by confidence of the compiler")
    ax.grid(False, axis="y")
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, frameon=False)
    total = rows[list(grades)].sum()
    lowest = rows.iloc[int((rows["low"] / graded).to_numpy().argmax())]
    caption = (
        f"Confidence of the compiler in {total.sum():,} rows of {len(rows)} tables: "
        f"{', '.join(f'{n:,} {g}' for g, n in total.items())}. The largest share of low confidence is in "
        f"{lowest['table'].replace('_', ' ')}, {lowest['low']} of {lowest['rows']} rows. The other tables have no such "
        "column."
    )
    return ax, caption


def publishers(found: pd.DataFrame, top: int = 16, ax: Axes | None = None) -> house.Drawn:
    """On whose word does the evidence rest?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.reliability.by_publisher`.
    top
        How many publishers to draw.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Round: rows that rest on a publisher; square: its documents.
    """
    rows = found.head(top)
    names = [textwrap.fill(p, 34, max_lines=2, placeholder=" …") for p in rows["publisher"]]
    ax = house.canvas(ax, house.row_height(len(rows), per=0.27 if "\n" not in "".join(names) else 0.34) + 0.3)
    places = house.label_rows(ax, names)
    ax.hlines(places, rows["sources"], rows["rows"], color="#c4c9d0", lw=1.5)
    house.dots(ax, rows["rows"], places, 0, "rows of the tables")
    house.dots(ax, rows["sources"], places, 1, "documents")
    house.count_axis(ax, "number (log scale)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2, frameon=False)
    first, once = found.iloc[0], int((found["sources"] == 1).sum())
    caption = (
        f"Rows and documents of the {len(rows)} publishers on whom most rows rest, of {len(found)} in all; {once} of "
        f"them gave a single document. Most rows rest on {first['publisher']}: {first['rows']:,} on "
        f"{first['sources']} documents. A row that names several publishers counts for each."
    )
    return ax, caption


def disagreement(found: pd.DataFrame, top: int = 12, ax: Axes | None = None) -> house.Drawn:
    """Where do the experts disagree most?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.reliability.readings`.
    top
        How many quantities to draw, those with the largest factor between medians.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One interval (10 to 90 %) a reading, as a multiple of the common middle of all readings of the quantity.
    """
    items = list(found["item"].unique())[:top]
    rows = found[found["item"].isin(items)]
    people = house.readers(rows["who"])
    ax = house.canvas(ax, 1.0 + 0.58 * len(items))
    for k, (name, look) in enumerate(people.items()):
        mine = rows[rows["who"] == name]
        low, mid, high = (mine[f"{c}_times"] for c in ("low", "mid", "high"))
        ys = mine["item"].map(items.index) + (k - (len(people) - 1) / 2) * 0.8 / len(people)
        ax.hlines(ys, low.clip(lower=2e-3), high, color=house.COLOURS[look], lw=1.5)
        house.dots(ax, mid, ys, look, name, ms=4.5, mec=house.COLOURS[look])
    first = rows.drop_duplicates("item")
    words = [textwrap.fill(f"{r['item']} ({digits(r['middle'])})", 32) for r in first.to_dict("records")]
    ax.set_yticks(range(len(items)), words, fontsize=8.5)
    ax.set_ylim(len(items) - 0.45, -0.55)
    for k in range(1, len(items)):
        ax.axhline(k - 0.5, color="#e6e9ed", lw=1)
    ax.axvline(1, color=house.GREY, lw=1, ls="--")
    ax.grid(False, axis="y")
    ax.set_xscale("log")
    ax.set_xlim(0.015, 60)
    ax.set_xticks([0.02, 0.1, 1, 10, 50], ["1/50", "1/10", "1", "× 10", "× 50"])
    ax.minorticks_off()
    ax.set_xlabel("multiple of the common middle (log scale); of its odds for probabilities and fractions")
    house.legend_below(ax, 0.75)
    said = "; ".join(f"{r['item']}, factor {digits(r['fold'])}" for r in first.head(4).to_dict("records"))
    caption = (
        f"10, 50 and 90 % quantiles of {len(people)} readings for the {len(items)} quantities on which their medians "
        "differ most, each as a multiple of the geometric mean of the medians (in brackets, in the unit of the "
        f"quantity). Largest differences: {said}. Probabilities and fractions are compared by their odds."
    )
    return ax, caption


def coverage(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """For which half-years was a figure seen, and for which not?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.reliability.coverage`.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Full square: seen; small cross: not seen.
    """
    names = list(found["series"].unique())
    ax = house.canvas(ax, house.row_height(len(names), per=0.3))
    places = found["series"].map(dict(zip(names, house.label_rows(ax, names), strict=True)))
    seen, middle = found["seen"], found["half"] + pd.Timedelta(days=91)
    ax.plot(middle[seen], places[seen], "s", color=house.BLUE, ms=4.2, label="seen")
    ax.plot(middle[~seen], places[~seen], "x", color="#b0b7bf", ms=3, label="not seen")
    house.year_axis(ax, "half-year", every=4)
    ax.legend(loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=2, frameon=False)
    tally = found.groupby("series", sort=False)["seen"].agg(["sum", "size"])
    said = "; ".join(f"{name} {a} of {b}" for name, a, b in tally.itertuples())
    caption = f"Half-years for which a published figure was seen (squares) or not (crosses). {said}."
    return ax, caption


def facts_seen(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """Which facts on which an answer turns were seen, and how often?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.reliability.facts_seen`.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Full part of a bar: rows with the fact; open part: rows without.
    """
    rows = found.assign(share=found["seen"] / found["rows"]).sort_values("share")
    ax = house.canvas(ax, house.row_height(len(rows), per=0.3) + 0.2)
    places = house.label_rows(ax, rows["fact"])
    ax.barh(places, 1, color="white", edgecolor="#9aa3ad", lw=0.8, height=0.62, label="not seen")
    ax.barh(places, rows["share"], color=house.BLUE, height=0.62, label="seen")
    for place, share, seen, every in zip(places, rows["share"], rows["seen"], rows["rows"], strict=True):
        inside = share > 0.6
        at = (share + (-0.02 if inside else 0.02), place)
        look: dict[str, Any] = {"ha": "right" if inside else "left", "color": "white" if inside else house.INK}
        ax.text(*at, f"{seen} of {every}", va="center", fontsize=8.5, **look)
    house.share_axis(ax, "share of the rows in which the fact was seen")
    ax.grid(False, axis="y")
    ax.legend(loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=2, frameon=False)
    least = rows.iloc[0]
    said = "; ".join(f"{r.fact} {r.seen} of {r.rows}" for r in rows.itertuples())
    caption = (
        f"Facts on which answers turn, and in how many rows they were seen: {said}. Least known is "
        f"{least['fact'].split(': ')[-1]}, seen in {share_text(least['share'])}. An empty cell means not seen, "
        "never no."
    )
    return ax, caption
