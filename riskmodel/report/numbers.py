"""What goes with the numbers behind the figures of a page: where they are kept, what they are of, what they rest on.

Question answered: *which page, posterior and data are these numbers of, and which rows are behind them?* The numbers
themselves are written as the notebook runs (:mod:`riskmodel.tables.export`).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from riskmodel.report.notebooks import Job

if TYPE_CHECKING:
    import pandas as pd

    from riskmodel.report import Inputs

__all__ = ["about", "folder", "ledger"]


def folder(job: Job) -> str:
    """Folder of the numbers behind the figures of a page."""
    return f"{Path(job.file).stem}-data"


def about(job: Job, given: Inputs) -> dict[str, object]:
    """What identifies the numbers behind figures."""
    return {
        "page": job.file,
        "facts as of": given.study.as_of.isoformat(),
        "home legal space": given.study.home,
        "data": given.study.data_hash,
        "posterior": given.posterior.posterior_id,
        "horizon_years": job.parameters.get("horizon_years", ""),
        "made on": dt.datetime.now(dt.UTC).date().isoformat(),
        "sources": "rests_on names nodes of the ledger, whose rows name source or judge; documents are in sources",
    }


def ledger(job: Job, given: Inputs) -> dict[str, pd.DataFrame]:
    """The ledger as a table, and the documents that its rows name."""
    from riskmodel.nexus import setup_facts
    from riskmodel.schema import split
    from riskmodel.tables import ledger_rows

    rows = given.study["setups"]
    mine = rows[rows["setup_id"] == job.parameters["setup"]] if "setup" in job.parameters else rows
    facts = setup_facts(given.study, mine, horizon_years=job.parameters["horizon_years"])
    found, sources = ledger_rows(given.study, facts), given.study["sources"]
    named = {source for cell in found["source_ids"] for source in split(cell)}
    return {"ledger": found, "sources": sources[sources["source_id"].isin(named)]}
