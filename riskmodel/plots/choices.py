"""Choices: which setup, what to change, what to find out, what a settled question would mean.

Frames come from :mod:`riskmodel.decide`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.colors import BoundaryNorm, ListedColormap, to_rgb
from matplotlib.ticker import NullLocator

from riskmodel.decide.contributions import NO_EFFECT, times_text
from riskmodel.plots import house
from riskmodel.wording import digits, factor, one_in, percent, share_text, years_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["contributions", "front", "rank_heatmap", "tornado", "value", "world_split"]

OVER = {"parameters": "probability", "worlds": "probability_in_worlds"}
"""What a rank matrix is taken over -> its column."""
STEPS = (0.0, 0.01, 0.03, 0.05, 0.1, 0.2, 0.4, 0.6, 1.0)
"""Probabilities at which the shade of a place changes."""
DARK, NAMED = 0.2, 10
"""Shade from which letters are white; number of places up to which cells have numbers."""
KINDS = ("legal opinion", "audit", "figure", "judgement")
"""Kinds of things to find out, in the order of their colours."""
HATCHES = ("", "////", "....", "xxxx")
UNCHANGED = 1e-9
"""Relative difference below which a setup is not touched by a question."""


def rank_heatmap(detail: pd.DataFrame, over: str = "parameters", ax: Axes | None = None) -> house.Drawn:
    """Which place does each setup take, and how firm is it?

    Parameters
    ----------
    detail
        Detail of :func:`riskmodel.rank`: ``label``, ``rank``, ``probability``, ``probability_in_worlds``.
    over
        ``"parameters"`` or ``"worlds"``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One row a setup, sorted by expected place; the darker the cell, the more likely the place.
    """
    matrix = detail.pivot_table(index="label", columns="rank", values=OVER[over], sort=False)
    expected = (matrix * matrix.columns.to_numpy()).sum(axis=1)
    matrix = matrix.loc[expected.sort_values(kind="stable").index]
    count, places = matrix.shape
    ax = house.canvas(ax, house.row_height(count, per=0.3 if places <= NAMED else 0.22))
    edges = np.arange(places + 1) + 0.5
    steps = ListedColormap(_blues(len(STEPS) - 1))
    look: dict[str, Any] = {"cmap": steps, "norm": BoundaryNorm(STEPS, steps.N), "edgecolors": "white", "lw": 0.6}
    mesh = ax.pcolormesh(edges, np.arange(count + 1) - 0.5, matrix.to_numpy(), **look)
    house.label_rows(ax, matrix.index)
    ax.set_ylim(count - 0.5, -0.5)
    ax.grid(False)
    if places <= NAMED:
        for (row, column), share in np.ndenumerate(matrix.to_numpy()):
            if share >= 0.01:
                ink = "white" if share >= DARK else house.INK
                ax.text(column + 1, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8.5, color=ink)
    else:
        bar = house._figure(ax).colorbar(mesh, ax=ax, location="top", shrink=0.9, pad=0.02, spacing="uniform")
        bar.set_ticks(list(STEPS), labels=[f"{100 * t:.0f} %" for t in STEPS])
        bar.ax.tick_params(labelsize=8, length=0)
    ax.set_xticks(range(1, places + 1, 1 + places // 12))
    ax.set_xlabel(f"place, 1 = least exposed\n(probability in %, over {over}; empty: <1)")
    first, last = matrix.iloc[0], matrix.iloc[-1]
    sure = matrix.max(axis=1)
    caption = (
        f"Probability over {over} of each place of {count} setups, ties shared, sorted by expected place; darker is "
        f"more likely, an empty cell is under 1 %. {first.name} is first with {share_text(first.iloc[0])}, "
        f"{last.name} last with {share_text(last.iloc[-1])}. The firmest place of all is one of {sure.idxmax()}, with "
        f"{share_text(sure.max())}."
    )
    return ax, caption


def tornado(table: pd.DataFrame, most: int = 14, ax: Axes | None = None) -> house.Drawn:
    """What does each change leave of the probability of a setup?

    Parameters
    ----------
    table
        Of :func:`riskmodel.intervene`: ``label``, ``probability_before``, ``probability_after`` with its interval
        ``probability_after_low``, ``probability_after_high``, ``ratio``, ``horizon_years``.
    most
        Number of changes shown, those that lower it most first.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Bar: from the present predictive probability to the one after; line: 90 % interval over parameters after.
    """
    rows = table.sort_values("ratio", kind="stable").head(most)
    names = [textwrap.fill(str(label), 30) for label in rows["label"]]
    ax = house.canvas(ax, 1.3 + _inches(names))
    places = house.label_rows(ax, names)
    after, low, high = (rows[f"probability_after{end}"].to_numpy(dtype=float) for end in ("", "_low", "_high"))
    before, years = float(rows["probability_before"].iloc[0]), float(rows["horizon_years"].iloc[0])
    house.odds_axis(ax, years, min(before, float(after.min())) / 3)
    left, right = ax.get_xlim()[0], min(1.0, 1.5 * max(before, float(high.max())))
    _bars(ax, places, np.full(len(rows), before), np.maximum(after, left))
    ax.axvline(before, color=house.INK, lw=0.9)
    ax.hlines(places, np.maximum(low, left), high, color=house.INK, lw=1.2, zorder=4)
    house.dots(ax, np.maximum(after, left), places, 0, color=house.INK, ms=5, zorder=5)
    ax.set_xlim(left, right)
    house.right_column(ax, places, (one_in(p).removeprefix("about ") for p in after), "leaves")
    ax.set_title(f"now {one_in(before)}", fontsize=9, loc="left")
    best, raised = rows.iloc[0], int((rows["ratio"] > 1 + UNCHANGED).sum())
    caption = (
        f"Predictive probability within {years_text(years)} after each of {len(rows)} changes, against the present one "
        f"(upright line, {one_in(before)}). Blue bar: lowers it; hatched red bar: raises it; line: 90 % interval over "
        f"parameters after the change, cut at the left edge. Strongest: {best['label']}, {factor(best['ratio'])} times "
        f"({one_in(best['probability_after'])}). {raised or 'None'} of them raise{'s' * (raised == 1)} it."
    )
    return ax, caption


def contributions(
    table: pd.DataFrame, a: str, b: str, answer: str = "likelihood", ax: Axes | None = None
) -> house.Drawn:
    """Which factors make one setup lower or higher than another?

    Parameters
    ----------
    table
        Of :func:`riskmodel.contributions`: ``answer``, ``factor``, ``contribution`` (natural logarithm of its ratio a
        to b; rows add up to the row ``all``).
    a, b
        Labels of the setups.
    answer
        ``"likelihood"`` or ``"reach"``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Bars that each begin where the one before ends; the last is the whole.
    """
    rows = table[(table["answer"] == answer) & (table["factor"] != "all")]
    steps = rows["contribution"].to_numpy(dtype=float)
    after = np.exp(np.append(0.0, np.cumsum(steps)))
    starts, ends = np.append(after[:-1], 1.0), np.append(after[1:], after[-1])
    ax = house.canvas(ax, house.row_height(len(ends), per=0.36) + 0.35)
    places = house.label_rows(ax, [*rows["factor"], "all together"])
    moved = np.array([times_text(float(end / start)) != NO_EFFECT for start, end in zip(starts, ends, strict=True)])
    _bars(ax, places[moved], starts[moved], ends[moved])
    ax.axvline(1.0, color=house.INK, lw=0.9)
    ax.vlines(ends[:-2], places[:-2], places[1:-1], color=house.GREY, lw=0.9, ls=":")
    ax.axhline(places[-1] - 0.5, color="#c4c9d0", lw=0.8)
    _times_axis(ax, float(after.min()) / 1.6, float(after.max()) * 1.6)
    for place, ratio in zip(places, np.append(np.exp(steps), after[-1]), strict=True):
        words = times_text(float(ratio))
        said = words if words == NO_EFFECT else f"× {words}"
        ax.text(1.02, place, said, transform=ax.get_yaxis_transform(), va="center", fontsize=8.5)
    ax.set_xlabel(f"{a}\nas a multiple of {b}\n({answer}, log scale)")
    largest = ""
    if len(steps):
        strong = int(np.abs(steps).argmax())
        largest = f" The largest is {rows['factor'].iloc[strong]}, × {times_text(float(np.exp(steps[strong])))}."
    caption = (
        f"Where the ratio of {a} to {b} in {answer} comes from: factors that multiply to the whole, "
        f"{times_text(float(after[-1]))} times (last row). Blue bars go left and lower it, hatched red bars go right "
        f"and raise it.{largest}"
    )
    return ax, caption


def value(table: pd.DataFrame, most: int = 10, ax: Axes | None = None) -> house.Drawn:
    """What should be found out first?

    Parameters
    ----------
    table
        Of :func:`riskmodel.value_of_information`: ``rank``, ``item``, ``kind``, ``value``, ``value_error``,
        ``horizon_years``.
    most
        Number of items shown.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Bar: by how much the expected probability falls, in percentage points; line: two standard errors.
    """
    asked = table[table["rank"] > 0].sort_values("rank")
    rows = asked[asked["value"] > 1e-3 * asked["value"].max()].head(most)
    years = float(table["horizon_years"].iloc[0])
    names = [textwrap.fill(str(item), 32) for item in rows["item"]]
    ax = house.canvas(ax, 1.4 + _inches(names))
    places = house.label_rows(ax, names)
    points = 100 * rows["value"].to_numpy(dtype=float)
    for k, kind in enumerate(KINDS):
        mine = (rows["kind"] == kind).to_numpy()
        if mine.any():
            look: dict[str, Any] = {"color": house.COLOURS[k], "hatch": HATCHES[k], "edgecolor": "white", "lw": 0.4}
            ax.barh(places[mine], points[mine], height=0.62, label=kind, zorder=2, **look)
    error = 200 * rows["value_error"].to_numpy(dtype=float)
    ax.hlines(places, np.maximum(points - error, 0), points + error, color=house.INK, lw=1.2, zorder=3)
    right = max(float((points + error).max(initial=0.0)), 1e-9)
    house.right_column(ax, places, map(digits, points), "worth")
    ax.set_xlim(0, 1.05 * right)
    ax.locator_params(axis="x", nbins=4)
    ax.set_xlabel(f"expected fall of the probability\nwithin {years_text(years)} (percentage points)")
    if rows.empty:
        return ax, f"Nothing that can be found out lowers the probability of a disclosure within {years_text(years)}."
    _legend_above(ax)
    first = rows.iloc[0]
    whole = table.loc[table["rank"] == 0, "value"]
    bound = f" Knowing everything would be worth {digits(100 * whole.iloc[0])} points." if len(whole) else ""
    caption = (
        f"What it is worth to know each thing before choosing: by how many percentage points the probability of a "
        f"disclosure within {years_text(years)} then falls on average (bar and number at the right); "
        f"line: two standard errors of Monte Carlo. "
        f"First: {first['item']} ({first['kind']}), {digits(100 * first['value'])} points.{bound}"
        + f" Worth less or nothing: {len(asked) - len(rows)} more."
        * (len(asked) > len(rows))
    )
    return ax, caption


def world_split(
    detail: pd.DataFrame, question: str, words: str | None = None, *, horizon_years: float = 5.0, ax: Axes | None = None
) -> house.Drawn:
    """What would each setup's probability be if a legal question were settled, one way or the other?

    Parameters
    ----------
    detail
        Detail of :func:`riskmodel.worlds`: ``question``, ``settled``, ``label``, ``probability``.
    question
        Which one.
    words
        The question in words, for the caption.
    horizon_years
        Horizon of the likelihood.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Square: the law reaches; round: it does not. Setups that the question does not touch are left out.
    """
    rows = detail[detail["question"] == question].copy()
    rows["answer"] = np.where(rows["settled"], "yes", "no")
    both = rows.pivot_table(index="label", columns="answer", values="probability", sort=False)
    moved = both[(both["yes"] / both["no"] - 1).abs() > UNCHANGED].sort_values("yes", ascending=False)
    ax = house.canvas(ax, house.row_height(len(moved)) + 0.45)
    places = house.label_rows(ax, moved.index)
    no, yes = (moved[c].to_numpy() for c in ("no", "yes"))
    ax.hlines(places, np.maximum(no, house.FLOOR), np.maximum(yes, house.FLOOR), color=house.GREY, lw=1.6)
    house.dots(ax, no, places, 0, "settled: does not reach")
    house.dots(ax, yes, places, 1, "settled: reaches")
    house.odds_axis(ax, horizon_years, float(no.min()) if len(no) else house.FLOOR)
    _legend_above(ax)
    still = len(both) - len(moved)
    if moved.empty:
        return ax, f"The question {words or question} touches none of {still} setups: their probability stays as it is."
    most: Any = (moved["yes"] / moved["no"]).idxmax()
    caption = (
        f"Predictive probability within {years_text(horizon_years)} if this were settled: {words or question}. Square: "
        f"the law reaches; round: it does not. It moves {most} most, from {percent(moved.loc[most, 'no'])} to "
        f"{percent(moved.loc[most, 'yes'])}." + f" Left out because they do not change: {still}." * (still > 0)
    )
    return ax, caption


def front(table: pd.DataFrame, criteria: Sequence[str] = (), ax: Axes | None = None) -> house.Drawn:
    """Which setups are not beaten by another in every criterion, and which are best under unknown weights?

    Parameters
    ----------
    table
        Of :func:`riskmodel.tradeoff`: ``label`` (or ``setup``), ``on_front``, ``best``.
    criteria
        Their names, for the caption.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Round: probability of being on the Pareto front; square: of being best over weights.
    """
    rows = table.sort_values("on_front", ascending=False, kind="stable")
    labels = rows["label"] if "label" in rows else rows["setup"]
    ax = house.canvas(ax, house.row_height(len(rows)) + 0.4)
    places = house.label_rows(ax, labels)
    ax.hlines(places, rows["best"], rows["on_front"], color="#d7dbe0", lw=2)
    house.dots(ax, rows["on_front"], places, 0, "no other setup is better throughout", clip_on=False)
    house.dots(
        ax,
        rows["best"],
        places,
        1,
        "best, averaged over unknown weights",
        mfc="white",
        mec=house.RED,
        mew=1.3,
        clip_on=False,
    )
    house.share_axis(ax, "probability")
    _legend_above(ax, columns=1)
    over = f" over {', '.join(criteria)}" if criteria else ""
    winner: Any = rows.iloc[int(rows["best"].to_numpy().argmax())]
    caption = (
        f"Round: probability that no other setup is at least as good in every criterion{over} and better in one; open "
        f"square: probability of being best when nobody knows the weights. Most often on the front: {labels.iloc[0]} "
        f"({share_text(rows['on_front'].iloc[0])}); most often best: {winner.get('label', winner['setup'])} "
        f"({share_text(winner['best'])})."
    )
    return ax, caption


def _blues(count: int) -> list[tuple[float, ...]]:
    """Shades from white to the blue of the house, each one that the stored picture can show exactly."""
    white, blue = np.ones(3), 0.75 * np.array(to_rgb(house.BLUE))
    return [tuple(np.round(63 * (white + (blue - white) * k / (count - 1))) / 63) for k in range(count)]


def _inches(names: Sequence[str]) -> float:
    """Height of rows whose labels may have several lines."""
    return len(names) * (0.16 + 0.17 * max((name.count("\n") + 1 for name in names), default=1))


def _legend_above(ax: Axes, columns: int = 2) -> None:
    ax.legend(loc="lower right", bbox_to_anchor=(1.02, 1.0), frameon=False, ncols=columns, columnspacing=1)


def _bars(ax: Axes, places: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Bars on a log axis: blue where they go down, hatched red where they go up."""
    for goes_up, colour, hatch in ((False, house.BLUE, ""), (True, house.RED, "////")):
        mine = (end > start) == goes_up
        ax.barh(
            places[mine], end[mine] - start[mine], left=start[mine], height=0.6, color=colour, hatch=hatch,
            edgecolor="white", lw=0.4, zorder=2,
        )  # fmt: skip


def _times_axis(ax: Axes, low: float, high: float) -> None:
    """A log axis of ratios that is read as "a tenth" or "3 times"."""
    words = {0.001: "1/1,000", 0.01: "1/100", 0.1: "1/10", 0.3: "0.3", 1.0: "1", 3.0: "3×", 10.0: "10×"}
    words |= {100.0: "100×", 1000.0: "1,000×"}
    wide = high / low > 100
    shown = [t for t in words if low <= t <= high and not (wide and t in (0.3, 3.0))]
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.set_xticks(shown, [words[t] for t in shown])
    ax.xaxis.set_minor_locator(NullLocator())
