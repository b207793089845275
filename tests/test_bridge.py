"""All methods side by side: the rows are what each method says by itself."""

from __future__ import annotations

import doctest
import importlib
import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

import riskmodel as rm
from riskmodel.errors import UsageError
from riskmodel.exposure import exposure
from riskmodel.frameworks.bridge import bridge
from riskmodel.frameworks.csf import csf
from riskmodel.frameworks.rosenthal import rosenthal
from riskmodel.study import split


@pytest.fixture(scope="module")
def azure(study: rm.Study, posterior: rm.Posterior) -> rm.Finding:
    return bridge(posterior, study, "HDH_AZURE")


def row(found: rm.Finding, method: str) -> pd.Series:
    return found.table.set_index("method").loc[method]


def test_each_row_is_what_the_method_says(azure: rm.Finding, study: rm.Study, posterior: rm.Posterior) -> None:
    x = exposure(posterior, study, by_regime=False).sel(setup="HDH_AZURE")
    ours = azure.table[azure.table["method"] == "this model"]["value"].tolist()
    assert ours[:2] == pytest.approx([float(x["reach_any"].mean()), float(x["probability"].mean())])
    chain = rosenthal(posterior, study, "HDH_AZURE").table.set_index("calculation")["probability"]
    assert row(azure, "factor chain, medians")["value"] == pytest.approx(chain["product of medians"])
    assert row(azure, "factor chain, posterior")["value"] == pytest.approx(chain["posterior in the chain"])
    card = csf(study).table.set_index("provider_id").loc["msft_azure"]
    assert row(azure, "Cloud Sovereignty Framework, weights 2026-06")["value"] == card["score_2026-06"]
    assert row(azure, "Cloud Sovereignty Framework, gate")["value"] == 1
    assert "19.6.b.1" in row(azure, "SecNumCloud 19")["answer"]
    assert "must comply unless exempted" in row(azure, "Article 31 SREN")["answer"]


def test_no_probability_of_an_event_without_its_horizon(azure: rm.Finding) -> None:
    chances = azure.table[azure.table["horizon_years"].notna()]
    assert chances["answer"].str.contains("over 5 years").all()
    assert azure.table["why_it_differs"].str.len().min() > 20
    assert "over 5 years" in azure.text
    assert "differ because" in azure.text


def test_a_setup_without_host_or_card_says_so(study: rm.Study, posterior: rm.Posterior) -> None:
    target = bridge(posterior, study, "HDH_TARGET_SECNUMCLOUD", horizon_years=2.0)
    assert row(target, "SecNumCloud 19")["answer"] == "no host chosen yet"
    assert (target.table["horizon_years"].dropna() == 2).all()
    s3ns = bridge(posterior, study, "HDH_ALT_S3NS")
    assert row(s3ns, "Cloud Sovereignty Framework, gate")["answer"] == "no card of the provider"
    assert "a service is named as qualified" in row(s3ns, "SecNumCloud 19")["answer"]


def test_own_rows_of_setups_are_heeded(study: rm.Study, posterior: rm.Posterior) -> None:
    setups = study["setups"]
    mine = setups[setups["setup_id"] == "HDH_SCALEWAY"].assign(setup_id="MINE", operator_countries="US")
    assert "19.2.c" in row(bridge(posterior, study, "MINE", setups=mine), "SecNumCloud 19")["answer"]


def test_an_unknown_setup_is_refused(study: rm.Study, posterior: rm.Posterior) -> None:
    with pytest.raises(UsageError, match="did you mean HDH_SCALEWAY"):
        bridge(posterior, study, "HDH_SCALEWY")


def test_steps_name_sections_of_the_report(study: rm.Study, root: Path) -> None:
    notebook = json.loads((root / "riskmodel/reference/report.ipynb").read_text(encoding="utf-8"))
    text = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    sections = set(re.findall(r"^## (\d+)\.", text, flags=re.MULTILINE))
    named = {part for cell in study["framework_steps"]["section"].dropna() for part in split(cell)}
    assert named <= sections


@pytest.mark.parametrize("name", ["holdings", "sren", "steps"])
def test_examples_run(name: str) -> None:
    importlib.import_module(f"riskmodel.frameworks.{name}")
    result = doctest.testmod(sys.modules[f"riskmodel.frameworks.{name}"])
    assert result.attempted > 0
    assert result.failed == 0
