"""Published extraterritorial counts and zero statements, in disjoint cells of service, period and population."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.design.periods import exposure_years, half_year_ages, seat_index

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["SERVICES", "Counts", "Statements", "read_counts"]

SERVICES = {"infrastructure": (1.0, 0.0), "collaboration": (0.0, 1.0), "mixed": (1.0, 1.0)}
POPULATIONS = {"customer_unstated": 0, "foreign": 1, "eu": 2}


@dataclass(frozen=True)
class Counts:
    """Published extraterritorial counts, one disjoint cell a row.

    ``event_count`` disclosures; ``years`` (count, half_year) observed; ``log_index``, ``age`` (half_year,) log of
    published seats relative to the last ones, and years before the study's date; ``stated`` whether the customers are
    stated to be foreign; ``covers`` (count, service) 1 where the cell covers the service; ``eu_event_count`` events
    stated to be European, where ``eu_known``.
    """

    event_count: np.ndarray
    reporter_idx: np.ndarray
    years: np.ndarray
    log_index: np.ndarray
    age: np.ndarray
    stated: np.ndarray
    covers: np.ndarray
    eu_event_count: np.ndarray
    eu_known: np.ndarray
    reporter: np.ndarray
    period_end: np.ndarray

    def rows(self) -> pd.DataFrame:
        """Observations of the likelihoods ``event_count`` and ``eu_event_count``."""
        known = np.flatnonzero(self.eu_known)
        service = np.array(["mixed" if c.all() else SERVICE_NAMES[int(c.argmax())] for c in self.covers], dtype=object)
        every = np.arange(len(self.event_count))
        parts = [("event_count", every, every), ("eu_event_count", np.arange(len(known)), known)]
        return pd.concat([row_table(n, r, self.reporter[k], service[k], self.period_end[k]) for n, r, k in parts])


@dataclass(frozen=True)
class Statements:
    """Published or sworn zeros, one statement a row, over the time that counts do not already cover.

    ``years`` (statement, half_year); ``population`` 0 customer's seat unstated, 1 foreign, 2 EU; ``counted``
    (statement, count) counts inside the stretch whose events the statement says were not of its population.
    """

    reporter_idx: np.ndarray
    years: np.ndarray
    population: np.ndarray
    covers: np.ndarray
    counted: np.ndarray
    reporter: np.ndarray
    period_end: np.ndarray

    def rows(self) -> pd.DataFrame:
        """Observations of the likelihood ``statement_holds``."""
        service = np.array(["mixed" if c.all() else SERVICE_NAMES[int(c.argmax())] for c in self.covers], dtype=object)
        return row_table("statement_holds", np.arange(len(self.reporter)), self.reporter, service, self.period_end)


SERVICE_NAMES = ("infrastructure", "collaboration")


def row_table(
    likelihood: str, row: np.ndarray, reporter: np.ndarray, service: np.ndarray, period_end: np.ndarray
) -> pd.DataFrame:
    """Rows of one likelihood in the form of :meth:`riskmodel.design.Design.rows`."""
    return pd.DataFrame(
        {
            "likelihood": likelihood,
            "row": row.astype(int),
            "reporter": reporter.astype(object),
            "service": service,
            "period_end": pd.to_datetime(pd.Series(period_end)).to_numpy("datetime64[ns]"),
        }
    )


def read_counts(study: Study, reporters: tuple[str, ...]) -> tuple[Counts, Statements]:
    """Counts and zero statements from the disjoint cells that ``data/count_roles.csv`` assigns to published rows."""
    rows = study["count_roles"].merge(study["transparency"][["row_id", "reporter_id", "value_low"]], on="row_id")
    rows = rows.sort_values(["reporter_id", "period_from", "service_model", "population"])
    used = rows[rows["role"] == "count"].reset_index(drop=True)
    thinned = rows[rows["role"] == "thinning"].set_index(["reporter_id", "service_model", "period_from"])["value_low"]
    keys = pd.MultiIndex.from_frame(used[["reporter_id", "service_model", "period_from"]])
    eu = thinned.reindex(keys).to_numpy(dtype=float)
    counts = Counts(
        event_count=used["value_low"].to_numpy(dtype=int),
        reporter_idx=np.array([reporters.index(r) for r in used["reporter_id"]], dtype=int),
        years=exposure_years(used),
        log_index=seat_index(study),
        age=half_year_ages(study),
        stated=(used["population"] == "foreign").to_numpy(),
        covers=np.array([SERVICES[s] for s in used["service_model"]]).reshape(-1, 2),
        eu_event_count=np.nan_to_num(eu).astype(int),
        eu_known=~np.isnan(eu),
        reporter=used["reporter_id"].to_numpy(dtype=object),
        period_end=used["period_to"].to_numpy(),
    )
    said = rows[rows["role"] == "statement"].reset_index(drop=True)
    spoken_of = rows[rows["role"] == "statement_on_counts"].reset_index(drop=True)
    first = said.drop_duplicates("row_id").reset_index(drop=True)
    stretch = exposure_years(said)
    last = said.groupby("row_id")["period_to"].max()
    counted = [
        [
            any(
                cell.reporter_id == row.reporter_id
                and cell.population == "customer_unstated"
                and row.period_from <= cell.period_from
                and cell.period_to <= row.period_to
                for row in spoken_of[spoken_of["row_id"] == row_id].itertuples()
            )
            for cell in used.itertuples()
        ]
        for row_id in first["row_id"]
    ]
    statements = Statements(
        reporter_idx=np.array([reporters.index(r) for r in first["reporter_id"]], dtype=int),
        years=np.array([stretch[(said["row_id"] == i).to_numpy()].sum(axis=0) for i in first["row_id"]]).reshape(
            len(first), len(counts.log_index)
        ),
        population=np.array([POPULATIONS[p] for p in first["population"]], dtype=int),
        covers=np.array([SERVICES[s] for s in first["service_model"]]).reshape(-1, 2),
        counted=np.array(counted, dtype=float).reshape(len(first), len(used)),
        reporter=first["reporter_id"].to_numpy(dtype=object),
        period_end=last.reindex(first["row_id"]).to_numpy(),
    )
    return counts, statements
