"""The command line: what it prints, where, with which exit code; every bad input is one clear message."""

import csv
import importlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import riskmodel as rm
from riskmodel import cli, report, study, validate
from riskmodel.cli import checking, output
from riskmodel.cli.decisions import DECISIONS
from riskmodel.decide import compare, summarise
from riskmodel.exposure import exposure

fitting = importlib.import_module("riskmodel.fit")  # `riskmodel.fit` is the function
ROOT = Path(__file__).resolve().parent.parent
VERBS = ("check", "fit", "validate", "backtest", "score", "compare", "report", *DECISIONS)
Run = Callable[..., Any]
HEAVY = "{'pymc', 'pytensor', 'nutpie', 'arviz', 'matplotlib', 'seaborn', 'nbconvert', 'nbclient'}"
FOUR = "setup_id,provider_id,data_class,service_model"
MINE = "MINE,scaleway,hospital_warehouse,infrastructure"


@pytest.fixture(scope="session", name="shipped")
def _shipped(study: rm.Study) -> rm.Study:  # the session's; `study` is a module here
    return study


def own(*words: str, **more: Any) -> subprocess.Popen[bytes]:
    """Start a Python of its own that sees this tree."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    environment |= {"PYTHONPATH": str(ROOT), **more.pop("env", {})}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, *words], env=environment, **pipes | more)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def write(path: Path, *lines: str) -> str:
    """Write a file of lines and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


# ── help, version, usage ─────────────────────────────────────────────────────────────────────────────────


def test_help_and_version_import_nothing_numerical(tmp_path: Path) -> None:
    code = (
        "import sys; from riskmodel.cli import main; print(main(['--help']), main(['--version']), "
        "*[name for name in ('numpy', 'pandas', 'xarray', 'scipy') if name in sys.modules], file=sys.stderr)"
    )
    process = own("-W", "error", "-c", code, cwd=tmp_path)
    out, err = process.communicate()
    assert err.split() == [b"0", b"0"]
    assert all(verb in out.decode() for verb in VERBS) and f"riskmodel {rm.__version__}" in out.decode()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(run: Run, verb: str) -> None:
    done = run(verb, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"riskmodel {verb}" in done.out and "examples:" in done.out and "exit codes: 0 done" in done.out
    assert max(map(len, done.out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "required: VERB"),
        (("scores",), "invalid choice: 'scores'"),
        (("score", "--year", "5"), "unrecognized arguments: --year"),
        (("score", "--data", "mine"), "unrecognized arguments: --data; the folder of a study goes with --study"),
        (("fit", "--data", "mine"), "--data mine; the folder of a study goes with --study"),
        (("report", "--data", "mine/"), "unrecognized arguments: mine/; the folder of a study goes with --study"),
        (("report", "--data=mine/"), "--data: ignored explicit argument 'mine/'"),
        (("report", "--dat"), "unrecognized arguments: --dat"),
        (("report", "--numbers"), "unrecognized arguments: --numbers"),
        (("report", "--all", "--data"), "does not go with --data"),
        (("report", "--all", "--study", "mine"), "does not go with --study"),
        (("check", "--study", "mine"), "unrecognized arguments: --study"),
        (("score", "--years", "-3"), "'-3' is not a number of years above 0"),
        (("score", "--years", "0"), "'0' is not a number of years"),
        (("score", "--years", "nan"), "'nan' is not a number of years"),
        (("score", "--years", "five"), "'five' is not a number of years"),
        (("score", "--years", "1e9"), "up to 100"),
        (("score", "--home", "Mars"), "'Mars' is neither EU/EEA nor an ISO code"),
        (("score", "--format", "xml"), "invalid choice: 'xml'"),
        (("compare", "HDH_AZURE"), "required: B"),
        (("compare", "HDH_AZURE", "HDH_SCALEWAY", "--equal-factor", "0.5"), "must be 1 or more"),
        (("fit", "--draws", "3"), "'3' is not a whole number of 100 or more"),
        (("fit", "--seed", "-1"), "'-1' is not a whole number"),
        (("fit", "--reference", "--out", "x.nc"), "not allowed with"),
        (("check", "--fit", "--update-hashes"), "not allowed with"),
        (("check", "--format", "csv"), "belong to `riskmodel check --fit`"),
        (("check", "--fit", "--validation", "nowhere"), "nowhere: no such folder"),
        (("validate", "--simulations", "1"), "'1' is not a whole number of 10 or more"),
    ],
)
def test_wrong_usage_is_code_2(run: Run, words: tuple[str, ...], message: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


# ── check ────────────────────────────────────────────────────────────────────────────────────────────────


def test_check_of_the_shipped_data(run: Run) -> None:
    done = run("check")
    assert (done.code, done.out) == (0, "")
    assert done.err.endswith("no problems\n")


def test_check_lists_every_problem_on_standard_output(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "study" / "setups.csv", FOUR, MINE)
    write(
        tmp_path / "study" / "cases.csv",
        "case_id,date,date_precision,regime_id",
        "X1,2020-01-01,day,NO_SUCH_REGIME",
    )
    done = run("check", "study")
    assert done.code == 1
    lines = done.out.splitlines()
    assert len(lines) > 1 and f"{len(lines)} problems" in done.err
    assert any("study/cases.csv, row 1, column outcome: is missing" in line for line in lines)


def test_check_of_no_folder(run: Run, tmp_path: Path) -> None:
    assert run("check", "nowhere").code == 2
    (tmp_path / "empty").mkdir()
    done = run("check", "empty")
    assert done.code == 2 and "neither a datapackage.json nor a table" in done.err


def test_check_renews_the_sums_only_when_told(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study.shipped_data_dir(), folder)
    text = (folder / "entities.csv").read_text(encoding="utf-8")
    (folder / "entities.csv").write_text(text.replace("Alphabet Inc.", "Alphabet"), encoding="utf-8")
    done = run("check", str(folder))
    assert done.code == 1 and "riskmodel check --update-hashes" in done.out
    done = run("check", str(folder), "--update-hashes")
    assert done.code == 0 and "sums written for entities" in done.err
    assert not list(folder.glob(".*"))


# ── check --fit, validate, backtest ──────────────────────────────────────────────────────────────────────


def validation(folder: Path, posterior: rm.Posterior, verdict: str, **mark: str) -> str:
    """Write a validation of a posterior, with one check and a back-test; return its folder."""
    row = {"check": "SBC, parameters outside", "value": 3.0, "threshold": "= 0", "verdict": verdict, "meaning": "x"}
    marks = {"design_hash": posterior.design_hash, "model_code": validate.model_code(), "simulations": 10} | mark
    place = folder / f"validation_{verdict}"
    write(place / "checks.json", json.dumps({**marks, "checks": [row]}))
    scores = {f"{who}{name}": 0.5 for who in ("", "naive_") for name in ("log_score", "crps", "brier")}
    scores |= {f"{who}inside_{share}": 1.0 for who in ("", "naive_") for share in (50, 90)}
    lines = [{"up_to": 2022, "likelihood": "demand_count", "row": k, "observed": 3, **scores} for k in range(4)]
    table = pd.DataFrame(lines).assign(kind=["demands", "demands", "bands", "bands"])
    table["log_score"] += [0.0, 0.2, -0.1, 0.1]
    table.to_csv(place / "backtest.csv", index=False)
    return str(place)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the shipped validation."""
    monkeypatch.setattr(report, "VALIDATION", tmp_path / "shipped")
    return tmp_path / "shipped"


def test_check_of_the_shipped_posterior(run: Run, posterior: rm.Posterior, kept: Path) -> None:
    done = run("check", "--fit")
    assert done.code == 0 and all(row["check"] in done.out for row in posterior.checks)
    assert "no validation is kept: run `make validate`" in done.err
    rows = rows_of(run("check", "--fit", "--format", "csv").out)
    assert [(row["check"], float(row["value"])) for row in rows] == [(r["check"], r["value"]) for r in posterior.checks]
    described = run("check", "--help").out
    assert all(re.search(rf"\b{name}\b", described) for name in rows[0])


def test_check_of_a_posterior_that_fails(run: Run, posterior: rm.Posterior, kept: Path, tmp_path: Path) -> None:
    failing(posterior).save(tmp_path / "bad.nc")
    done = run("check", "--fit", "--posterior", "bad.nc")
    assert done.code == 1 and re.search(r"R-hat, largest +1\.5 +< 1\.01 +FAIL", done.out)
    assert "1 check of 5 failing: R-hat, largest" in done.err


def test_check_joins_the_validation_that_belongs_to_the_posterior(
    run: Run, posterior: rm.Posterior, tmp_path: Path
) -> None:
    good = run("check", "--fit", "--format", "json", "--validation", validation(tmp_path, posterior, "pass"))
    answer = json.loads(good.out)
    assert good.code == 0 and answer["validation"] == "belongs to this posterior"
    assert [row["check"] for row in answer["checks"]][-1] == "SBC, parameters outside"
    assert run("check", "--fit", "--validation", validation(tmp_path, posterior, "fail")).code == 1
    for mark in ({"design_hash": "0" * 64}, {"model_code": "0" * 64}):
        other = run("check", "--fit", "--validation", validation(tmp_path, posterior, "fail", **mark))
        assert other.code == 0 and "belongs to other data or model code: run `make validate`" in other.err


def test_validate_keeps_its_folder_and_prints_verdicts(
    run: Run, monkeypatch: pytest.MonkeyPatch, posterior: rm.Posterior, tmp_path: Path
) -> None:
    asked: list[tuple[Path, int]] = []
    rows = list(posterior.checks)

    def stand_in(_: rm.Study, folder: Path, *, simulations: int, progress: Callable[[str], None]) -> list[Any]:
        asked.append((folder, simulations))
        progress("sampling the posterior")
        return rows

    monkeypatch.setattr(validate, "validate", stand_in)
    done = run("validate", "--simulations", "20", "--out", "a/b")
    assert done.code == 0 and asked == [(Path("a/b"), 20)] and (tmp_path / "a" / "b").is_dir()
    assert "the same command goes on from there" in done.err and "riskmodel: sampling the posterior" in done.err
    assert "R-hat, largest" in done.out
    rows[0] = {**rows[0], "verdict": "fail"}
    done = run("validate", "--format", "csv")
    assert done.code == 1 and asked[1] == (Path("validation"), validate.SIMULATIONS)
    assert rows_of(done.out)[0]["verdict"] == "fail"
    assert run("validate", "--out", write(tmp_path / "taken", "x")).code == 2


def test_backtest_prints_what_is_kept(run: Run, posterior: rm.Posterior, kept: Path, tmp_path: Path) -> None:
    done = run("backtest")
    assert (done.code, done.out) == (2, "") and "run `riskmodel backtest --again` or `make validate`" in done.err
    folder = validation(tmp_path, posterior, "pass")
    done = run("backtest", "--validation", folder)
    assert done.code == 0 and "hindsight" in done.out and "cannot be back-tested with this record" in done.out
    assert re.search(r"^demands +2 .*\+0\.10", done.out, re.M)
    assert max(map(len, done.out.splitlines())) < 130
    rows = rows_of(run("backtest", "--validation", folder, "--format", "csv").out)
    assert [(row["kind"], row["predictions"]) for row in rows] == [("bands", "2"), ("demands", "2"), ("all", "4")]
    described = run("backtest", "--help").out
    assert all(name in described for name in rows[0] if not name.startswith("naive_"))
    answer = json.loads(run("backtest", "--validation", folder, "--format", "json").out)
    assert len(answer["notes"]) == 2 and len(answer["kinds"]) == 3
    done = run("backtest", "--validation", validation(tmp_path, posterior, "pass", design_hash="0" * 64))
    assert (done.code, done.out) == (1, "") and "belongs to other data or model code" in done.err


def test_backtest_again_computes(
    run: Run, monkeypatch: pytest.MonkeyPatch, posterior: rm.Posterior, tmp_path: Path
) -> None:
    table = pd.read_csv(Path(validation(tmp_path, posterior, "pass")) / "backtest.csv")
    monkeypatch.setattr(checking, "_backtest_again", lambda _: table)
    done = run("backtest", "--again")
    assert done.code == 0 and "demands" in done.out


# ── score ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def table(shipped: rm.Study, posterior: rm.Posterior) -> pd.DataFrame:
    return summarise(exposure(posterior, shipped)).table


def test_score_prints_what_the_package_computes(run: Run, table: pd.DataFrame, shipped: rm.Study) -> None:
    done = run("score", "--format", "csv")
    assert done.code == 0
    assert done.err.splitlines() == [line for line in done.err.splitlines() if line.startswith("riskmodel: ")]
    rows = rows_of(done.out)
    assert [row["setup"] for row in rows] == shipped["setups"]["setup_id"].tolist()
    for name in table.columns.drop(["setup", "label"]):
        assert [float(row[name]) for row in rows] == table[name].tolist(), f"{name}: not at full precision"
    described = run("score", "--help").out
    for name in rows[0]:
        assert re.search(rf"\b{name}\b", described), f"{name} is not explained by --help"


def test_score_as_json_and_as_text(run: Run, table: pd.DataFrame) -> None:
    answer = json.loads(run("score", "--format", "json", "--years", "5").out)
    assert {"horizon_years", "start", "home", "posterior_id", "data_hash", "riskmodel"} <= set(answer)
    assert [row["probability"] for row in answer["setups"]] == table["probability"].tolist()
    assert {row["key_custody"] for row in answer["setups"]} >= {None, "customer_managed"}
    text = run("score", "--years", "10").out
    assert "over 10 years from 2026-11-22" in text and "Not legal advice" in text
    assert sum(name in text for name in table["setup"]) == len(table)
    assert max(map(len, text.splitlines())) < 130


@pytest.fixture
def analyst(tmp_path: Path) -> Path:
    """A folder with two setups, one at a provider that the study does not have."""
    folder = tmp_path / "analyst"
    write(
        folder / "my_setups.csv",
        f"{FOUR},label",
        "MINE,nordwolke,hospital_warehouse,infrastructure,=1+1",
        "OTHER,scaleway,hospital_warehouse,infrastructure,Other",
    )
    write(folder / "sources.csv", "source_id,publisher,title,located", "MY1,Nordwolke,Annual report,true")
    write(
        folder / "entities.csv",
        "entity_id,name,country,kind",
        "nordwolke,Nordwolke,DE,company",
        "northern,Northern,US,company",
    )
    write(
        folder / "providers.csv",
        "provider_id,name,seat_country,is_pseudo,source_ids,confidence",
        "nordwolke,Nordwolke,DE,false,MY1,medium",
    )
    write(
        folder / "ownership.csv",
        "ownership_id,owned_id,holder_id,share_low_pct,share_high_pct,kind,status,source_ids,confidence",
        "OWN900,nordwolke,northern,60,60,capital,current,MY1,medium",
    )
    return folder


def test_score_of_own_setups_with_an_own_provider(run: Run, analyst: Path) -> None:
    done = run("score", str(analyst / "my_setups.csv"), "--format", "csv")
    assert done.code == 0, done.err
    mine, other = rows_of(done.out)
    assert (mine["setup"], mine["provider_id"], mine["label"]) == ("MINE", "nordwolke", "'=1+1")
    assert float(mine["reach"]) > 0.8 > 0.2 > float(other["reach"]) > 0, "the majority holder is foreign"
    abroad = run("score", str(analyst / "my_setups.csv"), "--home", "US", "--format", "csv")
    assert float(rows_of(abroad.out)[0]["reach"]) != float(mine["reach"])


def test_score_from_standard_input(run: Run) -> None:
    done = run("score", "-", "--format", "csv", stdin=f"{FOUR},label\n{MINE},Né à Nîmes\n".encode())
    assert done.code == 0 and rows_of(done.out)[0]["label"] == "Né à Nîmes"
    assert "scoring 1 setup over" in done.err
    done = run("score", "-", stdin=b"")
    assert done.code == 1 and "must not be empty" in done.err


def test_equal_terms_leave_only_the_provider(run: Run, analyst: Path) -> None:
    words = ("score", str(analyst / "my_setups.csv"), "--equal-terms", "--format", "csv")
    done = run(*words)
    assert {row["key_custody"] for row in rows_of(done.out)} == {"customer_managed"}
    assert "only the providers differ" in done.err


def test_what_a_study_lacks_is_said(run: Run, posterior: rm.Posterior, tmp_path: Path) -> None:
    changed(posterior, notes=json.dumps(["no zero statement"])).save(tmp_path / "poor.nc")
    for words in (("score",), ("compare", "HDH_AZURE", "HDH_SCALEWAY")):
        done = run(*words, "--posterior", "poor.nc", "--format", "json")
        assert done.code == 0 and "the study lacks evidence, no zero statement" in done.err
        assert json.loads(done.out)["notes"] == ["no zero statement"]
    assert "lacks evidence" not in run("score").err


# ── compare ──────────────────────────────────────────────────────────────────────────────────────────────


def test_compare_says_what_the_package_finds(run: Run, shipped: rm.Study, posterior: rm.Posterior) -> None:
    pair = ["HDH_AZURE", "HDH_SCALEWAY"]
    setups = shipped["setups"]
    x = exposure(posterior, shipped, setups=setups[setups["setup_id"].isin(pair)])
    rows = setups[setups["setup_id"].isin(pair)]
    judged = rm.acceptability_of(rm.load_acceptability(study=shipped), x, shipped, setups=rows)
    finding = compare(x, *pair, suspended=rm.suspension(posterior, shipped, setups=rows), judged=judged)
    done = run("compare", *pair)
    assert done.code == 0
    assert " ".join(finding.text.split()) in " ".join(done.out.split())
    table = rows_of(run("compare", *pair, "--format", "csv").out)
    assert [float(row["ratio"]) for row in table] == finding.table["ratio"].tolist()
    assert {row["answer"] for row in table} == {"reach", "likelihood", "suspension", "acceptability"}
    answer = json.loads(run("compare", *pair, "--format", "json").out)
    assert [row["higher"] for row in answer["comparisons"] if row["higher"] is not None]
    assert "inf" not in json.dumps(answer).lower().replace('"infra', "")


def test_compare_own_setups_with_those_of_the_study(run: Run, analyst: Path) -> None:
    done = run("compare", "OTHER", "HDH_SCALEWAY", "--setups", str(analyst / "my_setups.csv"))
    assert done.code == 0 and "A = OTHER, B = HDH_SCALEWAY" in done.out


def test_compare_of_unknown_setups_lists_the_known(run: Run) -> None:
    done = run("compare", "HDH_AZURE", "NOWHERE")
    assert (done.code, done.out) == (2, "")
    assert "unknown setup NOWHERE; known: ALT_LEVIIA" in done.err


# ── bad input ────────────────────────────────────────────────────────────────────────────────────────────

BAD_SETUPS: dict[str, tuple[bytes, str]] = {
    "unknown provider": (
        f"{FOUR}\nMINE,nobody,generic,infrastructure\n".encode(),
        "my_setups.csv, row 2, column provider_id: nobody - must be",
    ),
    "unknown country": (
        f"{FOUR},data_countries\n{MINE},Atlantis\n".encode(),
        "my_setups.csv, row 2, column data_countries: Atlantis -",
    ),
    "end before beginning": (
        f"{FOUR},from_date,from_date_precision,from_date_meaning,to_date,to_date_precision,to_date_meaning\n"
        f"{MINE},2026-01-01,day,start,2025-01-01,day,end\n".encode(),
        "my_setups.csv, row 2, column from_date: 2026-01-01 - must not be after to_date (2025-01-01)",
    ),
    "missing column": (
        b"setup_id,provider_id,data_class\nMINE,scaleway,generic\n",
        "my_setups.csv, row 1, column service_model: is missing",
    ),
    "empty file": (b"", "my_setups.csv: must not be empty"),
    "other encoding": (f"{FOUR},label\n{MINE},Né\n".encode("latin-1"), "must be UTF-8 text"),
    "duplicate id": (f"{FOUR}\n{MINE}\n{MINE}\n".encode(), "my_setups.csv, row 3, column setup_id: MINE -"),
    "unknown column": (f"{FOUR},labl\n{MINE},x\n".encode(), "did you mean label?"),
}


@pytest.mark.parametrize("case", BAD_SETUPS)
def test_bad_setups_are_named_by_file_row_and_column(run: Run, tmp_path: Path, case: str) -> None:
    content, message = BAD_SETUPS[case]
    (tmp_path / "my_setups.csv").write_bytes(content)
    done = run("score", "my_setups.csv", "--format", "csv")
    assert (done.code, done.out) == (1, "")
    assert message in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["my_setups.csv"]


def test_a_share_of_140_per_cent(run: Run, analyst: Path) -> None:
    file = analyst / "ownership.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("60,60", "60,140"), encoding="utf-8")
    done = run("score", str(analyst / "my_setups.csv"))
    assert (done.code, done.out) == (1, "")
    assert "ownership.csv, row 2, column share_high_pct: 140 - " in done.err


def test_an_unknown_regime(run: Run, tmp_path: Path) -> None:
    shutil.copytree(study.shipped_data_dir(), tmp_path / "study")
    file = tmp_path / "study" / "cases.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("US_SANCTIONS_IEEPA", "US_NO_SUCH_LAW", 1), encoding="utf-8")
    done = run("score", "--study", str(tmp_path / "study"))
    assert (done.code, done.out) == (1, "")
    assert "study/cases.csv, row 2, column regime_id: US_NO_SUCH_LAW - " in done.err


@pytest.mark.parametrize("verb", ["score", "compare", "report"])
def test_a_posterior_that_is_missing_or_none(run: Run, tmp_path: Path, verb: str) -> None:
    words = {"compare": ("HDH_AZURE", "HDH_SCALEWAY"), "report": ("--out", "reports")}.get(verb, ())
    done = run(verb, *words, "--posterior", "none.nc")
    assert (done.code, done.out) == (2, "") and "none.nc: no such posterior file" in done.err
    write(tmp_path / "text.nc", "not netCDF")
    done = run(verb, *words, "--posterior", "text.nc")
    assert (done.code, done.out) == (2, "") and "text.nc: not a" in done.err
    assert not (tmp_path / "reports").exists()


def changed(posterior: rm.Posterior, **attrs: object) -> rm.Posterior:
    return rm.Posterior(posterior.data.assign_attrs(attrs))


def failing(posterior: rm.Posterior) -> rm.Posterior:
    rows = [{**row, "value": 1.5, "verdict": "fail"} for row in posterior.checks[:1]] + posterior.checks[1:]
    return changed(posterior, checks=json.dumps(rows))


def test_a_posterior_of_other_data(run: Run, posterior: rm.Posterior, tmp_path: Path) -> None:
    changed(posterior, design_hash="0" * 64, data_hash="1" * 64).save(tmp_path / "other.nc")
    done = run("score", "--posterior", "other.nc")
    assert (done.code, done.out) == (1, "")
    assert "belongs to other likelihood data or priors" in done.err and "riskmodel fit" in done.err


def test_a_posterior_whose_checks_failed(run: Run, posterior: rm.Posterior, tmp_path: Path) -> None:
    failing(posterior).save(tmp_path / "bad.nc")
    done = run("score", "--posterior", "bad.nc")
    assert (done.code, done.out) == (1, "")
    assert "its checks fail" in done.err and "R-hat, largest 1.5 (must be < 1.01)" in done.err


def test_files_and_folders_that_are_not_there(run: Run, tmp_path: Path) -> None:
    for words in (("score", "none.csv"), ("score", str(tmp_path)), ("score", "--study", "none")):
        done = run(*words)
        assert (done.code, done.out) == (2, "")
        assert "not there" in done.err or "a folder, not a file" in done.err


def test_a_file_that_cannot_be_read(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "my_setups.csv")

    monkeypatch.setattr(study, "read_setups", refuse)
    done = run("score", write(tmp_path / "my_setups.csv", FOUR, MINE))
    assert (done.code, done.err) == (2, "riskmodel: my_setups.csv: Permission denied\n")


# ── fit ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sampler(posterior: rm.Posterior, monkeypatch: pytest.MonkeyPatch) -> list[rm.SampleSettings]:
    """Stands in for the sampler: gives the shipped posterior, its checks failed when the seed is 13."""
    asked: list[rm.SampleSettings] = []

    def fit(_: rm.Study, settings: rm.SampleSettings) -> rm.Posterior:
        asked.append(settings)
        if settings.seed == 14:
            raise RuntimeError("all initial points are bad")
        return failing(posterior) if settings.seed == 13 else posterior

    monkeypatch.setattr(fitting, "fit", fit)
    return asked


def test_fit_writes_a_posterior_that_loads(run: Run, sampler: list[rm.SampleSettings], tmp_path: Path) -> None:
    done = run("fit", "--seed", "7", "--chains", "2")
    assert (done.code, done.out) == (0, "posterior.nc\n"), done.err
    assert "compiling takes about a minute" in done.err and "pass: R-hat" in done.err
    assert (sampler[0].seed, sampler[0].chains, sampler[0].draws) == (7, 2, 1000)
    assert [path.name for path in tmp_path.iterdir()] == ["posterior.nc"]
    assert rm.load_posterior(tmp_path / "posterior.nc").checks


def test_a_fit_that_fails_its_checks_replaces_nothing(
    run: Run, sampler: list[rm.SampleSettings], tmp_path: Path
) -> None:
    write(tmp_path / "mine.nc", "older")
    done = run("fit", "--seed", "13", "--out", "mine.nc")
    assert (done.code, done.out) == (1, "mine.failed.nc\n")
    assert "fail: R-hat" in done.err and "mine.nc was not written" in done.err
    assert (tmp_path / "mine.nc").read_text() == "older\n"
    assert rm.load_posterior(tmp_path / "mine.failed.nc").checks[0]["verdict"] == "fail"
    done = run("fit", "--seed", "14", "--out", "new.nc")
    assert done.code == 1 and "the sampler gave up" in done.err and not (tmp_path / "new.nc").exists()


def test_fit_looks_before_it_samples(run: Run, sampler: list[rm.SampleSettings], tmp_path: Path) -> None:
    for out in (str(tmp_path), str(tmp_path / "no" / "mine.nc")):
        done = run("fit", "--out", out)
        assert (done.code, done.out) == (2, "")
    assert sampler == [] and list(tmp_path.iterdir()) == []


# ── report ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def renderer(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for the notebook: notes what it was given."""
    asked: list[dict[str, Any]] = []

    def render(out_dir: Path, **given: Any) -> Path:
        asked.append(given)
        given["progress"]("drawing")
        return out_dir / "report.html"

    monkeypatch.setattr(report, "render", render)
    return asked


def test_report_renders_into_its_folder(
    run: Run, renderer: list[dict[str, Any]], posterior: rm.Posterior, tmp_path: Path
) -> None:
    done = run("report", "--out", "a/b", "--years", "3")
    assert (done.code, done.out) == (0, f"{Path('a/b/report.html')}\n"), done.err
    assert "riskmodel: drawing" in done.err and (tmp_path / "a" / "b").is_dir()
    assert renderer[0]["horizon_years"] == 3 and renderer[0]["posterior"] is posterior


def test_failing_checks_stop_the_report(
    run: Run, renderer: list[dict[str, Any]], posterior: rm.Posterior, kept: Path, tmp_path: Path
) -> None:
    failing(posterior).save(tmp_path / "bad.nc")
    for words, name in (
        (("--posterior", "bad.nc"), "R-hat, largest 1.5 (must be < 1.01)"),
        (("--validation", validation(tmp_path, posterior, "fail")), "SBC, parameters outside 3 (must be = 0)"),
    ):
        done = run("report", *words)
        assert (done.code, done.out, renderer) == (1, "", [])
        assert "its checks fail" in done.err and name in done.err
        assert not (tmp_path / "reports").exists()
        done = run("report", *words, "--allow-failing")
        assert done.code == 0 and "says so at its top" in done.err
        assert renderer.pop()["allow_failing"]
        shutil.rmtree(tmp_path / "reports")


def test_report_of_chosen_setups_in_french_with_its_data(run: Run, renderer: list[dict[str, Any]]) -> None:
    done = run("report", "--only", "HDH_AZURE", "HDH_SCALEWAY", "--lang", "fr", "--data")
    assert done.code == 0 and done.out == "reports/report.html\n"
    assert set(renderer[0]["study"]["setups"]["setup_id"]) == {"HDH_AZURE", "HDH_SCALEWAY"}
    assert (renderer[0]["language"], renderer[0]["data"], renderer[0]["pdf"]) == ("fr", True, False)
    for words, message in (
        (("--only", "HDH_AZUR"), "did you mean HDH_AZURE"),
        (("--setup", "HDH_AZUR"), "did you mean HDH_AZURE"),
        (("--lang", "fra"), "unknown language fra"),
        (("--all", "--lang", "fr"), "does not go with --lang"),
    ):
        refused = run("report", *words)
        assert refused.code == 2 and message in refused.err
    assert len(renderer) == 1


def test_report_into_a_file_is_refused(run: Run, renderer: list[dict[str, Any]], tmp_path: Path) -> None:
    file = write(tmp_path / "taken", "x")
    done = run("report", "--out", file)
    assert (done.code, done.out) == (2, "") and "is a file, not a folder" in done.err
    done = run("report", "--out", f"{file}/deeper")
    assert (done.code, done.out) == (2, "") and "taken" in done.err
    assert renderer == []


def test_a_folder_that_cannot_be_written(
    run: Run, renderer: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    done = run("report", "--out", "reports")
    assert (done.code, done.out) == (2, "") and "cannot write there (Permission denied)" in done.err
    assert renderer == []


# ── as a process ─────────────────────────────────────────────────────────────────────────────────────────


def test_score_imports_neither_sampler_nor_plots_and_writes_utf_8(tmp_path: Path) -> None:
    code = (
        "import sys; from riskmodel.cli import main; code = main(['score', '-', '--format', 'json']); "
        f"print(code, *sorted({HEAVY} & set(sys.modules)), file=sys.stderr)"
    )
    process = own("-W", "error", "-c", code, cwd=tmp_path, stdin=subprocess.PIPE, env={"PYTHONIOENCODING": "ascii"})
    out, err = process.communicate(f"{FOUR},label\n{MINE},Né à Nîmes\n".encode())
    assert err.decode().splitlines()[-1] == "0", err.decode()
    assert json.loads(out)["setups"][0]["label"] == "Né à Nîmes"


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    process = own("-m", "riskmodel", "score", "--help", cwd=tmp_path)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() in {cli.DONE, cli.BROKEN_PIPE}


def test_an_interruption_is_one_word(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "check_study", stop)
    done = run("check")
    assert (done.code, done.out, done.err) == (130, "", "riskmodel: interrupted\n")


# ── small things ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cell", "plain"), [(np.float64(0.5), 0.5), (np.nan, None), (None, None), ("x", "x"), (pd.NA, None)]
)
def test_cells_are_plain_values(cell: object, plain: object) -> None:
    assert output.plain(cell) == plain


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_formulas_are_made_harmless_in_csv(text: str) -> None:
    assert output.harmless(text) == f"'{text}"
    assert output.harmless("x=1") == "x=1" and output.harmless(-1.5) == -1.5
