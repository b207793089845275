"""Consequences: what waiting costs, how many persons a disclosure takes, and what many institutions share.

Frames come from :mod:`riskmodel.decide`.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.ticker import NullLocator

from riskmodel.plots import house
from riskmodel.wording import between, digits, one_in, percent, years_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["calendar", "concentration", "delay", "exceedance"]

LINES = ("-", "--", ":", "-.")
BANDS = 2
"""Number of curves whose bands can still be told apart."""
LOG_FROM = 8.0
"""Ratio of the largest to the smallest curve at its end from which a log axis reads better."""


def calendar(table: pd.DataFrame, log: bool | None = None, ax: Axes | None = None) -> house.Drawn:
    """How does exposure add up over the years under each plan?

    Parameters
    ----------
    table
        Detail of :func:`riskmodel.calendar`: ``label``, ``date``, ``probability`` (of at least one disclosure up to the
        date), ``probability_low``, ``probability_high``, ``years`` (since the date before, or since the beginning).
    log
        Whether the probabilities have a log axis; by default where the plans end far apart.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One line a plan, predictive, with the 90 % equal-tailed interval over parameters: of its end in the legend, and
        as a band where there are at most two plans.
    """
    table = _from_the_beginning(table)
    ends = table.groupby("label", sort=False)["probability"].last()
    log = bool(ends.max() > LOG_FROM * ends.min()) if log is None else log
    floor = max(house.FLOOR, float(ends.min()) / 100) if log else 0.0
    banded, words = len(ends) <= BANDS, [_end(label, rows) for label, rows in table.groupby("label", sort=False)]
    ax = house.canvas(ax, 3.0 + 0.15 * "\n".join(words).count("\n") + 0.15 * len(words))
    for k, (_, rows) in enumerate(table.groupby("label", sort=False)):
        mine = rows.iloc[int(log) :]  # on a log axis there is no zero to begin with
        low, mid, high = (mine[f"probability{end}"].to_numpy(dtype=float) for end in ("_low", "", "_high"))
        colour, line = house.COLOURS[k % len(house.COLOURS)], LINES[k % len(LINES)]
        if banded:
            ax.fill_between(mine["date"], np.maximum(low, floor), high, color=colour, alpha=0.13, lw=0)
            ax.plot(mine["date"], high, color=colour, lw=0.8, ls=line)
        ax.plot(mine["date"], np.maximum(mid, floor), color=colour, lw=2.2, ls=line, label=words[k])
    years = (table["date"].max() - table["date"].min()).days / 365.25
    if log:
        _odds_up(ax, floor, float(table["probability_high" if banded else "probability"].max()))
    else:
        ax.set_ylim(0, None)
        ax.locator_params(axis="y", nbins=6)
        ax.yaxis.set_major_formatter(lambda v, _: f"{100 * v:.3g} %")
    if years > 2:
        house.year_axis(ax, "end of the time counted", 1 + int(years // 8))
    else:
        ax.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=6))
        ax.xaxis.set_major_formatter(mdates.DateFormatter("%m/%Y"))
        ax.set_xlabel("end of the time counted")
    ax.set_ylabel("probability of a disclosure\nuntil then" + " (log scale)" * log)
    look: dict[str, Any] = {"frameon": False, "handlelength": 2.6, "fontsize": 8, "labelspacing": 0.3}
    ax.legend(loc="lower right", bbox_to_anchor=(1.02, 1.0), **look)
    begin, end = (f"{day:%B %Y}" for day in (table["date"].min(), table["date"].max()))
    said = "; ".join(f"{label} {percent(p)}" for label, p in ends.items())
    caption = (
        f"Predictive probability of at least one disclosure up to each date, from {begin} on, one line a plan; "
        f"{'bands' if banded else 'in brackets'}: 90 % equal-tailed interval over parameters"
        f"{'' if banded else ' at the end'}. Until {end}: {said}."
    )
    return ax, caption


def _end(label: object, rows: pd.DataFrame) -> str:
    """Line of the legend for a plan: how its curve ends, with the digits that tell it from the others."""
    low, mid, high = (float(rows[f"probability{end}"].iloc[-1]) for end in ("_low", "", "_high"))
    name, said = textwrap.shorten(str(label), 48), f"{percent(mid)} ({between(low, high)})"
    return f"{name}:{chr(10) if len(name + said) > 62 else ' '}{said}"


def _from_the_beginning(table: pd.DataFrame) -> pd.DataFrame:
    """Curves with the day on which each begins, when nothing has been disclosed yet."""
    table = table.assign(date=pd.to_datetime(table["date"]))
    first = table.sort_values("date", kind="stable").drop_duplicates("label")
    begins = first["date"] - pd.to_timedelta((first["years"] * 365.25).round(), unit="D")
    zero = {f"probability{end}": 0.0 for end in ("", "_low", "_high")}
    whole = pd.concat([first.assign(date=begins, **zero).sort_index(), table], ignore_index=True)
    return whole.sort_values("date", kind="stable")


def delay(table: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """What does each later date of migration add?

    Parameters
    ----------
    table
        Of :func:`riskmodel.delay`: ``date``, ``probability``, ``added`` since the row before (first: missing),
        ``added_low``, ``added_high``; with ``label`` where the dates have names.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Bar: added predictive probability, in percentage points; line: 90 % equal-tailed over parameters.
    """
    days = pd.to_datetime(table["date"])
    dates = [f"{day.day} {day:%B %Y}" for day in days]
    names = (
        [f"{label}\n({day})" for label, day in zip(table["label"], dates, strict=True)] if "label" in table else dates
    )
    ax = house.canvas(ax, 1.0 + (0.5 if "label" in table else 0.36) * len(table))
    places = house.label_rows(ax, names)
    added, low, high = (100 * table[c].to_numpy(dtype=float) for c in ("added", "added_low", "added_high"))
    ax.barh(places, np.nan_to_num(added), height=0.6, color=house.BLUE, zorder=2)
    ax.hlines(places[1:], low[1:], high[1:], color=house.INK, lw=1.2, zorder=3)
    right = max(float(np.nanmax(high[1:], initial=0.0)), 1e-9)
    first = float(table["probability"].iloc[0])
    house.right_column(ax, places[1:], (f"+ {digits(point)}" for point in added[1:]), "adds")
    ax.text(0.03 * right, places[0], f"{percent(first)} in all", va="center", fontsize=8.5)
    ax.set_xlim(min(0.0, float(np.nanmin(low, initial=0.0))), 1.05 * right)
    ax.locator_params(axis="x", nbins=4)
    ax.set_xlabel("probability added since the date before\n(percentage points)")
    whole = float(table["probability"].iloc[-1]) - first
    caption = (
        f"Probability of a disclosure in all if the migration takes place on {dates[0]} ({percent(first)}), and "
        f"what each later date adds to the one before it, in percentage points, predictive (bar and number at the "
        f"right); line: 90 % equal-tailed interval over parameters. From the first date to the last, {dates[-1]}: "
        f"{digits(100 * whole)} points."
    )
    return ax, caption


def exceedance(detail: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """How likely is a disclosure that takes many persons?

    Parameters
    ----------
    detail
        Detail of :func:`riskmodel.severity`, of up to seven setups: ``label``, ``persons``, ``probability``,
        ``probability_low``, ``probability_high``, ``horizon_years``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One line a setup, predictive; upright: 90 % equal-tailed interval over parameters.
    """
    labels, years = list(detail["label"].unique()), float(detail["horizon_years"].iloc[0])
    ax = house.canvas(ax, 3.5 + 0.2 * len(labels))
    above = detail[detail["probability"] > 0]
    floor = max(house.FLOOR, float(above["probability"].min()) / 20)
    for k, label in enumerate(labels):
        mine = above[above["label"] == label].sort_values("persons")
        low, mid, high = (
            np.maximum(mine[f"probability{end}"].to_numpy(dtype=float), floor) for end in ("_low", "", "_high")
        )
        at = mine["persons"].to_numpy() * 10 ** (0.13 * (k - (len(labels) - 1) / 2))
        ax.vlines(at, low, high, color=house.COLOURS[k], lw=1.6, alpha=0.45)
        look: dict[str, Any] = {"color": house.COLOURS[k], "ms": 5.5, "mec": "white", "mew": 0.5}
        ax.plot(at, mid, house.MARKERS[k], ls="-", lw=1.2, label=label, **look)
    words = {1.0: "1", 100.0: "100", 1e4: "10,000", 1e6: "1 million", 1e8: "100 million"}
    ax.set_xscale("log")
    ax.set_xticks(list(words), list(words.values()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(0.4 * detail["persons"].min(), 2.5 * detail["persons"].max())
    ax.set_xlabel("persons in one disclosure, at least (log scale)")
    _odds_up(ax, floor, float(above["probability_high"].max()))
    ax.set_ylabel(f"probability within {years_text(years)}\n(log scale)")
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), frameon=False, ncols=1)
    near = detail["persons"].unique()
    many = float(near[np.abs(np.log10(near) - 4).argmin()])
    said = "; ".join(
        f"{row['label']} {one_in(row['probability'])}" for _, row in detail[detail["persons"] == many].iterrows()
    )
    caption = (
        f"Predictive probability of at least one disclosure within {years_text(years)} that takes so many persons or "
        f"more, one line a setup; upright: 90 % equal-tailed interval over parameters, cut at the lower edge. With "
        f"{many:,.0f} persons or more: {said}."
    )
    return ax, caption


def concentration(table: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """Does it matter whether many institutions share a provider?

    Parameters
    ----------
    table
        Of :func:`riskmodel.aggregate`: ``portfolio``, ``institutions``, ``hosts``, ``probability_any``,
        ``any_if_independent``, ``number_if_any``, ``horizon_years``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Filled: at least one institution has a disclosure; open: the same if each had a world of its own.
    """
    years = float(table["horizon_years"].iloc[0])
    ax = house.canvas(ax, 1.75 + 0.5 * len(table))
    names = [
        f"{textwrap.fill(str(name), 26)}\n({count:,} at {hosts} host{'s' * (hosts != 1)})"
        for name, count, hosts in zip(table["portfolio"], table["institutions"], table["hosts"], strict=True)
    ]
    places = house.label_rows(ax, names)
    together, apart = (table[c].to_numpy(dtype=float) for c in ("probability_any", "any_if_independent"))
    ax.hlines(places, together, apart, color="#d7dbe0", lw=2)
    house.dots(ax, together, places, 0, "as they share hosts and law", ms=7)
    house.dots(ax, apart, places, 1, "if nothing were shared", mfc="white", mec=house.RED, mew=1.3, ms=7)
    house.odds_axis(ax, years, float(min(together.min(), apart.min())))
    ax.set_xlabel(f"probability that at least one institution has a\ndisclosure within {years_text(years)} (log scale)")
    for place, number in zip(places, table["number_if_any"], strict=True):
        ax.text(1.02, place, digits(number), transform=ax.get_yaxis_transform(), va="center", fontsize=9)
    ax.text(1.02, 1.02, "affected,\nif any", transform=ax.transAxes, va="bottom", fontsize=8.5, weight="bold")
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False)
    said = "; ".join(
        f"{row['portfolio']} {percent(row['probability_any'])}, then {digits(row['number_if_any'])} of "
        f"{row['institutions']:,} on average"
        for _, row in table.iterrows()
    )
    caption = (
        f"Probability that at least one institution has a disclosure within {years_text(years)} (filled), against the "
        f"same if each institution had a world of its own (open square); right: institutions with a disclosure, given "
        f"at least one. {said}."
    )
    return ax, caption


def _odds_up(ax: Axes, low: float, high: float) -> None:
    """An upright log axis of probabilities that is read as "1 in 1,000"."""
    words = {1e-6: "1 in 1 million", 1e-5: "1 in 100,000", 1e-4: "1 in 10,000", 1e-3: "1 in 1,000", 1e-2: "1 in 100"}
    words |= {0.1: "1 in 10", 1.0: "certain"}
    ax.set_yscale("log")
    ax.set_ylim(low, min(1.0, 1.6 * high))
    ax.set_yticks(named := [t for t in words if low * 0.999 <= t <= 1.6 * high], [words[t] for t in named])
    ax.yaxis.set_minor_locator(NullLocator())
