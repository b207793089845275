"""Numbers behind figures: complete, with units, and inert in a spreadsheet."""

from __future__ import annotations

import doctest
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import riskmodel as rm
from riskmodel import tables
from riskmodel.nexus import setup_facts
from riskmodel.tables import export, ledger_rows
from riskmodel.tables.ledger import NODES

HOSTILE = ["<script>alert(1)</script>", '=HYPERLINK("http://x")', "@SUM(1)", "-2+3", "\t=1", "x" * 300, " =1+1"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    export.collect(tmp_path, "posterior abc of data def")
    yield tmp_path
    export.collect(None)


def test_frames_come_back_with_units(folder: Path) -> None:
    frame = pd.DataFrame({"label": ["a", "b"], "probability": [0.1, 1 / 3], "horizon_years": 5.0})
    export.behind(frame, "A figure of two setups.")
    export.behind(xr.Dataset({"reach": (("sample", "setup"), np.eye(2))}, {"setup": ["a", "b"]}), "Reach of two.")
    back = pd.read_csv(folder / "figure-01.csv")
    pd.testing.assert_frame_equal(back, frame)
    assert pd.read_csv(folder / "figure-02.csv")["reach"].tolist() == [0.5, 0.5]
    contents = pd.read_csv(folder / export.CONTENTS, keep_default_na=False)
    units = contents[contents["file"] == "figure-01.csv"].set_index("column")["unit"]
    assert units.to_dict() == {"label": "", "probability": "probability or share, 0 to 1", "horizon_years": "years"}
    assert set(contents["source"]) == {"posterior abc of data def"}
    book = export.workbook(folder, {"posterior": "abc"})
    with zipfile.ZipFile(book) as inside:
        names = inside.read("xl/workbook.xml").decode()
        assert all(f'name="{sheet}"' in names for sheet in ("contents", "figure-01", "figure-02"))


def test_no_cell_is_a_formula(folder: Path) -> None:
    export.behind(pd.DataFrame({"label": HOSTILE, "value": -0.5}), "=a caption")
    rows = (folder / "figure-01.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert not [row for row in rows if row.lstrip('" ').startswith(("=", "+", "-", "@", "\t"))]
    assert pd.read_csv(folder / "figure-01.csv")["value"].tolist() == [-0.5] * len(HOSTILE)
    with zipfile.ZipFile(export.workbook(folder, {"=about": "=1"})) as inside:
        sheets = [inside.read(name).decode() for name in inside.namelist() if "worksheets/sheet" in name]
    assert not any("<f>" in sheet for sheet in sheets)


def test_nothing_is_kept_unless_asked(tmp_path: Path) -> None:
    export.behind(pd.DataFrame({"a": [1]}), "A figure.")
    assert list(tmp_path.iterdir()) == []
    assert doctest.testmod(export).failed == 0


def test_works_are_those_of_the_file(root: Path) -> None:
    listed = str(tables.works())
    entries = (root / "references.bib").read_text(encoding="utf-8").count("\n@")
    assert listed.count("<li>") == entries
    assert not set("{}\\") & set(listed)


def test_a_figure_names_its_nodes_and_these_their_rows(folder: Path) -> None:
    export.behind(pd.DataFrame({"value": [1.0]}), "=A figure that rests on reach.")
    export.behind(pd.DataFrame({"value": [1.0]}), "A figure that names nothing.")
    ledger = pd.DataFrame({"node": ["reach"], "row": ["=1+1"]})
    book = export.workbook(folder, {}, {"=A figure that rests on reach.": "reach; experts"}, {"ledger": ledger})
    contents = pd.read_csv(folder / export.CONTENTS, keep_default_na=False)
    assert contents[export.RESTS].tolist() == ["reach; experts", ""]
    assert (folder / "ledger.csv").read_text(encoding="utf-8") == "node,row\nreach,'=1+1\n"
    with zipfile.ZipFile(book) as inside:
        assert 'name="ledger"' in inside.read("xl/workbook.xml").decode()


def test_rows_of_the_ledger_have_a_source_or_a_judge() -> None:
    study = rm.read_study()
    found = ledger_rows(study, setup_facts(study, study["setups"].query("setup_id == 'HDH_AZURE'")))
    assert set(found["node"]) == set(NODES)
    assert found[(found["source_ids"] == "") & (found["judge"] == "")].empty
    judged = found[found["table"] == "elicitation"]
    assert set(judged["row"]) <= set(study["elicitation"]["elicitation_id"])
    assert set(found["judge"]) <= {"", *study["experts"]["expert_id"]}
