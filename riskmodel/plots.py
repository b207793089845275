"""Pictures: one question a function; axes in, axes and a caption out; the caption is the alt text.

Question answered: *what does a reader see at a glance, and what would be said to someone who cannot see it?*
Colours are those of Okabe and Ito, told apart by the colour-blind, and never the only sign: markers, hatches
or words repeat them. Figures are narrow so that their letters stay readable on a telephone.
"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from riskmodel.tables import CUSTODY, country
from riskmodel.wording import one_in, percent, share_text, years_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["intervals", "show", "style", "worlds"]

BLUE, RED, GREEN, PINK, ORANGE, SKY, GREY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#707070",
)
COLOURS, MARKERS = (BLUE, RED, GREEN, PINK, ORANGE, SKY), ("o", "s", "D", "^", "v", "P", "X", "*")
WIDTH = 4.9
DPI = 190
FLOOR = 1e-6
"""Probabilities below this are drawn at the left edge with an arrow."""

Drawn = tuple["Axes", str]


def style() -> None:
    """Set letters, grid and colours of all figures."""
    sns.set_theme(
        style="whitegrid",
        palette=list(COLOURS),
        rc={
            "font.family": "DejaVu Sans",
            "font.size": 10,
            "axes.labelsize": 9.5,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9.5,
            "legend.fontsize": 9,
            "axes.edgecolor": "#c4c9d0",
            "grid.color": "#e6e9ed",
            "text.color": "#1b1f24",
            "axes.labelcolor": "#1b1f24",
            "figure.dpi": 100,
            "svg.fonttype": "none",
        },
    )


def show(drawn: Drawn | tuple[Figure, str]) -> None:
    """Display a picture with its caption as alt text, and close it.

    Parameters
    ----------
    drawn
        What a function of this module returns: axes (or a figure) and the caption.

    Raises
    ------
    ValueError
        If the caption is too short to say what the picture shows.
    """
    from IPython.display import display

    what, caption = drawn
    if len(caption) < 15:
        raise ValueError(f"a caption must say what the picture shows, not {caption!r}")
    caption = caption.replace(" %", "\N{NO-BREAK SPACE}%")
    figure = what if isinstance(what, Figure) else what.get_figure(root=True)
    assert figure is not None
    for ax in figure.axes:
        ax.set_xlabel("\n".join(textwrap.fill(line, 48) for line in ax.get_xlabel().splitlines()))
    data = {"image/png": base64.b64encode(_png(figure)).decode(), "text/plain": caption}
    display(data, metadata={"image/png": {"alt": caption}}, raw=True)
    plt.close(figure)


def _png(figure: Figure) -> bytes:
    """Draw a figure in 32 levels a channel: no eye sees the difference, and the file is half as large."""
    drawn, image = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.06)
    drawn.seek(0)
    levels = (np.round(plt.imread(drawn)[..., :3] * 31) * (255 / 31)).astype(np.uint8)
    plt.imsave(image, levels, format="png", metadata={"Software": None}, pil_kwargs={"optimize": True})
    return image.getvalue()


def _axes(ax: Axes | None, height: float, width: float = WIDTH) -> Axes:
    return plt.subplots(figsize=(width, height), layout="constrained")[1] if ax is None else ax


def _odds_axis(ax: Axes, horizon_years: float, low: float = FLOOR) -> None:
    """A log axis of probabilities that is read as "1 in 10,000"."""
    ax.set_xscale("log")
    ax.set_xlim(low, 1.0)
    words = {1e-6: "1 in\n1 million", 1e-5: "1 in\n100,000", 1e-4: "1 in\n10,000", 1e-3: "1 in\n1,000"}
    words |= {1e-2: "1 in\n100", 1e-1: "1 in\n10", 1.0: "certain"}
    shown = [t for t in words if t >= low * 0.999]
    every = 2 if len(shown) > 5 else 1
    ax.set_xticks(shown[::-every], [words[t] for t in shown[::-every]])
    ax.set_xticks([t for t in shown if t not in shown[::-every]], minor=True)
    ax.xaxis.set_minor_formatter(lambda *_: "")
    ax.grid(True, which="minor", axis="x", color="#eef0f3")
    ax.set_xlabel(f"probability of a disclosure\nwithin {years_text(horizon_years)} (log scale)")


def _inches(ax: Axes) -> float:
    """Height of the whole figure, for legends that stand a fixed way below the axes."""
    figure = ax.get_figure(root=True)
    return float(figure.get_figheight()) if figure is not None else 1.0


def _decade(value: float) -> float:
    """Return the power of ten below a probability, within the range that is drawn."""
    return float(max(FLOOR, min(10.0 ** np.floor(np.log10(max(value, FLOOR)) - 0.05), 0.01)))


def _rows(ax: Axes, labels: Sequence[str], groups: Sequence[str] | None) -> np.ndarray:
    """Put labels on rows from top to bottom, with a heading above each group; return the places."""
    places, at, heads = [], 0.0, []
    for k in range(len(labels)):
        if groups is not None and (k == 0 or groups[k] != groups[k - 1]):
            at += 0.35 if k else 0.0
            heads.append((at, groups[k]))
            at += 1.0
        places.append(at)
        at += 1.0
    ax.set_yticks(places, labels)
    ax.set_ylim(at - 0.4, -0.6)
    for place, text in heads:
        ax.text(
            -0.015,
            place,
            text,
            transform=ax.get_yaxis_transform(),
            weight="bold",
            fontsize=10,
            va="center",
            ha="right",
        )
    ax.grid(True, axis="y", color="#f0f2f4")
    ax.tick_params(axis="y", length=0)
    return np.array(places)


def _height(rows: int, groups: Sequence[str] | None = None, per: float = 0.27) -> float:
    return 0.9 + per * (rows + (1.35 * len(set(groups)) if groups is not None else 0.0))


def intervals(
    summary: pd.DataFrame,
    answer: str = "probability",
    *,
    horizon_years: float = 5.0,
    ax: Axes | None = None,
) -> Drawn:
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
    groups = list(summary["group"]) if "group" in summary else None
    ax = _axes(ax, _height(len(summary), groups))
    places = _rows(ax, list(summary["label"]), groups)
    low, mid, high = (summary[c].to_numpy() for c in (f"{answer}_low", answer, f"{answer}_high"))
    floor = FLOOR if answer == "probability" else 0.0
    ax.hlines(places, np.maximum(low, floor), np.maximum(high, floor), color=BLUE, lw=2.2, alpha=0.75)
    if answer == "probability":
        under = low < FLOOR
        ax.plot(np.full(under.sum(), FLOOR * 1.15), places[under], "<", color=BLUE, ms=5, clip_on=False)
        median = np.maximum(summary["probability_median"].to_numpy(), FLOOR)
        ax.plot(median, places, "|", color="#1b1f24", ms=9, mew=1.6, label="median")
        _odds_axis(ax, horizon_years)
        name = f"Probability of at least one disclosure within {years_text(horizon_years)}"
        extra = " Upright tick: median over parameters; arrow at the left edge: goes below 1 in 1 million."
    else:
        ax.set_xlim(-0.01, 1.01)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["none", "25 %", "50 %", "75 %", "100 %"])
        ax.set_xlabel("probability that a foreign law reaches someone who can produce the data")
        name, extra = "Probability of reach", ""
    ax.plot(
        np.maximum(mid, floor),
        places,
        "o",
        color=RED,
        ms=6,
        mec="white",
        mew=0.7,
        label="predictive",
        zorder=3,
    )
    least, most = (summary.iloc[int(pick(summary[answer].to_numpy()))] for pick in (np.argmin, np.argmax))
    caption = (
        f"{name} of {len(summary)} setups. Round point: predictive probability; line: 90 % equal-tailed "
        "interval over parameters."
        f"{extra} Lowest: {least['label']}, {percent(least[answer])}; highest: {most['label']}, "
        f"{percent(most[answer])}."
    )
    return ax, caption


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
    fig, axes = plt.subplots(1, len(setups), figsize=(WIDTH, WIDTH / len(setups) + 0.7), squeeze=False)
    said = []
    for ax, setup in zip(axes[0], setups, strict=True):
        share = float(x["world_reached"].sel(setup=setup).mean())
        count = min(max(round(100 * share), int(share > 0)), 100 - int(share < 1))
        label = str(x["label"].sel(setup=setup).values)
        row, col = np.divmod(np.arange(100), 10)
        ax.scatter(col[count:], row[count:], marker="s", s=50, facecolor="white", edgecolor="#9aa3ad", lw=0.8)
        ax.scatter(col[:count], row[:count], marker="s", s=50, color=RED, lw=0)
        ax.scatter(col[:count], row[:count], marker="x", s=18, color="white", lw=1)
        ax.set(xticks=[], yticks=[], xlim=(-0.7, 9.7), ylim=(9.7, -0.7), aspect="equal")
        ax.set_title(f"{label}\nreached in {count} of 100", fontsize=10)
        sns.despine(ax=ax, left=True, bottom=True)
        said.append(f"{label}: about {count}")
    caption = (
        f"Worlds out of a hundred in which some foreign law reaches the setup. {'; '.join(said)}. Filled "
        "squares with a "
        "cross are worlds in which it is reached, open squares are worlds in which it is not."
    )
    return fig, caption


KINDS = ("owner or seat", "minority holding", "establishment", "licensor", "place of data", "staff")
OFFSETS = ((-0.27, -0.22), (0.0, -0.22), (0.27, -0.22), (-0.27, 0.22), (0.0, 0.22), (0.27, 0.22))


def nexus(found: pd.DataFrame, order: pd.DataFrame, ax: Axes | None = None) -> Drawn:
    """Which foreign states have which kind of connection with each setup?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.nexus`.
    order
        Setups in the order of the rows: ``setup``, ``label``, ``group``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        A full marker is a fact, a hollow one a fact (or a host) that was not seen and is given a probability.
    """
    counts = found.groupby("country")["setup"].nunique().sort_values(ascending=False, kind="stable")
    states = list(counts.index)
    groups = list(order["group"])
    ax = _axes(ax, _height(len(order), groups, per=0.33))
    places = dict(zip(order["setup"], _rows(ax, list(order["label"]), groups), strict=True))
    for k, (kind, (dx, dy)) in enumerate(zip(KINDS, OFFSETS, strict=True)):
        for certain, face in ((True, COLOURS[k]), (False, "white")):
            mine = found[(found["kind"] == kind) & (found["certain"] == certain) & found["setup"].isin(places)]
            if len(mine):
                xs = [states.index(c) + dx for c in mine["country"]]
                ys = [places[s] + dy for s in mine["setup"]]
                ax.scatter(xs, ys, marker=MARKERS[k], s=24, facecolor=face, edgecolor=COLOURS[k], lw=1.1, zorder=3)
    ax.set_xticks(range(len(states)), [country(c) for c in states], rotation=55, ha="left", rotation_mode="anchor")
    ax.xaxis.tick_top()
    ax.set_xlim(-0.6, max(len(states), 1) - 0.4)
    ax.set_xticks(np.arange(len(states)) + 0.5, minor=True)
    ax.grid(False, axis="x", which="major")
    ax.grid(True, axis="x", which="minor", color="#e1e5ea")
    ax.tick_params(axis="x", which="minor", length=0)
    for k, kind in enumerate(KINDS):
        ax.scatter([], [], marker=MARKERS[k], s=28, color=COLOURS[k], label=kind)
    ax.scatter([], [], marker="o", s=28, facecolor="white", edgecolor=GREY, label="hollow: not seen, may be")
    ax.legend(
        loc="upper right",
        bbox_to_anchor=(1.0, -0.005),
        ncols=2,
        frameon=False,
        handletextpad=0.2,
        columnspacing=1,
    )
    free = sorted(set(order["label"]) - set(found["label"]))
    caption = (
        "Kind of connection between each setup (rows) and each foreign state (columns) whose law is in the "
        "model. Full markers "
        "are facts with a source, hollow ones may or may not be so. "
        + (f"No connection was seen for {', '.join(free)}; what was not seen may still exist." if free else "")
    )
    return ax, caption.strip()


def readings(found: pd.DataFrame, horizon_years: float, ax: Axes | None = None) -> Drawn:
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
    labels = list(dict.fromkeys(found["label"]))
    ax = _axes(ax, _height(len(labels), per=0.3) + 0.8)
    places = dict(zip(labels, _rows(ax, labels, None), strict=True))
    for k, (name, words) in enumerate([*CUSTODY.items(), ("stated mixture", "stated mixture")]):
        mine = found[found["custody"] == name]
        if mine.empty:
            continue
        ys = [places[s] + (0.0 if name == "stated mixture" else 0.11 * (-1) ** k) for s in mine["label"]]
        if name == "stated mixture":
            ax.plot(mine["probability"], ys, "|", color="#1b1f24", ms=15, mew=2, label=words)
        else:
            ax.plot(
                mine["probability"],
                ys,
                MARKERS[k],
                color=(*COLOURS, GREY)[k],
                ms=6,
                mec="white",
                mew=0.5,
                label=words,
            )
    _odds_axis(ax, horizon_years, _decade(found["probability"].min()))
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, -1.05 / _inches(ax)), ncols=2, frameon=False)
    spread = found.groupby("label")["probability"].agg(lambda v: v.max() / v.min()).median()
    caption = (
        f"Predictive probability within {years_text(horizon_years)} under each reading of the keys, for "
        f"{len(labels)} setups "
        "whose key custody was not seen, with the stated mixture as an upright bar. From the most to the "
        "least exposing "
        f"reading the probability changes by a factor of about {spread:.0f} in the middle setup."
    )
    return ax, caption


def order_bars(found: pd.DataFrame, reference: str, ax: Axes | None = None) -> Drawn:
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
    labels = list(dict.fromkeys(found["label"]))
    ax = _axes(ax, 1.5 + 0.62 * len(labels))
    colours, hatches = (BLUE, "#d7dbe0", RED), ("", "", "////")
    ticks, names = [], []
    for k, label in enumerate(labels):
        for j, where in enumerate(("over parameters", "over worlds")):
            row = found[(found["label"] == label) & (found["comparison"] == where)].iloc[0]
            y, left = 2.5 * k + j, 0.0
            for part, colour, hatch in zip(("lower", "equal", "higher"), colours, hatches, strict=True):
                ax.barh(y, row[part], left=left, color=colour, hatch=hatch, edgecolor="white", lw=0.5, height=0.86)
                if row[part] > 0.12:
                    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2} if hatch else None
                    ink = "white" if part == "lower" else "#1b1f24"
                    ax.text(
                        left + row[part] / 2,
                        y,
                        share_text(row[part]),
                        ha="center",
                        va="center",
                        color=ink,
                        fontsize=8.5,
                        bbox=box,
                    )
                left += row[part]
            ticks.append(y)
            names.append(f"{label}: parameters" if j == 0 else "worlds")
    ax.set_yticks(ticks, names)
    ax.set_ylim(2.5 * len(labels) - 0.7, -0.8)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
    ax.set_xlabel(f"probability (%) of being below, practically equal to, above {reference}")
    ax.grid(False, axis="y")
    keys = zip(("lower", "equal", "higher"), colours, hatches, strict=True)
    patches = [Patch(facecolor=c, hatch=h, edgecolor="white", label=part) for part, c, h in keys]
    ax.legend(handles=patches, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, frameon=False)
    over = found[found["comparison"] == "over parameters"]
    first, last = over.iloc[0], over.iloc[-1]
    mean = found.groupby("comparison")["equal"].mean()
    ties = " and ".join(f"{share_text(float(mean[w]))} {w}" for w in ("over parameters", "over worlds"))
    caption = (
        f"Each host against {reference} at the same workload, keys and terms. Blue: lower; grey: practically "
        "equal; hatched "
        f"red: higher. Most often lower over parameters: {first['label']} ({share_text(first['lower'])}); "
        "least often: "
        f"{last['label']} ({share_text(last['lower'])}). Practically equal on average: {ties}."
    )
    return ax, caption


def tolerance(found: pd.DataFrame, ax: Axes | None = None) -> Drawn:
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
    ax = _axes(ax, _height(len(rows)) + 0.3)
    places = _rows(ax, list(rows["label"]), None)
    ax.plot(rows["exceeds"], places, "o", color=BLUE, ms=6, mec="white", mew=0.5, label="over parameters")
    ax.plot(rows["exceeds_in_worlds"], places, "s", mfc="none", mec=RED, mew=1.3, ms=5.5, label="over worlds")
    limit, years = float(rows["threshold"].iloc[0]), float(rows["horizon_years"].iloc[0])
    top = max(0.05, float(rows[["exceeds", "exceeds_in_worlds"]].to_numpy().max()) * 1.15)
    ax.set_xlim(-0.02 * top, top)
    ax.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(lambda v, _: f"{100 * v:.3g}" if v >= 0 else "")
    ax.set_xlabel(f"probability (%) of lying above {percent(limit)} in {years_text(years)}")
    ax.legend(loc="lower right", frameon=True)
    worst = rows.iloc[0]
    caption = (
        f"How likely each setup is to lie above a tolerance of {percent(limit)} in {years_text(years)}. "
        "Round points: over "
        f"parameters; open squares: over worlds. Most doubtful: {worst['label']}, "
        f"{share_text(worst['exceeds'])} over parameters."
    )
    return ax, caption


def influence(found: pd.DataFrame, ax: Axes | None = None) -> Drawn:
    """Which inputs move the answer of each setup?

    Parameters
    ----------
    found
        Columns ``input``, ``informed_by``, and one a setup with shares of rank variance.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Darker and a higher number: the answer goes more with that input; a star: counts or bands inform it.
    """
    values = found.set_index("input").drop(columns="informed_by")
    ax = _axes(ax, 1.3 + 0.36 * len(values))
    words = values.map(lambda v: "<1" if v < 0.005 else f"{100 * v:.0f}")
    sns.heatmap(
        100 * values,
        annot=words,
        fmt="",
        cmap="Blues",
        vmin=0,
        vmax=100,
        cbar=False,
        linewidths=1.5,
        ax=ax,
        annot_kws={"size": 9.5},
    )
    stars = [
        f"{i} *" if b != "judgement" else str(i) for i, b in zip(found["input"], found["informed_by"], strict=True)
    ]
    ax.set_yticks(np.arange(len(stars)) + 0.5, stars, rotation=0)
    short = [str(c).split(" (")[0] for c in values.columns]
    names = short if len(set(short)) == len(short) else [str(c).replace(" (", "\n(") for c in values.columns]
    ax.set_xticks(ax.get_xticks(), names, rotation=0)
    ax.set_ylabel("")
    ax.set_xlabel(
        "share of the rank variance that goes with the input (%)\n* also informed by counts or bands, the "
        "others by judgement alone"
    )
    first = values.iloc[:, 0].idxmax()
    caption = (
        "Influence of each input (rows) on the probability of each setup (columns), as the share of rank "
        "variance that goes with "
        f"it, in per cent. For {values.columns[0]} the largest is {first}, "
        f"{share_text(float(values.iloc[:, 0].max()))}. Inputs "
        "overlap, so that columns do not add up to 100."
    )
    return ax, caption


def by_regime(found: pd.DataFrame, horizon_years: float, ax: Axes | None = None) -> Drawn:
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
    names = [n for n in top.index if top[n] >= FLOOR]
    labels = list(dict.fromkeys(found["label"]))
    ax = _axes(ax, _height(len(names), per=0.42) + 0.5)
    short = [textwrap.fill(n, 28) for n in names]
    places = dict(zip(names, _rows(ax, short, None), strict=True))
    for k, label in enumerate(labels):
        mine = found[(found["label"] == label) & found["name"].isin(names)]
        shift = 0.17 * (k - (len(labels) - 1) / 2)
        ys = [places[n] + shift for n in mine["name"]]
        ax.plot(
            np.maximum(mine["probability"], FLOOR),
            ys,
            MARKERS[k],
            color=COLOURS[k],
            ms=5.5,
            mec="white",
            mew=0.5,
            label=label,
        )
    _odds_axis(ax, horizon_years)
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, -1.05 / _inches(ax)), ncols=2, frameon=False)
    best = found.iloc[int(found["share"].to_numpy().argmax())]
    caption = (
        f"Predictive probability within {years_text(horizon_years)} through each foreign law alone, for "
        f"{', '.join(labels)}. The "
        f"largest share of one law is {share_text(best['share'])}: {best['name']} for {best['label']}."
    )
    return ax, caption


def judgements(found: pd.DataFrame, title: str, *, log: bool = False, ax: Axes | None = None) -> Drawn:
    """What did each expert say, and what does the model make of it?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.judgements`.
    title
        What the quantity is, for the axis.
    log
        Draw on a log axis.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Line from 10 to 90 %, marker at the median, one a reading; thick black: pooled posterior.
    """
    items = list(dict.fromkeys(found["item"]))
    who = [w for w in dict.fromkeys(found["who"]) if w != "pooled posterior"]
    ax = _axes(ax, 1.0 + 0.62 * len(items))
    lanes = [*who, "pooled posterior"] if (found["who"] == "pooled posterior").any() else who
    for k, name in enumerate(lanes):
        pooled = name == "pooled posterior"
        mine = found[found["who"] == name]
        ys = np.array([items.index(i) for i in mine["item"]]) + (k - (len(lanes) - 1) / 2) * 0.82 / len(lanes)
        colour = "#1b1f24" if pooled else COLOURS[k]
        ax.hlines(ys, mine["low"], mine["high"], color=colour, lw=3.2 if pooled else 1.5)
        ax.plot(
            mine["mid"],
            ys,
            "|" if pooled else MARKERS[k],
            color=colour,
            ms=9 if pooled else 4.5,
            mew=2 if pooled else 0.5,
            label=name,
        )
    ax.set_yticks(range(len(items)), [textwrap.fill(item, 22) for item in items])
    ax.set_ylim(len(items) - 0.45, -0.55)
    for k in range(1, len(items)):
        ax.axhline(k - 0.5, color="#e6e9ed", lw=1)
    ax.grid(False, axis="y")
    if log:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
    else:
        ax.set_xlim(-0.01, 1.01)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    ax.set_xlabel(title)
    ax.legend(
        loc="upper right",
        bbox_to_anchor=(1.0, -0.85 / _inches(ax)),
        ncols=2,
        frameon=False,
        columnspacing=1,
    )
    wide = (
        (found["high"] / found["low"]).groupby(found["item"]).max().idxmax()
        if log
        else (found["high"] - found["low"]).groupby(found["item"]).max().idxmax()
    )
    pool = " and of the pooled posterior (thick black)" if len(lanes) > len(who) else ""
    caption = (
        f"{title[0].upper()}{title[1:]}: 10, 50 and 90 % quantiles of {len(who)} "
        f"judge{'s' if len(who) != 1 else ''}{pool}, for "
        f"{len(items)} item{'s' if len(items) != 1 else ''}. The widest single range is on: {wide}."
    )
    return ax, caption


def decisions(found: pd.DataFrame, types: pd.Series, outcomes: Sequence[str], ax: Axes | None = None) -> Drawn:
    """How have authorities ruled over time?

    Parameters
    ----------
    found
        Table of :func:`riskmodel.acceptability`.
    types
        Authority type by decision id.
    outcomes
        Outcomes in words, from the strictest on.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One marker a decision; hollow ones are not about the Health Data Hub.
    """
    ax = _axes(ax, 3.6)
    kind = found["decision_id"].map(types)
    height = found["outcome"].map(list(outcomes).index).astype(float)
    order = found.groupby("outcome").cumcount()
    ys = height + ((order % 5) - 2) * 0.14
    national = found["system_name"].str.contains("Health Data Hub", regex=False)
    for k, name in enumerate(sorted(kind.unique())):
        for about, face in ((True, COLOURS[k]), (False, "white")):
            here = (kind == name) & (national == about)
            ax.scatter(
                found.loc[here, "date"],
                ys[here],
                marker=MARKERS[k],
                s=38,
                facecolor=face,
                edgecolor=COLOURS[k],
                lw=1.3,
                zorder=3,
            )
        ax.scatter([], [], marker=MARKERS[k], s=38, color=COLOURS[k], label=f"{name}".replace("_", " "))
    ax.scatter([], [], marker="o", s=38, facecolor="white", edgecolor=GREY, label="hollow: other systems")
    ax.set_yticks(range(len(outcomes)), [o.replace(" or ", "\nor ") for o in outcomes])
    ax.set_ylim(-0.5, len(outcomes) - 0.5)
    ax.xaxis.set_major_locator(mdates.YearLocator(4))
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
    ax.set_xlabel("year of the decision")
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, -0.16), ncols=3, frameon=False, columnspacing=1)
    counts = found["outcome"].value_counts()
    said = ", ".join(f"{counts.get(o, 0)} {o}" for o in outcomes)
    caption = (
        f"{len(found)} decisions of regulators and courts by date and outcome: {said}. Full markers concern "
        "the Health Data Hub "
        f"({int(national.sum())} decisions, not independent of one another), hollow ones other systems."
    )
    return ax, caption


def bands(found: pd.DataFrame, names: pd.Series, ax: Axes | None = None) -> Drawn:
    """How many accounts did the two reporters publish as tasked under section 702?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.bands`.
    names
        Name of each reporter by id.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One bar a half-year from the low to the high end of the published band.
    """
    ax = _axes(ax, 3.0)
    said = []
    for k, (reporter, part) in enumerate(found.groupby("reporter_id", sort=True)):
        middle = (part["value_low"] + part["value_high"]) / 2
        label = str(names.get(reporter, reporter))
        ax.vlines(part["period_start"], part["value_low"] / 1e3, part["value_high"] / 1e3, color=COLOURS[k], lw=3)
        ax.plot(part["period_start"], middle / 1e3, MARKERS[k], ls=":", color=COLOURS[k], ms=5, label=label)
        last = part.iloc[-1]
        said.append(f"{label}: {last['value_low']:,.0f} to {last['value_high']:,.0f} in the last half-year seen")
    ax.set_ylim(bottom=0)
    ax.set_ylabel("accounts (thousands)")
    ax.set_xlabel("half-year beginning")
    ax.xaxis.set_major_locator(mdates.YearLocator(2))
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
    ax.legend(loc="upper left", frameon=False)
    caption = (
        "Published bands of accounts whose content was asked for under section 702 of FISA, by half-year, "
        "the evidence on which "
        f"the rate of intelligence tasking starts. {'; '.join(said)}. The reports do not "
        "say how many of the accounts belong to enterprises."
    )
    return ax, caption


def what_if(found: pd.DataFrame, horizon_years: float, ax: Axes | None = None) -> Drawn:
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
    ax = _axes(ax, _height(len(found), per=0.36))
    places = _rows(ax, list(found["label"]), None)
    base = float(found["probability"].iloc[0])
    ax.axvline(base, color=GREY, lw=1, ls="--")
    ax.hlines(places, base, found["probability"], color=BLUE, lw=2)
    ax.plot(found["probability"].iloc[1:], places[1:], "o", color=BLUE, ms=7, mec="white")
    ax.plot([base], places[:1], "s", color=RED, ms=7, mec="white")
    for y, p in zip(places, found["probability"], strict=True):
        ax.annotate(one_in(p), (max(p, base), y), xytext=(9, 0), textcoords="offset points", va="center", fontsize=8.5)
    _odds_axis(ax, horizon_years, _decade(found["probability"].min()))
    most = found.iloc[int(found["probability"].to_numpy().argmax())]
    caption = (
        f"Predictive probability within {years_text(horizon_years)} if one fact were known to be so, against "
        "the setup as described "
        f"(square, {one_in(base)}). The largest change is: {most['label']}, {one_in(most['probability'])}."
    )
    return ax, caption
