"""Changes that somebody may make to a setup: what each sets, and when it can be made.

Question answered: *which interventions are there, and which of them contradict this setup?* The catalogue is
``data/interventions.csv``; a condition (``applies_when``) is a rule here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.codes import EU, EU_EEA
from riskmodel.decide._case import EDITS, HOME, Case, Cells, clause_of, edited
from riskmodel.decide._shared import unknown
from riskmodel.errors import UsageError, shown
from riskmodel.nexus._rows import records
from riskmodel.nexus.setups import CUSTODY
from riskmodel.schema import cell_tests, links

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["Change", "catalogue", "made_up", "refused"]

SCHEME = "SecNumCloud"
"""Scheme that is closed to providers seated or controlled outside the Union."""
NEEDED: dict[str, list[tuple[str, ...]]] = {
    "contract_terms": [("term", "eu_law_only")],
    "certifications": [("scheme",)],
    "ownership": [("share_low_pct",), ("share_high_pct",)],
}
"""Table -> columns without which a change of it means nothing, one of each group."""
IMPLIED = {
    ("providers", "licensor_access"): "licensor_with_access",
    ("providers", "establishment_separation"): "subsidiary_not_separated",
    ("contract_terms", "term"): "clause_not_seen",
    ("contract_terms", "eu_law_only"): "clause_not_seen",
    ("certifications", "scheme"): "certificate_missing",
}
"""Cell that a change of the analyst's own sets -> condition of the catalogue that holds for it too."""
FIXED = {"setups": ("setup_id", "provider_id"), "providers": ("provider_id", "runs_on")}
"""Columns that no change sets: with another provider it is another setup."""


@dataclass(frozen=True)
class Change:
    """One thing that somebody may do: cells to set by table, and the condition under which it can be done."""

    change_id: str
    label: str
    actor: str
    cells: Mapping[str, Cells]
    applies_when: str

    @property
    def touches(self) -> frozenset[tuple[str, str]]:
        """What the change sets; two changes that set the same thing exclude each other."""
        found = set()
        for table, cells in self.cells.items():
            if table == "contract_terms":
                found.add((table, clause_of(cells)))
            elif table == "certifications":
                found.add((table, str(cells["scheme"])))
            elif table == "ownership":
                found.add((table, str(cells.get("holder_id", "foreign holders"))))
            else:
                found |= {(table, column) for column in cells}
        return frozenset(found)


def catalogue(study: Study) -> dict[str, Change]:
    """Changes of ``data/interventions.csv`` by id, in the order of the table."""
    found: dict[str, Change] = {}
    for row in records(study["interventions"]):
        name, table = row["intervention_id"], row["table"]
        before = found.get(name, Change(name, row["label"], row["actor"], {}, row["applies_when"]))
        cells = {**before.cells.get(table, {}), row["column"]: _value(study, table, row["column"], row["value"])}
        found[name] = replace(before, cells={**before.cells, table: cells})
    return found


def made_up(study: Study, setup: str, name: str, edits: object) -> Change:
    """A change of the analyst's own: columns of the setup's row, or (table, columns), or several of those.

    Raises
    ------
    UsageError
        If a table, column or value is not one that the study knows.
    """
    parts: Iterable[Any] = [("setups", edits)] if isinstance(edits, Mapping) else [edits]
    if isinstance(edits, Sequence) and not (len(edits) == 2 and isinstance(edits[0], str)):
        parts = edits
    cells: dict[str, dict[str, Any]] = {}
    for part in parts:
        if not (isinstance(part, Sequence) and len(part) == 2 and isinstance(part[1], Mapping)):
            raise _contradiction(setup, name, f"{shown(part)} - must be columns, or a table and its columns")
        table, columns = part
        if table not in EDITS:
            raise unknown(f"table of change {name}", [table], EDITS)
        for column, value in columns.items():
            if column not in study.tables[table]:
                raise unknown(f"column of {table} in change {name}", [column], study.tables[table])
            if column in FIXED.get(table, ()):
                raise _contradiction(setup, name, f"{column} of {table} - with another it is another setup")
            cells.setdefault(table, {})[column] = _checked(study, setup, name, table, column, value)
    for table, groups in NEEDED.items():
        for group in groups if table in cells else ():
            if all(cells[table].get(column) in (None, "") for column in group):
                raise _contradiction(setup, name, f"a change of {table} must set {' or '.join(group)}")
    return Change(name, name, "analyst", cells, "")


def _value(study: Study, table: str, column: str, text: object) -> Any:
    """A cell of the catalogue as the type of its column."""
    kind = study.field(table, column)["type"]
    return float(str(text)) if kind == "number" else str(text) == "true" if kind == "boolean" else text


def _checked(study: Study, setup: str, name: str, table: str, column: str, value: object) -> Any:
    """A value of the analyst's own as it stands in the table, None for nothing."""
    if value is None or value != value or value == "":
        return None
    text = ";".join(map(str, value)) if isinstance(value, list | tuple | set) else str(value)
    text = text.lower() if isinstance(value, bool | np.bool) else text
    described = study.field(table, column)
    for columns, target, targets in links(study._raw[table].resource):
        known = study.tables[target or table][targets[0]]
        if columns == (column,) and text not in set(known):
            raise unknown(f"{column} of {table} in change {name}", [text], known)
    for test, rule in cell_tests(described):
        if text != HOME and not test(pd.Series([text], dtype="str")).all():
            raise _contradiction(setup, name, f"{column} of {table}: {shown(text)} - {rule}")
    return pd.Timestamp(text) if described["type"] == "date" else _value(study, table, column, text)


def _contradiction(setup: str, change: str, rule: str) -> UsageError:
    return UsageError(f"setup {setup}, change {change}: {rule}")


def refused(case: Case, change: Change) -> UsageError | None:
    """Why a change contradicts a setup, naming both and the rule; None if it does not."""
    if change.applies_when:
        broken = RULES[change.applies_when](case, change)
    else:
        broken = _idle(case, change) or _implied(case, change)
    return None if broken is None else _contradiction(case.name, change.change_id, broken)


def _implied(case: Case, change: Change) -> str | None:
    """The first rule of the catalogue that a change of the analyst's own breaks, its tables taken in their order."""
    for table, cells in change.cells.items():
        for (of, column), name in IMPLIED.items():
            if of == table and column in cells and (broken := RULES[name](case, change)):
                return broken
        case = edited(case, {table: cells})
    return None


def _keys(case: Case, change: Change) -> str | None:
    held, wanted = case.row["key_custody"], change.cells["setups"]["key_custody"]
    if held == CUSTODY[0]:
        return "own hosting has no provider that could hold keys"
    there = held is not None and CUSTODY.index(held) >= CUSTODY.index(wanted)
    return f"keys are protected as well or better already ({held})" if there else None


def _unseen(case: Case, change: Change) -> str | None:
    if case.row["key_custody"] == CUSTODY[0]:
        return "own hosting has no provider that a clause could bind"
    clause = clause_of(change.cells["contract_terms"])
    return f"the clause is in the contract already ({clause})" if clause in case.clauses() else None


def _operated(case: Case, change: Change) -> str | None:
    cells = [case.row["operator_countries"], *(r["staff_countries"] for r in case.providers.values())]
    return None if any(map(case.abroad, cells)) else "no operator or staff outside home territory is recorded"


def _placed(case: Case, change: Change) -> str | None:
    return None if case.abroad(case.row["data_countries"]) else "no data outside home territory are recorded"


def _subsidiary(case: Case, change: Change) -> str | None:
    there = [r for r in case.providers.values() if case.abroad(r["establishment_countries"])]
    if not there:
        return "no foreign subsidiary of the provider is recorded"
    apart = change.cells["providers"].get("establishment_separation") == "separated"
    done = apart and all(r["establishment_separation"] == "separated" for r in there)
    return "foreign subsidiaries are separated already" if done else None


def _licensor(case: Case, change: Change) -> str | None:
    if change.cells["providers"].get("licensor_id"):
        return None  # a new one
    licensed = {r["licensor_id"]: r["licensor_access"] for r in case.providers.values() if r["licensor_id"]}
    if not licensed:
        return "there is no licensor that could lose access"
    seats = {case.owners.country.get(licensor, HOME) for licensor in licensed}
    if not (seats - {*case.inside, HOME} or case.foreign_holders(case.inside, *licensed)):
        return f"no licensor is recorded as from outside home territory ({', '.join(licensed)})"
    wanted = change.cells["providers"]["licensor_access"]
    return f"access of the licensor is that already ({wanted})" if set(licensed.values()) == {wanted} else None


def _obtainable(case: Case, change: Change) -> str | None:
    cells = change.cells["certifications"]
    if not case.row["provider_id"] or case.row["key_custody"] == CUSTODY[0]:
        return "there is no provider that could be certified"
    if cells.get("status", "qualified") != "qualified":
        return None
    if case.status(cells["scheme"]) == ["qualified"]:
        return "the certificate is held already"
    inside = EU_EEA | {EU}
    seats = {r["seat_country"] for r in case.providers.values() if r["seat_country"]}
    closed = seats - inside or any("control" in says for says in case.foreign_holders(inside).values())
    barred = closed and cells["scheme"] == SCHEME
    return f"{SCHEME} is closed to providers seated or controlled outside the Union" if barred else None


def _loseable(case: Case, change: Change) -> str | None:
    held = case.row["provider_id"] and "qualified" in case.status(change.cells["certifications"]["scheme"])
    return None if held else "there is no certificate that could lapse"


def _controlled(case: Case, change: Change) -> str | None:
    if any("control" in says for says in case.foreign_holders(case.inside).values()):
        return None
    return "no foreign owner that may control the provider is recorded"


def _minority(case: Case, change: Change) -> str | None:
    if any("minority" in says for says in case.foreign_holders(case.inside).values()):
        return None
    return "no foreign holder of a share without control is recorded"


def _idle(case: Case, change: Change) -> str | None:
    """A change of the analyst's own must change something and needs what it changes."""
    needs = set(change.cells) - {"setups", "contract_terms"}
    if needs and not case.providers:
        return f"no provider is chosen: there is nothing whose {', '.join(sorted(needs))} could change"
    after = edited(case, change.cells)
    same = {column: case.row.get(column) for column in after.row} == dict(after.row)
    if same and all(after.study.tables[t].equals(case.study.tables[t]) for t in EDITS):
        return "all that it sets is so already"
    return None


RULES: dict[str, Callable[[Case, Change], str | None]] = {
    "keys_less_protected": _keys,
    "clause_not_seen": _unseen,
    "operated_abroad": _operated,
    "data_abroad": _placed,
    "subsidiary_abroad": _subsidiary,
    "subsidiary_not_separated": _subsidiary,
    "licensor_with_access": _licensor,
    "certificate_missing": _obtainable,
    "certificate_held": _loseable,
    "foreign_owner_controls": _controlled,
    "foreign_owner_minority": _minority,
}
"""Condition of the catalogue -> the rule that a change would break, if it would."""
