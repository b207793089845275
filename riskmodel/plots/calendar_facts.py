"""Dated facts: who acted when."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pandas as pd

from riskmodel.plots import house
from riskmodel.tables.decisions_hub import ABOUT, WHO

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["timeline"]

APART, PILE = 0.15, 5
"""Distance between the places of events of one half-year in a lane, and number of places."""


def timeline(found: pd.DataFrame, today: dt.date, ax: Axes | None = None) -> house.Drawn:
    """Who acted when, and what is only promised?

    Parameters
    ----------
    found
        Events of :func:`riskmodel.tables.decisions_hub.milestones`: ``date``, ``who``, ``about``, ``ahead``.
    today
        Date of the study, an upright line.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One lane for each who, one marker an event; hollow: promised, or to come.
    """
    lanes = [who for who in (*WHO, "Others") if (found["who"] == who).any()]
    ax = house.canvas(ax, house.row_height(len(lanes), per=0.44) + 0.6)
    places = dict(zip(lanes, house.label_rows(ax, lanes), strict=True))
    half = found["date"].dt.year * 2 + found["date"].dt.quarter // 3
    turn = found.groupby([found["who"], half]).cumcount() % PILE
    shift = ((turn + 1) // 2) * (1 - 2 * (turn % 2)) * APART
    at = found["date"], found["who"].map(places) + shift
    kinds = [kind for kind in ABOUT if (found["about"] == kind).any()]
    house.full_or_hollow(ax, at, found["about"], ~found["ahead"], kinds, "promised or to come")
    ax.axvline(pd.Timestamp(today), color=house.INK, lw=0.9, ls=":")  # type: ignore[arg-type]
    ax.set_ylim(len(lanes) - 0.4, -0.6)
    house.year_axis(ax, "year (dotted line: date of the study)", every=1)
    ax.tick_params(axis="x", labelsize=8)
    house.legend_below(ax, 0.55)
    counts, ahead = found["who"].value_counts(), int(found["ahead"].sum())
    busiest = found["date"].dt.year.value_counts()
    caption = (
        f"{len(found)} events from {found['date'].min():%Y} to {found['date'].max():%Y} by who acted: "
        f"{', '.join(f'{lane} {counts[lane]}' for lane in lanes)}. Most fall in {busiest.index[0]} "
        f"({busiest.iloc[0]}). Hollow markers, {ahead}, are promised or still to come on {today}."
    )
    return ax, caption
