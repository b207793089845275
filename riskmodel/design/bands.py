"""National-security bands: half-yearly numbers of accounts, published as intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.design.counts import row_table

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["Bands", "read_bands"]

BAND_REPORTERS = ("google_all", "microsoft")


@dataclass(frozen=True)
class Bands:
    """Interval-censored half-yearly counts of accounts under national-security orders.

    (reporter x period, flattened) ``low`` and ``high`` inclusive; ``step`` half-years since the reporter's first band;
    ``steps_to_now`` (reporter,) half-years from the last band to the study's date.
    """

    low: np.ndarray
    high: np.ndarray
    step: np.ndarray
    steps_to_now: np.ndarray
    reporter: np.ndarray
    period_end: np.ndarray

    def rows(self) -> pd.DataFrame:
        """Observations of the likelihoods ``band_REPORTER``."""
        parts = [
            row_table(
                f"band_{name}",
                np.arange((self.reporter == name).sum()),
                self.reporter[self.reporter == name],
                np.full((self.reporter == name).sum(), "all", dtype=object),
                self.period_end[self.reporter == name],
            )
            for name in dict.fromkeys(self.reporter)
        ]
        return pd.concat(parts) if parts else row_table("band", *[np.array([])] * 4)


def read_bands(study: Study) -> Bands:
    """Bands on content of the two reporters that publish accounts under national-security orders."""
    table = study["transparency"]
    table = table[
        (table["regime_group"] == "us_fisa_content")
        & (table["metric"] == "accounts")
        & table["reporter_id"].isin(BAND_REPORTERS)
        & ~table["is_duplicate"].astype(bool)
    ].sort_values(["reporter_id", "period_start"])
    step = (table["period_start"].dt.year * 2 + table["period_start"].dt.month // 7).to_numpy(dtype=float)
    reporter = table["reporter_id"].to_numpy(dtype=object)
    names = list(dict.fromkeys(reporter))
    first = {name: step[reporter == name].min() for name in names}
    now = study.as_of.year * 2 + (study.as_of.month > 6)
    return Bands(
        low=table["value_low"].to_numpy(dtype=float),
        high=table["value_high"].to_numpy(dtype=float),
        step=np.array([s - first[r] for s, r in zip(step, reporter, strict=True)]),
        steps_to_now=np.array([now - step[reporter == name].max() for name in names], dtype=float),
        reporter=reporter,
        period_end=table["period_end"].to_numpy(),
    )
