"""The factor chain: identities, Suva's two figures, what points hide, and the chain with our posterior in it."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import math
from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmodel as rm
from riskmodel.errors import UsageError
from riskmodel.exposure import thinned
from riskmodel.frameworks.chain import dependence, lawful_access
from riskmodel.frameworks.horizon import annual_probability, hazard_rate, horizon_consistency, published, years_until
from riskmodel.frameworks.rosenthal import rosenthal

CHAIN = [0.5, 0.4, 0.5, 0.3, 0.2]
"""The five factors of reference case A2; their product is 0.006."""


@pytest.mark.parametrize(
    ("p", "annual", "rate", "years"),
    [
        (0.0074, 0.00148, 0.0014855, 1550),
        (0.0095, 0.00191, 0.0019091, 1206),
        (0.10, 0.02085, 0.0210721, 109.3),
        (0.0252, 0.00509, 0.0051046, 451),
    ],
)
def test_identity_behind_the_headlines(p: float, annual: float, rate: float, years: float) -> None:
    assert annual_probability(p, 5) == pytest.approx(annual, abs=6e-6)
    assert hazard_rate(p, 5) == pytest.approx(rate, abs=6e-8)
    assert years_until(0.90, p, 5) == pytest.approx(years, abs=0.5)


@given(p=st.floats(1e-9, 0.999), horizon=st.floats(0.1, 100), q=st.floats(0.01, 0.99))
def test_restating_and_back(p: float, horizon: float, q: float) -> None:
    years = years_until(q, p, horizon)
    assert -math.expm1(-hazard_rate(p, horizon) * years) == pytest.approx(q)
    assert annual_probability(annual_probability(p, horizon), 1) == pytest.approx(annual_probability(p, horizon))
    assert horizon_consistency(p, horizon, q, years, rounding=(0, 0)).table["consistent"][0]


def test_ends_and_arrays() -> None:
    assert years_until(0.9, 0, 5) == math.inf
    assert years_until(0.9, 1, 5) == 0
    assert hazard_rate(1, 5) == math.inf
    assert math.copysign(1, hazard_rate(0, 5)) == 1
    assert annual_probability(1, 5) == 1
    np.testing.assert_allclose(years_until(0.9, [0.1, 0.0], [5, 10]), [109.2717, math.inf], rtol=1e-6)
    assert isinstance(years_until(0.9, 0.1, 5), float)


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: hazard_rate(1.1, 5), r"p: 1\.1 - must be between 0 and 1"),
    (lambda: hazard_rate(math.nan, 5), "p: nan"),
    (lambda: hazard_rate(0.1, 0), "horizon_years: 0 - must be more than 0 years"),
    (lambda: annual_probability(0.1, -5), "horizon_years: -5"),
    (lambda: years_until(1, 0.1, 5), "q: 1 - must be above 0 and below 1"),
    (lambda: horizon_consistency(0.1, 5, 0.9, -1), "years: -1"),
    (lambda: horizon_consistency(0.1, 5, 0.9, 10, rounding=(-1, 0)), "rounding"),
    (lambda: lawful_access({}, 5), "factors: none"),
    (lambda: lawful_access([0.5], 0), "horizon_years: 0"),
    (lambda: lawful_access([1.5], 5), r"factor 1: 1\.5 - must be between 0 and 1"),
    (lambda: lawful_access({"a": (0.5, 0.0)}, 5), "a: .* - must be "),
    (lambda: lawful_access({"a": (0.5, 0.4, 0.6)}, 5), "a: .* - must be "),
    (lambda: lawful_access({"a": np.array([0.1, 2.0])}, 5), "a: .* - must be between 0 and 1"),
    (lambda: lawful_access([0.5], 5, cases=-1), "cases: -1 - must be 0 or more"),
    (lambda: lawful_access([0.5], 5, residual=2), "residual: 2"),
    (lambda: lawful_access([0.5], 5, limits=[0]), "limits: 0"),
    (lambda: lawful_access([0.5], 5, draws=0), "draws: 0"),
    (lambda: lawful_access({"cases": 0.5}, 5), "factors: cases"),
    (lambda: dependence([]), "factors: none"),
    (lambda: dependence(CHAIN, -1), "factor 1"),
]


@pytest.mark.parametrize(("call", "rule"), WRONG)
def test_bad_input(call: Callable[[], object], rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        call()


def test_the_two_figures_of_suva() -> None:
    found = horizon_consistency(0.0252, 5, 0.90, 903)
    row = found.table.iloc[0]
    assert not row["consistent"]
    assert row["years_implied"] == pytest.approx(451, abs=0.5)
    assert row["ratio"] == pytest.approx(2.0, abs=0.01)
    assert row["horizon_implied"] == pytest.approx(10.0, abs=0.02)
    assert row["p_implied"] == pytest.approx(0.0127, abs=5e-5)
    assert row["years_implied_low"] < 451.08 < row["years_implied_high"]
    for figure in ("2.52 %", "451 years", "903 years", "10 years", "1.27 %"):
        assert figure in found.text


@pytest.mark.parametrize(
    ("p", "years", "consistent"),
    [
        (0.0252, 451, True),
        (0.0252, 450, True),  # 0.02525 gives 450.2, and 450 stands for up to 450.5
        (0.0252, 452, True),
        (0.0252, 449, False),
        (0.025, 451, True),  # three digits allow for 0.0245 to 0.0255
        (0.02, 451, False),
        (0.03, 451, True),  # 0.025 to 0.035
        (0.0, 451, False),
        (0.1, 109.3, True),
        (0.1, 109, True),
    ],
)
def test_rounding_is_allowed_for(p: float, years: float, consistent: bool) -> None:
    assert bool(horizon_consistency(p, 5, 0.90, years).table["consistent"][0]) is consistent


def test_rounding_can_be_stated() -> None:
    assert not horizon_consistency(0.03, 5, 0.90, 451, rounding=(0.0005, 0.5)).table["consistent"][0]
    assert horizon_consistency(0.0252, 5, 0.90, 903, rounding=(0.02, 0.5)).table["consistent"][0]


def test_published_statements(study: rm.Study) -> None:
    found = published(study)
    table = found.table.set_index("id")
    assert table.loc["zurich", "kind"] == "tolerance"
    assert table.loc["zurich", "years_to_90"] == pytest.approx(109.3, abs=0.05)
    assert table.loc["zurich_case_files", "years_to_90"] == pytest.approx(1550, abs=0.5)
    assert table.loc["zurich_ordinary", "annual_probability"] == pytest.approx(0.00191, abs=5e-6)
    assert table.loc["suva", "consistent"] is np.False_ or not table.loc["suva", "consistent"]
    assert table["consistent"].isna().sum() == 3
    assert "Suva" in found.text
    alone = study["published_probabilities"].query("id != 'suva'")
    fewer = dataclasses.replace(
        study, tables=MappingProxyType({**study.tables, "published_probabilities": alone.reset_index(drop=True)})
    )
    assert published(fewer).table["consistent"].isna().all()


def test_what_the_point_product_hides() -> None:
    """Reference case A2, with its Monte-Carlo error."""
    table = dependence(CHAIN).table.set_index(["calculation", "concentration"])
    assert table["mean"].iloc[0] == pytest.approx(0.006, rel=1e-12)
    expected = {
        20: (0.0060, 0.0013, 0.0048, 0.0146, 0.00004),
        5: (0.0060, 0.00008, 0.0024, 0.0242, 0.0099),
        2: (0.0059, 3e-7, 0.0004, 0.0297, 0.026),
    }
    for level, (mean, low, middle, high, above) in expected.items():
        row = table.loc[("independent", level)]
        assert row["mean"] == pytest.approx(0.006, abs=4 * row["error"]) and row["mean"] == pytest.approx(
            mean, abs=2e-4
        )
        assert row["q05"] == pytest.approx(low, rel=0.2, abs=5e-6)
        assert row["q50"] == pytest.approx(middle, rel=0.1)
        assert row["q95"] == pytest.approx(high, rel=0.03)
        assert row["above_0.05"] == pytest.approx(above, rel=0.1, abs=3e-5)
    full = table.loc[("fully dependent", 5)]
    assert full["mean"] == pytest.approx(0.0342, abs=4e-4)
    assert full["q05"] == pytest.approx(2e-6, rel=0.3)
    assert full["q50"] == pytest.approx(0.0042, abs=5e-5)
    assert full["q95"] == pytest.approx(0.180, abs=2e-3)
    assert full["ratio"] == pytest.approx(5.7, abs=0.07)


def test_chain_of_points() -> None:
    row = lawful_access(CHAIN, 5).table.set_index("calculation").loc["point"]
    assert row["mean"] == pytest.approx(0.006, rel=1e-12)
    assert row["years_until"] == pytest.approx(years_until(0.9, 0.006, 5), rel=1e-6)
    assert row["above_0.01"] == 0
    more = lawful_access(CHAIN, 5, cases=3, residual=0.001, quantile=0.5).table.set_index("calculation").loc["point"]
    assert more["mean"] == pytest.approx(1 - 0.999 * 0.994**3)
    assert more["expected_accesses"] == pytest.approx(0.019)
    assert more["years_until"] == pytest.approx(years_until(0.5, more["mean"], 5), rel=1e-6)
    assert lawful_access([0.0], 5).table["years_until"][0] == math.inf


def test_chain_with_distributions(rng: np.random.Generator) -> None:
    """Means of independent cells multiply; quantiles are met; dependence raises the mean; draws keep their pairs."""
    found = lawful_access({"a": (0.4, 10), "b": (0.05, 0.2, 0.5)}, 5, draws=100_000)
    table = found.table.set_index("calculation")
    assert found.detail is not None
    cells = found.detail.set_index("cell")
    np.testing.assert_allclose(cells.loc["b", ["q05", "q50", "q95"]].astype(float), [0.05, 0.2, 0.5], rtol=0.03)
    assert cells.loc["a", "mean"] == pytest.approx(0.4, abs=0.002)
    product = cells["mean"]["a"] * cells["mean"]["b"]
    assert table["mean"]["independent"] == pytest.approx(product, abs=4 * table["error"]["independent"])
    assert table["mean"]["fully dependent"] > table["mean"]["independent"]
    assert table["years_until"]["independent"] > years_until(0.9, table["mean"]["independent"], 5)
    low = rng.uniform(0, 1, 5000)
    paired = lawful_access({"a": low, "b": 1 - low}, 5).table.set_index("calculation")["mean"]
    assert paired["as sampled"] == pytest.approx((low * (1 - low)).mean())
    assert paired["as sampled"] < paired["independent"] < paired["fully dependent"]


def test_chain_of_a_setup(study: rm.Study, posterior: rm.Posterior) -> None:
    found = rosenthal(posterior, study, "HDH_AZURE")
    table = found.table.set_index("calculation")
    chosen = study["setups"].query("setup_id == 'HDH_AZURE'")
    x = rm.exposure(posterior, study, setups=chosen, by_regime=False).isel(setup=0)
    settled = table.loc["posterior, reach settled"]
    assert settled["probability"] == pytest.approx(float(x["probability"].mean()))
    assert settled["reach_any"] == pytest.approx(float(x["reach_any"].mean()))
    np.testing.assert_allclose(table["years_method"], [years_until(0.9, p, 5) for p in table["probability"]], rtol=1e-9)
    for column, share in (("years_given_reach", 0.9 * settled["reach_any"]), ("years_setup", 0.9)):
        multiple = np.array([settled[column] / 5])
        assert float(thinned(posterior, study, multiple, setups=chosen).mean()) == pytest.approx(share, rel=0.01)
    assert found.detail is not None
    cells = found.detail.set_index(["regime", "step"])["mean"]
    assert cells["US_FISA702", "law reaches"] == pytest.approx(float(x["reach"].sel(regime="US_FISA702").mean()))
    assert found.detail["source_ids"][found.detail["step"] == "law reaches"].str.len().min() > 0


def test_cells_multiply_to_the_rates_of_exposure(study: rm.Study, posterior: rm.Posterior) -> None:
    """Demands, clear text and terms give the rate given reach, law by law, when there is a single provider."""
    module = importlib.import_module("riskmodel.frameworks.rosenthal")
    chosen = study["setups"].query("setup_id == 'GEN_GCP_EKM'")
    x = rm.exposure(posterior, study, setups=chosen, by_regime=False).isel(setup=0)
    programmes = module.foreign_programmes(study, study.home)
    facts = module.setup_facts(study, chosen)[0]
    reach = x["reach"].transpose("regime", "sample").values
    cells = module._cells(facts, programmes, module.Draws(posterior, programmes), reach)
    product = cells["demands"] * cells["clear text"] * cells["terms"]
    np.testing.assert_allclose(product, x["rate"].transpose("regime", "sample").values, rtol=1e-9)
    assert ((cells["in force"] >= 0) & (cells["in force"] <= 1 + 1e-12)).all()


def test_years_of_a_setup_may_be_infinite(study: rm.Study, posterior: rm.Posterior) -> None:
    found = rosenthal(posterior, study, "HDH_SCALEWAY")
    assert np.isinf(found.table["years_setup"]).all()
    assert np.isfinite(found.table["years_given_reach"]).all()
    assert "never gets to 90 %" in found.text
    half = rosenthal(posterior, study, "HDH_SCALEWAY", quantile=0.001).table
    assert np.isfinite(half["years_setup"].iloc[-1]), "a probability below the reach is passed"


def test_unknown_setup_and_horizon(study: rm.Study, posterior: rm.Posterior) -> None:
    with pytest.raises(UsageError, match=r"unknown setup HDH_AZUR \(did you mean HDH_AZURE\?\)"):
        rosenthal(posterior, study, "HDH_AZUR")
    with pytest.raises(UsageError, match="horizon_years"):
        rosenthal(posterior, study, "HDH_AZURE", horizon_years=-1)
    with pytest.raises(UsageError, match="quantile"):
        rosenthal(posterior, study, "HDH_AZURE", quantile=1)


@pytest.mark.parametrize("name", ["chain", "horizon"])
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"riskmodel.frameworks.{name}")).failed == 0


def test_names_of_the_package() -> None:
    """A function keeps its name although its module has the same."""
    from riskmodel import frameworks

    assert frameworks.rosenthal is rosenthal
    assert callable(frameworks.csf)
    assert set(frameworks.__all__) == set(dir(frameworks))
    with pytest.raises(AttributeError, match="nothing"):
        _ = frameworks.nothing
