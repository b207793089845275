"""Comparisons: each setup against another, and against a probability that somebody tolerates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from riskmodel.language import localised, mark, tr
from riskmodel.plots import house
from riskmodel.wording import percent, share_text, years_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["order_bars", "tolerance"]

PARTS = {mark("lower"): house.BLUE, mark("equal"): "#d7dbe0", mark("higher"): house.RED}
"""Parts of a bar, by what the setup is against the reference, and their colours."""


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
    for part, colour in PARTS.items():
        share, hatch, ink = (
            found[part].to_numpy(),
            "////" * (part == "higher"),
            "white" if part == "lower" else house.INK,
        )
        look: dict[str, Any] = {"color": colour, "hatch": hatch, "edgecolor": "white", "lw": 0.5, "label": tr(part)}
        ax.barh(places, share, left=left, height=0.86, **look)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2} if hatch else None
        for k in np.flatnonzero(share > 0.12):
            at = (left[k] + share[k] / 2, places[k])
            ax.text(*at, share_text(share[k]), ha="center", va="center", color=ink, fontsize=8.5, bbox=box)
        left = left + share
    first_bars = [tr("{label}: parameters", label=label) for label in found["label"]]
    ax.set_yticks(places, np.where(over, first_bars, tr("worlds")))
    ax.set_ylim(2.5 * len(labels) - 0.7, -0.8)
    house.share_axis(ax, tr("probability of being below, practically equal to, above {reference}", reference=reference))
    ax.grid(False, axis="y")
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, frameon=False)
    first, last = found[over].iloc[0], found[over].iloc[-1]
    mean = found.groupby("comparison")["equal"].mean()
    caption = tr(
        "Each host against {reference} at the same workload, keys and terms. Blue: lower; grey: practically equal; "
        "hatched red: higher. Most often lower over parameters: {first} ({most}); least often: {last} ({least}). "
        "Practically equal on average: {parameters} over parameters and {worlds} over worlds.",
        reference=reference,
        first=first["label"],
        most=share_text(first["lower"]),
        last=last["label"],
        least=share_text(last["lower"]),
        parameters=share_text(float(mean["over parameters"])),
        worlds=share_text(float(mean["over worlds"])),
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
    house.dots(ax, rows["exceeds"], places, 0, tr("over parameters"))
    house.dots(ax, rows["exceeds_in_worlds"], places, 1, tr("over worlds"), mfc="none", mec=house.RED, mew=1.3)
    top = max(0.05, float(rows[["exceeds", "exceeds_in_worlds"]].to_numpy().max()) * 1.15)
    ax.set_xlim(-0.02 * top, top)
    ax.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(lambda v, _: localised(f"{100 * v:.3g}") if v >= 0 else "")
    limit: dict[str, str] = {"limit": percent(worst["threshold"]), "years": years_text(worst["horizon_years"])}
    ax.set_xlabel(tr("probability (%) of lying above {limit} in {years}", **limit))
    ax.legend(loc="lower right", frameon=True)
    caption = tr(
        "How likely each setup is to lie above a tolerance of {limit} in {years}. Round points: over parameters; open "
        "squares: over worlds. Most doubtful: {label}, {share} over parameters.",
        label=worst["label"],
        share=share_text(worst["exceeds"]),
        **limit,
    )
    return ax, caption
