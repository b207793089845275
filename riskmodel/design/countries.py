"""Demands by country: how often states ask the same reporter, mostly about customers at home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.design.counts import row_table

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["Countries", "country_rows", "read_countries"]

METRICS = {
    "apple_icloud": ("requests",),
    "github": ("requests",),
    "google_cloud_platform": ("requests", "requests_other_legal"),
    "google_workspace": ("requests_other_legal",),
    "microsoft": ("requests",),
}
"""Figures that count the demands of one state to one reporter, each demand once."""


@dataclass(frozen=True)
class Countries:
    """Totals by reporter and country, one row each.

    ``demands`` in ``years`` of published half-years; ``country_idx``, ``reporter_idx``. Half-years without a figure for
    a country are left out of its years, except where a reporter lists every state that asked.
    """

    demands: np.ndarray
    years: np.ndarray
    country_idx: np.ndarray
    reporter_idx: np.ndarray
    reporter: np.ndarray

    def rows(self) -> pd.DataFrame:
        """Observations of the likelihood ``country_demands``; sums over years have no period."""
        n = len(self.demands)
        ends = np.full(n, np.datetime64("NaT", "ns"))
        return row_table("country_demands", np.arange(n), self.reporter, np.full(n, "all", dtype=object), ends)


LISTS_ALL = ("google_cloud_platform",)
"""Reporters that list every state with a demand in a half-year: a state that is not listed made none."""


def country_rows(study: Study) -> pd.DataFrame:
    """Rows of published figures that count one state's demands: one a reporter, country and half-year."""
    table = study["transparency"]
    figure = pd.Series(list(zip(table["reporter_id"], table["metric"], strict=True)), index=table.index, dtype=object)
    wanted = figure.map(lambda f: f[1] in METRICS.get(f[0], ())).astype(bool)
    residue = (table["metric"] == "requests_other_legal") & (table["requesting_country"] == "US")
    one_state = table["requesting_country"].astype(str).str.fullmatch("[A-Z]{2}").astype(bool)
    segment = table["segment"].isin(["all", "consumer", "enterprise"])
    table = table[wanted & ~residue & ~table["is_duplicate"].astype(bool) & one_state & segment]
    # one figure a reporter, country and half-year: the widest segment
    order = {"all": 0, "consumer": 1, "enterprise": 2}
    table = table.assign(order=table["segment"].map(order)).sort_values(
        ["reporter_id", "requesting_country", "period_start", "order", "row_id"]
    )
    return table.drop_duplicates(["reporter_id", "requesting_country", "period_start"])


def read_countries(study: Study) -> tuple[tuple[str, ...], Countries]:
    """Countries with at least one published figure (sorted), and their totals by reporter."""
    table = country_rows(study)
    years = ((table["period_end"] - table["period_start"]).dt.days + 1) / 365.25
    grouped = table.assign(years=years).groupby(["reporter_id", "requesting_country"], sort=True)
    sums = grouped.agg(demands=("value_low", "sum"), years=("years", "sum")).reset_index()
    for name in LISTS_ALL:
        mine = table[table["reporter_id"] == name]
        span = mine.assign(years=years).drop_duplicates("period_start")["years"].sum()
        sums.loc[sums["reporter_id"] == name, "years"] = span
    states = tuple(sorted(sums["requesting_country"].unique()))
    reporters = list(dict.fromkeys(sums["reporter_id"]))
    return states, Countries(
        demands=sums["demands"].to_numpy(dtype=int),
        years=sums["years"].to_numpy(dtype=float),
        country_idx=np.array([states.index(c) for c in sums["requesting_country"]], dtype=int),
        reporter_idx=np.array([reporters.index(r) for r in sums["reporter_id"]], dtype=int),
        reporter=sums["reporter_id"].to_numpy(dtype=object),
    )
