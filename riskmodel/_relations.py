"""What must hold between rows and between tables: keys, references, order, sums of shares.

Question answered: *do the rows of all tables fit together?*
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from riskmodel.errors import Problem, did_you_mean
from riskmodel.schema import RawTable, dates, fields_of, links, numbers, primary_key, split, unique_columns

__all__ = ["check_relations"]

SHARE_TOTAL_PCT = 100.5
"""Largest total of the shares in one owner list, in percent; half a point is left for rounding."""
SEVERITY = ("persons_per_targeted_disclosure", "bulk_given_disclosure", "bulk_share_of_base")
"""Elicited quantities that are read from their own rows and have no part in a likelihood."""
REFERENCE = ("attractiveness", "generic")
"""The one constant among elicited items: other data classes are multiples of it."""
LIMITS = {
    "logit": (0.0, 1.0, "above 0 and below 1"),
    "log": (0.0, float("inf"), "above 0"),
    "log_excess": (1.0, float("inf"), "above 1"),
}
"""Scale of pooling -> open interval of the values it takes, and the same in words."""


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
        shares that add up to more than the whole, judgements and counts that the model could not use or would
        drop. Rows whose line was ragged can be referred to but are not checked.
    """
    problems: list[Problem] = []
    for raw in tables.values():
        problems += _repeated(raw)
        problems += _references(raw, tables)
        problems += _disordered(raw)
    if "ownership" in tables:
        problems += _shares(tables["ownership"])
    if "elicitation" in tables:
        problems += _judgements(tables["elicitation"])
    if {"count_roles", "transparency"} <= set(tables):
        problems += _counts(tables["count_roles"], tables["transparency"])
    return problems


def _cells(raw: RawTable, columns: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield position and values of some columns of each row where none is missing; nothing without the columns."""
    if set(columns) <= set(raw.frame):
        cells = raw.frame[list(columns)].dropna()
        yield from zip(cells.index, cells.itertuples(index=False, name=None), strict=True)


def _repeated(raw: RawTable) -> Iterator[Problem]:
    for columns in unique_columns(raw.resource):
        first: dict[tuple[str, ...], int] = {}
        for position, values in _cells(raw, columns):
            if (earlier := first.setdefault(values, position)) == position or not raw.trusted(position):
                continue
            file, line = raw.origin[earlier]
            where = f"row {line}" if file == raw.origin[position][0] else f"{file}, row {line}"
            what = "duplicate id" if columns == primary_key(raw.resource) else "duplicate value"
            rule = f"{what}: {' with '.join(columns)} must be unique, but is also in {where}"
            yield raw.problem(position, ", ".join(columns), ", ".join(values), rule)


def _references(raw: RawTable, tables: Mapping[str, RawTable]) -> Iterator[Problem]:
    lists = {f["name"] for f in fields_of(raw.resource) if "separator" in f}
    for columns, target_name, targets in links(raw.resource):
        target = tables.get(target_name or raw.name)
        if target is None or not target.whole or not set(targets) <= set(target.frame):
            continue  # the flaw of that table is said elsewhere
        known = set(target.frame[list(targets)].itertuples(index=False, name=None))
        listed = len(columns) == 1 and columns[0] in lists
        for position, values in _cells(raw, columns):
            for element in [(e,) for e in split(values[0])] if listed else [values]:
                if element not in known and raw.trusted(position):
                    names = sorted(str(k[0]) for k in known if isinstance(k[0], str)) if len(targets) == 1 else []
                    hint = did_you_mean(element[0], names, 0.75)
                    rule = f"must be in column {', '.join(targets)} of {target.file}{hint}"
                    yield raw.problem(position, ", ".join(columns), ", ".join(element), rule)


def _disordered(raw: RawTable) -> Iterator[Problem]:
    kinds = {f["name"]: f["type"] for f in fields_of(raw.resource)}
    for left, right in raw.resource.get("ordered", ()):
        if left not in raw.frame or right not in raw.frame:
            continue
        dated = kinds[left] == "date"
        lower, upper = (dates(raw.frame[c]) if dated else numbers(raw.frame[c], "number") for c in (left, right))
        for position in raw.frame.index[(lower > upper).fillna(False).astype(bool)]:
            if raw.trusted(position):
                low, high = (str(raw.frame[column].iloc[position]) for column in (left, right))
                rule = f"must not be {'after' if dated else 'above'} {right} ({high})"
                yield raw.problem(position, left, low, rule)


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


def _judgements(raw: RawTable) -> Iterator[Problem]:
    """Yield the readings of experts that could not be pooled, or that nothing would use."""
    from riskmodel.design.judgements import QUANTITIES

    what, quantiles = ["quantity", "condition"], ["q10", "q50", "q90"]
    if not {*what, *quantiles} <= set(raw.frame):
        return
    value = raw.frame[quantiles].apply(numbers, kind="number")
    for position, item in _cells(raw, what):
        quantity, now = item[0], dict(zip(quantiles, value.loc[position].to_numpy(dtype=float).tolist(), strict=True))
        if not raw.trusted(position) or quantity in SEVERITY:
            continue
        if quantity not in QUANTITIES:
            rule = f"is no quantity that the model uses{did_you_mean(quantity, QUANTITIES)}"
            yield raw.problem(position, "quantity", quantity, rule)
        elif item == REFERENCE:
            if set(now.values()) != {1.0}:
                rule = "must be 1, like q10 and q90: the other data classes are multiples of this one"
                yield raw.problem(position, "q50", raw.frame["q50"].iloc[position], rule)
        elif len(set(now.values())) == 1:
            rule = "must lie between different q10 and q90: a constant is no belief that could be pooled"
            yield raw.problem(position, "q50", raw.frame["q50"].iloc[position], rule)
        else:
            yield from _reading(raw, position, now, QUANTITIES[quantity][0])


def _reading(raw: RawTable, position: int, value: dict[str, float], how: str) -> Iterator[Problem]:
    """Yield the first quantile of a row that lies outside the scale of pooling; a lower one may be printed as 0."""
    low, high, words = LIMITS[how]
    for name, number in value.items():
        if not (low < number < high or number != number or (name == "q10" and low == number == 0)):
            rule = f"must be {words}: {raw.frame['quantity'].iloc[position]} is pooled as a {how.replace('_', ' ')}"
            yield raw.problem(position, name, raw.frame[name].iloc[position], rule)
            return
    if value["q10"] == 0 and value["q50"] == value["q90"]:
        rule = "must be below q90: with q10 printed as 0, the upper half alone tells the spread"
        yield raw.problem(position, "q50", raw.frame["q50"].iloc[position], rule)


def _counts(raw: RawTable, published: RawTable) -> Iterator[Problem]:
    """Yield the cells of counts whose reporter has no customers to count against, or that belong to no count."""
    from riskmodel.design import REPORTERS

    cell = ["service_model", "period_from"]
    if not {"row_id", "role", *cell} <= set(raw.frame) or not {"row_id", "reporter_id"} <= set(published.frame):
        return
    by_row = published.frame.drop_duplicates("row_id").set_index("row_id")["reporter_id"]
    rows = raw.frame.assign(reporter=raw.frame["row_id"].map(by_row))
    counted = set(rows.loc[rows["role"] == "count", ["reporter", *cell]].itertuples(index=False, name=None))
    for position in rows.index[rows["reporter"].notna()]:
        row = rows.loc[position]
        if row["reporter"] not in REPORTERS:
            rule = f"its reporter {row['reporter']} must be one whose customers are known: {', '.join(REPORTERS)}"
            yield raw.problem(position, "row_id", row["row_id"], rule)
        elif row["role"] == "thinning" and (row["reporter"], *row[cell]) not in counted:
            rule = "must have a count of the same reporter, service and beginning, whose part it is"
            yield raw.problem(position, "row_id", row["row_id"], rule)
