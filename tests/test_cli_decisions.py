"""Questions of the decision layer from a shell: what is printed is what the package finds; bad input is one message."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import riskmodel as rm
from riskmodel.cli.decisions import DECISIONS
from riskmodel.frameworks import bridge

Run = Callable[..., Any]
FOUR = ["HDH_AZURE", "HDH_SCALEWAY", "HDH_ALT_OVH", "HDH_ALT_S3NS"]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Small tables of an analyst."""
    texts = {
        "plans": "setup_id,from_date,to_date\nHDH_AZURE,2026-11-22,2027-03-01\nHDH_SCALEWAY,2027-03-01,2030-01-01\n",
        "portfolios": "portfolio,setup,institutions\none,HDH_AZURE,100\ntwo,HDH_AZURE,50\ntwo,HDH_SCALEWAY,50\n",
        "criteria": "setup,criterion,low,high,better\nHDH_AZURE,cost,1,2,lower\nHDH_SCALEWAY,cost,2,3,lower\n",
        "fact": "table,row_id,column,value,reason\nsetups,HDH_SCALEWAY,key_custody,external_hyok,suppose so\n",
        "judgement": "table,row_id,column,value\nelicitation,EL001,q50,0.9\n",
        "wrong": "table,row_id,column,value\nsetups,HDH_SCALEWAI,key_custody,none of these\nowners,X,share,140\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return {name: str(tmp_path / f"{name}.csv") for name in texts}


def words(verb: str, files: dict[str, str]) -> list[str]:
    """A quick question for each verb."""
    return {
        "explain": ["HDH_AZURE", "HDH_SCALEWAY"],
        "rank": FOUR,
        "tolerance": ["zurich"],
        "calendar": [files["plans"]],
        "delay": ["hub_end_2022", "2025-12-31", "2026-12-31"],
        "intervene": ["HDH_AZURE", "keys_external", "--tolerance", "0.01"],
        "value": ["HDH_SCALEWAY", "HDH_ALT_S3NS"],
        "worlds": ["--question", "US:licensor_without_access"],
        "regret": FOUR,
        "tradeoff": [files["criteria"]],
        "aggregate": [files["portfolios"]],
        "severity": FOUR,
        "methods": ["HDH_SCALEWAY"],
    }[verb]


@pytest.mark.parametrize("verb", DECISIONS)
def test_every_decision_is_one_call(run: Run, files: dict[str, str], verb: str) -> None:
    """The same rows as json, csv and words; nothing but the answer on standard output."""
    asked = words(verb, files)
    found = json.loads(run(verb, *asked, "--format", "json").out)
    assert found["rows"] and found["text"] and found["posterior_id"]
    table = list(csv.DictReader(io.StringIO(run(verb, *asked, "--format", "csv").out)))
    assert [list(row) for row in table] == [list(row) for row in found["rows"]]
    text = run(verb, *asked)
    assert text.code == 0 and text.err == ""
    assert " ".join(found["text"].split()) in " ".join(text.out.split())
    assert re.search(r"\bnan\b|\binf\b", text.out.lower()) is None
    assert max(map(len, text.out.splitlines())) < 240
    detail = run(verb, *asked, "--detail")
    assert detail.code == (0 if "detail" in found else 2)


def test_answers_are_those_of_the_package(run: Run, study: rm.Study, posterior: rm.Posterior) -> None:
    setups = study["setups"]
    x = rm.exposure(posterior, study, setups=setups[setups["setup_id"].isin(FOUR)], by_regime=False)
    for verb, finding in (
        ("rank", rm.rank(x)),
        ("regret", rm.regret(x)),
        ("methods", bridge(posterior, study, "HDH_SCALEWAY")),
    ):
        asked = ["HDH_SCALEWAY"] if verb == "methods" else FOUR
        rows = json.loads(run(verb, *asked, "--format", "json").out)["rows"]
        assert [row[finding.table.columns[0]] for row in rows] == finding.table.iloc[:, 0].tolist()
        assert json.loads(run(verb, *asked, "--format", "json").out)["text"] == finding.text


def test_own_setups_stand_beside_those_of_the_study(run: Run, tmp_path: Path) -> None:
    row = "MINE,scaleway,national_health_warehouse,infrastructure"
    (tmp_path / "mine.csv").write_text(f"setup_id,provider_id,data_class,service_model\n{row}\n", encoding="utf-8")
    done = run("rank", "MINE", "HDH_AZURE", "--setups", "mine.csv", "--format", "csv")
    assert done.code == 0 and done.out.splitlines()[1].startswith("MINE,")


def test_a_fact_may_be_replaced_and_is_listed_first(run: Run, files: dict[str, str]) -> None:
    before = json.loads(run("score", "--format", "json").out)
    after = json.loads(run("score", "--override", files["fact"], "--format", "json").out)
    assert before["overrides"] == [] and after["overrides"][0]["after"] == "external_hyok"
    changed = {
        one["setup"]
        for one, other in zip(before["setups"], after["setups"], strict=True)
        if one["probability"] != other["probability"]
    }
    assert changed == {"HDH_SCALEWAY"}
    shown = run("rank", *FOUR, "--override", files["fact"])
    assert shown.out.startswith("1 cell was replaced. key_custody of HDH_SCALEWAY")


def test_nothing_is_fitted_by_surprise(
    run: Run, files: dict[str, str], posterior: rm.Posterior, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    done = run("score", "--override", files["judgement"])
    assert done.code == 2 and "add --refit" in done.err
    asked: list[rm.Study] = []

    def fitted(study: rm.Study) -> rm.Posterior:
        asked.append(study)
        return rm.Posterior(posterior.data.assign_attrs(design_hash=study.design_hash))

    monkeypatch.setattr(importlib.import_module("riskmodel.fit"), "fit", fitted)
    assert run("score", "--override", files["judgement"], "--refit").code == 0
    assert asked[0]["elicitation"].set_index("elicitation_id").loc["EL001", "q50"] == 0.9


def test_wrong_overrides_are_named_all_at_once(run: Run, files: dict[str, str]) -> None:
    done = run("rank", "--override", files["wrong"])
    assert done.code == 1
    assert "wrong.csv, row 2" in done.err and "wrong.csv, row 3" in done.err


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["rank", "HDH_AZUR"], "did you mean HDH_AZURE"),
        (["rank", *FOUR, "--top", "0"], "top: 0"),
        (["explain", "HDH_AZURE", "NOPE"], "unknown setup NOPE"),
        (["tolerance", "1.5"], "must be between 0 and 1"),
        (["tolerance", "geneva"], "geneva"),
        (["tolerance", "zurich", "--years", "7"], "--years 5|horizon"),
        (["calendar", "nowhere.csv"], "nowhere.csv: no such file"),
        (["calendar", "--plan", "hub_end_2023"], "did you mean"),
        (["calendar", "--months", "0"], "every_months: 0"),
        (["delay", "hub_end_2022", "2026-13-01"], "must be days such as"),
        (["delay", "hub_end_2022", "2018-01-01"], "must be after"),
        (["intervene", "HDH_AZURE", "nope"], "unknown change nope"),
        (["intervene", "HDH_SCALEWAY", "licensor_cut"], "unknown change|licensor"),
        (["intervene", "HDH_AZURE", "keys_external", "keys_client_side"], "both set key_custody"),
        (["intervene", "HDH_AZURE", "--cost", "keys"], "is not NAME=NUMBER"),
        (["value", "HDH_AZURE"], "tolerance|two"),
        (["value", "HDH_AZURE", "HDH_SCALEWAY", "--accuracy", "2"], "accuracy"),
        (["worlds", "--question", "US:nothing"], "unknown legal question US:nothing"),
        (["methods", "NOPE"], "unknown setup NOPE"),
        (["aggregate", "nowhere.csv"], "no such file"),
        (["regret", "HDH_AZURE"], "two or more"),
    ],
)
def test_bad_input_is_one_message_and_code_2(run: Run, asked: list[str], says: str) -> None:
    done = run(*asked)
    assert done.code == 2 and done.out == ""
    assert re.search(says, done.err), done.err
    assert len(done.err.strip().splitlines()) <= (30 if "usage:" in done.err else 1)


@pytest.mark.parametrize(
    ("verb", "text", "says"),
    [
        ("calendar", "setup_id,from_date\nHDH_AZURE,2026-01-01\n", "lacks column to_date"),
        (
            "calendar",
            "setup_id,from_date,to_date\nHDH_AZURE,2026-01-01,2027-01-01\nHDH_SCALEWAY,2027-06-01,2028-01-01\n",
            "leaves a gap",
        ),
        ("aggregate", "portfolio,setup,institutions\na,HDH_AZURE,-3\n", "whole number of institutions"),
        ("aggregate", "portfolio,setup\na,HDH_AZURE\n", "lacks column institutions"),
        ("tradeoff", "setup,criterion,low,high,better\nHDH_AZURE,cost,3,2,lower\n", "HDH_AZURE"),
        ("aggregate", "\x00", "comma-separated|lacks column"),
    ],
)
def test_bad_tables_are_one_message(run: Run, tmp_path: Path, verb: str, text: str, says: str) -> None:
    (tmp_path / "bad.csv").write_text(text, encoding="utf-8")
    done = run(verb, "bad.csv")
    assert done.code == 2 and re.search(says, done.err), done.err
