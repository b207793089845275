"""Judgement: what experts said, what the model makes of it, and which inputs move an answer."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import seaborn as sns

from riskmodel.language import localised, mark, tr, trn
from riskmodel.plots import house
from riskmodel.wording import share_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["influence", "judgements"]

POOLED = mark("pooled posterior")
"""Among who speaks: the posterior, beside the experts."""


def influence(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
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
    ax = house.canvas(ax, 1.3 + 0.36 * len(values))
    words = values.map(lambda v: "<1" if v < 0.005 else f"{100 * v:.0f}")
    top = float(np.ceil(10 * values.to_numpy().max()) / 10) or 1.0
    look = {"cmap": "Blues", "vmin": 0, "vmax": top, "cbar": False, "linewidths": 1.5, "annot_kws": {"size": 9.5}}
    sns.heatmap(values, annot=words, fmt="", ax=ax, **look)
    marks = np.where(found["informed_by"] == "judgement", "", " *")
    stars = [textwrap.fill(tr(name) + star, 26) for name, star in zip(found["input"], marks, strict=True)]
    ax.set_yticks(np.arange(len(stars)) + 0.5, stars, rotation=0)
    few = values.shape[1] < 4
    names = [house.short(name).replace(" (", "\n(").splitlines() for name in values.columns]
    heads = ["\n".join(textwrap.fill(part, 18 if few else 13) for part in n) for n in names]
    ax.set_xticks(ax.get_xticks(), heads, rotation=0, fontsize=9 if few else 7.5)
    ax.set_ylabel("")
    ax.set_xlabel(
        tr(
            "share of the rank variance that goes with the input (%)\n* also informed by counts or bands, the others "
            "by judgement alone"
        )
    )
    first = values.iloc[:, 0]
    caption = tr(
        "Influence of each input (rows) on the probability of each setup (columns), as the share of rank variance that "
        "goes with it, in per cent; darker is more. For {label} the largest is {input}, {share}. Inputs overlap, so "
        "that columns do not add up to 100.",
        label=first.name,
        input=tr(str(first.idxmax())),
        share=share_text(first.max()),
    )
    return ax, caption


def judgements(found: pd.DataFrame, title: str, *, log: bool = False, ax: Axes | None = None) -> house.Drawn:
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
    items = list(found["item"].unique())
    looks = house.readers(found.loc[found["who"] != POOLED, "who"])
    lanes = [*looks, *({POOLED} & set(found["who"]))]
    ax = house.canvas(ax, 1.4 + 0.6 * len(items))
    for k, name in enumerate(lanes):
        mine = found[found["who"] == name]
        ys = mine["item"].map(items.index) + (k - (len(lanes) - 1) / 2) * 0.82 / len(lanes)
        if name == POOLED:
            ax.hlines(ys, mine["low"], mine["high"], color=house.INK, lw=3.2)
            house.ticks(ax, mine["mid"], ys, tr(name))
        else:
            look = looks[name]
            ax.hlines(ys, mine["low"], mine["high"], color=house.COLOURS[look], lw=1.5)
            house.dots(ax, mine["mid"], ys, look, name, ms=4.5, mec=house.COLOURS[look])
    ax.set_yticks(range(len(items)), [textwrap.fill(tr(item), 26) for item in items])
    ax.set_ylim(len(items) - 0.45, -0.55)
    for k in range(1, len(items)):
        ax.axhline(k - 0.5, color="#e6e9ed", lw=1)
    ax.grid(False, axis="y")
    if log:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda v, _: localised(f"{v:g}"))
        ax.xaxis.set_minor_formatter(lambda *_: "")
        ax.set_xlabel(title)
    else:
        house.share_axis(ax, title)
    house.legend_below(ax, 0.85)
    width = found["high"] / found["low"] if log else found["high"] - found["low"]
    widest = str(found["item"].iloc[int(width.to_numpy().argmax())])
    said = found[found["who"] != POOLED].groupby("item", sort=False)["who"].nunique()
    pooled = found.loc[found["who"] == POOLED, "item"].unique()
    ranges = (
        tr("10, 50 and 90 % quantiles of each reader and of the pooled posterior (thick black)")
        if len(pooled)
        else tr("10, 50 and 90 % quantiles of each reader")
    )
    low, high = int(said.min()), int(said.max())
    readers = (
        trn("{count} reader", "{count} readers", low)
        if low == high
        else tr("{low} to {high} readers", low=low, high=high)
    )
    caption = tr(
        "{quantity}: {ranges}, for {items}, judged by {readers} each. The widest single range is on: {widest}.",
        quantity=title[0].upper() + title[1:],
        ranges=ranges,
        items=trn("{count} item", "{count} items", len(items)),
        readers=readers,
        widest=tr(widest),
    )
    bare = [tr(item) for item in items if item not in pooled]
    if bare:
        some = len(bare) < len(items)
        listed = tr("No pooled posterior is drawn for: {items}.", items=tr("; ").join(bare))
        caption = f"{caption} {listed if some else tr('No pooled posterior is drawn.')}"
    return ax, caption
