"""The numbers behind the figures of a page: one CSV file each, and a workbook with all of them.

Question answered: *what exactly was drawn, in which unit, and from what?* Frames are written as a page is made; cells
that a spreadsheet would take for a formula are text.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from riskmodel._files import harmless

__all__ = ["CONTENTS", "WORKBOOK", "behind", "collect", "unit_of", "workbook"]

CONTENTS, WORKBOOK = "contents.csv", "riskmodel-data.xlsx"
COLUMNS = ("file", "caption", "column", "unit", "source")
RESTS = "rests_on"
"""Column of the contents that names the nodes of the ledger behind a figure."""
UNITS = (
    (r"horizon_years|(^|_)years$", "years"),
    (r"_pct$", "per cent"),
    (
        r"^(probability|reach|exceeds|lower|equal|higher|lowest|worlds?_|share|separated|by$)",
        "probability or share, 0 to 1",
    ),
    (r"^(ratio|times|factor)", "ratio"),
    (r"(date|from|until|day)$", "date"),
    (r"rank", "place, 1 the least exposed"),
    (r"influence", "share of rank variance"),
    (r"(value_low|value_high|low|high|mid)$", "as the caption says"),
)
"""Pattern of a column's name and its unit; the first that fits."""
_state: dict[str, Any] = {"folder": None, "source": ""}


def collect(folder: Path | str | None, source: str = "") -> None:
    """Write what is behind the figures from now on to a folder; None: no longer.

    Parameters
    ----------
    source
        What the numbers come from, such as the ids of posterior and data.
    """
    _state.update(folder=None if folder is None else Path(folder), source=source)


def unit_of(column: str, frame: pd.DataFrame) -> str:
    """Unit of a column by its name; text has none.

    >>> unit_of("probability_low", pd.DataFrame({"probability_low": [0.1]}))
    'probability or share, 0 to 1'
    """
    if frame[column].dtype.kind not in "fiMm":
        return ""
    return next((unit for pattern, unit in UNITS if re.search(pattern, column)), "")


def behind(data: pd.DataFrame | xr.Dataset | xr.DataArray, caption: str) -> None:
    """Keep what is behind a figure, if anybody asked for it."""
    folder: Path | None = _state["folder"]
    if folder is None:
        return
    frame = _frame(data)
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.glob("figure-*.csv"))) + 1
    name = f"figure-{number:02d}.csv"
    _write(folder / name, frame)
    contents = folder / CONTENTS
    rows = [(name, caption, str(c), unit_of(c, frame), _state["source"]) for c in frame.columns]
    new = pd.DataFrame(rows, columns=list(COLUMNS))
    known = pd.read_csv(contents, keep_default_na=False) if contents.is_file() else pd.DataFrame(columns=list(COLUMNS))
    _write(contents, pd.concat([known, new], ignore_index=True))


def _frame(data: pd.DataFrame | xr.Dataset | xr.DataArray) -> pd.DataFrame:
    """Anything that is drawn as a tidy frame; samples as their mean."""
    if isinstance(data, pd.DataFrame):
        plain = data if data.index.name is None else data.reset_index()
        return plain.rename(columns=str)
    named = data.to_dataset(name="value") if isinstance(data, xr.DataArray) else data
    return (
        named.mean("sample").to_dataframe().reset_index()
        if "sample" in named.dims
        else named.to_dataframe().reset_index()
    )


def _write(path: Path, frame: pd.DataFrame) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([harmless(str(c)) for c in frame.columns])
        filled = frame.astype(object).where(frame.notna(), "")
        out.writerows([harmless(cell) for cell in row] for row in filled.itertuples(index=False, name=None))


def workbook(
    folder: Path,
    about: Mapping[str, object],
    nodes: Mapping[str, str] | None = None,
    more: Mapping[str, pd.DataFrame] | None = None,
) -> Path:
    """Put all tables of a folder into one workbook, with what they are about on its first sheet.

    Parameters
    ----------
    folder
        Where :func:`behind` wrote.
    about
        What identifies the numbers: posterior, data, horizon, date.
    nodes
        Caption of a figure -> nodes of the ledger that it rests on; also kept in the list of contents.
    more
        Further sheets, such as the ledger and the documents that the study rests on; each also a CSV file.
    """
    from xlsxwriter import Workbook

    target = folder / WORKBOOK
    contents = pd.read_csv(folder / CONTENTS, keep_default_na=False)
    if nodes:
        said = contents["caption"].str.removeprefix("'").map(nodes).fillna("")
        _write(folder / CONTENTS, contents := contents.assign(**{RESTS: said}))
    for name, frame in (more or {}).items():
        _write(folder / f"{name}.csv", frame)
    with Workbook(
        str(target), {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    ) as book:
        bold = book.add_format({"bold": True})
        first = book.add_worksheet("contents")
        for row, (name, value) in enumerate(about.items()):
            first.write_string(row, 0, name, bold)
            first.write_string(row, 1, str(value))
        _sheet(first, contents, len(about) + 1, bold)
        for file in contents["file"].unique():
            frame = pd.read_csv(folder / file)
            _sheet(book.add_worksheet(Path(str(file)).stem), frame, 0, bold)
        for name, frame in (more or {}).items():
            _sheet(book.add_worksheet(name), frame.astype("object").fillna("").astype(str), 0, bold)
    return target


def _sheet(sheet: Any, frame: pd.DataFrame, top: int, bold: Any) -> None:
    """One frame on a sheet, numbers as numbers and all else as text."""
    for column, name in enumerate(frame.columns):
        sheet.write_string(top, column, str(name), bold)
        for row, cell in enumerate(frame[name].tolist(), start=top + 1):
            if isinstance(cell, bool | str):
                sheet.write_string(row, column, str(cell).removeprefix("'"))
            elif cell is not None and math.isfinite(cell):
                sheet.write_number(row, column, float(cell))
    sheet.autofit()
