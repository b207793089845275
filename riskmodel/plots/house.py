"""The house style: colours, axes, rows, marks and legends that all pictures share, and how a picture is shown.

Question answered: *how does every figure look?* Colours are those of Okabe and Ito, told apart by the colour-blind, and
never the only sign: markers, hatches or words repeat them. Figures are narrow so that their letters stay readable on a
telephone.
"""

from __future__ import annotations

import base64
import io
import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from riskmodel.errors import TURNS
from riskmodel.language import localised, tr
from riskmodel.wording import exact, years_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["Drawn", "show", "style"]

BLUE, RED, *_ = COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#707070")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
GREY, INK = COLOURS[-1], "#1b1f24"
WIDTH = 4.9
DPI = 190
LONGEST = 37
"""Letters of the label of a row."""
NARROW = 13
"""Letters of a line of one that had to be cut."""
UNNUMBERED = 4
"""Look of the first expert whose name has no number."""
FLOOR = 1e-6
"""Probabilities below this are drawn at the left edge."""

Drawn = tuple["Axes", str]


def style() -> None:
    """Set letters, grid and colours of all figures."""
    sizes = {"font.size": 10, "axes.labelsize": 9.5, "xtick.labelsize": 9, "ytick.labelsize": 9.5, "legend.fontsize": 9}
    colours = {"axes.edgecolor": "#c4c9d0", "grid.color": "#e6e9ed", "text.color": INK, "axes.labelcolor": INK}
    other = {"font.family": "DejaVu Sans", "text.parse_math": False}  # two dollars in a label are no formula
    sns.set_theme(style="whitegrid", palette=list(COLOURS), rc=other | sizes | colours)


def show(drawn: Drawn | tuple[Figure, str], data: pd.DataFrame | xr.Dataset | None = None) -> None:
    """Display a picture with its caption as alt text, and close it.

    Parameters
    ----------
    drawn
        What a function of this package returns: axes (or a figure) and the caption.
    data
        What is drawn, for those who asked for the numbers behind the figures (:mod:`riskmodel.tables.export`).

    Raises
    ------
    ValueError
        If the caption is too short to say what the picture shows.
    """
    from IPython.display import display

    what, caption = drawn
    if len(caption) < 15:
        raise ValueError(f"a caption must say what the picture shows, not {caption!r}")
    caption = TURNS.sub("", caption).replace(" %", "\N{NO-BREAK SPACE}%")
    if data is not None:
        from riskmodel.tables.export import behind

        behind(data, caption)
    figure = what if isinstance(what, Figure) else _figure(what)
    for ax in figure.axes:
        ax.set_xlabel("\n".join(textwrap.fill(line, 48) for line in ax.get_xlabel().splitlines()))
    shown = {"image/png": base64.b64encode(_png(figure)).decode(), "text/plain": caption}
    display(shown, metadata={"image/png": {"alt": caption}}, raw=True)
    plt.close(figure)


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def _png(figure: Figure) -> bytes:
    """Draw a figure in 64 levels a channel and a palette: no eye sees it, and the file is a third as large."""
    from PIL import Image

    drawn, image = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.06)
    levels = Image.open(drawn).convert("RGB").point([round(round(v / 255 * 63) * 255 / 63) for v in range(256)] * 3)
    levels.quantize(256, dither=Image.Dither.NONE).save(image, format="png", optimize=True)
    return image.getvalue()


def canvas(ax: Axes | None, height: float) -> Axes:
    """Return the given axes, or new ones of the house's width and a height in inches."""
    return plt.subplots(figsize=(WIDTH, height), layout="constrained")[1] if ax is None else ax


def row_height(rows: int, groups: Iterable[str] = (), per: float = 0.27) -> float:
    """Return the inches that some rows and the headings of their groups need."""
    return 0.9 + per * (rows + 1.35 * len(set(groups)))


def label_rows(ax: Axes, labels: Iterable[str], groups: Sequence[str] = ()) -> np.ndarray:
    """Put labels on rows from top to bottom, with a heading above each group; return the places."""
    labels, places, at = [short(label) for label in labels], [], 0.0
    for k in range(len(labels)):
        if groups and (k == 0 or groups[k] != groups[k - 1]):
            at += 0.35 if k else 0.0
            across = ax.get_yaxis_transform()
            ax.text(-0.015, at, groups[k], transform=across, weight="bold", fontsize=10, va="center", ha="right")
            at += 1.0
        places.append(at)
        at += 1.0
    ax.set_yticks(places, labels)
    ax.set_ylim(at - 0.4, -0.6)
    ax.grid(True, axis="y", color="#f0f2f4")
    ax.tick_params(axis="y", length=0)
    return np.array(places)


def short(label: str, longest: int = LONGEST) -> str:
    """A label whose lines leave room for the picture; what is too long is cut, and wrapped."""
    lines = (
        line if len(line) <= longest else textwrap.fill(f"{line[: longest - 1]}…", NARROW)
        for line in str(label).splitlines()
    )
    return "\n".join(lines)


def odds_axis(ax: Axes, horizon_years: float, least: float = FLOOR, most: float = 1.0) -> None:
    """A log axis of probabilities that is read as "1 in 10,000", between the powers of ten around least and most."""
    low = max(FLOOR, min(10.0 ** np.floor(np.log10(max(least, FLOOR)) - 0.05), 0.01))
    high = min(1.0, max(10.0 ** np.ceil(np.log10(max(most, FLOOR)) + 0.05), 100 * low))
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    words = {1e-6: tr("1 in\n1 million"), 1.0: tr("certain")}
    words |= {10.0**-k: tr("1 in\n{number}", number=localised(f"{10**k:,}")) for k in range(1, 6)}
    every = [t for t in sorted(words) if low * 0.999 <= t <= high * 1.001]
    step = 2 if len(every) > 5 else 1
    named = every[::-step] if high == 1.0 else every[::step]  # certainty is named, else the edge where arrows are
    ax.set_xticks(named, [words[t] for t in named])
    ax.set_xticks([t for t in every if t not in named], minor=True)
    ax.xaxis.set_minor_formatter(lambda *_: "")
    ax.grid(True, which="minor", axis="x", color="#eef0f3")
    within = years_text(horizon_years)
    ax.set_xlabel(tr("probability of a disclosure\nwithin {years} (log scale)", years=within))


def share_axis(ax: Axes, label: str, zero: str = "0") -> None:
    """An axis of shares or probabilities from 0 to 1, in per cent."""
    ax.set_xlim(-0.01, 1.01)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], [zero, *(tr("{number} %", number=n) for n in (25, 50, 75, 100))])
    ax.set_xlabel(label)


def count_axis(ax: Axes, label: str) -> None:
    """A log axis of counts with plain numbers."""
    ax.set_xscale("log")
    ax.set_xlim(left=0.8)
    ax.xaxis.set_major_formatter(lambda v, _: f"{v:,.0f}")
    ax.minorticks_off()
    ax.set_xlabel(label)


def decades_axis(ax: Axes, low: float, high: float) -> None:
    """A log axis of any positive quantity that names every second power of ten: 1 in 10,000, 0.01, 100."""
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    named = [10.0**k for k in powers if k % 2 == 0 or len(powers) < 4]
    ax.set_xticks(named, [exact(t) if t >= 0.01 else "1 in\n" + _whole(round(1 / t)).replace(" ", "\n") for t in named])
    ax.set_xticks([10.0**k for k in powers if 10.0**k not in named], minor=True)
    ax.xaxis.set_minor_formatter(lambda *_: "")
    ax.grid(True, which="minor", axis="x", color="#eef0f3")


def _whole(number: int) -> str:
    """A power of ten in words."""
    scale, name = next(((s, n) for s, n in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"))
                        if number >= s), (1, ""))  # fmt: skip
    return f"{number // scale:,} {name}".strip()


def year_axis(ax: Axes, label: str, every: int) -> None:
    """An axis of time that names some years."""
    ax.xaxis.set_major_locator(mdates.YearLocator(every))
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
    ax.set_xlabel(label)


def dots(ax: Axes, x: Any, y: Any, k: int, label: str | None = None, **more: Any) -> None:
    """Draw the k-th kind of point; probabilities below the floor at the left edge."""
    look: dict[str, Any] = {"color": COLOURS[k], "ms": 6, "mec": "white", "mew": 0.5, "zorder": 3, "label": label}
    ax.plot(np.maximum(x, FLOOR), y, MARKERS[k], **look | more)


def beyond(ax: Axes, x: Any, y: Any, color: str, size: float = 5) -> None:
    """Draw an arrow at the left edge of finished axes for every value that lies below it."""
    low = ax.get_xlim()[0]
    under = np.asarray(y)[np.asarray(x) < low * 0.999]
    look: dict[str, Any] = {"color": color, "ms": size, "clip_on": False, "zorder": 4}
    ax.plot(np.full(len(under), 0.012), under, "<", transform=ax.get_yaxis_transform(), **look)


def right_column(ax: Axes, y: Iterable[float], words: Iterable[str], head: str) -> None:
    """Write a word a row, right of the axes, under a heading."""
    look: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": 8.5}
    for place, word in zip(y, words, strict=True):
        ax.text(1.02, place, word, **look)
    ax.text(1.02, -0.85, head, weight="bold", **look)


def ticks(ax: Axes, x: Any, y: Any, label: str, size: float = 9) -> None:
    """Draw upright bars, the sign of medians and of what is pooled."""
    ax.plot(np.maximum(x, FLOOR), y, "|", color=INK, ms=size, mew=1.8, zorder=3, label=label)


def readers(names: Iterable[str]) -> dict[str, int]:
    """Colour and marker of each expert, in order: by the number that the name ends with, alike in every picture."""
    ends = {name: re.search(r"(\d+)$", name) for name in sorted(set(names))}
    wanted = {name: int(end[1]) - 1 if end else UNNUMBERED for name, end in ends.items()}
    looks: dict[str, int] = {}
    for name in sorted(wanted, key=lambda name: wanted[name]):
        free = (k for k in range(wanted[name] % len(COLOURS), 99) if k not in looks.values())
        looks[name] = next(free)
    return {name: k % len(COLOURS) for name, k in looks.items()}


def full_or_hollow(
    ax: Axes, at: tuple[pd.Series, pd.Series], kind: pd.Series, full: pd.Series, kinds: Sequence[str], hollow: str
) -> None:
    """Draw a marker a kind, filled or not, with a line in the legend for each kind and for what hollow means."""
    for k, name in enumerate(kinds):
        for filled, face in ((True, COLOURS[k]), (False, "white")):
            x, y = (v[(kind == name) & (full == filled)] for v in at)
            ax.scatter(x, y, marker=MARKERS[k], s=28, facecolor=face, edgecolor=COLOURS[k], lw=1.2, zorder=3)
        ax.scatter([], [], marker=MARKERS[k], s=28, color=COLOURS[k], label=tr(name.replace("_", " ")))
    meaning = tr("hollow: {meaning}", meaning=hollow)
    ax.scatter([], [], marker="o", s=28, facecolor="white", edgecolor=GREY, label=meaning)


def legend_below(ax: Axes, inches: float, columns: int = 2) -> None:
    """Put the legend so many inches below the axes, however high the figure is."""
    below = ax.transAxes + ScaledTranslation(0.0, -inches, _figure(ax).dpi_scale_trans)
    look: dict[str, Any] = {"ncols": columns, "frameon": False, "columnspacing": 1}
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 0.0), bbox_transform=below, **look)
