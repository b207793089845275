"""Bytes on disk: where the shipped data lie, writing a file whole or not at all, reading CSV line by line.

Question answered: *what does this file hold, and is it whole?*
"""

from __future__ import annotations

import csv
import hashlib
import importlib.resources
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from riskmodel.errors import Problem, UsageError

__all__ = ["CsvText", "atomic_write", "harmless", "parse_csv", "replacing", "sha256_hex", "shipped_data_dir"]

DESCRIPTOR = "datapackage.json"


def shipped_data_dir() -> Path:
    """Return the folder of the data that ship with the package.

    Returns
    -------
    Path
        ``riskmodel/data`` inside an installed wheel, ``<repository>/data`` in an editable checkout.

    Raises
    ------
    UsageError
        If neither folder holds a ``datapackage.json``.
    """
    inside = Path(str(importlib.resources.files("riskmodel").joinpath("data")))
    beside = Path(__file__).resolve().parent.parent / "data"
    for folder in (inside, beside):
        if (folder / DESCRIPTOR).is_file():
            return folder
    raise UsageError(f"the data of riskmodel were found neither in {inside} nor in {beside}")


def harmless(cell: Any) -> Any:
    """Return a cell of a CSV file that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless(-0.5)
    ("'=1+1", -0.5)
    """
    risky = isinstance(cell, str) and (
        cell.lstrip(" ").startswith(("=", "+", "-", "@")) or cell.startswith(("\t", "\r"))
    )
    return f"'{cell}" if risky else cell


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place when the block ends well.

    Parameters
    ----------
    path
        The file to write. A symbolic link is followed.

    Yields
    ------
    Path
        A path with the same ending in the same folder; write there. When the block raises, it is removed and
        the old file, if any, stays as it was.
    """
    target = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def atomic_write(path: str | Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never half of it.

    Parameters
    ----------
    path
        The file; its folder must exist.
    content
        Text (written as UTF-8, line ends as given) or bytes.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


@dataclass
class CsvText:
    """A CSV file taken apart, nothing interpreted.

    Parameters
    ----------
    header
        Column names as written.
    rows
        Cells of each record; always as many as the header has, padded or cut where the file was ragged.
    lines
        The line on which each record begins (the header is on line 1).
    broken
        Lines whose record was ragged: their cells are not to be trusted.
    problems
        What is wrong with the file's form.
    """

    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    broken: set[int] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def parse_csv(data: bytes, file: str) -> CsvText:
    """Take a CSV file apart and name every flaw of its form.

    Parameters
    ----------
    data
        The bytes of the file: UTF-8 (a byte order mark is accepted), commas, double quotes, any line ends.
    file
        Its name in messages.

    Returns
    -------
    CsvText
        Header, records and lines; ``problems`` lists an empty file, bytes that are not UTF-8, an unclosed
        quote, ragged rows and a last line that was cut off. Blank lines are skipped.
    """
    out = CsvText()

    def wrong(row: int | None, value: str | None, rule: str) -> None:
        out.problems.append(Problem(file, row, None, value, rule))

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        rule = f"must be UTF-8 text; the byte at offset {start} is not (save as 'CSV UTF-8')"
        wrong(data.count(b"\n", 0, start) + 1, f"byte 0x{data[start]:02x}", rule)
        return out
    if not text.strip():
        wrong(None, None, "must not be empty: the first line names the columns")
        return out
    unfinished = not text.endswith(("\n", "\r"))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begin = 1
    try:
        for cells in reader:
            line, begin = begin, reader.line_num + 1
            if not cells:
                continue
            if not out.header:
                out.header = cells
                if len(cells) == 1 and (";" in cells[0] or "\t" in cells[0]):
                    wrong(line, cells[0], "columns must be separated by commas, not by semicolons or tabs")
                    return out
                continue
            out.rows.append(cells)
            out.lines.append(line)
    except csv.Error as error:
        quote = "unexpected end" in str(error) or "field larger" in str(error)
        rule = "has a quote that is never closed" if quote else f"is not valid CSV: {error}"
        wrong(begin, None, f"{rule}; the file was read up to here")
    width = len(out.header)
    for number, (cells, line) in enumerate(zip(out.rows, out.lines, strict=True)):
        if len(cells) == width:
            continue
        out.broken.add(line)
        last = number == len(out.rows) - 1 and unfinished and len(cells) < width
        cut = "; the last line seems cut off" if last else ""
        hint = " (a text with a comma must stand in double quotes)" if len(cells) > width else ""
        wrong(line, ",".join(cells), f"has {len(cells)} cells, must have {width} as the header{hint}{cut}")
        out.rows[number] = (cells + [""] * width)[:width]
    return out
