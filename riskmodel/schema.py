"""What a table may hold, as ``datapackage.json`` says it: pandera schemas built from it, and typed tables.

Question answered: *does every cell of this table keep the rules of its column, and what does it mean as a
value?*

Cells are checked as text, so that a wrong one can be shown as it was written, and typed afterwards.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmodel.codes import EU, country_code, iso_codes
from riskmodel.errors import CONTROL_CHARACTERS, Problem

if TYPE_CHECKING:
    import pandera.pandas as pa

__all__ = ["RawTable", "Resource", "cell_tests", "check_cells", "fields_of", "frame_schema", "links", "primary_key"]
__all__ += ["required_columns", "split", "typed", "unique_columns"]

Resource = Mapping[str, Any]
Field = Mapping[str, Any]

TRUE = frozenset({"true", "True", "TRUE", "1"})
FALSE = frozenset({"false", "False", "FALSE", "0"})
TYPES = ("string", "integer", "number", "boolean", "date")
_NUMBER = r"[+-]?([0-9]{1,40}\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?"
_FORMS = {
    "integer": (r"[+-]?[0-9]{1,15}", "must be a whole number"),
    "number": (_NUMBER, "must be a number with a decimal point"),
}
_MARKUP = re.compile(r"<[A-Za-z/!]|javascript:", re.IGNORECASE)
_SPELLED = {"EEA": "EU", "EU/EEA": "EU"}


def split(value: object) -> tuple[str, ...]:
    """Return the elements of a list cell: ``"FR;GB"`` gives ``("FR", "GB")``, a missing cell ``()``."""
    if not isinstance(value, str):
        return ()
    return tuple(element.strip() for element in value.split(";") if element.strip())


@dataclass
class RawTable:
    """A table as text, each row with the place it came from.

    Parameters
    ----------
    resource
        Its description in ``datapackage.json``.
    frame
        One column of text for each described column, missing where the cell is empty; rows numbered from 0.
    origin
        File and line of each row.
    digest
        SHA-256 of what was read.
    broken
        Places whose cells are not to be trusted (ragged lines).
    whole
        False when the file could not be read to its end: a row that is not there may be in the rest.
    """

    resource: Resource
    frame: pd.DataFrame
    origin: list[tuple[str, int]]
    digest: str
    broken: set[tuple[str, int]] = field(default_factory=set)
    whole: bool = True

    @property
    def name(self) -> str:
        """Name of the table."""
        return str(self.resource["name"])

    @property
    def file(self) -> str:
        """File name of the table, for messages about other tables."""
        return str(self.resource["path"])

    def problem(self, position: int, column: str | None, value: object, rule: str) -> Problem:
        """Return a problem of one row, named by its place in the file."""
        file, line = self.origin[position]
        text = None if value is None or value is pd.NA or value != value else str(value)
        return Problem(file, line, column, text, rule)

    def trusted(self, position: int) -> bool:
        """Return whether the row had the right number of cells."""
        return self.origin[position] not in self.broken


def fields_of(resource: Resource) -> list[Field]:
    """Return the field descriptions of a table."""
    return list(resource["schema"]["fields"])


def primary_key(resource: Resource) -> tuple[str, ...]:
    """Return the columns that together identify a row."""
    key = resource["schema"].get("primaryKey", ())
    return (key,) if isinstance(key, str) else tuple(key)


def required_columns(resource: Resource) -> set[str]:
    """Return the columns that are always filled: the required ones and the key."""
    required = {f["name"] for f in fields_of(resource) if f.get("constraints", {}).get("required")}
    return required | set(primary_key(resource))


def unique_columns(resource: Resource) -> list[tuple[str, ...]]:
    """Return every set of columns whose values may not repeat: the key first, then the unique columns."""
    key = primary_key(resource)
    single = [(f["name"],) for f in fields_of(resource) if f.get("constraints", {}).get("unique")]
    return ([key] if key else []) + [columns for columns in single if columns != key]


def links(resource: Resource) -> Iterator[tuple[tuple[str, ...], str, tuple[str, ...]]]:
    """Yield (columns, table, its columns) of every reference of a table; the table is "" for itself."""
    for link in resource["schema"].get("foreignKeys", ()):
        reference = link["reference"]
        yield _names(link["fields"]), reference.get("resource", ""), _names(reference["fields"])
    for column in fields_of(resource):
        if "references" in column:
            target = column["references"]
            yield (column["name"],), target.get("resource", ""), (target["field"],)


def _names(names: str | Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def dates(cells: pd.Series) -> pd.Series:
    """Return cells as dates, missing where they are not written yyyy-mm-dd or are no day of the calendar."""
    good = cells.where(cells.str.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fillna(False).astype(bool))
    return pd.to_datetime(good, format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")


def numbers(cells: pd.Series, kind: str) -> pd.Series:
    """Return cells as floating point numbers, missing where they are not written as `kind` demands."""
    good = cells.where(cells.str.fullmatch(_FORMS[kind][0]).fillna(False).astype(bool))
    return pd.to_numeric(good, errors="coerce").astype("float64")


def typed(raw: RawTable) -> pd.DataFrame:
    """Return a table with the types its description names.

    Parameters
    ----------
    raw
        The table as text.

    Returns
    -------
    pandas.DataFrame
        string -> ``str`` (missing is NaN; list columns stay text, see `split`), integer -> ``Int64``,
        number -> ``float64``, boolean -> ``boolean``, date -> ``datetime64[us]``. A cell that breaks its
        type is missing.
    """
    meaning = {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}
    convert: dict[str, Callable[[Any], pd.Series]] = {
        "integer": lambda cells: numbers(cells, "integer").astype("Int64"),
        "number": lambda cells: numbers(cells, "number"),
        "boolean": lambda cells: cells.astype(object).map(meaning).astype("boolean"),
        "date": dates,
        "string": lambda cells: cells,
    }
    absent = pd.Series(pd.NA, raw.frame.index, dtype="str")
    fields = fields_of(raw.resource)
    return pd.DataFrame({f["name"]: convert[f["type"]](raw.frame.get(f["name"], absent)) for f in fields})


def frame_schema(resource: Resource) -> pa.DataFrameSchema:
    """Return the pandera schema of a table whose cells are text.

    Parameters
    ----------
    resource
        The table's description in ``datapackage.json``.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        One column a field; the ``error`` of every check is the rule in words. Keys and references between
        tables are checked elsewhere.
    """
    import pandera.pandas as pa  # a second of import time that scoring the shipped study does not need

    columns, required = {}, required_columns(resource)
    for column in fields_of(resource):
        name, tests = column["name"], enumerate(cell_tests(column))
        checks = [pa.Check(test, error=rule, name=f"{name}-{number}") for number, (test, rule) in tests]
        columns[name] = pa.Column(None, checks, nullable=name not in required, required=False)
    return pa.DataFrameSchema(columns, name=str(resource["name"]))


def check_cells(raw: RawTable) -> list[Problem]:
    """Return every cell of a table that breaks a rule of its column.

    Parameters
    ----------
    raw
        The table as text.

    Returns
    -------
    list of Problem
        All of them, in no particular order; rows whose line was ragged are left out.
    """
    if raw.frame.empty:
        return []
    from pandera.errors import SchemaErrors

    try:
        frame_schema(raw.resource).validate(raw.frame, lazy=True)
    except SchemaErrors as error:
        rules = {f["name"]: f for f in fields_of(raw.resource)}
        found = error.failure_cases[["column", "check", "failure_case", "index"]].itertuples(index=False)
        return [
            raw.problem(int(position), column, value, _with_hint(rules[column], value, str(check)))
            for column, check, value, position in found
            if raw.trusted(int(position))
        ]
    return []


Test = Callable[[pd.Series], Any]


def cell_tests(column: Field) -> Iterator[tuple[Test, str]]:
    """Yield the tests of a column, each with its rule; a cell of the wrong type passes all but the first."""
    kind, constraints = column["type"], column.get("constraints", {})
    unit = f" ({column['unit']})" if column.get("unit") else ""
    if kind in _FORMS:
        form, rule = _FORMS[kind]
        yield lambda cells: cells.str.fullmatch(form), rule + unit
        yield from _limits(column, unit, lambda cells: numbers(cells, kind), float)
    elif kind == "date":
        yield lambda cells: dates(cells).notna(), "must be a day of the calendar written yyyy-mm-dd"
        yield from _limits(column, "", dates, pd.Timestamp)
    elif kind == "boolean":
        yield lambda cells: cells.isin(TRUE | FALSE), "must be true or false"
    else:
        yield from _textcell_tests(column)
    if "enum" in constraints:
        allowed = [str(value) for value in constraints["enum"]]
        yield lambda cells: cells.isin(allowed), f"must be one of: {', '.join(allowed)}"
    if "pattern" in constraints:
        pattern = constraints["pattern"]
        whole = re.compile(f"(?:{pattern})")
        yield lambda cells: cells.str.fullmatch(whole), f"must match the pattern {pattern}"


def _limits(column: Field, unit: str, convert: Test, bound: Callable[[Any], Any]) -> Iterator[tuple[Test, str]]:
    for name, keeps, words in (("minimum", operator.ge, "at least"), ("maximum", operator.le, "at most")):
        if name in column.get("constraints", {}):
            limit = column["constraints"][name]
            yield _within(convert, keeps, bound(limit)), f"must be {words} {limit}{unit}"


def _within(convert: Test, keeps: Callable[[Any, Any], Any], limit: Any) -> Test:
    return lambda cells: convert(cells).isna() | keeps(convert(cells), limit)


def _textcell_tests(column: Field) -> Iterator[tuple[Test, str]]:
    constraints = column.get("constraints", {})
    rule = "must not contain control characters such as tabs or line breaks"
    yield lambda cells: ~cells.str.contains(CONTROL_CHARACTERS), rule
    yield lambda cells: ~cells.str.contains(_MARKUP), "must not contain HTML or javascript: (write plain text)"
    yield lambda cells: cells == cells.str.strip(), "must not begin or end with a blank"
    if "minLength" in constraints:
        shortest = int(constraints["minLength"])
        yield lambda cells: cells.str.len() >= shortest, f"must have at least {shortest} characters"
    if "maxLength" in constraints:
        longest = int(constraints["maxLength"])
        yield lambda cells: cells.str.len() <= longest, f"must have at most {longest} characters"
    listed = "separator" in column
    if listed:
        rule = "must not have an empty element (elements are separated by ;)"
        yield lambda cells: cells.map(lambda cell: all(e.strip() for e in cell.split(";"))), rule
        rule = "must not name an element twice"
        yield lambda cells: cells.map(lambda cell: len(set(split(cell))) == len(split(cell))), rule
    if "elements" in column:
        allowed = [str(value) for value in column["elements"]]
        rule = f"each element (separated by ;) must be one of: {', '.join(allowed)}"
        yield _each(listed, frozenset(allowed)), rule
    if column.get("vocabulary") == "country":
        also = [str(value) for value in column.get("also", ())]
        rule = f"must be an ISO 3166-1 alpha-2 country code such as FR, or {' or '.join([EU, *also])}"
        yield _each(listed, iso_codes() | {EU, *also}), rule


def _each(listed: bool, allowed: frozenset[str]) -> Test:
    """Return a test that every element of a cell is allowed."""
    if listed:
        return lambda cells: cells.map(lambda cell: set(split(cell)) <= allowed)
    return lambda cells: cells.isin(allowed)


def _with_hint(column: Field, value: object, rule: str) -> str:
    """Return the rule, with the code of a country that was written out."""
    if rule == "not_nullable":
        return "must not be empty"
    if column.get("vocabulary") != "country" or not rule.startswith("must be an ISO"):
        return rule
    codes = []
    for element in split(value) if "separator" in column else (str(value),):
        try:
            codes.append(_SPELLED.get(element.upper()) or country_code(element))
        except (ValueError, OSError):
            return rule
    return f"{rule}; write {';'.join(codes)}"
