"""A setup as a case that can be changed: its row, the part of the study that concerns it, and edits of both.

Question answered: *which facts does a setup have after somebody changed something?* Ids of providers stay as they are,
so that draws keyed by their names do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmodel.codes import legal_space
from riskmodel.nexus import TERMS, split
from riskmodel.nexus._rows import Record, records
from riskmodel.nexus.certificates import Certificates
from riskmodel.nexus.ownership import MAJORITY_PCT, Ownership

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["EDITS", "HOME", "Case", "Cells", "clause_of", "edited", "first_case"]

Cells = Mapping[str, Any]
"""Values by column."""
HOME = "home"
"""Value of a cell: countries outside the legal space of the controller are taken out of the list."""
LAW = "eu_law_only_clause"
HELD = {"qualified": "certifications_required", "in_progress": "certifications_pending"}
"""Status of a certificate -> column of the setup that names its scheme."""
RESTS_ON = {
    "providers": "provider_id",
    "certifications": "provider_id",
    "ownership": "owned_id",
    "entities": "entity_id",
}
"""Table -> column that says whom a row is about."""


@dataclass(frozen=True)
class Case:
    """A setup: its row, and the study cut down to what concerns it."""

    study: Study
    row: Record
    home: str
    start: dt.date

    @property
    def name(self) -> str:
        """Id of the setup."""
        return str(self.row["setup_id"])

    @cached_property
    def inside(self) -> frozenset[str]:
        """Legal space of the controller."""
        return legal_space(self.home)

    @cached_property
    def providers(self) -> dict[str, Record]:
        """The provider and the infrastructure that it runs on; nothing where none is chosen."""
        every, found = {r["provider_id"]: r for r in records(self.study["providers"])}, {}
        name = self.row["provider_id"]
        while name and name not in found:
            found[name] = every[name]
            name = every[name]["runs_on"]
        return found

    def abroad(self, cell: object) -> list[str]:
        """Countries of a list that are outside the legal space of the controller."""
        return [country for country in split(cell) if country not in self.inside]

    @cached_property
    def owners(self) -> Ownership:
        """Links of ownership."""
        return Ownership(self.study)

    def foreign_holders(self, inside: frozenset[str], *owned: str) -> dict[tuple[str, str], frozenset[str]]:
        """First holders from outside on each chain up from the provider, by (owned, holder): what the link may say."""
        found, todo = {}, list(owned or self.providers)
        for below in todo:  # grows on the way
            for holder, question in self.owners.links.get(below, {}).items():
                says = frozenset(answer.says for answer in question.answers)
                if self.owners.country.get(holder, HOME) not in {*inside, HOME}:
                    found[below, holder] = says
                elif "control" in says and holder not in todo:
                    todo.append(holder)
        return found

    def clauses(self) -> set[str]:
        """Protective clauses that are seen."""
        if stated := split(self.row["terms"]):
            return set(stated) & set(TERMS)
        seen = [r for r in records(self.study["contract_terms"]) if r["effect"] == "strengthens"]
        return ({r["term"] for r in seen} & set(TERMS)) | {LAW for r in seen if r["eu_law_only"]}

    def status(self, scheme: str) -> list[str]:
        """What the status of a scheme may be for this setup at the start."""
        asked, pending = (scheme in split(self.row[column]) for column in HELD.values())
        ways = Certificates(self.study).status(self.row["provider_id"], scheme, asked, pending, self.start)
        return [status for status, _ in ways]


def first_case(study: Study, row: Record, home: str, start: dt.date, named: Iterable[str] = ()) -> Case:
    """Cut a study down to what concerns one setup and companies that are ``named``; its answers stay, edits are quick.

    A setup without a chosen provider keeps all of them; terms of the setup and of its provider become one list.
    """
    case = Case(study, row, home, start)
    provider, tables = row["provider_id"], dict(study.tables)
    terms = tables["contract_terms"]
    mine = terms["setup_id"].isna() | (terms["setup_id"] == row["setup_id"])
    terms = terms[(terms["provider_id"] == provider) & mine] if provider else terms.iloc[:0]
    tables["contract_terms"] = terms.assign(setup_id=terms["setup_id"].mask(terms["setup_id"].notna()))
    if provider:
        tables["setups"] = tables["setups"].iloc[:0]
        chain = [*case.providers, *(r["licensor_id"] for r in case.providers.values() if r["licensor_id"]), *named]
        for company in chain:  # grows on the way
            chain += [holder for holder in case.owners.holders(company) if holder not in chain]
        for table, column in RESTS_ON.items():
            tables[table] = tables[table][tables[table][column].isin(chain)]
    return replace(case, study=replace(study, tables=MappingProxyType(tables)))


def edited(case: Case, cells: Mapping[str, Cells]) -> Case:
    """The setup after cells of these tables were set."""
    for table, values in cells.items():
        case = EDITS[table](case, values)
    return case


def clause_of(cells: Cells) -> str:
    """Name of the clause that a change of contract terms adds."""
    return LAW if cells.get("eu_law_only") else str(cells["term"])


def _kept(case: Case, value: object, before: object) -> Any:
    """The value of a cell; a list keeps only what is inside home territory where the value says so."""
    abroad = case.abroad(before) if value == HOME else []
    return (";".join(c for c in split(before) if c not in abroad) or None) if value == HOME else value


def _with_table(case: Case, table: str, rows: pd.DataFrame) -> Case:
    study = replace(case.study, tables=MappingProxyType({**case.study.tables, table: rows}))
    return replace(case, study=study)


def _added(rows: pd.DataFrame, cells: Cells) -> pd.DataFrame:
    """A typed table with one more row; cells that are not named are missing."""
    new = rows.iloc[:0].reindex([len(rows)])
    for column, value in cells.items():
        new[column] = pd.Series([value], index=new.index, dtype=rows[column].dtype)
    return pd.concat([rows, new], ignore_index=True) if len(rows) else new


def _setup(case: Case, cells: Cells) -> Case:
    changed = {column: _kept(case, value, case.row[column]) for column, value in cells.items()}
    return replace(case, row={**case.row, **changed})


def _contract(case: Case, cells: Cells) -> Case:
    clause, stated = clause_of(cells), split(case.row["terms"])
    if stated:
        return replace(case, row={**case.row, "terms": ";".join([*(t for t in stated if t != "none"), clause])})
    row = {"provider_id": case.row["provider_id"] or "", "term": clause, "effect": "strengthens"}
    return _with_table(case, "contract_terms", _added(case.study.tables["contract_terms"], row))


def _provider(case: Case, cells: Cells) -> Case:
    rows = case.study["providers"]
    for name, before in case.providers.items():
        for column, value in cells.items():
            values = rows[column].copy()
            kept = _kept(case, value, before[column])
            values[rows["provider_id"] == name] = pd.NA if kept is None else kept
            rows[column] = values
    return _with_table(case, "providers", rows)


def _certificate(case: Case, cells: Cells) -> Case:
    rows, scheme, status = case.study["certifications"], cells["scheme"], cells.get("status", "qualified")
    provider = case.row["provider_id"]
    rows = rows[~((rows["provider_id"] == provider) & (rows["scheme"] == scheme))]
    row = {"provider_id": provider, "confidence": "high", **cells, "status": status}
    lists = {column: [s for s in split(case.row[column]) if s != scheme] for column in HELD.values()}
    if status in HELD:
        lists[HELD[status]].append(scheme)
    changed = {column: ";".join(names) or None for column, names in lists.items()}
    case = replace(case, row={**case.row, **changed})
    return _with_table(case, "certifications", _added(rows, row))


def _owner(case: Case, cells: Cells) -> Case:
    """Put one certain row in the place of all that is recorded of a holder (votes, unless another kind is given)."""
    if "holder_id" in cells:
        owned = cells.get("owned_id", case.row["provider_id"])
        targets = [(owned, cells["holder_id"])]
    else:
        now = "minority" if cells["share_low_pct"] >= MAJORITY_PCT else "control"
        targets = [link for link, says in case.foreign_holders(case.inside).items() if now in says]
    rows = case.study["ownership"]
    for owned, holder in targets:
        rows = rows[~((rows["owned_id"] == owned) & (rows["holder_id"] == holder))]
        row = {"kind": "votes", "status": "current", "confidence": "high", **cells}
        rows = _added(rows, {**row, "owned_id": owned, "holder_id": holder})
    return _with_table(case, "ownership", rows)


EDITS: dict[str, Callable[[Case, Cells], Case]] = {
    "setups": _setup,
    "contract_terms": _contract,
    "providers": _provider,
    "certifications": _certificate,
    "ownership": _owner,
}
"""Table -> what setting cells of it does."""
