"""Tables as csv, json or words on standard output; messages on standard error.

Question answered: *how does an answer leave the program?*
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any, TextIO

from riskmodel._files import harmless
from riskmodel.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from riskmodel.decide import Finding

__all__ = [
    "backtest_text",
    "checks_text",
    "compare_text",
    "counted",
    "log_to_stderr",
    "plain",
    "rows_of",
    "safe_streams",
    "say",
    "score_text",
    "write",
    "write_finding",
]

SHOWN = 12
"""Columns of a table that are shown in words."""
WIDEST = 44
"""Letters of a cell on one line."""
CHANCES = ("probability", "reach", "share", "lower", "higher", "equal", "best", "exceeds", "in_top", "pairs", "loss")
COUNTS = ("rank", "number", "expected", "persons", "institutions", "years", "cost", "ratio", "times", "factor", "log")
"""Parts of the names of columns that are chances, and of those that count something."""
RECORDS = {"score": "setups", "compare": "comparisons", "check": "checks", "validate": "checks", "backtest": "kinds"}
"""Verb -> name of its rows in json."""


def write(table: pd.DataFrame, arguments: argparse.Namespace, about: dict[str, Any], text: Callable[[], str]) -> None:
    """Print a table as csv, json or words."""
    if arguments.format == "csv":
        write_rows(table)
    elif arguments.format == "json":
        found = {**about, RECORDS[arguments.verb]: rows_of(table)}
        print(json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print(text())


def write_finding(
    finding: Finding, arguments: argparse.Namespace, about: dict[str, Any], columns: Sequence[str], worth_showing: str
) -> None:
    """Print a finding as csv, json or words.

    Parameters
    ----------
    columns
        Those of the table that are shown in words; the first ones where none is there.
    worth_showing
        Column that must be above 0 for a row to be shown in words; empty when all are.

    Raises
    ------
    UsageError
        If its detail is asked for and it has none.
    """
    table = finding.detail if arguments.detail else finding.table
    if table is None:
        raise UsageError(f"{arguments.verb}: has no --detail")
    if arguments.format == "csv":
        write_rows(table)
    elif arguments.format == "json":
        detail = {} if finding.detail is None else {"detail": rows_of(finding.detail)}
        record = {**about, "text": finding.text, "rows": rows_of(finding.table), **detail}
        print(json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False, default=str))
    else:
        shown, note = list(table.columns), ""
        if not arguments.detail:
            shown = [name for name in columns if name in table] or shown[:SHOWN]
            if worth_showing and (none := table[worth_showing] <= 0).any():
                table, note = table[~none], f"\n\n{int(none.sum())} further rows are worth nothing."
        print(f"{fill(finding.text, 96)}\n\n{_in_words(table[shown])}{note}")


def write_rows(table: pd.DataFrame) -> None:
    """Print a table as csv that no spreadsheet runs."""
    rows = ([harmless(plain(cell)) for cell in row] for row in table.itertuples(index=False))
    csv.writer(sys.stdout, lineterminator="\n").writerows([list(table.columns), *rows])


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain records; None for what is missing or not finite."""
    rows = ([plain(cell) for cell in row] for row in table.itertuples(index=False))
    finite = ([None if isinstance(c, float) and not math.isfinite(c) else c for c in row] for row in rows)
    return [dict(zip(map(str, table.columns), row, strict=True)) for row in finite]


def plain(cell: Any) -> Any:
    """Return a cell as a number or text of Python; None when it is missing."""
    import pandas as pd

    return None if pd.isna(cell) else cell.item() if hasattr(cell, "item") else cell


def _in_words(table: pd.DataFrame) -> str:
    """Return a table in words: chances in per cent, other numbers with two digits, dates without a time."""
    import pandas as pd

    from riskmodel.wording import digits, factor, percent, share_text

    def cell(column: str, value: Any) -> str:
        value = plain(value)
        if value is None:
            return "-"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, pd.Timestamp):
            return str(value.date())
        if isinstance(value, int):
            return f"{value:,}"
        if not isinstance(value, float):
            return str(value)
        if not math.isfinite(value):
            return "never" if column.startswith("years") else "unbounded"
        if column.endswith("horizon_years"):
            return f"{value:.1f}".removesuffix(".0")
        if column.startswith(("difference", "extra", "added", "value", "regret")):
            return f"{'-' if value < 0 else ''}{digits(100 * abs(value))} pp"
        if column.startswith(("times", "ratio")) or column.endswith("factor"):
            return factor(value)
        counted = (any(word in column for word in COUNTS) and "loss" not in column) or not 0 <= value <= 1
        if not counted and any(word in column for word in CHANCES):
            return percent(value) if any(word in column for word in ("probab", "reach", "loss")) else share_text(value)
        if value == round(value) and abs(value) < 1e6:
            return f"{value:,.0f}"
        return f"{'-' if value < 0 else ''}{digits(abs(value))}"

    columns = [str(name) for name in table.columns]
    lines = [[name.replace("_", " ") for name in columns]]
    for row in table.itertuples(index=False):
        cells = [wrap(cell(c, v), WIDEST) or [""] for c, v in zip(columns, row, strict=True)]
        lines += [list(line) for line in zip_longest(*cells, fillvalue="")]
    numeric = {k for k, name in enumerate(table.columns) if table[name].dtype.kind in "fi"}
    return aligned(lines, right=numeric)


def score_text(table: pd.DataFrame, about: dict[str, Any]) -> str:
    """Return the scores of setups in words."""
    from riskmodel.wording import between, one_in, percent, years_text

    horizon = years_text(about["horizon_years"])
    lines = [("setup", "provider", "keys", "reach", f"over {horizon}", "as a frequency", "90 % interval")]
    for row in table.to_dict("records"):
        provider, keys = plain(row["provider_id"]) or "none named", plain(row["key_custody"]) or "not known"
        chance, ends = row["probability"], (row["probability_low"], row["probability_high"])
        reach = percent(row["reach"], (row["reach_low"], row["reach_high"]))
        numbers = reach, percent(chance, ends), one_in(chance), between(*ends)
        lines.append((row["setup"], provider, keys, *numbers))
    return f"""\
Reach, and probability of at least one disclosure of intelligible content to a foreign authority
over {horizon} from {about["start"]}; foreign is what lies outside {about["home"]}.

{aligned(lines, right={3, 4})}

reach: probability that some foreign law binds someone who can produce the data. The levels
rest on judgement and are wide; `riskmodel compare A B` is firmer. Not legal advice."""


def compare_text(finding: Finding, a: str, b: str) -> str:
    """Return the comparison of two setups in words."""
    from riskmodel.wording import factor, share_text

    def ratio(value: float, interval: tuple[float, float] | None = None) -> str:
        return factor(value, interval) if math.isfinite(value) else "unbounded"

    lines = [("answer", "comparison", "ratio A/B", "90 % interval", "A lower", "equal", "A higher")]
    for row in finding.table.to_dict("records"):
        spread = ["", "", "", ""]
        if plain(row["lower"]) is not None:
            ends = row["ratio_low"], row["ratio_high"]
            interval = " to ".join(ratio(end, ends) for end in ends)
            spread = [interval, *(share_text(row[name]) for name in ("lower", "equal", "higher"))]
        lines.append((row["answer"], row["comparison"], ratio(row["ratio"]), *spread))
    return f"A = {a}, B = {b}\n\n{fill(finding.text, 96)}\n\n{aligned(lines, right={2, 4, 5, 6})}"


def checks_text(rows: pd.DataFrame) -> str:
    """Return a verdict table in words."""
    lines = [("check", "value", "must be", "verdict", "meaning")]
    for row in rows.to_dict("records"):
        lines.append((row["check"], f"{row['value']:.4g}", row["threshold"], row["verdict"].upper(), row["meaning"]))
    return aligned(lines, right={1})


def backtest_text(table: pd.DataFrame, notes: Sequence[str]) -> str:
    """Return the back-test by kind of figure in words."""
    from riskmodel.tables.checks import number_of
    from riskmodel.wording import digits

    lines = [("figures", "number", "in 50 %", "in 90 %", "gain", "its error", "CRPS", "naive", "Brier", "naive")]
    for row in table.to_dict("records"):
        inside = [number_of(row[f"inside_{share}"], row["predictions"]) for share in (50, 90)]
        losses = [digits(row[f"{who}{score}"]) for score in ("crps", "brier") for who in ("", "naive_")]
        gain = [f"{row['gain']:+.2f}", f"{row['gain_error']:.2f}"]
        lines.append((row["kind"], str(row["predictions"]), *inside, *gain, *losses))
    return f"""\
Each year predicted from what was published before it, against a naive forecast.

{aligned(lines, right=range(1, 10))}

in 50 %, in 90 %: share of figures inside the predicted interval. gain: mean log score above the naive
forecast's, positive is better. CRPS and Brier: losses, smaller is better.
{fill(" ".join(notes), 100)}"""


def aligned(rows: Sequence[Sequence[str]], right: Iterable[int]) -> str:
    """Return rows of text in columns, a rule under the first row."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    ruled = [rows[0], ["-" * width for width in widths], *rows[1:]]
    sides = [">" if place in right else "<" for place in range(len(widths))]
    pads = list(zip(sides, widths, strict=True))
    lines = ("  ".join(f"{c:{side}{w}}" for c, (side, w) in zip(row, pads, strict=True)) for row in ruled)
    return "\n".join(line.rstrip() for line in lines)


def counted(number: int, what: str) -> str:
    """Return how many there are of something."""
    return f"{number or 'no'} {what}{'s' * (number != 1)}"


def say(words: str) -> None:
    """Put words on standard error, at once."""
    print(f"riskmodel: {words}", file=sys.stderr, flush=True)


def safe_streams() -> None:
    """Never fail over a character: a terminal shows "?", a file or pipe gets UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            plain: TextIO = stream
            plain.reconfigure(errors="replace", **({} if plain.isatty() else {"encoding": "utf-8"}))  # type: ignore[attr-defined]


@contextmanager
def log_to_stderr(verbose: int) -> Iterator[None]:
    """Let the package's log reach standard error: warnings, and more with -v."""
    log, handler = logging.getLogger("riskmodel"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("riskmodel: %(message)s"))
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.WARNING - 10 * min(verbose, 2))
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
