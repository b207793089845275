"""Which certificates does a provider hold on a day, as far as sources say?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from riskmodel.nexus._rows import CONFIDENCES, dated, records
from riskmodel.nexus.unknowns import Learnt, truth

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["SCHEMES", "Certificates", "Status"]

SCHEMES = ("SecNumCloud", "HDS")
Status = tuple[tuple[str, Learnt], ...]
"""Ways the status of a scheme may be: status, and what the posterior says of its probability."""


class Certificates:
    """Rows on certificates, each with the day on which it begins and the last one on which it is held."""

    def __init__(self, study: Study) -> None:
        rows = [r for r in records(study["certifications"]) if not r["superseded_by"] and r["scheme"] in SCHEMES]
        rows.sort(key=lambda r: CONFIDENCES.index(r["confidence"]))
        self.rows = [{**r, "begins": dated(r, "date"), "ends": dated(r, "valid_to")} for r in rows]

    def holders(self, scheme: str) -> set[str]:
        """Providers that a source names as qualified."""
        return {r["provider_id"] for r in self.rows if r["scheme"] == scheme and r["status"] == "qualified"}

    def changes(self, providers: Iterable[str]) -> set[dt.date]:
        """Days from which the status of one of these providers may be another than the day before."""
        mine = [r for r in self.rows if r["provider_id"] in providers]
        begun = {r["begins"].date() for r in mine if r["begins"]}
        return begun | {r["ends"].date() + dt.timedelta(days=1) for r in mine if r["ends"]}

    def status(self, provider_id: str, scheme: str, asked: bool, pending: bool, day: dt.date) -> Status:
        """Status of a scheme on a day for a setup: a label counts only where the setup asks for it.

        Rows repeat each other: the best sourced one that has begun decides, and if it is wrong the scheme is in
        progress where the setup or another row says so. A certificate past its end is treated as in progress: renewal
        is usual and was not seen.
        """
        if not (asked or pending):
            return (("none", ()),)
        now = pd.Timestamp(day)
        rows = [r for r in self.rows if r["provider_id"] == provider_id and r["scheme"] == scheme]
        underway: list[tuple[str, Learnt]] = [("in_progress", ())] if pending else [("none", ())]
        trying = [r["confidence"] for r in rows if r["status"] == "in_progress"]
        if trying and not pending:
            right, wrong = truth(trying[0])
            underway = [("in_progress", right), *([("none", wrong)] if wrong else [])]
        begun = [r for r in rows if r["status"] == "qualified" and not (r["begins"] and r["begins"] > now)]
        if not (asked and begun):
            return tuple(underway)
        ends = [r["ends"] for r in begun if r["ends"]]
        held = "in_progress" if ends and max(ends) < now else "qualified"
        right, wrong = truth(begun[0]["confidence"])
        return ((held, right), *((status, wrong + given) for status, given in underway if wrong))
