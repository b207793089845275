"""Persons in a disclosure: the curve is the thinned exposure, the data bound the sizes, bad numbers are told."""

from __future__ import annotations

import doctest
import importlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import riskmodel as rm
from riskmodel.decide.severity import severity
from riskmodel.draws import Draws
from riskmodel.errors import UsageError
from riskmodel.exposure import thinned
from riskmodel.nexus import foreign_programmes

module = importlib.import_module("riskmodel.decide.severity")  # `decide.severity` is the function

SOME = ["HDH_AZURE", "HDH_AZURE_PROVIDERKEY", "HDH_SCALEWAY", "SNDS_COPY_TARGET", "GEN_INFOMANIAK_CH"]


@pytest.fixture(scope="module")
def some(study: rm.Study) -> pd.DataFrame:
    setups = study["setups"]
    return setups[setups["setup_id"].isin(SOME)]


@pytest.fixture(scope="module")
def found(study: rm.Study, posterior: rm.Posterior, some: pd.DataFrame) -> rm.Finding:
    return severity(posterior, study, setups=some)


def curve(finding: rm.Finding, setup: str) -> pd.DataFrame:
    assert finding.detail is not None
    return finding.detail[finding.detail["setup"] == setup].set_index("persons")


def test_one_person_or_more_is_any_disclosure(
    found: rm.Finding, study: rm.Study, posterior: rm.Posterior, some: pd.DataFrame
) -> None:
    x = rm.exposure(posterior, study, setups=some, by_regime=False)["probability"]
    for setup in SOME:
        first = curve(found, setup).loc[1.0]
        assert first["probability"] == pytest.approx(float(x.sel(setup=setup).mean()), rel=1e-9)
        assert first["probability_high"] == pytest.approx(float(x.sel(setup=setup).quantile(0.95)), rel=1e-9)


def test_more_persons_are_never_more_likely_and_bands_hold_the_middle(found: rm.Finding) -> None:
    for setup in SOME:
        mine = curve(found, setup)
        for column in ("probability", "probability_low", "probability_high"):
            assert (mine[column].diff().dropna() <= 1e-12).all()
    table = found.table.set_index("setup")
    assert (table["probability_large"] <= table["probability"]).all()
    assert (table["probability_bulk"] <= table["probability"]).all()
    assert (table["probability_person"] <= table["probability"]).all()
    assert (table["persons_low"] <= table["persons_median"]).all()
    assert table["persons_a_year"].to_numpy() == pytest.approx(table["persons"].to_numpy() / 5)


def test_the_curve_is_the_thinned_exposure(study: rm.Study, posterior: rm.Posterior, some: pd.DataFrame) -> None:
    """Samples with few expected events take a formula, the others the integral: against the integral for all."""
    draws = Draws(posterior, foreign_programmes(study, study.home))
    base = module._Base("check", (1e6, 1e6, 1e6), "given")
    sizes = module._sizes(study, draws, base, "generic", np.array([10.0, 1e4]), 0.5)
    one = some[some["setup_id"] == "GEN_INFOMANIAK_CH"]
    exact = thinned(posterior, study, sizes.fraction, setups=one).mean("sample").squeeze().to_numpy()
    (fact,) = module.setup_facts(study, one)
    quick = module._at_least_one(fact, foreign_programmes(study, study.home), draws, sizes.fraction).mean(axis=1)
    np.testing.assert_allclose(quick, exact, rtol=2e-3)


def test_the_same_data_at_the_same_host_get_the_same_row(found: rm.Finding) -> None:
    table = found.table.set_index("setup").drop(columns="label")
    pd.testing.assert_series_equal(table.loc["HDH_SCALEWAY"], table.loc["SNDS_COPY_TARGET"], check_names=False)
    assert table.loc["HDH_AZURE_PROVIDERKEY", "base"] == table.loc["HDH_AZURE", "base"], "a variant holds the same data"


def test_a_setup_beside_it_changes_nothing(
    found: rm.Finding, study: rm.Study, posterior: rm.Posterior, some: pd.DataFrame
) -> None:
    alone = severity(posterior, study, setups=some[some["setup_id"] == "HDH_SCALEWAY"])
    pd.testing.assert_frame_equal(
        alone.table, found.table[found.table["setup"] == "HDH_SCALEWAY"].reset_index(drop=True)
    )


def test_given_persons_bound_the_disclosure(study: rm.Study, posterior: rm.Posterior, some: pd.DataFrame) -> None:
    few = severity(posterior, study, setups=some, persons=dict.fromkeys(SOME, 500), at_least=[1, 400, 600])
    assert (few.table["base_from"] == "given").all()
    assert (few.table["persons"] <= 500).all()
    assert (few.table["probability_large"] == 0).all()
    for setup in SOME:
        assert curve(few, setup).loc[600.0, "probability"] == 0
        assert curve(few, setup).loc[400.0, "probability"] > 0
    assert "compare contents" not in few.text


def test_rare_events_add_up(study: rm.Study, posterior: rm.Posterior, some: pd.DataFrame) -> None:
    """Where P is small, the expected persons are P times the persons of one disclosure."""
    draws = Draws(posterior, foreign_programmes(study, study.home))
    one = some[some["setup_id"] == "HDH_SCALEWAY"]
    sizes = module._sizes(
        study, draws, module._Base("check", (1e5, 1e5, 1e5), "given"), "national_health_warehouse", np.ones(1), 0.5
    )
    (fact,) = module.setup_facts(study, one, horizon_years=0.01)
    every, _, person = module._at_least_one(fact, foreign_programmes(study, study.home), draws, sizes.fraction)
    rare = every < 1e-4
    np.testing.assert_allclose(person[rare], (every * sizes.fraction[-1])[rare], rtol=5e-2)


def test_elicited_quantiles_come_back(study: rm.Study, posterior: rm.Posterior) -> None:
    """Without the carried bias, the middle of what is drawn is the middle that was elicited."""
    draws = Draws(posterior, foreign_programmes(study, study.home))
    draws.values = {**draws.values, "common_bias": np.zeros(draws.size)}
    location, _, borrowed = module._reading(study, "bulk_given_disclosure", "national_health_warehouse", "logit")
    assert not borrowed
    usual, within = module._drawn(draws, "x", (location, 1.0, False), 0.0)
    assert within == 0
    assert 1 / (1 + np.exp(-np.median(usual))) == pytest.approx(0.03, rel=0.1)
    usual, within = module._drawn(draws, "x", (0.0, 2.0, False), 0.25)
    assert usual.var() + within**2 == pytest.approx(4.0, rel=0.1)


def test_sizes_split_differently_have_nearly_the_same_middle(
    study: rm.Study, posterior: rm.Posterior, some: pd.DataFrame
) -> None:
    one = some[some["setup_id"] == "HDH_SCALEWAY"]
    low, high = (severity(posterior, study, setups=one, between=share, at_least=[100.0]).detail for share in (0.0, 1.0))
    assert low is not None and high is not None
    assert low["probability"][0] == pytest.approx(high["probability"][0], rel=0.35)


def test_shipped_populations_are_for_a_setup_or_a_class(study: rm.Study) -> None:
    table = study["populations"]
    assert (table["setup_id"].isna() ^ table["data_class"].isna()).all()
    assert set(study["setups"]["data_class"]) <= set(table["data_class"].dropna())
    unsourced = table[table["source_ids"].isna()]
    assert unsourced["basis"].str.startswith("Judgement").all()


def test_text_names_probability_with_horizon_and_one_desk(found: rm.Finding) -> None:
    assert "over 5 years" in found.text
    assert "one desk" in found.text
    assert "compare contents" in found.text
    assert found.table["bulk_borrowed"].tolist() == [s.startswith("GEN") for s in found.table["setup"]]


def test_a_study_without_populations_asks_for_persons(study: rm.Study, posterior: rm.Posterior, some) -> None:
    bare = replace(study, tables={**study.tables, "populations": study["populations"].iloc[:0]})
    with pytest.raises(UsageError, match="must be given"):
        severity(posterior, bare, setups=some)
    unasked = study["elicitation"].query("quantity != 'bulk_share_of_base'")
    with pytest.raises(UsageError, match="bulk_share_of_base"):
        severity(posterior, replace(study, tables={**study.tables, "elicitation": unasked}), setups=some)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"persons": {"HDH_AZUR": 5}}, "did you mean HDH_AZURE"),
        ({"persons": {"HDH_AZURE": 0}}, "1 or more"),
        ({"persons": {"HDH_AZURE": (5, 4, 6)}}, "rising"),
        ({"horizon_years": -1}, "horizon_years"),
        ({"at_least": []}, "at_least"),
        ({"at_least": [0.5]}, "at_least"),
        ({"between": 1.5}, "between"),
    ],
)
def test_wrong_questions_get_one_clear_message(study, posterior, some, wrong, match) -> None:
    with pytest.raises(UsageError, match=match):
        severity(posterior, study, setups=some, **wrong)


def test_examples_in_docstrings_run() -> None:
    assert doctest.testmod(module).failed == 0
