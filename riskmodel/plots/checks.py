"""Checks: did the chains agree, do predictions hold what was published, are ranks even, and what do answers rest on?

Frames come from :mod:`riskmodel.tables.checks` and :mod:`riskmodel.checks`.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from riskmodel.checks.calibration import FAMILY_LEVEL, calibrated, ecdf, ecdf_band
from riskmodel.plots import house
from riskmodel.wording import NORMAL, digits, share_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["chains", "forecasts", "foreseen", "gains", "inside", "pareto_k", "power_scaling", "rank_curves", "shifts"]

K_BELOW = 0.7
"""Shape of the Pareto tail up to which leaving one row out can be computed without a new fit."""
BINS = 20


def chains(found: Mapping[str, xr.DataArray]) -> tuple[Figure, str]:
    """Did the chains of the sampler go through the same values?

    Parameters
    ----------
    found
        Name and unit of a quantity -> draws, dims ``chain`` and ``draw``.

    Returns
    -------
    figure and caption
        Left: every tenth kept draw in its order; right: how each chain's draws rank among those of all chains.
    """
    size = (house.WIDTH, 0.9 + 1.15 * len(found))
    fig, axes = plt.subplots(len(found), 2, figsize=size, layout="constrained", squeeze=False, sharex="col")
    uneven: list[tuple[float, int, str]] = []
    for (left, right), (name, draws) in zip(axes, found.items(), strict=True):
        values = draws.transpose("chain", "draw").values.astype(float)
        each, total = values.shape[1], values.size
        ranks = values.ravel().argsort().argsort().reshape(values.shape)
        share = each / BINS
        for k, (path, rank) in enumerate(zip(values, ranks, strict=True)):
            look: dict[str, Any] = {"color": house.COLOURS[k % len(house.COLOURS)], "lw": 0.8}
            left.plot(np.arange(0, each, 10), path[::10], alpha=0.8, **look)
            count = np.histogram(rank, np.linspace(0, total, BINS + 1))[0]
            right.stairs(
                count, np.linspace(0, 100, BINS + 1), label=f"chain {k + 1}", baseline=None, **look | {"lw": 1.3}
            )
            uneven += [(abs(c / share - 1), int(c), name) for c in count]
        right.axhline(share, color=house.INK, ls="--", lw=1)
        right.set(ylim=(0, 1.9 * share), yticks=[0, share])
        left.set_title(textwrap.shorten(name, 80), loc="left", fontsize=9, weight="bold", pad=3)
    axes[-1, 0].set_xlabel("kept draw")
    axes[-1, 1].set_xlabel("rank among all draws (%)")
    fig.supylabel("left: value; right: draws in the bin", fontsize=9.5)
    _, worst, where = max(uneven)
    handles, labels = axes[0, 1].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    caption = (
        f"Draws of {', '.join(found)}. Left: every tenth kept draw of each chain. Right: draws of each chain by their "
        f"rank among all chains, in {BINS} bins; chains that agree fill every bin alike (dashed). The most uneven bin "
        f"has {worst} draws, {share:.0f} expected ({where})."
    )
    return fig, caption


def inside(found: pd.DataFrame, what: str, ax: Axes | None = None) -> house.Drawn:
    """Do predicted intervals hold what was published as often as they say?

    Parameters
    ----------
    found
        ``label``, ``rows`` (number), ``inside_50`` and ``inside_90`` (shares).
    what
        What was predicted from what, for the caption.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Square: 50 % intervals; round: 90 % intervals; bars: what chance allows if the intervals are right.
    """
    ax = house.canvas(ax, house.row_height(len(found), per=0.36) + 0.5)
    labels = [textwrap.fill(f"{a} ({n})", 34) for a, n in zip(found["label"], found["rows"], strict=True)]
    places = house.label_rows(ax, labels)
    rng = np.random.default_rng(1)
    for k, (share, lift) in enumerate(((0.9, -0.13), (0.5, 0.13))):
        n = found["rows"].to_numpy()
        low, high = np.quantile(rng.binomial(n, share, (20_000, len(n))) / n, [0.05, 0.95], axis=0)
        ax.axvline(share, color=house.COLOURS[k], lw=1, ls="--")
        ax.hlines(places + lift, low, high, color=house.COLOURS[k], lw=5, alpha=0.22)
        house.dots(ax, found[f"inside_{share * 100:.0f}"], places + lift, k, f"{share * 100:.0f} % intervals")
    house.share_axis(ax, "share of the published figures inside the predicted interval")
    ax.legend(loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=2, frameon=False)
    each = found.set_index("label")
    held = np.average(found["inside_90"], weights=found["rows"])
    caption = (
        f"Share of published figures inside the 50 % (square) and 90 % (round) intervals of {what}, with the number of "
        f"figures; pale bars: 90 % of what chance allows if intervals are right and figures independent. Over all "
        f"{found['rows'].sum()} figures {share_text(held)} lie inside the 90 % intervals; fewest for "
        f"{each['inside_90'].idxmin()}, {share_text(each['inside_90'].min())}."
    )
    return ax, caption


def forecasts(found: pd.DataFrame) -> tuple[Figure, str]:
    """What was predicted for each figure, and what was published?

    Parameters
    ----------
    found
        ``observed``, ``low_90``, ``low_50``, ``high_50``, ``high_90`` in the unit of the figure; ``kind`` for the
        panels and ``when`` for the marker (the year predicted, or one word for all).

    Returns
    -------
    figure and caption
        Thin: 90 % interval, thick: 50 % interval, at the figure published; on the diagonal lies a figure predicted.
    """
    kinds = list(found["kind"].unique())
    size = (house.WIDTH, 0.6 + 2.6 * len(kinds))
    fig, axes = plt.subplots(len(kinds), 1, figsize=size, layout="constrained", squeeze=False)
    whens = sorted(found["when"].unique())
    for ax, kind in zip(axes[:, 0], kinds, strict=True):
        mine = found[found["kind"] == kind]
        across, up = (_ends(mine[list(c)].to_numpy(dtype=float)) for c in (("observed",), ("low_90", "high_90")))
        ends = min(across[0], up[0]), max(across[1], up[1])
        ax.plot(ends, ends, color=house.INK, lw=1, ls="--")
        for k, when in enumerate(whens):
            part = mine[mine["when"] == when]
            at = part["observed"] * (1 + 0.03 * (k - (len(whens) - 1) / 2))  # side by side where figures are equal
            ax.vlines(at, part["low_90"], part["high_90"], color=house.COLOURS[k], lw=1)
            ax.vlines(at, part["low_50"], part["high_50"], color=house.COLOURS[k], lw=3, alpha=0.6)
            middle = (part["low_50"] + part["high_50"]) / 2
            ax.plot(at, middle, house.MARKERS[k], color=house.COLOURS[k], ms=4, mec="white", mew=0.4, label=f"{when}")
        ax.set_xscale("symlog", linthresh=1)
        ax.set_yscale("symlog", linthresh=1)
        ax.set(xlim=across, ylim=up)
        for axis, (low, high) in ((ax.xaxis, across), (ax.yaxis, up)):
            axis.set_ticks(_round_numbers(low, high))
            axis.set_major_formatter(lambda v, _: f"{v:,.0f}")
        ax.set_title(kind, loc="left", fontsize=9.5, weight="bold", pad=3)
    fig.supylabel("predicted (log scale above 1)", fontsize=9.5)
    axes[-1, 0].set_xlabel("published (log scale above 1)")
    if len(whens) > 1:
        fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    out = (found["observed"] < found["low_90"]) | (found["observed"] > found["high_90"])
    missed = "; ".join(
        f"{kind}: {int(out[found['kind'] == kind].sum())} of {(found['kind'] == kind).sum()}" for kind in kinds
    )
    caption = (
        "Predicted intervals (thin 90 %, thick 50 %) over the figure that was published; where a line crosses the "
        f"dashed diagonal the interval holds the figure. Outside the 90 % interval: {missed}."
    )
    return fig, caption


def _ends(values: np.ndarray) -> tuple[float, float]:
    """Ends of an axis that is linear below 1 and logarithmic above: a little beyond the data."""
    low, high = float(values.min()), float(values.max())
    return (low / 1.3 if low > 2 else -0.3), high * 1.3 + 0.3


def _round_numbers(low: float, high: float) -> list[float]:
    """0 and as many of 1, 2, 5, 10 … between the ends as can be read."""
    powers = 10.0 ** np.arange(math.ceil(math.log10(max(high, 1))) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        marks = [t for t in (0.0, *np.multiply.outer(powers, steps).ravel()) if low <= t <= high]
        if len(marks) < 8:
            break
    return marks


def gains(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """By how much did the model foresee each figure better than the naive forecast?

    Parameters
    ----------
    found
        Of :func:`riskmodel.checks.backtest.backtest`.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One mark a figure: right of zero the model was better; the mark says where in its interval the figure lay.
    """
    rows = found.sort_values(["kind", "up_to"], kind="stable")
    groups = rows[["kind", "up_to"]].drop_duplicates()
    ax = house.canvas(ax, house.row_height(len(groups), groups["kind"], per=0.36) + 0.6)
    places = house.label_rows(ax, (groups["up_to"] + 1).astype(str), [k.capitalize() for k in groups["kind"]])
    row_of = dict(zip(groups.itertuples(index=False, name=None), places, strict=True))
    gain = (rows["log_score"] - rows["naive_log_score"]).to_numpy()
    jitter = 0.22 * np.sin(2.4 * np.arange(len(rows)))  # spread without chance
    at = np.array([row_of[key] for key in zip(rows["kind"], rows["up_to"], strict=True)]) + jitter
    half, most = rows["inside_50"].to_numpy() > 0, rows["inside_90"].to_numpy() > 0
    parts = {"inside 50 %": half, "inside 90 %": most & ~half, "outside": ~most}
    ax.axvline(0, color=house.INK, lw=1)
    for (name, here), k in zip(parts.items(), (0, 2, 1), strict=True):
        look: dict[str, Any] = {"mfc": "white", "mec": house.RED, "mew": 1.4} if name == "outside" else {}
        ax.plot(gain[here], at[here], house.MARKERS[k], color=house.COLOURS[k], ms=5, label=name, **look)
    ax.set_xscale("symlog", linthresh=1)
    low, high = ax.get_xlim()
    marks = [t for t in (-1000, -100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100, 1000) if low <= t <= high]
    ax.set_xticks(marks, [f"{t:,}" for t in marks])
    ax.set_xlabel("log score, model less naive forecast\n(natural logarithms, log scale beyond 1)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, frameon=False, columnspacing=1)
    better = pd.Series(gain > 0).groupby(rows["kind"].to_numpy()).agg(["sum", "size"])
    said = "; ".join(f"{kind}: {int(won)} of {n}" for kind, won, n in better.itertuples())
    caption = (
        "Each figure of the year named, predicted from the years before: log score of the model less that of the naive "
        "forecast; right of zero the model gave what came more probability. Round: the figure lay inside the 50 % "
        f"interval; diamond: inside 90 %; hollow square: outside. The model was better for {said}."
    )
    return ax, caption


def pareto_k(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """For which rows can leaving one out be computed from the one fit?

    Parameters
    ----------
    found
        ``group`` (words) and ``pareto_k`` of every row.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One mark a row; hollow squares beyond the line at 0.7.
    """
    groups = list(found["group"].unique())
    ax = house.canvas(ax, house.row_height(len(groups), per=0.42) + 0.5)
    places = house.label_rows(ax, [textwrap.fill(g, 30) for g in groups])
    jitter = 0.25 * np.sin(2.4 * np.arange(len(found)))  # spread without chance
    at = places[found["group"].map(groups.index).to_numpy()] + jitter
    k, bad = found["pareto_k"].to_numpy(), found["pareto_k"].to_numpy() > K_BELOW
    ax.plot(k[~bad], at[~bad], "o", color=house.BLUE, ms=4, alpha=0.7, label="can be trusted")
    ax.plot(k[bad], at[bad], "s", mfc="white", mec=house.RED, mew=1.2, ms=5, label="needs a fit without it")
    ax.axvline(K_BELOW, color=house.INK, lw=1, ls="--")
    ax.set_xlabel(f"Pareto k of the row (dashed: {K_BELOW})")
    ax.legend(loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=2, frameon=False)
    count = found.assign(bad=bad).groupby("group", sort=False)["bad"].agg(["sum", "size"])
    said = "; ".join(f"{name}: {int(n)} of {of}" for name, n, of in count[count["sum"] > 0].itertuples())
    caption = (
        f"Pareto k of each of {len(found)} published figures: {int(bad.sum())} lie beyond {K_BELOW} (hollow squares), "
        f"where the estimate from one fit cannot be trusted{f' ({said})' if said else ''}. The largest is "
        f"{k.max():.2f}."
    )
    return ax, caption


SCALED = {
    "probability": "change in the logarithm of the probability (0.7: twice as much)",
    "order": "change in the probability of the order (percentage points)",
    "rate": "change in the logarithm of the rate (0.7: twice as much)",
}


def power_scaling(found: pd.DataFrame) -> tuple[Figure, str]:
    """How far would the answers move if data, judgement or priors counted twice?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.checks.sensitivity`: ``label``, ``kind``, ``component``, ``change``, ``change_sd``,
        ``error``.

    Returns
    -------
    figure and caption
        A panel a kind of answer, with its own unit; a marker a component, its line the 90 % Monte-Carlo interval.
    """
    kinds = [k for k in SCALED if (found["kind"] == k).any()]
    rows = [found.loc[found["kind"] == k, "label"].nunique() for k in kinds]
    fig, axes = plt.subplots(
        len(kinds),
        1,
        figsize=(house.WIDTH, 0.9 * len(kinds) + 0.55 * sum(rows) + 0.3),
        height_ratios=[n + 0.5 for n in rows],
        layout="constrained",
        squeeze=False,
    )
    components = list(found["component"].unique())
    for ax, kind in zip(axes[:, 0], kinds, strict=True):
        mine, scale = found[found["kind"] == kind], 100.0 if kind == "order" else 1.0
        labels = list(mine["label"].unique())
        places = house.label_rows(ax, [textwrap.fill(label, 24) for label in labels])
        ax.axvline(0, color=house.INK, lw=1)
        for k, component in enumerate(components):
            part = mine[mine["component"] == component]
            at = places[part["label"].map(labels.index).to_numpy()] + 0.24 * (k - (len(components) - 1) / 2)
            change, error = scale * part["change"], scale * NORMAL * part["error"].fillna(0)
            ax.hlines(at, change - error, change + error, color=house.COLOURS[k], lw=1.5)
            ax.plot(change, at, house.MARKERS[k], color=house.COLOURS[k], ms=5, mec="white", mew=0.5, label=component)
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        ax.set_xlabel("\n".join(textwrap.wrap(SCALED[kind], 46)))
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    most = found.iloc[int(found["change_sd"].abs().to_numpy().argmax())]
    caption = (
        f"Change of {found['label'].nunique()} answers if {', '.join(components)} counted twice, to first order; each "
        "panel has its own unit, lines are 90 % Monte-Carlo intervals. The largest change in units of posterior "
        f"standard deviations: {most['label']} by {most['change_sd']:+.2f} for {most['component']}."
    )
    return fig, caption


def shifts(found: pd.DataFrame, answer: str, ax: Axes | None = None) -> house.Drawn:
    """On which judgements does an answer depend most?

    Parameters
    ----------
    found
        ``item`` (words) and ``change`` of the logarithm of the answer, largest first.
    answer
        What the answer is.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        A bar a judgement: factor on the answer if all experts had said one of their standard deviations more.
    """
    ax = house.canvas(ax, house.row_height(len(found), per=0.58))
    places, change = house.label_rows(ax, [textwrap.fill(i, 30) for i in found["item"]]), found["change"].to_numpy()
    for sign, colour, hatch in ((change >= 0, house.RED, "////"), (change < 0, house.BLUE, "")):
        ax.barh(places[sign], change[sign], color=colour, hatch=hatch, edgecolor="white", lw=0.5, height=0.7)
    for place, value in zip(places, change, strict=True):
        side: dict[str, Any] = {"ha": "left", "xytext": (3, 0)} if value >= 0 else {"ha": "right", "xytext": (-3, 0)}
        words = f"× {digits(np.exp(value))}"
        ax.annotate(words, (value, place), textcoords="offset points", va="center", fontsize=8.5, **side)
    room = 0.4 * (max(change.max(), 0) - min(change.min(), 0))
    ax.set_xlim(min(change.min(), 0) - room, max(change.max(), 0) + room)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.axvline(0, color=house.INK, lw=1)
    ax.set_xlabel(
        "change in the logarithm of the probability if all experts had said one of their standard deviations more"
    )
    first = found.iloc[0]
    caption = (
        f"The {len(found)} judgements on which {answer} depends most: change in its logarithm, and the factor, if all "
        "experts had put the quantity one of their standard deviations higher. Hatched: the probability rises; plain: "
        f"it falls. The largest is {first['item']}, by a factor of {digits(np.exp(first['change']))}."
    )
    return ax, caption


def rank_curves(found: pd.DataFrame, draws: int, ax: Axes | None = None) -> house.Drawn:
    """Do the true values of simulated studies rank evenly among the draws fitted to them?

    Parameters
    ----------
    found
        Ranks 0..draws, one row a simulation, one column a parameter.
    draws
        Number of draws that each truth was ranked among.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        A light line a parameter: its cumulative distribution less the even one; grey: the band that even ranks of all
        parameters stay in; coloured and named: those that leave it.
    """
    ranks = found.to_numpy()
    simulations, parameters = ranks.shape
    verdict = calibrated(ranks, draws, names=[str(c) for c in found.columns])
    grid, lower, upper = ecdf_band(simulations, draws, 1 - (1 - FAMILY_LEVEL) / parameters)
    gap = ecdf(ranks, draws, grid) - grid[:, None]
    ax = house.canvas(ax, 3.4)
    ax.fill_between(100 * grid, lower - grid, upper - grid, color="#d7dbe0", lw=0, label="band of even ranks")
    good = verdict["inside"].to_numpy()
    ax.plot(100 * grid, gap[:, good], color=house.BLUE, lw=0.6, alpha=0.35)
    ax.plot([], [], color=house.BLUE, lw=0.8, label=f"inside ({good.sum()})")
    worst = verdict[~good].sort_values("excess", ascending=False)
    for k, (place, row) in enumerate(worst.head(4).iterrows()):
        ax.plot(
            100 * grid,
            gap[:, int(str(place))],
            color=house.COLOURS[k + 1],
            ls=("--", "-.", ":", "-")[k],
            lw=1.8,
            label=row["parameter"],
        )
    ax.axhline(0, color=house.INK, lw=1)
    ax.set_xlabel("rank of the truth among the draws (%)")
    ax.set_ylabel("share of studies below it\nless the share expected")
    house.legend_below(ax, 0.5)
    outside = ", ".join(worst["parameter"]) or "none"
    caption = (
        f"Ranks of {parameters} true values among {draws} posterior draws in {simulations} simulated studies: "
        f"cumulative share less the one expected. The grey band holds all curves with a probability of "
        f"{share_text(FAMILY_LEVEL)} if all ranks are even. Outside it: {outside}."
    )
    return ax, caption


def foreseen(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """Do outcomes of rulings come as often as the model of rulings says?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.checks.foreseen`.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Tick and line: predicted share and 90 % of what chance allows; round: observed share.
    """
    ax = house.canvas(ax, house.row_height(len(found), found["group"], per=0.36) + 0.4)
    heads = {g: f"{g.capitalize()} ({n})" for g, n in zip(found["group"], found["rulings"], strict=True)}
    places = house.label_rows(ax, [textwrap.fill(o, 24) for o in found["outcome"]], [heads[g] for g in found["group"]])
    ax.hlines(places, found["low"], found["high"], color=house.GREY, lw=2)
    house.ticks(ax, found["predicted"], places, "predicted, with 90 % of chance", size=12)
    house.dots(ax, found["observed"], places, 1, "observed")
    house.share_axis(ax, "share of the rulings")
    ax.legend(loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=2, frameon=False)
    out = int(((found["observed"] < found["low"]) | (found["observed"] > found["high"])).sum())
    last = found.iloc[-1]
    caption = (
        "Outcomes of rulings, predicted (upright tick, with a line for 90 % of what chance allows) and observed "
        f"(square), for all and by thirds of the expected harshness. {out} of {len(found)} observed shares lie outside "
        f"their line. In the harshest third {share_text(last['observed'])} were prohibited or changed, "
        f"{share_text(last['predicted'])} predicted."
    )
    return ax, caption
