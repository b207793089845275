"""The record: which counts, bands, rulings and cases became public, of whom and for when?

Frames come from :mod:`riskmodel.tables.record` and from the tables of a study.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from riskmodel.plots import house
from riskmodel.wording import NORMAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["abroad", "by_country", "cases", "customer_numbers", "requests", "rulings", "security_bands", "shares"]


def customer_numbers(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """Which published customer numbers of a service contradict one another?

    Parameters
    ----------
    found
        Rows of ``customers`` of one service: ``as_of``, ``value_low``, ``bound``, ``confidence``, ``contradicts``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Hollow: at odds with another figure; an arrow: the source says "over".
    """
    ax = house.canvas(ax, 3.2)
    rivals = found["contradicts"].dropna()
    odd = found["contradicts"].notna() | found["customer_row_id"].isin(rivals)
    kinds = [g for g in ("high", "medium", "low") if (found["confidence"] == g).any()]
    over = found[found["bound"] == "lower"]
    arrow: dict[str, Any] = {"arrowstyle": "<-", "color": house.GREY}
    for day, value in zip(over["as_of"], over["value_low"] / 1e3, strict=True):
        ax.annotate("", (day, value), xytext=(0, 26), textcoords="offset points", arrowprops=arrow)
    at = found["as_of"], found["value_low"] / 1e3
    house.full_or_hollow(ax, at, found["confidence"], ~odd, kinds, "at odds with another")
    ax.plot([], [], marker=r"$\uparrow$", ls="", color=house.GREY, ms=8, label="the source says “over”")
    ax.set_ylim(0, 1.25 * found["value_low"].max() / 1e3)
    ax.set_ylabel("customers (thousands)")
    house.year_axis(ax, "year of the figure", every=3)
    house.legend_below(ax, 0.55)
    low, high = found.loc[odd, "value_low"].min(), found.loc[odd, "value_low"].max()
    caption = (
        f"{len(found)} published numbers of customers or organisations of {found['scope'].iloc[0]}, by date and "
        f"confidence. {int(odd.sum())} of them are at odds with another (hollow); these go from {low:,.0f} to "
        f"{high:,.0f}. Arrows: the source gives a lower bound."
    )
    return ax, caption


def security_bands(found: pd.DataFrame) -> tuple[Figure, str]:
    """How many accounts did each company publish under American national-security process?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.record.security_bands`.

    Returns
    -------
    figure and caption
        One panel a company with an axis of its own; each box is a period by the width of the published band.
    """
    reporters = [str(r) for r, part in found.groupby("reporter") if len(part) > 1]
    size = (house.WIDTH, 0.7 + 1.25 * len(reporters))
    fig, axes = plt.subplots(len(reporters), 1, figsize=size, sharex=True, layout="constrained", squeeze=False)
    looks = {"FISA, content": (house.BLUE, ""), "NSL and FISA in one band": (house.COLOURS[4], "////")}
    said = []
    for ax, reporter in zip(axes[:, 0], reporters, strict=True):
        mine = found[found["reporter"] == reporter]
        for name, (colour, hatch) in looks.items():
            part = mine[mine["instrument"] == name]
            low, high = part["value_low"] / 1e3, part["value_high"] / 1e3
            wide = part["period_end"] - part["period_start"]
            look: dict[str, Any] = {
                "facecolor": colour,
                "edgecolor": colour if not hatch else house.INK,
                "hatch": hatch,
            }
            ax.bar(part["period_start"], high - low, wide, low, align="edge", lw=1, label=name, **look)
        last = mine.iloc[-1]
        said.append(f"{reporter}: {last['value_low']:,.0f} to {last['value_high']:,.0f} in the period from "
                    f"{last['period_start']:%B %Y}")  # fmt: skip
        ax.set_title(reporter, loc="left", fontsize=9.5, weight="bold", pad=3)
        ax.set_ylim(0, mine["value_high"].max() / 1e3 * 1.12)
        ax.grid(False, axis="x")
    fig.supylabel("accounts in the period (thousands)", fontsize=9.5)
    house.year_axis(axes[-1, 0], "period (mostly half-years)", every=2)
    handles = [Rectangle((0, 0), 1, 1, facecolor=c, hatch=h, ec=house.INK) for c, h in looks.values()]
    fig.legend(handles, looks, loc="outside lower center", ncols=2, frameon=False)
    caption = (
        "Bands of accounts under American national-security process, as published; each panel has its own scale, and "
        f"each box is as high as the band. {'; '.join(said)}. Hatched boxes put letters and court orders together. The "
        "same account may be counted in period after period, and enterprises are not told apart."
    )
    return fig, caption


def requests(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """How many requests about enterprise customers did each service publish, and for when?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.record.requests`.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        A line over each period at its requests per half-year; hollow: two figures for one period.
    """
    ax = house.canvas(ax, 4.0)
    names = list(found["series"].unique())
    for k, name in enumerate(names):
        mine = found[(found["series"] == name) & (found["requests"] > 0)]
        middle = mine["period_start"] + (mine["period_end"] - mine["period_start"]) / 2
        look: dict[str, Any] = {"color": house.COLOURS[k], "lw": 1.5}
        ax.hlines(mine["per_half_year"], mine["period_start"], mine["period_end"], **look)
        for odd, face in ((False, house.COLOURS[k]), (True, "white")):
            at = mine["contested"] == odd
            look = {"color": house.COLOURS[k], "ms": 5, "mfc": face}
            ax.plot(middle[at], mine["per_half_year"][at], house.MARKERS[k], **look)
        ax.plot([], [], house.MARKERS[k], color=house.COLOURS[k], ms=5, label=name)
    ax.set_yscale("log")
    ax.set_ylim(2, 1.5 * found["per_half_year"].max())
    ax.set_yticks([3, 10, 30, 100, 300], ["3", "10", "30", "100", "300"])
    ax.minorticks_off()
    ax.set_ylabel("requests per half-year (log scale)")
    house.year_axis(ax, "period", every=2)
    house.legend_below(ax, 0.5)
    spans = found.groupby("series")["per_half_year"].agg(["min", "max"])
    said = "; ".join(
        f"{name} {low:,.0f}" + (f" to {high:,.0f}" if high > low else "") for name, low, high in spans.itertuples()
    )
    caption = (
        f"Requests about enterprise customers per half-year, where a figure was seen: {said}. Hollow: two figures for "
        "one half-year. Definitions of enterprise differ between companies and widened over time; a period without a "
        "request is not drawn."
    )
    return ax, caption


def shares(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """What share of requests led to data, and how many requests stand behind it?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.record.shares`.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        Point: the share; line: 90 % Wilson interval, what so few counts allow if every request has the same chance.
    """
    groups = [g[0].upper() + g[1:] for g in found["kind"]]
    ax = house.canvas(ax, house.row_height(len(found), groups, per=0.32))
    places = house.label_rows(ax, found["label"].str.removeprefix("Google "), groups)
    n, p, z = found["asked"], found["share"], NORMAL
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = (centre - half).clip(0, 1), (centre + half).clip(0, 1)
    ax.hlines(places, low, high, color=house.GREY, lw=2)
    content = (found["kind"] == "content disclosed").to_numpy()
    house.dots(ax, p[~content], places[~content], 0)
    house.dots(ax, p[content], places[content], 1)
    for place, start, end, given, asked in zip(places, low, high, found["given"], n, strict=True):
        side, x, off = ("right", start, -5) if end > 0.62 else ("left", end, 5)
        more: dict[str, Any] = {"textcoords": "offset points", "ha": side, "va": "center", "fontsize": 8.5}
        ax.annotate(f"{given:,.0f} of {asked:,.0f}", (x, place), xytext=(off, 0), **more)
    house.share_axis(ax, "share of requests, 90 % interval")
    said = "; ".join(f"{r.label} {r.given:,.0f} of {r.asked:,.0f}" for r in found.itertuples())
    caption = (
        f"Requests about enterprise customers that led to data. {said}. Round points: some data, which may be a name "
        "and an address; square points: content. Lines: 90 % Wilson intervals, as if requests were alike and "
        "independent."
    )
    return ax, caption


def abroad(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """When was content stored abroad, or of customers abroad, disclosed, and for when does somebody say never?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.record.extraterritorial`.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        A bar over each period with its number, open where it is zero; hatched: a statement; dashed: an end is assumed.
    """
    order = ["counts, enterprise content", "statements of zero", "for scale"]
    rows = found.drop_duplicates(["group", "label"]).assign(place=lambda f: f["group"].map(order.index))
    rows = rows.sort_values("place", kind="stable")
    groups = [g[0].upper() + g[1:] for g in rows["group"]]
    ax = house.canvas(ax, house.row_height(len(rows), groups, per=0.36) + 0.1)
    labels = [textwrap.fill(label, 27) for label in rows["label"]]
    places = dict(
        zip(zip(rows["group"], rows["label"], strict=True), house.label_rows(ax, labels, groups), strict=True)
    )
    for r in found.to_dict("records"):
        k = order.index(r["group"])
        colour = (house.RED, "white", house.GREY)[k] if r["value"] else "white"
        look: dict[str, Any] = {
            "facecolor": colour,
            "edgecolor": house.BLUE if k == 1 else house.INK,
            "hatch": "////" * (k == 1),
        }
        wide = max(r["period_end"] - r["period_start"], pd.Timedelta(days=60))
        dashed = (0, (2, 2)) if r["assumed"] else "-"
        ax.barh(places[r["group"], r["label"]], wide, left=r["period_start"], height=0.46, lw=0.9, ls=dashed, **look)
    gap = found["period_start"] - found.groupby(["group", "label"])["period_end"].shift() > pd.Timedelta(days=40)
    for key, part in found.groupby([found["group"], found["label"], gap.cumsum()], sort=False):
        start, end = part["period_start"].min(), part["period_end"].max()
        words = ", ".join(f"{v:,.0f}" for v in part["value"])
        at = start + (end - start) / 2, places[key[0], key[1]] - 0.23
        ax.annotate(words, at, xytext=(0, 1.5), textcoords="offset points", ha="center", fontsize=8)
    ax.set_xlim(
        found["period_start"].min() - pd.Timedelta(days=200), found["period_end"].max() + pd.Timedelta(days=300)
    )
    house.year_axis(ax, "period that the figure or statement covers", every=3)
    counts, zeros = (found[found["group"] == g] for g in order[:2])
    caption = (
        f"{len(counts)} counts of disclosed enterprise content (full bars with their number), {len(zeros)} statements "
        f"of zero (hatched bars) and, for scale, {len(found) - len(counts) - len(zeros)} other figures, by the period "
        f"they cover. Counts seen: {'; '.join(_period(r) for r in counts.to_dict('records'))}. A dashed edge means "
        "that an end of the period is assumed."
    )
    return ax, caption


def _period(row: dict[Any, Any]) -> str:
    return f"{row['label']} {row['value']:,.0f} from {row['period_start']:%B %Y} to {row['period_end']:%B %Y}"


def by_country(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """From which states do requests about enterprise customers come?

    Parameters
    ----------
    found
        From :func:`riskmodel.tables.record.by_country`.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One marker a service on the row of each state; no marker: no row seen.
    """
    ax = house.canvas(ax, house.row_height(len(found), per=0.24) + 0.3)
    places = house.label_rows(ax, found["state"])
    services = [c for c in found.columns if c != "state"]
    for k, service in enumerate(services):
        house.dots(ax, found[service], places + 0.12 * (-1) ** k, k, service)
    house.count_axis(ax, "requests in all half-years seen (log scale)")
    ax.legend(loc="lower right", frameon=True)
    said = "; ".join(
        f"{s}: {int(found[s].notna().sum())} states, {found[s].sum():,.0f} requests, most from "
        f"{found['state'].iloc[int(found[s].fillna(0).to_numpy().argmax())]} ({found[s].max():,.0f})"
        for s in services
    )
    caption = (
        f"Requests about enterprise customers by the state that made them, without requests to preserve data. {said}. "
        "A missing marker means that no row was seen, not that there was no request."
    )
    return ax, caption


def rulings(found: pd.DataFrame, outcomes: Sequence[str], ax: Axes | None = None) -> house.Drawn:
    """Which kind of authority decided what, and when?

    Parameters
    ----------
    found
        Rows of ``decisions``: ``date``, ``authority_type``, ``outcome`` (a code), ``is_binding_authority``.
    outcomes
        Outcomes in words, from the strictest on.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One marker a decision on the row of its authority; hollow: the body is neither regulator nor court.
    """
    found = found.sort_values(["date", "decision_id"])
    binding = found["is_binding_authority"].astype(bool)
    every = found["authority_type"].str.replace("_", " ")
    many = every.value_counts()
    kind = every.where(every.map(many) > 1, "other bodies")
    kinds = [k for k in many.index if k in set(kind)] + ["other bodies"] * ("other bodies" in set(kind))
    ax = house.canvas(ax, 1.4 + 0.62 * len(kinds))
    apart = (found.groupby(kind).cumcount() * 3 % 7 - 3) * 0.13
    words = found["outcome"].map(dict(enumerate(outcomes)))
    at = found["date"], kind.map(kinds.index) + apart
    house.full_or_hollow(ax, at, words, binding, list(outcomes), "not a regulator or court")
    ax.set_yticks(range(len(kinds)), [f"{k} ({n})" for k, n in zip(kinds, kind.value_counts()[kinds], strict=True)])
    ax.set_ylim(len(kinds) - 0.5, -0.5)
    ax.set_yticks(np.arange(len(kinds)) + 0.5, minor=True)
    ax.grid(False, axis="y")
    ax.grid(True, axis="y", which="minor", color="#e1e5ea")
    ax.tick_params(axis="y", which="both", length=0)
    house.year_axis(ax, "year of the decision", every=4)
    house.legend_below(ax, 0.55)
    counts = words.value_counts()
    caption = (
        f"{len(found)} decisions by kind of authority and date: "
        f"{', '.join(f'{counts.get(o, 0)} {o}' for o in outcomes)}. {int(binding.sum())} are of regulators and courts "
        f"(full markers). By kind: {', '.join(f'{k} {n}' for k, n in many.items())}. Decisions on one system are "
        "not independent of one another."
    )
    return ax, caption


def cases(found: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
    """Which attempts, challenges, disclosures and suspensions became public?

    Parameters
    ----------
    found
        Rows of ``cases``: ``date``, ``provider_name``, ``requesting_countries``, ``kind``, ``outcome``,
        ``customer_type``, ``confidence``.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        One row a case with its outcome in words; hollow: low confidence.
    """
    rows = found.sort_values(["date", "case_id"])
    ax = house.canvas(ax, house.row_height(len(rows), per=0.25) + 0.4)
    who = rows["provider_name"].str.split(",").str[0] + rows["requesting_countries"].map(
        " ({})".format, na_action="ignore"
    ).fillna("")
    places = house.label_rows(ax, [textwrap.shorten(w, 36, placeholder=" …") for w in who])
    kinds = sorted(rows["kind"].unique())
    at = rows["date"], pd.Series(places, index=rows.index)
    house.full_or_hollow(ax, at, rows["kind"], rows["confidence"] != "low", kinds, "low confidence")
    said = rows["outcome"] + ", " + rows["customer_type"].str.replace("_", " ")
    middle = rows["date"].min() + (rows["date"].max() - rows["date"].min()) / 2
    for place, day, words in zip(places, rows["date"], said, strict=True):
        side = -1 if day > middle else 1
        more: dict[str, Any] = {"xytext": (7 * side, 0), "textcoords": "offset points", "fontsize": 8, "va": "center"}
        ax.annotate(words, (day, place), ha="left" if side > 0 else "right", **more)
    house.year_axis(ax, "start of the case", every=5)
    house.legend_below(ax, 0.5)
    counts, ends = rows["kind"].value_counts(), rows["outcome"].value_counts()
    caption = (
        f"{len(rows)} public cases by date, provider and the state behind them: "
        f"{', '.join(f'{n} {k}s' for k, n in counts.items())}. Last state seen: "
        f"{', '.join(f'{n} {k}' for k, n in ends.items())}. Only what became public can be here, so that shares of "
        "outcomes say nothing about all attempts."
    )
    return ax, caption
