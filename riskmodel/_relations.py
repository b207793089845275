"""What must hold between rows and between tables: keys, references, order, sums of shares.

Question answered: *do the rows of all tables fit together?*
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from riskmodel.errors import Problem
from riskmodel.schema import RawTable, dates, fields_of, links, numbers, primary_key, split, unique_columns

__all__ = ["check_relations"]

SHARE_TOTAL_PCT = 100.5
"""Largest total of the shares in one owner list, in percent; half a point is left for rounding."""


def check_relations(tables: Mapping[str, RawTable]) -> list[Problem]:
    """Return every break of a rule between rows or tables.

    Parameters
    ----------
    tables
        All tables of a study as text, by name.

    Returns
    -------
    list of Problem
        Repeated keys (with both rows), references to rows that are not there, pairs in the wrong order,
        shares that add up to more than the whole. Rows whose line was ragged can be referred to but are not
        checked.
    """
    problems: list[Problem] = []
    for raw in tables.values():
        problems += _repeated(raw)
        problems += _references(raw, tables)
        problems += _disordered(raw)
    if "ownership" in tables:
        problems += _shares(tables["ownership"])
    return problems


def _repeated(raw: RawTable) -> Iterator[Problem]:
    key = primary_key(raw.resource)
    for columns in unique_columns(raw.resource):
        if not set(columns) <= set(raw.frame):
            continue
        cells = raw.frame[list(columns)]
        cells = cells[cells.notna().all(axis=1)]
        again = cells[cells.duplicated(keep="first")]
        if again.empty:
            continue
        first: dict[tuple[str, ...], int] = {}
        for position, values in zip(cells.index, cells.itertuples(index=False, name=None), strict=True):
            first.setdefault(values, position)
        for position, values in zip(again.index, again.itertuples(index=False, name=None), strict=True):
            file, line = raw.origin[first[values]]
            where = f"row {line}" if file == raw.origin[position][0] else f"{file}, row {line}"
            what = "duplicate id" if columns == key else "duplicate value"
            rule = f"{what}: {' with '.join(columns)} must be unique, but is also in {where}"
            if raw.trusted(position):
                yield raw.problem(position, ", ".join(columns), ", ".join(values), rule)


def _references(raw: RawTable, tables: Mapping[str, RawTable]) -> Iterator[Problem]:
    for columns, target_name, targets in links(raw.resource):
        target = tables.get(target_name or raw.name)
        if target is None or not target.whole or not set(targets) <= set(target.frame):
            continue  # the flaw of that table is said elsewhere
        listed = len(columns) == 1 and any(
            f["name"] == columns[0] and "separator" in f for f in fields_of(raw.resource)
        )
        known = set(target.frame[list(targets)].itertuples(index=False, name=None))
        if not set(columns) <= set(raw.frame):
            continue
        cells = raw.frame[list(columns)].dropna()
        distinct = set(cells.itertuples(index=False, name=None))
        bad = {v for v in distinct if not all(e in known for e in _elements(v, listed))}
        if not bad:
            continue
        for position, values in zip(cells.index, cells.itertuples(index=False, name=None), strict=True):
            if values not in bad or not raw.trusted(position):
                continue
            for element in _elements(values, listed):
                if element not in known:
                    rule = f"must be in column {', '.join(targets)} of {target.file}{_near(element, known)}"
                    yield raw.problem(position, ", ".join(columns), ", ".join(element), rule)


def _elements(values: tuple[str, ...], listed: bool) -> list[tuple[str, ...]]:
    return [(element,) for element in split(values[0])] if listed else [values]


def _near(element: tuple[str, ...], known: set[tuple[Any, ...]]) -> str:
    names = [str(k[0]) for k in known if len(k) == 1 and isinstance(k[0], str)]
    near = difflib.get_close_matches(element[0], sorted(names), n=1, cutoff=0.75) if len(element) == 1 else []
    return f" (did you mean {near[0]}?)" if near else ""


def _disordered(raw: RawTable) -> Iterator[Problem]:
    kinds = {f["name"]: f["type"] for f in fields_of(raw.resource)}
    for left, right in raw.resource.get("ordered", ()):
        if left not in raw.frame or right not in raw.frame:
            continue
        lower, upper = _comparable(raw, left, kinds), _comparable(raw, right, kinds)
        for position in raw.frame.index[(lower > upper).fillna(False).astype(bool)]:
            rule = f"must not be {'after' if kinds[left] == 'date' else 'above'} {right}"
            if raw.trusted(position):
                value = str(raw.frame[left].iloc[position])
                yield raw.problem(position, left, value, f"{rule} ({raw.frame[right].iloc[position]})")


def _comparable(raw: RawTable, column: str, kinds: Mapping[str, str]) -> pd.Series:
    cells = raw.frame[column]
    return dates(cells) if kinds[column] == "date" else numbers(cells, "number")


def _shares(raw: RawTable) -> Iterator[Problem]:
    """Yield the owner lists (one thing owned, one day, one kind of right) that sum to more than the whole."""
    needed = ["owned_id", "as_of", "kind", "status", "share_low_pct"]
    if not set(needed) <= set(raw.frame):
        return
    rows = raw.frame[needed].assign(share=numbers(raw.frame["share_low_pct"], "number"))
    rows = rows[rows["kind"].isin(["capital", "votes"]) & (rows["status"] == "current")]
    for (owned, as_of, kind), group in rows.groupby(["owned_id", "as_of", "kind"]):  # undated rows drop out
        total = group["share"].sum()
        if total > SHARE_TOTAL_PCT:
            lines = ", ".join(str(raw.origin[p][1]) for p in group.index)
            rule = f"the {kind} of {owned} on {as_of} must add up to at most 100 (percent); rows {lines}"
            yield raw.problem(group.index[-1], "share_low_pct", f"{total:g} in total", rule)
