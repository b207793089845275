"""A study is read whole and typed, or every problem is named by file, row, column, value and rule."""

from __future__ import annotations

import io
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from riskmodel import _files, study
from riskmodel.errors import Problem, StudyError, UsageError
from riskmodel.study import check_study, read_setups, read_study, split, update_hashes

SHIPPED = _files.shipped_data_dir()

CITED: dict[str, Any] = {"separator": ";", "references": {"resource": "sources", "field": "source_id"}}
FIELDS: dict[str, dict[str, dict[str, Any]]] = {
    "sources": {"source_id": {"key": True}, "title": {"constraints": {"required": True}}},
    "entities": {"entity_id": {"key": True}, "country": {"vocabulary": "country"}, "source_ids": CITED},
    "providers": {
        "provider_id": {
            "key": True,
            "link": ("entities", "entity_id"),
            "constraints": {"pattern": "[a-z0-9_]+"},
        },
        "name": {"constraints": {"required": True, "unique": True}},
        "staff_countries": {"separator": ";", "vocabulary": "country"},
        "is_pseudo": {"type": "boolean"},
        "remark": {},
    },
    "ownership": {
        "ownership_id": {"key": True},
        "owned_id": {"link": ("entities", "entity_id")},
        "share_low_pct": {"type": "number", "unit": "percent", "constraints": {"minimum": 0, "maximum": 100}},
        "share_high_pct": {
            "type": "number",
            "unit": "percent",
            "constraints": {"minimum": 0, "maximum": 100},
        },
        "kind": {"constraints": {"enum": ["capital", "votes", "control"]}},
        "as_of": {"type": "date"},
        "status": {},
    },
    "setups": {
        "setup_id": {"key": True},
        "name": {"constraints": {"required": True}},
        "label": {"constraints": {"required": True, "maxLength": 32}},
        "provider_id": {"link": ("providers", "provider_id")},
        "from_date": {"type": "date", "constraints": {"minimum": "1990-01-01"}},
        "to_date": {"type": "date"},
        "certifications_required": {"separator": ";", "elements": ["HDS", "SecNumCloud"]},
        "seats": {"type": "integer"},
        "data_class": {"constraints": {"required": True}},
        "service_model": {"constraints": {"required": True}},
        "kind": {"constraints": {"required": True}},
        "variant_of": {"link": ("", "setup_id")},
        "source_ids": {**CITED, "constraints": {"required": True}},
        "confidence": {"constraints": {"required": True, "enum": ["high", "medium", "low"]}},
    },
    "rules": {"version": {"key": True}, "objective": {"key": True}, "weight": {"type": "integer"}},
}
ORDERED = {"ownership": [["share_low_pct", "share_high_pct"]], "setups": [["from_date", "to_date"]]}
ROWS = {
    "sources": ["S1,First source", "S2,Second source"],
    "entities": ["acme,US,S1", "eurocloud,FR,S1;S2", "holding,NL,"],
    "providers": ["acme,Acme Cloud,US;IN,false,", "eurocloud,Euro Cloud,,false,a remark"],
    "ownership": [
        "OWN1,eurocloud,40,60,capital,2025-12-31,current",
        "OWN2,eurocloud,40,40,capital,2025-12-31,current",
        "OWN3,eurocloud,30,30,votes,2025-12-31,current",
        "OWN4,eurocloud,80,80,capital,2024-12-31,superseded",
    ],
    "setups": [
        "A,Setup A,Setup A,acme,2020-01-31,,HDS;SecNumCloud,1200,health,infrastructure,current,,S1,high",
        "B,Setup B,Setup B,eurocloud,2024-01-01,2026-01-01,,,health,infrastructure,planned,A,S1;S2,low",
    ],
    "rules": ["v1,one,10", "v1,two,20", "v2,one,30"],
}  # fmt: skip


def resource(name: str) -> dict[str, Any]:
    """Return the description of a table of the small study."""
    fields, key, links = [], [], []
    for column, details in FIELDS[name].items():
        about = {"name": column, "type": "string", "description": f"The {column}."}
        about |= {k: v for k, v in details.items() if k not in {"key", "link"}}
        fields.append(about)
        if details.get("key"):
            key.append(column)
        if "link" in details:
            table, target = details["link"]
            links.append({"fields": column, "reference": {"resource": table, "fields": target}})
    schema = {"fields": fields, "primaryKey": key, "foreignKeys": links, "missingValues": [""]}
    about = {"name": name, "path": f"{name}.csv", "title": f"All <{name}>", "schema": schema}
    return {**about, "ordered": ORDERED.get(name, [])}


def put(folder: Path, table: str, *rows: str, header: str | None = None) -> None:
    """Write a table; without rows, the good ones."""
    lines = [header or ",".join(FIELDS[table]), *(rows or ROWS[table])]
    (folder / f"{table}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small study that takes the place of the shipped one, with the current folder above it."""
    folder = tmp_path / "data"
    folder.mkdir()
    for table in FIELDS:
        put(folder, table)
    package = {
        "name": "small",
        "title": "A <small> study",
        "riskmodel:as_of": "2026-11-22",
        "resources": [resource(table) for table in FIELDS],
    }
    (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    monkeypatch.setattr(study, "shipped_data_dir", lambda: folder)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def mine(base: Path, tmp_path: Path) -> Path:
    """Return an empty folder beside the small study."""
    folder = tmp_path / "mine"
    folder.mkdir()
    return folder


def only(problems: list[Problem]) -> Problem:
    """Return the one problem there is."""
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


# ── good data ────────────────────────────────────────────────────────────


def test_tables_are_typed(base: Path) -> None:
    got = read_study()
    assert check_study() == [] and got.problems == ()
    assert list(got.tables) == list(FIELDS)
    setups = got["setups"]
    assert {column: str(kind) for column, kind in setups.dtypes.items()} | {"rest": "str"} == {
        **dict.fromkeys([*FIELDS["setups"], "rest"], "str"),
        "from_date": "datetime64[us]",
        "to_date": "datetime64[us]",
        "seats": "Int64",
    }
    assert setups["seats"].tolist() == [1200, pd.NA]
    assert setups["from_date"][0] == pd.Timestamp("2020-01-31") and pd.isna(setups["to_date"][0])
    assert str(got["providers"]["is_pseudo"].dtype) == "boolean" and not got["providers"]["is_pseudo"].any()
    assert got["ownership"]["share_low_pct"].dtype == "float64"
    assert pd.isna(got["providers"]["remark"][0])
    assert split(setups["certifications_required"][0]) == ("HDS", "SecNumCloud")
    assert split(setups["certifications_required"][1]) == ()
    assert got.as_of.isoformat() == "2026-11-22" and got.home == "EU/EEA"


def test_a_country_called_na_and_text_none_stay_text(base: Path) -> None:
    put(base, "entities", "acme,NA,", "eurocloud,FR,", "holding,,")
    put(base, "providers", "acme,None,,false,NULL", "eurocloud,Euro,,TRUE,nan")
    got = read_study()
    assert got["entities"]["country"].tolist()[:2] == ["NA", "FR"]
    assert got["providers"]["remark"].tolist() == ["NULL", "nan"]
    assert got["providers"]["is_pseudo"].tolist() == [False, True]


def test_byte_order_mark_windows_lines_and_missing_last_newline_are_accepted(base: Path) -> None:
    before = read_study()
    text = (base / "setups.csv").read_text(encoding="utf-8")
    (base / "setups.csv").write_bytes(b"\xef\xbb\xbf" + text.strip().replace("\n", "\r\n").encode())
    assert read_study()["setups"].equals(before["setups"])


def test_study_shows_itself_and_cannot_be_changed(base: Path) -> None:
    got = read_study()
    shown = got._repr_html_()
    assert "A &lt;small&gt; study" in shown and "All &lt;setups&gt;" in shown and "<small>" not in shown
    assert "setups 2" in repr(got) and len(repr(got)) < 400
    copied = got["setups"]
    copied.loc[:, "name"] = "changed"
    assert got["setups"]["name"].tolist() == ["Setup A", "Setup B"]
    with pytest.raises(FrozenInstanceError):
        got.home = "CH"  # type: ignore[misc]
    with pytest.raises(TypeError):
        got.tables["setups"] = pd.DataFrame()  # type: ignore[index]
    assert replace(got, home="CH").home == "CH"
    with pytest.raises(KeyError, match="no table 'setup'; there are"):
        got["setup"]


def test_sources_and_field_descriptions(base: Path) -> None:
    got = read_study()
    assert got.sources_for("setups", "B")["title"].tolist() == ["First source", "Second source"]
    assert got.sources_for("entities", "holding").empty
    with pytest.raises(KeyError, match="no row 'Z'"):
        got.sources_for("setups", "Z")
    assert got.field("ownership", "share_low_pct")["unit"] == "percent"
    with pytest.raises(KeyError, match="no column"):
        got.field("ownership", "share")


def test_hash_is_of_the_content(base: Path) -> None:
    first = read_study().data_hash
    text = (base / "setups.csv").read_bytes()
    (base / "setups.csv").write_bytes(text.replace(b"\n", b"\r\n"))
    assert read_study().data_hash == first
    (base / "setups.csv").write_bytes(text.replace(b"Setup A,", b"Setup a,"))
    assert read_study().data_hash != first


# ── one bad thing ────────────────────────────────────────────────────────────

CELLS = [
    ("ownership", 4, "share_high_pct", "140", "must be at most 100 (percent)"),
    ("ownership", 2, "share_low_pct", "-1", "must be at least 0 (percent)"),
    ("ownership", 3, "share_high_pct", "14,5", "must be a number with a decimal point (percent)"),
    ("ownership", 3, "share_high_pct", "nan", "must be a number with a decimal point (percent)"),
    ("ownership", 4, "share_low_pct", "61", "must not be above share_high_pct (30)"),
    ("ownership", 4, "kind", "shares", "must be one of: capital, votes, control"),
    ("ownership", 4, "as_of", "31/12/2025", "must be a day of the calendar written yyyy-mm-dd"),
    ("ownership", 4, "as_of", "2025-02-30", "must be a day of the calendar written yyyy-mm-dd"),
    ("ownership", 4, "owned_id", "eurocloudd", "entity_id of entities.csv (did you mean eurocloud?)"),
    ("setups", 2, "seats", "12.5", "must be a whole number"),
    ("setups", 3, "seats", "1 200", "must be a whole number"),
    ("setups", 3, "seats", "9" * 20, "must be a whole number"),
    ("ownership", 4, "share_high_pct", "1e999", "must be a number with a decimal point (percent)"),
    ("setups", 2, "from_date", "1980-01-01", "must be at least 1990-01-01"),
    ("setups", 3, "from_date", "2026-01-02", "must not be after to_date (2026-01-01)"),
    ("setups", 2, "data_class", "", "must not be empty"),
    ("setups", 2, "label", "x" * 33, "must have at most 32 characters"),
    ("setups", 2, "certifications_required", "HDS;ISO", "must be one of: HDS, SecNumCloud"),
    ("setups", 2, "certifications_required", "HDS;;SecNumCloud", "must not have an empty element"),
    ("setups", 2, "certifications_required", "HDS;HDS", "must not name an element twice"),
    ("setups", 3, "variant_of", "C", "must be in column setup_id of setups.csv"),
    ("setups", 3, "provider_id", "azure", "must be in column provider_id of providers.csv"),
    ("entities", 2, "country", "USA", "ISO 3166-1 alpha-2 country code such as FR, or EU; write US"),
    ("entities", 3, "country", "UK", "write GB"),
    ("entities", 3, "country", "fr", "write FR"),
    ("entities", 3, "country", "XX", "must be an ISO 3166-1 alpha-2 country code such as FR, or EU"),
    ("providers", 2, "staff_countries", "India;US", "write IN;US"),
    ("providers", 2, "is_pseudo", "no", "must be true or false"),
    ("providers", 2, "remark", "<b>bold</b>", "must not contain HTML"),
    ("providers", 2, "remark", "see JavaScript:alert(1)", "must not contain HTML or javascript:"),
    ("providers", 3, "remark", "a\tb", "must not contain control characters"),
    ("providers", 3, "remark", '"a\nb"', "must not contain control characters"),
    ("providers", 3, "remark", "a\u202eb", "must not contain control characters"),
    ("providers", 3, "remark", " a", "must not begin or end with a blank"),
    ("rules", 4, "weight", "1e3", "must be a whole number"),
    ("rules", 4, "objective", "", "must not be empty"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "row", "column", "value", "rule"), CELLS)
def test_bad_cell_is_named(base: Path, table: str, row: int, column: str, value: str, rule: str) -> None:
    lines = ROWS[table].copy()
    cells = lines[row - 2].split(",")
    cells[list(FIELDS[table]).index(column)] = f'"{value}"' if "," in value else value
    lines[row - 2] = ",".join(cells)
    put(base, table, *lines)
    problem = only(check_study(base))
    assert (problem.file, problem.row, problem.column) == (f"data/{table}.csv", row, column)
    assert problem.value == (value.strip('"') or None)
    assert rule in problem.rule


def test_the_message_reads_as_promised(base: Path) -> None:
    put(base, "ownership", "OWN1,eurocloud,140,140,control,,current")
    with pytest.raises(StudyError) as error:
        read_study(base)
    assert str(error.value) == (
        "data/ownership.csv, row 2, column share_high_pct: 140 - must be at most 100 (percent)\n"
        "data/ownership.csv, row 2, column share_low_pct: 140 - must be at most 100 (percent)"
    )


@pytest.mark.parametrize("text", ["a < b and <5 %", "x<", "java script", "l’été, 25 °C – «x»"])
def test_ordinary_text_is_no_markup(base: Path, text: str) -> None:
    put(base, "providers", f'acme,Acme,,false,"{text}"', "eurocloud,Euro,,false,")
    assert check_study(base) == []


def rewrite(table: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return a function that changes the bytes of a table."""
    return lambda folder: (folder / f"{table}.csv").write_bytes(change((folder / f"{table}.csv").read_bytes())) and None


FILES: list[tuple[str, Callable[[Path], Any], tuple[str, int | None, str | None, str | None, str]]] = [
    ("missing", lambda d: (d / "rules.csv").unlink(), ("rules", None, None, None, "is missing")),
    ("empty", rewrite("rules", lambda b: b""), ("rules", None, None, None, "must not be empty")),
    ("blank", rewrite("rules", lambda b: b" \n\n"), ("rules", None, None, None, "must not be empty")),
    ("no rows", rewrite("rules", lambda b: b.split(b"\n")[0]), ("rules", 1, None, None, "but no rows")),
    (
        "latin-1",
        rewrite("rules", lambda b: b.replace(b"two", b"d\xe9ux")),
        ("rules", 3, None, "byte 0xe9", "must be UTF-8 text; the byte at offset 39 is not"),
    ),
    (
        "open quote",
        rewrite("rules", lambda b: b.replace(b"two", b'"two')),
        ("rules", 3, None, None, "has a quote that is never closed"),
    ),
    (
        "stray quote",
        rewrite("rules", lambda b: b.replace(b"two", b'"t"wo')),
        ("rules", 3, None, None, "is not valid CSV"),
    ),
    (
        "too few cells",
        rewrite("rules", lambda b: b.replace(b"v1,two,20", b"v1,two")),
        ("rules", 3, None, "v1,two", "has 2 cells, must have 3 as the header"),
    ),
    (
        "too many cells",
        rewrite("rules", lambda b: b.replace(b"v1,two,20", b"v1,two,three,20")),
        ("rules", 3, None, "v1,two,three,20", "has 4 cells, must have 3 as the header (a text with a comma"),
    ),
    (
        "cut off",
        rewrite("rules", lambda b: b[:-6]),
        ("rules", 4, None, "v2,o", "has 2 cells, must have 3 as the header; the last line seems cut off"),
    ),
    (
        "semicolons",
        rewrite("rules", lambda b: b.replace(b",", b";")),
        ("rules", 1, None, "version;objective;weight", "must be separated by commas"),
    ),
    (
        "missing column",
        lambda d: put(d, "rules", "v1,one", header="version,objective"),
        ("rules", 1, "weight", None, "is missing"),
    ),
    (
        "unknown column",
        lambda d: put(d, "rules", "v1,one,1,2", header="version,objective,weight,wieght"),
        ("rules", 1, "wieght", None, "is not a column of this table (did you mean weight?)"),
    ),
    (
        "column twice",
        lambda d: put(d, "rules", "v1,one,1,2", header="version,objective,weight,weight"),
        ("rules", 1, "weight", None, "appears 2 times in the header"),
    ),
    (
        "key twice",
        lambda d: put(d, "rules", "v1,one,1", "v2,one,1", "v1,one,2"),
        ("rules", 4, "version, objective", "v1, one", "must be unique, but is also in row 2"),
    ),
    (
        "value twice",
        lambda d: put(d, "providers", "acme,Cloud,,false,", "eurocloud,Cloud,,false,"),
        ("providers", 3, "name", "Cloud", "duplicate value: name must be unique, but is also in row 2"),
    ),
    (
        "shares",
        lambda d: put(d, "ownership", *ROWS["ownership"], "OWN5,eurocloud,21,21,capital,2025-12-31,current"),
        ("ownership", 6, "share_low_pct", "101 in total", "add up to at most 100 (percent); rows 2, 3, 6"),
    ),
    ("extra file", lambda d: (d / "x.csv").write_text("a\n"), ("x", None, None, None, "is not described")),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "expected"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_bad_file_is_named(base: Path, damage: Callable[[Path], Any], expected: tuple[Any, ...]) -> None:
    damage(base)
    problem = only(check_study(base))
    file, row, column, value, rule = expected
    assert (problem.file, problem.row, problem.column, problem.value) == (
        f"data/{file}.csv",
        row,
        column,
        value,
    )
    assert rule in problem.rule
    with pytest.raises(StudyError):
        read_study(base)


def test_rows_are_counted_as_an_editor_counts_them(base: Path) -> None:
    put(base, "providers", 'acme,"Acme\nCloud",,false,', "", "eurocloud,Euro,,maybe,")
    assert [(p.row, p.column) for p in check_study(base)] == [(2, "name"), (5, "is_pseudo")]


def test_all_problems_come_at_once_sorted_by_file_and_row(base: Path) -> None:
    put(
        base,
        "setups",
        *ROWS["setups"],
        "B,Setup B,,nobody,2020-13-01,,HDS,x,,infrastructure,current,,S9,sure",
    )
    put(base, "ownership", *ROWS["ownership"][:3], "OWN4,nothing,-5,140,part,2024,current")
    put(base, "entities", "acme,USA,S1", "eurocloud,Frankreich,S1", "holding,NL,")
    rewrite("rules", lambda b: b.replace(b"two", b"\xff"))(base)
    found = [(p.file[5:-4], p.row, p.column) for p in check_study(base)]
    assert found == sorted(found, key=lambda place: (place[0], place[1] or 0))
    assert set(found) == {
        *[("setups", 4, c) for c in ("setup_id", "label", "provider_id", "from_date", "seats", "data_class")],
        *[("setups", 4, c) for c in ("source_ids", "confidence")],
        *[("ownership", 5, c) for c in ("owned_id", "share_low_pct", "share_high_pct", "kind", "as_of")],
        ("entities", 2, "country"),
        ("entities", 3, "country"),
        ("rules", 3, None),
    }
    with pytest.raises(StudyError) as error:
        read_study(base)
    assert len(str(error.value).splitlines()) == len(found) == len(error.value.problems)


def test_a_table_that_cannot_be_read_raises_no_false_alarm_elsewhere(base: Path) -> None:
    (base / "entities.csv").write_bytes(b"\xff")
    assert "UTF-8" in only(check_study(base)).rule
    put(base, "entities", 'acme,"US,S1', "eurocloud,FR,S1")
    assert "never closed" in only(check_study(base)).rule


def test_not_strict_keeps_problems_and_blanks_bad_cells(base: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(base, "rules", "v1,one,ten", "v1,two,20")
    with caplog.at_level(logging.WARNING):
        got = read_study(base, strict=False)
    assert "must be a whole number" in caplog.text
    assert only(list(got.problems)).value == "ten" and "1 problems" in got._repr_html_()
    assert got["rules"]["weight"].tolist() == [pd.NA, 20]


# ── descriptions and their sums ────────────────────────────────────────────────────────────


def test_changed_file_is_noticed_until_the_sums_are_renewed(base: Path) -> None:
    assert sorted(update_hashes(base)) == sorted(FIELDS) and update_hashes(base) == []
    assert check_study(base) == []
    put(base, "rules", "v1,one,11")
    problem = only(check_study(base))
    assert problem.file == "data/rules.csv" and "riskmodel check --update-hashes" in problem.rule
    assert update_hashes(base) == ["rules"] and check_study(base) == []
    text = (base / "rules.csv").read_bytes()
    (base / "rules.csv").write_bytes(text.replace(b"\n", b"\r\n"))  # git under Windows
    assert check_study(base) == []
    described = json.loads((base / "datapackage.json").read_text(encoding="utf-8"))["resources"][-1]
    assert described["bytes"] == len(text) and described["hash"].startswith("sha256:")
    assert not list(base.glob(".*")), "no temporary file is left"


def test_sums_are_not_written_for_half_a_study(base: Path, mine: Path) -> None:
    before = (base / "datapackage.json").read_bytes()
    (base / "rules.csv").unlink()
    with pytest.raises(StudyError, match=r"data/rules\.csv"):
        update_hashes(base)
    assert (base / "datapackage.json").read_bytes() == before
    with pytest.raises(UsageError, match=r"no datapackage\.json"):
        update_hashes(mine)


def edited(package: dict[str, Any], table: str, column: str, **changes: Any) -> dict[str, Any]:
    """Return a description with one field changed."""
    for about in package["resources"]:
        for field in about["schema"]["fields"]:
            if (about["name"], field["name"]) == (table, column):
                field.update(changes)
    return package


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda d: "{", "is not valid JSON"),
        (lambda d: {**d, "resources": []}, "must list the tables"),
        (lambda d: {**d, "riskmodel:as_of": "2026"}, "is not a date written yyyy-mm-dd"),
        (lambda d: {**d, "riskmodel:home": "Mars"}, "is not a country"),
        (lambda d: {**d, "resources": [*d["resources"], d["resources"][0]]}, "is described twice"),
        (lambda d: {**d, "resources": [{**d["resources"][0], "path": "../x.csv"}]}, "plain file name"),
        (lambda d: edited(d, "sources", "title", constraints={"pattern": "("}), "rules that cannot be used"),
        (lambda d: edited(d, "rules", "weight", constraints={"minimum": "x"}), "rules that cannot be used"),
        (lambda d: edited(d, "rules", "weight", type="list"), "field types must be among"),
        (lambda d: {**d, "resources": [{"name": "x"}]}, "must have a name, a path and typed fields"),
        (
            lambda d: {**d, "resources": d["resources"][1:]},
            "refers to sources.source_id, which is not described",
        ),
    ],
)
def test_bad_description_is_named(base: Path, change: Callable[[Any], Any], rule: str) -> None:
    text = json.loads((base / "datapackage.json").read_text(encoding="utf-8"))
    changed = change(text)
    new = changed if isinstance(changed, str) else json.dumps(changed)
    (base / "datapackage.json").write_text(new, encoding="utf-8")
    problems = [p for p in check_study(base) if p.file == "data/datapackage.json"]
    assert problems and rule in problems[0].rule
    with pytest.raises(StudyError):
        read_study(base, strict=False) if not changed or isinstance(changed, str) else read_study(base)


def test_own_description_replaces_tables_and_keeps_the_others(base: Path, mine: Path) -> None:
    more = resource("rules")
    more["schema"]["fields"].append({"name": "note", "type": "string"})
    package = {"title": "Mine", "riskmodel:as_of": "2025-01-01", "riskmodel:home": "CH", "resources": [more]}
    (mine / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    put(mine, "rules", "v9,nine,9,mine", header="version,objective,weight,note")
    got = read_study(mine)
    assert got["rules"]["note"].tolist() == ["mine"] and len(got["setups"]) == 2
    assert (got.home, got.as_of.year, got.path) == ("CH", 2025, mine)
    more["schema"]["fields"] = [f for f in more["schema"]["fields"] if f["name"] != "weight"]
    (mine / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    assert "must describe the field weight as integer" in "".join(p.rule for p in check_study(mine))


# ── folders of a few tables ────────────────────────────────────────────────────────────


def test_folder_adds_rows_or_replaces_a_table(base: Path, mine: Path) -> None:
    put(mine, "entities", "newco,DE", header="entity_id,country")
    put(mine, "providers", "newco,New Cloud", header="provider_id,name")
    put(mine, "rules", "v3,three,3")
    got = read_study(mine)
    assert got["providers"]["provider_id"].tolist() == ["acme", "eurocloud", "newco"]
    assert got["rules"]["version"].tolist() == ["v3"]
    assert got.data_hash != read_study().data_hash


def test_id_that_is_there_already_is_a_duplicate(base: Path, mine: Path) -> None:
    put(mine, "entities", "acme,DE,")
    problem = only(check_study(mine))
    assert (problem.file, problem.row, problem.value) == ("mine/entities.csv", 2, "acme")
    assert "duplicate id" in problem.rule and "data/entities.csv, row 2" in problem.rule


def test_misspelt_table_is_named(base: Path, mine: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(mine, "rules")
    shutil.copy(mine / "rules.csv", mine / "setup.csv")
    shutil.copy(mine / "rules.csv", mine / "zzz.csv")
    problem = only(check_study(mine))
    assert problem.file == "mine/setup.csv" and "did you mean setups.csv?" in problem.rule
    assert "zzz.csv" in caplog.text


def test_no_folder_no_study(base: Path, mine: Path) -> None:
    for path, words in [
        (mine, "neither"),
        (mine / "no", "not there"),
        (base / "rules.csv", "a file, not a folder"),
    ]:
        with pytest.raises(UsageError, match=words):
            check_study(path)


# ── an analyst's setups ────────────────────────────────────────────────────────────

FOUR = "setup_id,provider_id,data_class,service_model"


def test_four_columns_are_enough(base: Path, mine: Path) -> None:
    put(mine, "setups", "MINE,acme,health,infrastructure", f"{'L' * 40},,health,mail", header=FOUR)
    given = read_study()
    got = read_setups(mine / "setups.csv", given)
    first = got["setups"].iloc[0]
    assert len(got["setups"]) == 2 and len(got["providers"]) == 2
    assert (first["name"], first["label"], first["kind"], first["confidence"]) == (
        "MINE",
        "MINE",
        "generic",
        "low",
    )
    assert pd.isna(first["source_ids"]) and pd.isna(first["from_date"])
    assert got["setups"]["label"][1] == "L" * 32
    assert got["setups"].dtypes.equals(given["setups"].dtypes)
    assert got.data_hash != given.data_hash and len(given["setups"]) == 2


@pytest.mark.parametrize("kind", ["text", "bytes", "frame"])
def test_streams_and_frames_read_alike(base: Path, kind: str) -> None:
    text = f"{FOUR},from_date,certifications_required,seats\nMINE,acme,health,x,2024-05-01,HDS;SecNumCloud,7\n"
    source: Any = io.StringIO(text) if kind == "text" else io.BytesIO(text.encode())
    if kind == "frame":
        source = pd.read_csv(io.StringIO(text), parse_dates=["from_date"]).set_index("setup_id")
        source["certifications_required"] = [["HDS", "SecNumCloud"]]
    got = read_setups(source, read_study())["setups"].iloc[0]
    assert (got["setup_id"], got["from_date"], got["seats"]) == ("MINE", pd.Timestamp("2024-05-01"), 7)
    assert got["certifications_required"] == "HDS;SecNumCloud"


def test_shipped_setups_can_be_scored_as_a_frame(base: Path) -> None:
    given = read_study()
    got = read_setups(given["setups"].iloc[[1]], given)
    assert got["setups"]["setup_id"].tolist() == ["B"] and got["setups"]["variant_of"].tolist() == ["A"]


def test_rows_beside_the_setups_are_read(base: Path, mine: Path) -> None:
    put(mine, "setups", "MINE,newco,health,mail", header=FOUR)
    put(mine, "providers", "newco,New Cloud", header="provider_id,name")
    put(mine, "entities", "newco,DE,S3")
    put(mine, "sources", "S3,Third source")
    put(mine, "ownership", "MY1,newco,51,51,capital,2026-01-01,current")
    given = read_study()
    got = read_setups(mine / "setups.csv", given)
    assert got["providers"]["provider_id"].tolist()[-1] == "newco" and len(got["ownership"]) == 5
    assert got.sources_for("entities", "newco")["title"].tolist() == ["Third source"]
    same = read_setups(io.StringIO(f"{FOUR}\nMINE,newco,health,mail\n"), given, extra_dir=mine)
    assert same["ownership"].equals(got["ownership"])


def test_problems_of_an_analyst_come_together(base: Path, mine: Path) -> None:
    put(mine, "setups", "MINE,nobody,health,mail,sure", "MINE,acme,,mail,low", header=f"{FOUR},confidence")
    put(mine, "providers", "acme,Again", "other,Other", header="provider_id,name")
    with pytest.raises(StudyError) as error:
        read_setups(mine / "setups.csv", read_study())
    assert [(p.file, p.row, p.column, p.value) for p in error.value.problems] == [
        ("mine/providers.csv", 2, "provider_id", "acme"),
        ("mine/providers.csv", 3, "provider_id", "other"),
        ("mine/setups.csv", 2, "confidence", "sure"),
        ("mine/setups.csv", 2, "provider_id", "nobody"),
        ("mine/setups.csv", 3, "data_class", None),
        ("mine/setups.csv", 3, "setup_id", "MINE"),
    ]
    with pytest.raises(StudyError, match="row 1, column service_model: is missing"):
        read_setups(io.StringIO("setup_id,provider_id,data_class\nX,acme,health\n"), read_study())
    with pytest.raises(StudyError, match="standard input: must not be empty"):
        empty = io.BytesIO(b"")
        empty.name = "<stdin>"
        read_setups(empty, read_study())


def test_setups_of_a_study_are_read_with_that_study(base: Path, mine: Path) -> None:
    given = read_study()
    assert len(read_setups(base / "setups.csv", given)["setups"]) == 2
    shutil.copytree(base, mine, dirs_exist_ok=True)
    with pytest.raises(UsageError, match="a study of its own"):
        read_setups(mine / "setups.csv", given)
    assert len(read_setups(mine / "setups.csv", read_study(mine))["setups"]) == 2
    with pytest.raises(UsageError, match="not there"):
        read_setups(mine / "no.csv", given)


# ── small things ────────────────────────────────────────────────────────────


def test_values_are_shown_short_and_harmless() -> None:
    problem = Problem("a.csv", 2, "b", "x" * 500 + "\x1b[31m", "must be short")
    assert str(problem) == f"a.csv, row 2, column b: {'x' * 59}… - must be short"
    assert "\\x1b[31m\\n" in str(Problem("a.csv", 2, "b", "\x1b[31m\nq", "r"))
    assert str(Problem("a.csv", None, None, None, "is missing")) == "a.csv: is missing"
    same = [problem, problem]
    assert len(StudyError(same).problems) == 1


def test_atomic_write_keeps_the_old_file_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "x.txt"
    _files.atomic_write(target, "old\n")
    with pytest.raises(RuntimeError), _files.replacing(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old\n" and [p.name for p in tmp_path.iterdir()] == ["x.txt"]
    target.chmod(0o640)
    _files.atomic_write(target, b"new\n")
    assert target.read_bytes() == b"new\n" and target.stat().st_mode & 0o777 == 0o640


# ── the shipped data ────────────────────────────────────────────────────────────


def test_shipped_data_keep_their_rules() -> None:
    assert [str(problem) for problem in check_study()] == []


def test_shipped_tables_are_described_and_licensed() -> None:
    package = json.loads((SHIPPED / "datapackage.json").read_text(encoding="utf-8"))
    assert {r["path"] for r in package["resources"]} == {path.name for path in SHIPPED.glob("*.csv")}
    assert package["licenses"][0]["name"] == "CC-BY-4.0"
    for table in package["resources"]:
        assert table["hash"].startswith("sha256:") and table["bytes"] > 0 and table["licenses"]
        assert table["title"] and table["description"] and table["schema"]["primaryKey"]
        assert [f["name"] for f in table["schema"]["fields"] if not f.get("description")] == []


def test_checking_imports_nothing_heavy() -> None:
    heavy = "{'pymc', 'arviz', 'xarray', 'matplotlib', 'scipy', 'numba', 'pytensor'}"
    script = f"import sys, riskmodel.study as s; s.check_study(); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_frictionless_agrees() -> None:
    """The description and the data are a valid Data Package for a tool that is not ours."""
    script = (
        "import sys, frictionless\n"
        "report = frictionless.validate(sys.argv[1], type='package')\n"
        "print(report.flatten(['name', 'rowNumber', 'fieldName', 'type', 'note']))\n"
        "sys.exit(not report.valid)\n"
    )
    path = str(SHIPPED / "datapackage.json")
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
