"""Findings: tables that add up and sentences that follow from them."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest
import xarray as xr

import riskmodel as rm
from riskmodel.errors import UsageError
from riskmodel.wording import Probability, one_in, percent


@pytest.fixture(scope="module")
def x(study: rm.Study, posterior: rm.Posterior) -> xr.Dataset:
    return rm.exposure(posterior, study)


def test_summary_repeats_the_dataset(x: xr.Dataset) -> None:
    """A published table against ``.sel``: no label is swapped."""
    table = rm.summarise(x).table.set_index("setup")
    for setup in ("HDH_AZURE", "HDH_SCALEWAY", "GEN_ALIBABA"):
        one = x.sel(setup=setup)
        assert table.loc[setup, "probability"] == pytest.approx(float(one["probability"].mean()))
        assert table.loc[setup, "probability_high"] == pytest.approx(float(one["probability"].quantile(0.95)))
        assert table.loc[setup, "reach"] == pytest.approx(float(one["reach_any"].mean()))
        assert table.loc[setup, "label"] == str(one["label"].item())
    assert (table["probability_low"] <= table["probability_high"]).all()
    assert (table["horizon_years"] == 5).all()


def test_comparison_is_antisymmetric_and_adds_up(x: xr.Dataset) -> None:
    forth = rm.compare(x, "HDH_AZURE", "HDH_ALT_S3NS").table.set_index(["answer", "comparison"])
    back = rm.compare(x, "HDH_ALT_S3NS", "HDH_AZURE").table.set_index(["answer", "comparison"])
    shares = forth[["lower", "equal", "higher"]].dropna()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(shares["lower"], back.loc[shares.index, "higher"])
    key = ("likelihood", "predictive")
    assert forth.loc[key, "ratio"] * back.loc[key, "ratio"] == pytest.approx(1)


def test_a_setup_equals_itself_and_its_namesake(x: xr.Dataset) -> None:
    for other in ("HDH_SCALEWAY", "SNDS_COPY_TARGET"):
        table = rm.compare(x, "HDH_SCALEWAY", other).table
        assert (table["equal"].dropna() == 1).all()


def test_certain_over_parameters_can_be_a_tie_in_worlds(x: xr.Dataset) -> None:
    """Two unreached setups tie in most worlds although the parameters order them."""
    table = rm.compare(x, "ALT_LEVIIA", "SNDS_CNAM").table.set_index(["answer", "comparison"])
    assert table.loc[("likelihood", "over parameters"), "equal"] < 0.5
    assert table.loc[("likelihood", "over worlds"), "equal"] > 0.9


def test_rank_places_are_a_permutation(x: xr.Dataset) -> None:
    table = rm.rank(x).table
    n = len(table)
    assert table["expected_rank"].sum() == pytest.approx(n * (n + 1) / 2)
    assert (table["expected_rank"].diff().dropna() >= 0).all()


def test_tolerance_is_monotone(x: xr.Dataset) -> None:
    strict, lax = (rm.tolerance(x, p).table["exceeds"] for p in (0.01, 0.10))
    assert (strict >= lax).all()


def test_drivers_are_shares_and_name_the_main_line(x: xr.Dataset, posterior: rm.Posterior) -> None:
    finding = rm.drivers(x, posterior, "HDH_AZURE")
    assert finding.table["influence"].between(0, 1).all()
    assert finding.table["input"][0] == "customers affected per tasked account"
    influence = finding.table.set_index("input")["influence"]
    assert influence["what certificates remove"] < 0.01, "no route of this setup has a certificate to be removed by"
    assert "section 702" in finding.text


def test_record_of_rulings(study: rm.Study) -> None:
    finding = rm.acceptability(study, "HDH_AZURE")
    assert finding.table["same_system"].any()
    assert not finding.table["authority"].str.contains("Government|City|armed", regex=True).any()
    assert "not independent" in finding.text


@pytest.mark.parametrize(
    "call",
    [
        lambda x, s, p: rm.compare(x, "NOPE", "HDH_AZURE"),
        lambda x, s, p: rm.compare(x, "HDH_AZURE", "HDH_SCALEWAY", equal_factor=0.5),
        lambda x, s, p: rm.tolerance(x, 1.5),
        lambda x, s, p: rm.drivers(x, p, "NOPE"),
        lambda x, s, p: rm.acceptability(s, "NOPE"),
    ],
)
def test_wrong_questions_get_one_clear_message(x, study, posterior, call) -> None:
    with pytest.raises(UsageError, match=r"NOPE|must be"):
        call(x, study, posterior)


def test_no_probability_without_horizon_and_no_bare_zero() -> None:
    assert str(Probability(0.0, 5)) == "less than 0.0001 % over 5 years (less than 1 in 1,000,000)"
    with pytest.raises(TypeError):
        Probability(0.1)  # type: ignore[call-arg]
    for bad in ((1.2, 5), (-0.1, 5), (0.1, 0)):
        with pytest.raises(ValueError, match=r"probability|horizon"):
            Probability(*bad)
    assert percent(1.0) == "more than 99.9 %"
    assert one_in(0.5) == "about 1 in 2"


def test_finding_shows_itself_without_running_anything(x: xr.Dataset) -> None:
    html = rm.Finding(rm.rank(x).table.head(2).assign(label="<script>alert(1)</script>"), "a < b")._repr_html_()
    assert "<script>" not in html
    assert "a &lt; b" in html


@pytest.mark.parametrize("module", ["wording", "design", "nexus", "exposure", "priors", "_versions", "codes", "study"])
def test_examples_in_docstrings_run(module: str) -> None:
    found = importlib.import_module(f"riskmodel.{module}")
    failed, _ = doctest.testmod(found)
    assert failed == 0
