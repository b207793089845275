"""From a folder to tables of text: the description, the files it names, and what is wrong with their form.

Question answered: *which tables does this folder hold, are they whole, and are they the files that were
described?*
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from riskmodel._descriptor import Loaded, label_of, read_descriptor
from riskmodel._files import DESCRIPTOR, parse_csv, sha256_hex
from riskmodel.errors import Problem, did_you_mean
from riskmodel.schema import RawTable, Resource, fields_of

__all__ = ["add_rows", "load_described", "load_file", "read_table"]


def load_described(folder: Path, missing_ok: Collection[str] = ()) -> Loaded:
    """Read all tables that the ``datapackage.json`` of a folder describes.

    Parameters
    ----------
    folder
        Folder of the description and its tables.
    missing_ok
        Names of tables that are not to be read (another folder has them).

    Returns
    -------
    Loaded
        Tables as text. Problems: files that are missing, malformed, not described, or changed since their
        SHA-256 was written.
    """
    loaded = read_descriptor(folder)
    for name, resource in loaded.resources.items():
        if name not in missing_ok:
            raw, problems = load_file(folder, resource, check_hash=True)
            loaded.problems += problems
            if raw is not None:
                loaded.tables[name] = raw
    if loaded.descriptor:
        paths = {r["path"] for r in loaded.resources.values()}
        for path in sorted(folder.glob("*.csv")):
            if path.name not in paths:
                file = label_of(folder, path.name)
                loaded.problems.append(Problem.of_file(file, f"is not described in {DESCRIPTOR}"))
    return loaded


def load_file(
    folder: Path, resource: Resource, *, check_hash: bool = False, **relaxed: Any
) -> tuple[RawTable | None, list[Problem]]:
    """Read the file of one table; see `read_table`.

    Parameters
    ----------
    folder
        Folder of the file.
    resource
        Description of the table; its ``hash`` is compared when `check_hash` is set.
    check_hash
        Whether the file must be the one that was described.
    relaxed
        What `read_table` need not insist on.

    Returns
    -------
    tuple
        The table as text, or None when it cannot be read, and the problems.
    """
    file = label_of(folder, resource["path"])
    try:
        data = (folder / resource["path"]).read_bytes()
    except FileNotFoundError:
        return None, [Problem.of_file(file, f"is missing, though {DESCRIPTOR} describes it")]
    except OSError as error:
        return None, [Problem.of_file(file, f"cannot be read: {error.strerror}")]
    raw, problems = read_table(data, file, resource, **relaxed)
    expected = str(resource.get("hash", "")).removeprefix("sha256:") if check_hash else ""
    if expected and expected not in {sha256_hex(data), sha256_hex(_unix(data))}:
        rule = f"is not the file {DESCRIPTOR} describes (sha256:{expected[:12]}…); if the change is meant, "
        rule += "run `riskmodel check --update-hashes`"
        problems.append(Problem.of_file(file, rule, f"sha256:{sha256_hex(data)[:12]}…"))
    return raw, problems


def _unix(data: bytes) -> bytes:
    """Return bytes with Unix line ends, so that a checkout under Windows has the same sums."""
    return data.replace(b"\r\n", b"\n")


def read_table(
    data: bytes, file: str, resource: Resource, *, needed: Collection[str] | None = None, rows_needed: bool = True
) -> tuple[RawTable | None, list[Problem]]:
    """Turn the bytes of a CSV file into a table of text.

    Parameters
    ----------
    data
        Content of the file.
    file
        Its name in messages.
    resource
        Description of the table.
    needed
        Columns that must be there; None for all. Other described columns are empty when absent.
    rows_needed
        Whether a table without rows is an error.

    Returns
    -------
    tuple
        The table, or None when nothing can be read, and the problems of its form.
    """
    text = parse_csv(data, file)
    problems = list(text.problems)
    if not text.header or (not text.rows and problems):
        return None, problems
    known = [f["name"] for f in fields_of(resource)]
    absent = [name for name in known if name not in text.header]
    for name in dict.fromkeys(name for name in text.header if name not in known):
        rule = f"is not a column of this table{did_you_mean(name, absent or known)}"
        problems.append(Problem(file, 1, name or "(no name)", None, rule))
    for name in known:
        if text.header.count(name) > 1:
            problems.append(Problem(file, 1, name, None, f"appears {text.header.count(name)} times in the header"))
    missing = [name for name in absent if needed is None or name in needed]
    problems += [Problem(file, 1, name, None, "is missing: the table must have this column") for name in missing]
    if not text.rows and rows_needed and not resource.get("riskmodel:may_be_empty"):
        problems.append(Problem(file, 1, None, None, "has column names but no rows"))
    frame = pd.DataFrame(text.rows, columns=range(len(text.header)), dtype="str")
    places = {name: text.header.index(name) for name in known if name in text.header}
    frame = frame[list(places.values())].set_axis(list(places), axis=1)
    frame = frame.mask(frame == "").reindex(columns=[name for name in known if name not in missing]).astype("str")
    origin, broken = [(file, line) for line in text.lines], {(file, line) for line in text.broken}
    whole = not any("read up to here" in problem.rule for problem in text.problems)
    return RawTable(resource, frame, origin, sha256_hex(_unix(data)), broken, whole), problems


def add_rows(base: RawTable, more: RawTable) -> RawTable:
    """Return a table with the rows of both, the second's after the first's."""
    frame = pd.concat([base.frame, more.frame], ignore_index=True).astype("str")
    digest, whole = sha256_hex(f"{base.digest}+{more.digest}".encode()), base.whole and more.whole
    return RawTable(base.resource, frame, base.origin + more.origin, digest, base.broken | more.broken, whole)
