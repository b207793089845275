"""Published totals near the denominator: organisations and accounts, with dates, worldwide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.design.counts import row_table
from riskmodel.design.periods import log_index_at

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["DEFINITIONS", "Totals", "read_totals"]

DEFINITIONS = {
    ("microsoft", "organisations"): ("azure_organisations", "msft_azure"),
    ("microsoft", "organisations_microsoft365"): ("microsoft365_organisations", "msft_azure"),
    ("aws", "active_customers"): ("aws_active_customers", "aws"),
    ("google", "paying_organisations"): ("google_paying_organisations", "google_cloud"),
}
"""(entity, published quantity) -> definition that was judged against the numerators', and customer base."""


@dataclass(frozen=True)
class Totals:
    """Published totals, one a row.

    ``log_total``; ``over`` whether the figure is a lower bound ("over X"); ``log_index`` of the market at its date
    relative to the last half-year; ``definition``, ``base`` labels.
    """

    log_total: np.ndarray
    over: np.ndarray
    log_index: np.ndarray
    definition: np.ndarray
    base: np.ndarray
    period_end: np.ndarray

    def rows(self) -> pd.DataFrame:
        """Observations of the likelihood ``log_total``."""
        n = len(self.log_total)
        service = np.full(n, "all", dtype=object)
        return row_table("log_total", np.arange(n), self.base, service, self.period_end)


def read_totals(study: Study) -> Totals:
    """Totals of the definitions that were judged; rows marked as not to be used are left out."""
    table = study["customers"]
    known = np.array(
        [key in DEFINITIONS for key in zip(table["entity_id"], table["quantity"], strict=True)], dtype=bool
    )
    worldwide = table["scope"].astype(str).str.contains("worldwide").to_numpy()
    table = table[known & worldwide & (table["use"] == "yes").to_numpy()].sort_values(
        ["entity_id", "quantity", "as_of", "value_low"]
    )
    names = [DEFINITIONS[key] for key in zip(table["entity_id"], table["quantity"], strict=True)]
    return Totals(
        log_total=np.log(table["value_low"].to_numpy(dtype=float)),
        over=(table["bound"] == "lower").to_numpy(),
        log_index=log_index_at(study, table["as_of"]),
        definition=np.array([d for d, _ in names], dtype=object),
        base=np.array([b for _, b in names], dtype=object),
        period_end=table["as_of"].to_numpy(),
    )
