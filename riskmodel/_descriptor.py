"""The description of a folder of tables, ``datapackage.json``: read, checked, its sums renewed.

Question answered: *what does this folder say it holds?*
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from riskmodel._files import DESCRIPTOR, atomic_write, sha256_hex, shipped_data_dir
from riskmodel.codes import legal_space, parse_date
from riskmodel.errors import Problem, StudyError, UsageError
from riskmodel.schema import TYPES, RawTable, Resource, cell_tests, fields_of, links, primary_key

__all__ = ["AS_OF", "HOME", "Loaded", "dangling", "label_of", "read_descriptor", "schema_gaps", "update_hashes"]

log = logging.getLogger(__name__)

AS_OF = "riskmodel:as_of"
HOME = "riskmodel:home"


@dataclass
class Loaded:
    """What a folder holds: its description, its tables as text, and what is wrong so far."""

    descriptor: dict[str, Any]
    tables: dict[str, RawTable] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def resources(self) -> dict[str, Resource]:
        """Description of each table by its name."""
        return {resource["name"]: resource for resource in self.descriptor.get("resources", ())}


def label_of(folder: Path, file: str) -> str:
    """Return the name of a file as a user at the current folder would write it."""
    path = folder / file
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix() if path.is_absolute() else path.as_posix()
    except ValueError:
        return path.as_posix()


def read_descriptor(folder: Path) -> Loaded:
    """Read and check the ``datapackage.json`` of a folder.

    Parameters
    ----------
    folder
        Folder that holds the file.

    Returns
    -------
    Loaded
        The description without tables; without resources either when it cannot be used.
    """
    file = label_of(folder, DESCRIPTOR)
    try:
        descriptor = json.loads((folder / DESCRIPTOR).read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        flaw = Problem.of_file(file, f"must be UTF-8 text; the byte at offset {error.start} is not")
        return Loaded({}, problems=[flaw])
    except json.JSONDecodeError as error:
        return Loaded({}, problems=[Problem(file, error.lineno, None, None, f"is not valid JSON: {error.msg}")])
    except OSError as error:
        return Loaded({}, problems=[Problem.of_file(file, f"cannot be read: {error.strerror}")])
    problems = [Problem(file, None, where, None, rule) for where, rule in _descriptor_flaws(descriptor)]
    return Loaded({} if problems else descriptor, problems=problems)


def _descriptor_flaws(descriptor: Any) -> list[tuple[str, str]]:
    """Return (place, rule) of each flaw that would keep the description from being used."""
    resources = descriptor.get("resources") if isinstance(descriptor, dict) else None
    if not isinstance(resources, list) or not resources:
        return [("resources", "must list the tables")]
    flaws: list[tuple[str, str]] = []
    for key, parse in ((AS_OF, parse_date), (HOME, legal_space)):
        value = descriptor.get(key, "EU/EEA" if key == HOME else None)
        try:
            parse(str(value))
        except ValueError as error:
            flaws.append((key, str(error)))
    names: set[str] = set()
    for number, resource in enumerate(resources):
        try:
            name, path, fields = resource["name"], resource["path"], resource["schema"]["fields"]
            columns = [f["name"] for f in fields]
            kinds = {f["type"] for f in fields}
        except (KeyError, TypeError) as error:
            flaws.append((f"resources[{number}]", f"must have a name, a path and typed fields ({error} is missing)"))
            continue
        rules = {
            "path must be a plain file name in the same folder": isinstance(path, str) and Path(path).name == path,
            "is described twice": name not in names,
            "describes a field twice": len(set(columns)) == len(columns),
            f"field types must be among {', '.join(TYPES)}": kinds <= set(TYPES),
            "primaryKey must name fields of the table": set(primary_key(resource)) <= set(columns),
        }
        flaws += [(str(name), rule) for rule, kept in rules.items() if not kept]
        names.add(name)
        try:
            list(links(resource)), [list(cell_tests(column)) for column in fields]
        except (re.error, ValueError, TypeError, AttributeError, KeyError) as error:
            flaws.append((str(name), f"has rules that cannot be used: {error}"))
    return flaws


def dangling(resources: Mapping[str, Resource], file: str) -> list[Problem]:
    """Return the references whose table or columns are described nowhere."""
    problems = []
    for name, resource in resources.items():
        for columns, table, targets in links(resource):
            target = resources.get(table or name)
            if target is None or not set(targets) <= {f["name"] for f in fields_of(target)}:
                rule = f"{name}.{columns[0]} refers to {table}.{targets[0]}, which is not described"
                problems.append(Problem(file, None, name, None, rule))
    return problems


def schema_gaps(own: Mapping[str, Resource], shipped: Mapping[str, Resource], file: str) -> list[Problem]:
    """Return the fields of known tables that a study's own description lacks or types otherwise."""
    problems = []
    for name in own.keys() & shipped.keys():
        kinds = {f["name"]: f["type"] for f in fields_of(own[name])}
        for column in fields_of(shipped[name]):
            if kinds.get(column["name"]) != column["type"]:
                rule = f"table {name} must describe the field {column['name']} as {column['type']}"
                problems.append(Problem(file, None, name, kinds.get(column["name"]), rule))
    return problems


def update_hashes(path: Path | str | None = None) -> list[str]:
    """Write the SHA-256 and size of every table into the ``datapackage.json`` of a folder.

    Parameters
    ----------
    path
        Folder of the study; None for the shipped data.

    Returns
    -------
    list of str
        Names of the tables that had changed.

    Raises
    ------
    StudyError
        If the description cannot be used, or a file is missing; nothing is written then.
    UsageError
        If the folder has no description.
    """
    folder = shipped_data_dir() if path is None else Path(path)
    if not (folder / DESCRIPTOR).is_file():
        raise UsageError(f"{folder} has no {DESCRIPTOR} to write into")
    loaded = read_descriptor(folder)
    problems, changed = list(loaded.problems), []
    for resource in loaded.descriptor.get("resources", ()):
        try:
            data = (folder / resource["path"]).read_bytes()
        except OSError as error:
            file = label_of(folder, resource["path"])
            problems.append(Problem.of_file(file, f"cannot be read: {error.strerror}"))
            continue
        news = {"hash": f"sha256:{sha256_hex(data)}", "bytes": len(data)}
        if {key: resource.get(key) for key in news} != news:
            resource.update(news)
            changed.append(str(resource["name"]))
    if problems:
        raise StudyError(problems)
    if changed:
        atomic_write(folder / DESCRIPTOR, json.dumps(loaded.descriptor, indent=1, ensure_ascii=False) + "\n")
        log.info("new sums of %s written to %s", ", ".join(changed), folder / DESCRIPTOR)
    return changed
