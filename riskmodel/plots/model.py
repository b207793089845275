"""The model: how a disclosure comes about, what informs what, and what each step of evidence taught.

Frames come from :mod:`riskmodel.parameters` and :mod:`riskmodel.learning`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.patches import Polygon

from riskmodel.learning import STAGES
from riskmodel.plots import house
from riskmodel.wording import digits, factor, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["anatomy", "funnel", "stages"]

EVIDENCE = {
    "log_total": "published totals of customers",
    "event_count": "disclosures of content abroad",
    "eu_event_count": "… of these, in the EU or EFTA",
    "statement_holds": "statements of “never”",
    "demand_count": "demands about enterprises",
    "content_count": "… after which content was given",
    "some_data_count": "… after which some data were given",
    "band_microsoft": "security bands, Microsoft",
    "band_google_all": "security bands, Google",
    "country_demands": "demands by country",
}
"""Likelihood of published data, in the order it is drawn -> what its rows are."""
EXPERTS = "expert_reading"
SUBMODELS = {
    "reach": "reach and certificates",
    "factors": "keys, terms, data, facts",
    "customers": "customers",
    "criminal": "criminal process",
    "funnel": "request funnel",
    "intelligence": "national security",
    "countries": "other states",
    "suspension": "suspension",
}
"""Module of the model, in the order it is drawn -> its name."""
STEPS = {
    "asked": "search warrants about\nenterprise customers",
    "some data": "some data given",
    "content": "content given",
    "content abroad": "… of a foreign customer,\nstored abroad",
}
"""Stage of the funnel -> its name."""


def anatomy(
    found: pd.DataFrame, rows: Mapping[str, int], size: Mapping[str, int], ax: Axes | None = None
) -> house.Drawn:
    """Which evidence informs which part of the model, and which answer rests on which part?

    Parameters
    ----------
    found
        From :func:`riskmodel.parameters.links`: likelihoods and answers (``name``, reach first) with the ``submodel``
        of each parameter they depend on.
    rows
        Likelihood -> number of its rows.
    size
        Submodel -> how many numbers its parameters are.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Lines: dependence, read off the built model; dashed: no published data; dotted: reach enters the other answers.
    """
    ax = house.canvas(ax, 5.6)
    answers = [str(name) for name in found["name"].unique() if name not in rows]
    told = {name: f"{words} ({rows[name]})" for name, words in EVIDENCE.items() if name in rows}
    parts = {name: f"{words} ({size[name]})" for name, words in SUBMODELS.items()}
    columns: list[tuple[float, Mapping[str, str]]] = [(0.0, told), (0.565, parts), (1.0, {a: a for a in answers})]
    place: dict[tuple[int, str], tuple[float, float]] = {}
    pairs = found[["name", "submodel"]].drop_duplicates()
    seen = pairs[pairs["name"].isin(told)]
    judged = set(pairs.loc[pairs["name"] == EXPERTS, "submodel"])
    for k, (x, names) in enumerate(columns):
        height = (0.98, 0.94, 0.94)[k]
        for at, name in zip(np.linspace(0.5 + height / 2, 0.5 - height / 2, len(names)), names, strict=True):
            place[k, name] = (x, float(at))
    for k, part in ((0, seen), (1, pairs[pairs["name"].isin(answers)])):
        for name, submodel in part.itertuples(index=False, name=None):
            if submodel in parts:
                a, b = (place[0, name], place[1, submodel]) if k == 0 else (place[1, submodel], place[2, name])
                ax.plot(
                    [a[0], b[0]], [a[1], b[1]], color=house.BLUE if k == 0 else house.RED, lw=1.1, alpha=0.6, zorder=1
                )
    for bend, name in enumerate(answers[1:]):
        look: dict[str, Any] = {
            "arrowstyle": "->",
            "ls": ":",
            "color": house.GREY,
            "connectionstyle": f"arc3,rad=-{0.17 * bend}",
        }
        ax.annotate("", place[2, name], place[2, answers[0]], arrowprops=look | {"shrinkA": 9, "shrinkB": 9})
    for (k, name), (x, y) in place.items():
        unseen = k == 1 and name not in set(seen["submodel"])
        look = {"facecolor": "white", "edgecolor": (house.BLUE, house.INK, house.RED)[k], "pad": 2.4}
        words = textwrap.fill(columns[k][1][name], (21, 16, 14)[k]) + " ◆" * (k == 1 and name in judged)
        ax.text(
            x, y, words, ha="center", va="center", fontsize=7.8, bbox=look | {"ls": "--" if unseen else "-"}, zorder=3
        )
    for k, words in enumerate(("published evidence\n(rows)", "part of the model\n(numbers)", "answer")):
        ax.text(columns[k][0], 1.08, words, ha="center", va="center", fontsize=8.5, weight="bold")
    ax.set(xlim=(-0.2, 1.14), ylim=(-0.04, 1.13))
    ax.axis("off")
    blind = [SUBMODELS[name] for name in parts if name not in set(seen["submodel"])]
    resting = pairs[pairs["name"].isin(answers) & pairs["submodel"].isin(parts)]
    rests = [
        f"({answer} on {'; '.join(SUBMODELS[s] for s in parts if s in set(part['submodel']))})"
        for answer, part in resting.groupby("name", sort=False)
    ]
    caption = (
        f"The model as built: {len(told)} kinds of published evidence with {sum(rows[n] for n in told)} rows (left) "
        f"and {rows[EXPERTS]} expert readings (a diamond where they speak) inform {len(parts)} parts with "
        f"{sum(size[n] for n in parts)} numbers (middle), on which the answers rest (right): {', '.join(rests)}. The "
        f"other answers rest on {answers[0]} too (dotted). No published number informs: {'; '.join(blind)} (dashed)."
    )
    return ax, caption


def funnel(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """Of the search warrants of one reporter, how many lead to a disclosure that counts?

    Parameters
    ----------
    found
        Rows ``funnel`` of :func:`riskmodel.learning.load_learning` of one stage: ``of``, ``mean``, ``low``, ``high``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Widths are the posterior means; the words give the 90 % interval.
    """
    ax = house.canvas(ax, 3.6)
    row = found.set_index("of")[["mean", "low", "high"]]
    share = {"asked": 1.0, **row["mean"].to_dict()}
    said = [""] + [f"{factor(1000 * row['low'][s])} to {factor(1000 * row['high'][s])}" for s in row.index]
    names = list(STEPS)
    for k, (name, words) in enumerate(STEPS.items()):
        wide, after = share[name] / 2, share[names[min(k + 1, len(names) - 1)]] / 2
        corners = [(-wide, -k), (wide, -k), (wide, -k - 0.62), (after, -k - 1), (-after, -k - 1), (-wide, -k - 0.62)]
        last = k == len(names) - 1
        ax.add_patch(
            Polygon(corners[:3] + corners[5:] if last else corners, color=house.BLUE, alpha=0.85 - 0.17 * k, lw=0)
        )
        mean = digits(1000 * share[name])
        ax.text(0.55, -k - 0.31, f"{mean}" + f" ({said[k]})" * bool(said[k]), va="center", fontsize=9, weight="bold")
        ax.text(-0.55, -k - 0.31, words, va="center", ha="right", fontsize=9)
    ax.set(xlim=(-1.5, 1.25), ylim=(-len(names) + 0.3, 0.08))
    ax.axis("off")
    parts = (f"{' '.join(words.split()).replace('… ', '')} {digits(1000 * share[name])} ({span})" * bool(span)
             for (name, words), span in zip(STEPS.items(), said, strict=True))  # fmt: skip
    caption = "Of 1,000 search warrants about enterprise customers of one reporter, mean and 90 % interval:"
    return ax, f"{caption} {'; '.join(filter(None, parts))}."


def stages(
    found: pd.DataFrame, labels: Mapping[str, str], what: str, *, axis: str = "share", ax: Axes | None = None
) -> house.Drawn:
    """How much narrower did each step of evidence make a quantity?

    Parameters
    ----------
    found
        Rows of :func:`riskmodel.learning.load_learning`: ``stage``, ``of``, ``mean``, ``low``, ``median``, ``high``.
    labels
        Value of ``of`` -> its name, in the order of the rows.
    what
        What the quantity is, for axis and caption.
    axis
        ``"share"`` (linear, in per cent), ``"odds"`` (log axis read as "1 in 10,000"), ``"log"`` (the quantity is a
        logarithm and drawn as what it is the logarithm of) or ``"plain"``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Line: 90 % equal-tailed interval; marker: mean (of logarithms the median); one colour and marker a stage.
    """
    rows = found[found["of"].isin(labels)]
    middle = "median" if axis == "log" else "mean"
    if axis == "log":
        rows = rows.assign(**{name: np.exp(rows[name]) for name in ("low", middle, "high")})
    ax = house.canvas(ax, house.row_height(len(labels), per=0.55) + 0.35)
    places = dict(zip(labels, house.label_rows(ax, labels.values()), strict=True))
    floor, cut = house.FLOOR if axis == "odds" else -np.inf, []
    for k, stage in enumerate(STAGES):
        mine = rows[rows["stage"] == stage]
        ys = mine["of"].map(places) + 0.26 * (k - 1)
        cut.append((mine["low"], ys, house.COLOURS[k]))
        ax.hlines(ys, np.maximum(mine["low"], floor), np.maximum(mine["high"], floor), color=house.COLOURS[k], lw=2)
        ax.plot(
            np.maximum(mine[middle], floor),
            ys,
            house.MARKERS[k],
            color=house.COLOURS[k],
            ms=5.5,
            mec="white",
            mew=0.5,
            label=stage,
        )
    if axis == "share":
        house.share_axis(ax, what)
    elif axis == "odds":
        house.odds_axis(ax, 5.0)
        ax.set_xlabel(f"{what} (log scale)")
    else:
        ax.set_xlabel(what + " (log scale)" * (axis == "log"))
    if axis == "log":
        low, high = rows.loc[rows["stage"] != STAGES[0], ["low", "high"]].agg(["min", "max"]).to_numpy().diagonal()
        house.decades_axis(ax, low / 100, high * 100)
    if axis in ("odds", "log"):
        for lows, ys, colour in cut:
            house.beyond(ax, lows, ys, colour, size=4)
    left, right = ax.get_xlim()
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.35, 1.0), ncols=3, frameon=False, columnspacing=1, handletextpad=0.3
    )
    said = [_narrowed(rows[rows["of"] == of].set_index("stage"), words, axis, middle) for of, words in labels.items()]
    caption = (
        f"{what[0].upper()}{what[1:]}: 90 % equal-tailed interval and {middle} under the {STAGES[0]} (round), with the "
        f"experts (square) and with all evidence (diamond). {' '.join(said)}"
        + f" Arrow at the left edge: goes below {'the axis' if axis == 'log' else '1 in 1 million'}."
        * (axis in ("odds", "log") and bool((rows["low"] < left * 0.999).any()))
        + " Some lines go beyond the right edge." * (axis == "log" and bool((rows["high"] > right).any()))
    )
    return ax, caption


def _narrowed(row: pd.DataFrame, name: str, axis: str, middle: str) -> str:
    """What one row of a picture of stages shows."""
    name = " ".join(name.split())
    value: dict[str, Any] = {stage: row[[middle, "low", "high"]].astype(float).loc[stage] for stage in STAGES}
    if axis == "log":
        width = [digits(value[stage]["high"] / value[stage]["low"], 1) for stage in STAGES[1:]]
        return f"{name}: the interval spans a factor of {width[0]} with the experts, {width[1]} with all evidence."
    word = percent if axis in ("share", "odds") else factor
    return f"{name}: {middle} {', then '.join(word(value[stage][middle]) for stage in STAGES)}."
