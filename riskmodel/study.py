"""Read a study: tables in, typed and checked, or every problem at once.

Question answered: *which facts does the analysis rest on, and do they keep their own rules?*

``datapackage.json`` is the only schema: types, units, keys, vocabularies and SHA-256 sums stand there and
nowhere else.
"""

from __future__ import annotations

import datetime
import html
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import pandas as pd

from riskmodel._descriptor import AS_OF, HOME, Loaded, dangling, label_of, schema_gaps, update_hashes
from riskmodel._files import DESCRIPTOR, sha256_hex, shipped_data_dir
from riskmodel._load import add_rows, load_described, load_file, read_table
from riskmodel._relations import check_relations
from riskmodel._setups import SETUP_COLUMNS, folder_of, override, relaxed, setups_bytes, with_defaults
from riskmodel.codes import parse_date
from riskmodel.errors import Problem, StudyError, UsageError, did_you_mean
from riskmodel.schema import RawTable, check_cells, fields_of, primary_key, required_columns, split, typed

__all__ = ["Study", "check_study", "read_setups", "read_study", "shipped_data_dir", "split", "update_hashes"]

log = logging.getLogger(__name__)

ADDED = ("sources", "entities", "providers", "ownership", "certifications", "contract_terms", "setups")
"""Tables to whose shipped rows a folder without a description adds its own; other tables are replaced."""


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """The facts of an analysis: typed tables that keep their rules.

    Parameters
    ----------
    path
        Folder that was read.
    tables
        Typed tables by name, see `riskmodel.schema.typed`; ``study["setups"]`` gives a copy that can be
        changed without changing the study.
    descriptor
        The ``datapackage.json``: titles, descriptions and units of all columns, licences.
    data_hash
        SHA-256 over the tables; two studies with the same hash hold the same data.
    as_of
        The day up to which facts were collected.
    home
        The legal space whose own access is not foreign.
    problems
        Empty unless the study was read with ``strict=False``.
    design_hash
        Of a study in which values that reach the likelihood were replaced: the Design that a posterior must belong to.
    """

    path: Path
    tables: Mapping[str, pd.DataFrame]
    descriptor: Mapping[str, Any]
    data_hash: str
    as_of: datetime.date
    home: str = "EU/EEA"
    problems: tuple[Problem, ...] = ()
    design_hash: str | None = None
    _raw: Mapping[str, RawTable] = field(default_factory=dict, repr=False)

    def __getitem__(self, table: str) -> pd.DataFrame:
        """Return a table by its name."""
        if table not in self.tables:
            raise KeyError(f"no table {table!r}; there are {', '.join(sorted(self.tables))}")
        return self.tables[table].copy(deep=False)

    def field(self, table: str, column: str) -> Mapping[str, Any]:
        """Return what the description says of a column: type, description, unit, constraints."""
        described = {f["name"]: f for f in fields_of(self._raw[table].resource)}
        if column not in described:
            raise KeyError(f"no column {column!r} in table {table!r}")
        return described[column]

    def sources_for(self, table: str, row_id: str) -> pd.DataFrame:
        """Return the rows of ``sources`` on which a row rests.

        Parameters
        ----------
        table
            Name of the table.
        row_id
            Value of its primary key (of one column).

        Returns
        -------
        pandas.DataFrame
            In the order in which the row names them; without rows when it names none.
        """
        resource = self._raw[table].resource
        rows = self[table]
        rows = rows[rows[primary_key(resource)[0]] == row_id]
        if rows.empty:
            raise KeyError(f"no row {row_id!r} in table {table!r}")
        columns = [f["name"] for f in fields_of(resource) if f.get("references", {}).get("resource") == "sources"]
        ids = dict.fromkeys(i for column in columns for cell in rows[column] for i in split(cell))
        return self["sources"].set_index("source_id", drop=False).loc[list(ids)].reset_index(drop=True)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(frame)}" for name, frame in self.tables.items())
        return f"<Study {self.path}, as of {self.as_of}, hash {self.data_hash[:12]}: {sizes}>"

    def _repr_html_(self) -> str:
        title = html.escape(str(self.descriptor.get("title", "Study")))
        about = f"{self.path.name}, as of {self.as_of}, home {self.home}, hash {self.data_hash[:12]}"
        warning = f"<p><strong>{len(self.problems)} problems in the data</strong></p>" if self.problems else ""
        rows = "".join(
            f'<tr><th scope="row">{html.escape(name)}</th><td>{len(frame)}</td>'
            f"<td>{html.escape(str(self._raw[name].resource.get('title', '')))}</td></tr>"
            for name, frame in self.tables.items()
        )
        head = '<tr><th scope="col">table</th><th scope="col">rows</th><th scope="col">what a row is</th></tr>'
        return (
            f"<div>{warning}<table><caption>{title} ({html.escape(about)})</caption>"
            f"<thead>{head}</thead><tbody>{rows}</tbody></table></div>"
        )


def read_study(path: Path | str | None = None, *, strict: bool = True) -> Study:
    """Read and check the facts of an analysis.

    Parameters
    ----------
    path
        None for the data that ship with the package, or a folder:

        - with a ``datapackage.json``: it describes its tables; tables that it does not describe are the
          shipped ones. Each known table must have at least the shipped columns. The SHA-256 sums are
          compared.
        - without one: its CSV files have the names and columns of the shipped tables. The rows of
          ``sources``, ``entities``, ``providers``, ``ownership``, ``certifications``, ``contract_terms`` and
          ``setups`` are added to the shipped rows (an id that is there already is an error; columns that are
          not required may be left out). Any other table replaces the shipped one.
    strict
        If False, problems are logged as warnings and kept in ``Study.problems``, and cells of the wrong
        type are missing: for looking at data under repair, not for results.

    Returns
    -------
    Study
        Typed tables.

    Raises
    ------
    StudyError
        If any rule is broken: all problems of all tables at once, by file and row.
    UsageError
        If `path` is no folder, or holds no table.
    """
    loaded, folder = _load(path)
    # shipped tables were checked when the package was made: bytes that agree with the descriptor need no second look
    whole = path is None and not loaded.problems
    problems = loaded.problems + ([] if whole else _check(loaded))
    return _study(loaded, folder, problems, strict=strict)


def check_study(path: Path | str | None = None) -> list[Problem]:
    """Return every problem of a study, by file and row; an empty list when all is well.

    Parameters
    ----------
    path
        As for `read_study`.

    Raises
    ------
    UsageError
        If `path` is no folder, or holds no table.
    """
    loaded, _ = _load(path)
    return list(StudyError(loaded.problems + _check(loaded)).problems)


def read_setups(
    source: Path | str | IO[str] | IO[bytes] | pd.DataFrame, study: Study, extra_dir: Path | str | None = None
) -> Study:
    """Read an analyst's own setups on top of a study.

    Parameters
    ----------
    source
        CSV file, open file or data frame with the columns of ``setups``; only ``setup_id``,
        ``provider_id``, ``data_class`` and ``service_model`` must be there. Cells left empty are unknown,
        except that ``name`` and ``label`` become the id, ``kind`` becomes ``generic`` and ``confidence``
        ``low``.
    study
        The study whose providers, regimes and other facts hold.
    extra_dir
        Folder of further rows: ``providers.csv``, ``entities.csv``, ``ownership.csv``,
        ``certifications.csv``, ``contract_terms.csv``, ``sources.csv``, with at least the required columns
        of those tables. By default the folder of `source`, if that is a file.

    Returns
    -------
    Study
        The study and the further rows, with only the analyst's rows in ``setups``.

    Raises
    ------
    StudyError
        If any rule is broken, such as an id that the study has already.
    UsageError
        If the file does not exist, or `extra_dir` is a complete study of its own.
    """
    data, file = setups_bytes(source)
    tables = dict(study._raw)
    resource = relaxed(tables["setups"].resource)
    setups, problems = read_table(data, file, resource, needed=SETUP_COLUMNS)
    new = {} if setups is None else {"setups": with_defaults(setups)}
    folder = Path(extra_dir) if extra_dir is not None else folder_of(source)
    for name in (name for name in ADDED if name != "setups" and name in tables):
        if folder is None or not (folder / tables[name].file).is_file() or _same(folder, study.path):
            continue
        if (folder / DESCRIPTOR).is_file():
            raise UsageError(f"{folder} is a study of its own (it has a {DESCRIPTOR}): read it with read_study first")
        described = tables[name].resource
        raw, found = load_file(folder, described, needed=required_columns(described), rows_needed=False)
        problems += found
        if raw is not None:
            new[name] = raw
    for name, raw in new.items():
        problems += check_cells(raw)
        tables[name] = add_rows(tables[name], raw) if name != "setups" else override(tables[name], raw)
    files = {place for raw in new.values() for place, _ in raw.origin}
    problems += [problem for problem in check_relations(tables) if problem.file in files]
    if setups is not None:
        tables["setups"] = new["setups"]
    loaded = Loaded(dict(study.descriptor), tables, problems)
    return replace(_study(loaded, study.path, problems), home=study.home, as_of=study.as_of)


def _load(path: Path | str | None) -> tuple[Loaded, Path]:
    """Read all tables of a study as text, its own and the shipped ones it builds on."""
    shipped = shipped_data_dir()
    folder = shipped if path is None else Path(path)
    if not folder.is_dir():
        raise UsageError(f"{folder} is {'a file, not a folder' if folder.exists() else 'not there'}")
    described = (folder / DESCRIPTOR).is_file()
    own = load_described(folder) if described else Loaded({})
    if not _same(folder, shipped):
        base = load_described(shipped, missing_ok=own.resources)
        own = _on_top(own, base, label_of(folder, DESCRIPTOR)) if described else _beside(base, folder)
    own.problems += dangling(own.resources, label_of(folder if described else shipped, DESCRIPTOR))
    return own, folder


def _on_top(own: Loaded, base: Loaded, file: str) -> Loaded:
    """Return a described study with the shipped tables that it does not describe."""
    if not own.descriptor:
        return own
    problems = own.problems + base.problems + schema_gaps(own.resources, base.resources, file)
    others = [resource for name, resource in base.resources.items() if name not in own.resources]
    descriptor = {**own.descriptor, "resources": [*own.descriptor["resources"], *others]}
    return Loaded(descriptor, base.tables | own.tables, problems)


def _beside(base: Loaded, folder: Path) -> Loaded:
    """Return the shipped study with the tables of a folder that describes nothing."""
    files = {resource["path"]: name for name, resource in base.resources.items()}
    here = sorted(file.name for file in folder.glob("*.csv"))
    if not any(file in files or did_you_mean(file, files) for file in here):
        raise UsageError(f"{folder} holds neither a {DESCRIPTOR} nor a table such as setups.csv")
    for file in here:
        if file in files:
            _overlay(base, files[file], folder)
        elif hint := did_you_mean(file, files):
            base.problems.append(Problem.of_file(label_of(folder, file), f"is not a table{hint}"))
        else:
            log.warning("%s is not a table of a study and was not read", folder / file)
    return base


def _overlay(base: Loaded, name: str, folder: Path) -> None:
    """Add the rows of a folder's table to the shipped ones, or put them in their place."""
    resource, added = base.resources[name], name in ADDED and name in base.tables
    needed = required_columns(resource) if added else None
    raw, problems = load_file(folder, resource, needed=needed, rows_needed=not added)
    base.problems += problems
    if raw is not None:
        base.tables[name] = add_rows(base.tables[name], raw) if added else raw
    elif added:
        base.tables[name].whole = False


def _check(loaded: Loaded) -> list[Problem]:
    problems = [problem for raw in loaded.tables.values() for problem in check_cells(raw)]
    return problems + check_relations(loaded.tables)


def _study(loaded: Loaded, folder: Path, problems: list[Problem], *, strict: bool = True) -> Study:
    if problems and (strict or not loaded.descriptor):
        raise StudyError(problems)
    sorted_problems = StudyError(problems).problems
    for problem in sorted_problems:
        log.warning("%s", problem)
    lines = "".join(f"{name} {raw.digest}\n" for name, raw in sorted(loaded.tables.items()))
    return Study(
        path=folder,
        tables=MappingProxyType({name: typed(raw) for name, raw in loaded.tables.items()}),
        descriptor=MappingProxyType(loaded.descriptor),
        data_hash=sha256_hex(lines.encode()),
        as_of=parse_date(loaded.descriptor[AS_OF]),
        home=str(loaded.descriptor.get(HOME, "EU/EEA")),
        problems=sorted_problems,
        _raw=MappingProxyType(loaded.tables),
    )


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
