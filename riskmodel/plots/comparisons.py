"""Comparisons: each setup against another, and against a probability that somebody tolerates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from riskmodel.plots import house
from riskmodel.wording import percent, share_text, years_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["order_bars", "tolerance"]


def order_bars(found: pd.DataFrame, reference: str, ax: Axes | None = None) -> house.Drawn:
    """How sure is it that each setup is lower than, equal to or higher than one of them?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.order_against`.
    reference
        Label of the setup compared against.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Two bars a setup: over parameters and over worlds.
    """
    labels = list(found["label"].unique())
    ax = house.canvas(ax, 1.5 + 0.62 * len(labels))
    over = found["comparison"] == "over parameters"
    places = 2.5 * found["label"].map(labels.index).to_numpy() + np.where(over, 0, 1)
    left = np.zeros(len(found))
    for part, colour in {"lower": house.BLUE, "equal": "#d7dbe0", "higher": house.RED}.items():
        share, hatch, ink = (
            found[part].to_numpy(),
            "////" * (part == "higher"),
            "white" if part == "lower" else house.INK,
        )
        ax.barh(places, share, left=left, color=colour, hatch=hatch, edgecolor="white", lw=0.5, height=0.86, label=part)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2} if hatch else None
        for k in np.flatnonzero(share > 0.12):
            at = (left[k] + share[k] / 2, places[k])
            ax.text(*at, share_text(share[k]), ha="center", va="center", color=ink, fontsize=8.5, bbox=box)
        left = left + share
    ax.set_yticks(places, np.where(over, found["label"] + ": parameters", "worlds"))
    ax.set_ylim(2.5 * len(labels) - 0.7, -0.8)
    house.share_axis(ax, f"probability of being below, practically equal to, above {reference}")
    ax.grid(False, axis="y")
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, frameon=False)
    first, last = found[over].iloc[0], found[over].iloc[-1]
    mean = found.groupby("comparison")["equal"].mean()
    ties = " and ".join(f"{share_text(float(mean[w]))} {w}" for w in ("over parameters", "over worlds"))
    caption = (
        f"Each host against {reference} at the same workload, keys and terms. Blue: lower; grey: practically equal; "
        f"hatched red: higher. Most often lower over parameters: {first['label']} ({share_text(first['lower'])}); "
        f"least often: {last['label']} ({share_text(last['lower'])}). Practically equal on average: {ties}."
    )
    return ax, caption


def tolerance(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """How sure is it that each setup stays below the tolerated probability?

    Parameters
    ----------
    found
        Table of :func:`riskmodel.tolerance`.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Round: over parameters; square: over worlds.
    """
    rows = found.sort_values("exceeds", ascending=False)
    worst = rows.iloc[0]
    ax = house.canvas(ax, house.row_height(len(rows)) + 0.3)
    places = house.label_rows(ax, rows["label"])
    house.dots(ax, rows["exceeds"], places, 0, "over parameters")
    house.dots(ax, rows["exceeds_in_worlds"], places, 1, "over worlds", mfc="none", mec=house.RED, mew=1.3)
    top = max(0.05, float(rows[["exceeds", "exceeds_in_worlds"]].to_numpy().max()) * 1.15)
    ax.set_xlim(-0.02 * top, top)
    ax.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(lambda v, _: f"{100 * v:.3g}" if v >= 0 else "")
    above = f"above {percent(worst['threshold'])} in {years_text(worst['horizon_years'])}"
    ax.set_xlabel(f"probability (%) of lying {above}")
    ax.legend(loc="lower right", frameon=True)
    caption = (
        f"How likely each setup is to lie {above.replace('above', 'above a tolerance of')}. Round points: over "
        f"parameters; open squares: over worlds. Most doubtful: {worst['label']}, {share_text(worst['exceeds'])} over "
        "parameters."
    )
    return ax, caption
