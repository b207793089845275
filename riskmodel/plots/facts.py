"""Facts: connections with foreign states, the record of rulings, published bands of tasked accounts."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.decide.rulings import outcomes_text
from riskmodel.language import localised, mark, tr, trn
from riskmodel.plots import house
from riskmodel.tables import country

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["bands", "decisions", "nexus"]

KINDS = {
    mark("owner or seat"): (-0.27, -0.22),
    mark("minority holding"): (0.0, -0.22),
    mark("establishment"): (0.27, -0.22),
    mark("licensor"): (-0.27, 0.22),
    mark("place of data"): (0.0, 0.22),
    mark("staff"): (0.27, 0.22),
}
"""Kind of connection -> its place in the cell of a setup and a state."""


def nexus(found: pd.DataFrame, order: pd.DataFrame, ax: Axes | None = None) -> house.Drawn:
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
    states, groups = list(counts.index), list(order["group"])
    ax = house.canvas(ax, house.row_height(len(order), groups, per=0.33))
    places = dict(zip(order["setup"], house.label_rows(ax, order["label"], groups), strict=True))
    seen = found[found["setup"].isin(places) & found["kind"].isin(KINDS)]
    shift = np.array([KINDS[kind] for kind in seen["kind"]]).reshape(-1, 2)
    at = seen["country"].map(states.index) + shift[:, 0], seen["setup"].map(places) + shift[:, 1]
    house.full_or_hollow(ax, at, seen["kind"], seen["certain"], list(KINDS), tr("not seen, may be"))
    ax.set_xticks(range(len(states)), [country(c) for c in states], rotation=55, ha="left", rotation_mode="anchor")
    ax.xaxis.tick_top()
    ax.set_xlim(-0.6, max(len(states), 1) - 0.4)
    ax.set_xticks(np.arange(len(states)) + 0.5, minor=True)
    ax.grid(False, axis="x", which="major")
    ax.grid(True, axis="x", which="minor", color="#e1e5ea")
    ax.tick_params(axis="x", which="minor", length=0)
    house.legend_below(ax, 0.05)
    free = len(set(order["setup"]) - set(seen["setup"]))
    caption = tr(
        "Kind of connection of each setup (rows) with each foreign state (columns) with which some setup has or may "
        "have one. Full markers are facts with a source, hollow ones may or may not be so."
    )
    if free:
        unseen = trn(
            "{count} setup has no connection that was seen or is given a probability (empty row); one may still exist.",
            "{count} setups have no connection that was seen or is given a probability (empty rows); one may still "
            "exist.",
            free,
        )
        caption = f"{caption} {unseen}"
    return ax, caption


def decisions(found: pd.DataFrame, types: pd.Series, outcomes: Sequence[str], ax: Axes | None = None) -> house.Drawn:
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
    ax = house.canvas(ax, 3.6)
    kind = found["decision_id"].map(types)
    apart = (found.groupby("outcome").cumcount() % 5 - 2) * 0.14
    at = found["date"], found["outcome"].map(list(outcomes).index) + apart
    national = found["system_name"].str.contains("Health Data Hub", regex=False)
    house.full_or_hollow(ax, at, kind, national, sorted(kind.unique()), tr("other systems"))
    lines = [tr(outcome).replace(" or ", "\nor ").splitlines() for outcome in outcomes]
    ax.set_yticks(range(len(outcomes)), ["\n".join(textwrap.fill(part, 18) for part in parts) for parts in lines])
    ax.set_ylim(-0.5, len(outcomes) - 0.5)
    span = int(found["date"].dt.year.max() - found["date"].dt.year.min())
    house.year_axis(ax, tr("year of the decision"), every=1 + span // 8)
    house.legend_below(ax, 0.58, columns=3)
    caption = tr(
        "{count} decisions of regulators and courts by date and outcome: {outcomes}. Full markers concern the Health "
        "Data Hub ({national} decisions, not independent of one another), hollow ones other systems.",
        count=len(found),
        outcomes=outcomes_text(found["outcome"].value_counts(), outcomes),
        national=int(national.sum()),
    )
    return ax, caption


def bands(found: pd.DataFrame, names: pd.Series, ax: Axes | None = None) -> house.Drawn:
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
    ax = house.canvas(ax, 3.0)
    said = []
    for k, (reporter, part) in enumerate(found.groupby("reporter_id", sort=True)):
        day, low, high = part["period_start"], part["value_low"], part["value_high"]
        label = str(names.get(reporter, reporter))
        ax.vlines(day, low / 1e3, high / 1e3, color=house.COLOURS[k], lw=3)
        ax.plot(day, (low + high) / 2e3, house.MARKERS[k], ls=":", color=house.COLOURS[k], ms=5, label=label)
        ends = {"low": localised(f"{low.iloc[-1]:,.0f}"), "high": localised(f"{high.iloc[-1]:,.0f}")}
        said.append(tr("{label}: {low} to {high} in the last half-year seen", label=label, **ends))
    ax.set_ylim(bottom=0)
    ax.set_ylabel(tr("accounts (thousands)"))
    house.year_axis(ax, tr("half-year beginning"), every=2)
    ax.legend(loc="upper left", frameon=False)
    caption = tr(
        "Published bands of accounts whose content was asked for under section 702 of FISA, by half-year, the evidence "
        "on which the rate of intelligence tasking starts. {bands}. The reports do not say how many of the accounts "
        "belong to enterprises.",
        bands=tr("; ").join(said),
    )
    return ax, caption
