"""A reader's own values in the place of single judgements or facts, in one small file.

Question answered: *what becomes of every answer if this cell said something else, and must it be refitted?*
The file names table, row, column and value; what it gives is a study like any other, checked by the same rules, and a
list of the changes that belongs at the top of whatever is computed from it. Nothing is refitted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING

import pandas as pd

from riskmodel._files import sha256_hex
from riskmodel._load import read_table
from riskmodel._relations import check_relations
from riskmodel._setups import setups_bytes
from riskmodel.errors import Problem, StudyError, did_you_mean
from riskmodel.schema import RawTable, Resource, cell_tests, fields_of, primary_key, required_columns, typed
from riskmodel.study import Study

if TYPE_CHECKING:
    pass

__all__ = ["Overridden", "read_overrides"]

COLUMNS = ("table", "row_id", "column", "value")
"""Columns that a file of overrides must have; ``reason`` may be added."""
LISTED = ("table", "row_id", "column", "before", "after", "reason")
JOINED = "|"
"""Between the parts of a row's id where several columns make its key."""
RESOURCE: Resource = {
    "name": "overrides",
    "path": "overrides.csv",
    "schema": {"fields": [{"name": name, "type": "string"} for name in (*COLUMNS, "reason")]},
}
Source = Path | str | IO[str] | IO[bytes] | pd.DataFrame


@dataclass(frozen=True)
class Overridden:
    """A study with cells replaced, and what was replaced.

    Attributes
    ----------
    study
        The study with the new values.
    changes
        One row a cell: ``table``, ``row_id``, ``column``, ``before``, ``after`` (as text, missing where empty),
        ``reason``.
    refit
        Whether the new values reach the likelihood or a prior, so that the posterior of the study as it was does not
        belong to the new one.
    """

    study: Study
    changes: pd.DataFrame
    refit: bool

    def __str__(self) -> str:
        """The changes in a sentence each, for the top of a result."""
        said = [
            f"{row['column']} of {row['row_id']} in {row['table']}: {row['after']} instead of {row['before']}"
            + (f" ({row['reason']})" if row["reason"] else "")
            for row in self.changes.fillna({"before": "(empty)", "after": "(empty)", "reason": ""}).to_dict("records")
        ]
        after = "The posterior must be fitted again." if self.refit else "No refit is needed."
        return f"{len(said)} {'cell was' if len(said) == 1 else 'cells were'} replaced. {'. '.join(said)}. {after}"


def read_overrides(source: Source, study: Study) -> Overridden:
    """Replace cells of a study by those of a small table.

    Parameters
    ----------
    source
        CSV file, open file or data frame with the columns ``table``, ``row_id``, ``column``, ``value`` and, if wanted,
        ``reason``. ``row_id`` is the primary key of the row (its parts joined by ``|`` where the key has several); an
        empty ``value`` makes the cell empty. Keys cannot be replaced, rows neither added nor taken away.
    study
        The study whose cells are replaced; it stays as it is.

    Returns
    -------
    Overridden
        The new study, the list of changes, and whether they call for a refit.

    Raises
    ------
    StudyError
        If a table, row or column is not there, a cell is replaced twice, or a value breaks a rule of its column or
        between tables: every problem at once, by row of the file of overrides.
    UsageError
        If the file does not exist.

    Examples
    --------
    >>> import pandas as pd, riskmodel as rm
    >>> rows = pd.DataFrame([("setups", "HDH_SCALEWAY", "key_custody", "external_hyok")], columns=list(COLUMNS))
    >>> print(read_overrides(rows, rm.read_study()))
    1 cell was replaced. key_custody of HDH_SCALEWAY in setups: external_hyok instead of (empty). No refit is needed.
    """
    data, file = setups_bytes(source)
    if not isinstance(source, str | Path):
        file = file.replace("setups", "overrides")
    given, problems = read_table(data, file, RESOURCE, needed=COLUMNS)
    if given is None or not set(COLUMNS) <= set(given.frame):
        raise StudyError(problems)
    tables = dict(study._raw)
    rows, wrong = _replaced(given, tables)
    broken = check_relations(tables)
    known = set(check_relations(study._raw)) if broken else set()
    problems += wrong + [_placed(problem, given, file) for problem in broken if problem not in known]
    if problems:
        raise StudyError(problems)
    lines = "".join(f"{name} {raw.digest}\n" for name, raw in sorted(tables.items()))
    new = {name: typed(raw) for name, raw in tables.items() if raw is not study._raw[name]}
    changed = replace(
        study,
        tables=MappingProxyType({**study.tables, **new}),
        data_hash=sha256_hex(lines.encode()),
        _raw=MappingProxyType(tables),
    )
    try:
        identity = _identity(changed)
        refit = identity != _identity(study)
    except (KeyError, ValueError) as error:
        raise StudyError([Problem.of_file(file, f"leaves evidence that no model can be built from: {error}")]) from None
    changed = replace(changed, design_hash=identity if refit else study.design_hash)
    return Overridden(changed, pd.DataFrame(rows, columns=[*LISTED]).astype("str"), refit)


def _identity(study: Study) -> str:
    """Hash of all that a posterior depends on."""
    from riskmodel.design import build_design
    from riskmodel.priors import Priors

    return build_design(study).hash(Priors.from_study(study))


def _replaced(given: RawTable, tables: dict[str, RawTable]) -> tuple[list[dict[str, object]], list[Problem]]:
    """Put the given values into the tables, each changed row marked with its first line in the file of overrides."""
    rows: list[dict[str, object]] = []
    problems: list[Problem] = []
    places: dict[str, dict[str, int]] = {}
    seen: dict[tuple[str, ...], int] = {}
    for line, cells in enumerate(given.frame[[*COLUMNS]].itertuples(index=False, name=None)):
        if not given.trusted(line):
            continue
        table, row_id, column, value = ("" if cell != cell else str(cell) for cell in cells)
        if table in tables and table not in places:
            places[table] = _ids(tables[table])
        flaw = _flaw(tables, places, table, row_id, column, value)
        if flaw is None and (first := seen.setdefault((table, row_id, column), line)) != line:
            flaw = "column", column, f"is replaced in row {given.origin[first][1]} already"
        if flaw is not None:
            problems.append(given.problem(line, *flaw))
            continue
        raw, place = tables[table], places[table][row_id]
        frame, origin = raw.frame.copy(), list(raw.origin)
        before = frame[column].iloc[place]
        frame.loc[place, column] = value or pd.NA
        if origin[place][0] != given.origin[line][0]:
            origin[place] = given.origin[line]
        digest = sha256_hex(f"{raw.digest}+{row_id}+{column}+{value}".encode())
        tables[table] = replace(raw, frame=frame, origin=origin, digest=digest)
        reason = given.frame["reason"].iloc[line]
        rows.append(dict(zip(LISTED, (table, row_id, column, before, value or pd.NA, reason), strict=True)))
    return rows, problems


def _ids(raw: RawTable) -> dict[str, int]:
    """Position of each row by its key."""
    keys = raw.frame[list(primary_key(raw.resource))].fillna("").agg(JOINED.join, axis=1)
    return {key: place for place, key in enumerate(keys)}


def _flaw(
    tables: Mapping[str, RawTable],
    places: Mapping[str, Mapping[str, int]],
    table: str,
    row_id: str,
    column: str,
    value: str,
) -> tuple[str, str | None, str] | None:
    """What is wrong with one row of a file of overrides: column of that file, value and rule."""
    if table not in tables:
        return "table", table, f"is not a table of the study{did_you_mean(table, tables)}"
    if row_id not in places[table]:
        return "row_id", row_id, f"is not a row of {table}{did_you_mean(row_id, places[table])}"
    resource = tables[table].resource
    described = {field["name"]: field for field in fields_of(resource)}
    if column not in described:
        return "column", column, f"is not a column of {table}{did_you_mean(column, described)}"
    if column in primary_key(resource):
        return "column", column, f"is the key of {table} and cannot be replaced"
    where = f"{column} of {row_id} in {table}"
    if not value:
        return ("value", None, f"{where} must not be empty") if column in required_columns(resource) else None
    cell = pd.Series([value], dtype="str")
    broken = next((rule for test, rule in cell_tests(described[column]) if not pd.Series(test(cell)).all()), None)
    return None if broken is None else ("value", value, f"{where} {broken}")


def _placed(problem: Problem, given: RawTable, file: str) -> Problem:
    """A broken rule between rows or tables, at the line of the file of overrides that breaks it where one does."""
    if problem.file != file:
        where = f"{problem.file}, row {problem.row}, column {problem.column}"
        return Problem(file, None, "value", problem.value, f"then breaks a rule of {where}: {problem.rule}")
    lines = {place[1]: k for k, place in enumerate(given.origin)}
    first = given.frame.iloc[lines[problem.row or 0]]
    same = (given.frame["table"] == first["table"]) & (given.frame["row_id"] == first["row_id"])
    columns = (problem.column or "").split(", ")
    mine = given.frame[same & given.frame["column"].isin(columns)]
    row = given.origin[int(mine.index[0])][1] if len(mine) else problem.row
    rule = f"{problem.column} of {first['row_id']} in {first['table']} {problem.rule}"
    return Problem(file, row, "value", problem.value, rule)
