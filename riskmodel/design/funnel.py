"""The request funnel: demands about enterprise customers, and how many of them led to some data or to content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.design.counts import row_table
from riskmodel.design.periods import exposure_years
from riskmodel.schema import split

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["Funnel", "read_funnel"]

COUNTED = ("requests", "warrants", "domestic_content")
SHARES = ("content", "some_data")


@dataclass(frozen=True)
class Funnel:
    """Stages of the funnel.

    Demands: ``demand_count`` (demand,), ``demand_years`` (demand, half_year), ``demand_stage`` 0 requests, 1 search
    warrants, 2 domestic content; ``demand_place`` ``reporter.service``. Shares, for content and for some data:
    ``*_count`` out of ``*_trials``, which are demands of row ``*_demand`` (-1: the trials are not modelled), at
    ``*_place``.
    """

    demand_count: np.ndarray
    demand_years: np.ndarray
    demand_stage: np.ndarray
    demand_place: np.ndarray
    demand_end: np.ndarray
    content_count: np.ndarray
    content_trials: np.ndarray
    content_demand: np.ndarray
    content_place: np.ndarray
    content_end: np.ndarray
    some_data_count: np.ndarray
    some_data_trials: np.ndarray
    some_data_demand: np.ndarray
    some_data_place: np.ndarray
    some_data_end: np.ndarray

    def coords(self) -> dict[str, tuple[str, ...]]:
        """Labels of the rows."""
        return {
            name: tuple(f"{place}.{n}" for n, place in enumerate(places))
            for name, places in (
                ("demand", self.demand_place),
                ("content_row", self.content_place),
                ("some_data_row", self.some_data_place),
            )
        }

    def rows(self) -> pd.DataFrame:
        """Observations of the likelihoods ``demand_count``, ``content_count`` and ``some_data_count``."""
        parts = []
        for name in ("demand", "content", "some_data"):
            places = getattr(self, f"{name}_place")
            reporter, service = (np.array([p.split(".")[k] for p in places], dtype=object) for k in (0, 1))
            ends = getattr(self, f"{name}_end")
            parts.append(row_table(f"{name}_count", np.arange(len(places)), reporter, service, ends))
        return pd.concat(parts)


def read_funnel(study: Study) -> Funnel:
    """Stages from the cells of ``data/funnel_cells.csv``."""
    value = study["transparency"].set_index("row_id")["value_low"].astype(float)
    cells = study["funnel_cells"].sort_values(["reporter_id", "service_model", "period_from", "stage"])
    cells = cells.reset_index(drop=True)
    place = (cells["reporter_id"].astype(str) + "." + cells["service_model"].astype(str)).to_numpy(dtype=object)
    demands = cells[cells["stage"].isin(COUNTED)]
    counts = []
    for figure, less, share in zip(*(demands[f"{c}_row_id"] for c in ("count", "less", "share")), strict=True):
        taken_off = value[less] if isinstance(less, str) else 0.0
        counts.append(round((value[figure] - taken_off) * (value[share] / 100.0 if isinstance(share, str) else 1.0)))
    position = {row: n for n, row in enumerate(demands["count_row_id"])}
    whole = demands["share_row_id"].isna().to_numpy()
    parts = {
        "demand_count": np.array(counts, dtype=int),
        "demand_years": exposure_years(demands),
        "demand_stage": np.array([COUNTED.index(s) for s in demands["stage"]], dtype=int),
        "demand_place": place[demands.index],
        "demand_end": demands["period_to"].to_numpy(),
    }
    for stage in SHARES:
        mine = cells[cells["stage"] == stage]
        trials = np.array([round(sum(value[r] for r in split(t))) for t in mine["trials_row_ids"]], dtype=int)
        figure = value[mine["count_row_id"]].to_numpy()
        link = [position.get(t, -1) for t in mine["trials_row_ids"]]
        parts |= {
            f"{stage}_count": np.round(figure * trials / 100.0 if stage == "some_data" else figure).astype(int),
            f"{stage}_trials": trials,
            f"{stage}_demand": np.array([n if n >= 0 and whole[n] else -1 for n in link], dtype=int),
            f"{stage}_place": place[mine.index],
            f"{stage}_end": mine["period_to"].to_numpy(),
        }
    return Funnel(**parts)
