"""Institutions at few hosts: what they share, and numbers that add up."""

from __future__ import annotations

import doctest
import time

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import riskmodel as rm
from riskmodel.decide import portfolio as module
from riskmodel.decide.portfolio import aggregate
from riskmodel.errors import UsageError
from riskmodel.exposure import thinned

HOSTS = ("HDH_AZURE", "HDH_ALT_OVH", "HDH_ALT_OUTSCALE", "HDH_ALT_NUMSPOT", "HDH_ALT_S3NS")


@pytest.fixture(scope="module")
def x(study: rm.Study, posterior: rm.Posterior) -> xr.Dataset:
    return rm.exposure(posterior, study, by_regime=False)


def test_one_institution_is_the_setup_itself(x: xr.Dataset) -> None:
    row = aggregate(x, {"one": {"HDH_AZURE": 1}}).table.iloc[0]
    world, exact = (x[name].sel(setup="HDH_AZURE") for name in ("world_probability", "probability"))
    assert row["probability_any"] == pytest.approx(float(exact.mean()))
    assert row["expected"] == pytest.approx(float(exact.mean()))
    assert row["expected_in_draws"] == pytest.approx(float(world.mean()))
    assert row["probability_any_error"] == pytest.approx(row["expected_error"])
    assert row["any_if_independent"] == pytest.approx(row["expected"])
    assert row["number_if_any"] == pytest.approx(1)


def test_the_numbers_of_a_portfolio_fit_one_another(x: xr.Dataset) -> None:
    """Of one distribution: the mean is the chance of any times the mean given any, and holds its own worst tenth."""
    asked = {name: {name: 100} for name in map(str, x["setup"].values)} | {"five": dict.fromkeys(HOSTS, 20)}
    table = aggregate(x, asked).table
    np.testing.assert_allclose(table["expected"], table["probability_any"] * table["number_if_any"], rtol=1e-12)
    assert (0.1 * table["worst_decile"] <= table["expected"] * (1 + 1e-9)).all()
    assert (table["worst_decile"] >= table["expected"]).all() and (table["number_low"] <= table["number_high"]).all()
    assert (table["number_if_any"] >= 1).all() and (table["probability_any"] <= table["expected"]).all()


def test_weights_give_the_mean_and_stay_near_equal() -> None:
    number = np.random.default_rng(2).gamma(0.2, 10.0, 500)
    for mean in (0.5 * number.mean(), number.mean(), 2.0 * number.mean()):
        weights = module._weights(number, mean, "P")
        assert weights.min() > 0 and weights.sum() == pytest.approx(1) and weights @ number == pytest.approx(mean)
    np.testing.assert_allclose(module._weights(number, number.mean(), "P"), 1 / 500)
    assert module._worst(np.arange(10.0), np.full(10, 0.1)) == pytest.approx(9)
    assert module._worst(np.array([0.0, 4.0]), np.array([0.95, 0.05])) == pytest.approx(2)
    with pytest.raises(UsageError, match="P: 500 samples - must be more"):
        module._weights(number, 2 * number.max(), "P")


def test_weighted_worlds_are_nearer_to_the_exact_integral(
    study: rm.Study, posterior: rm.Posterior, x: xr.Dataset
) -> None:
    setups = study["setups"].query("setup_id in @HOSTS")
    exact = thinned(posterior, study, np.array([10.0]), setups=setups).isel(multiple=0).mean("sample")
    table = aggregate(x, {name: {name: 10} for name in HOSTS}).table.set_index("portfolio")
    drawn = 1 - (1 - x["world_probability"].sel(setup=list(HOSTS))) ** 10
    raw = float(abs(drawn.mean("sample") - exact.sel(setup=list(HOSTS))).mean())
    assert np.mean([abs(table.loc[n, "probability_any"] - float(exact.sel(setup=n))) for n in HOSTS]) < raw


@pytest.mark.parametrize("number", [10, 100])
def test_worlds_agree_with_the_exact_integral(
    study: rm.Study, posterior: rm.Posterior, x: xr.Dataset, number: int
) -> None:
    setups = study["setups"].query("setup_id in @HOSTS")
    exact = thinned(posterior, study, np.array([float(number)]), setups=setups).isel(multiple=0).mean("sample")
    table = aggregate(x, {name: {name: number} for name in HOSTS}).table.set_index("portfolio")
    for name in HOSTS:
        off = table.loc[name, "probability_any"] - float(exact.sel(setup=name))
        assert abs(off) < 3.5 * table.loc[name, "probability_any_error"]


def test_concentration_leaves_the_expectation_and_gathers_the_events() -> None:
    """One law, one set of facts, different hosts with the same chance: only what is shared differs."""
    rng, samples, hosts = np.random.default_rng(1), 4000, [f"H{k}" for k in range(10)]
    level = rng.gamma(2.0, 0.01, samples)[:, None]
    reached = rng.random((samples, 10)) < 0.3
    world = np.where(reached, -np.expm1(-level), 0.0)
    x = xr.Dataset(
        {
            "probability": (("sample", "setup"), np.repeat(-0.3 * np.expm1(-level), 10, axis=1)),
            "world_probability": (("sample", "setup"), world),
        },
        coords={
            "setup": hosts,
            "label": ("setup", hosts),
            "reading_setup": ("reading", hosts),
            "reading_provider": ("reading", hosts),
        },
        attrs={"horizon_years": 5.0},
    )
    finding = aggregate(x, {"at ten": dict.fromkeys(hosts, 10), "at one": {"H0": 100}})
    ten, one = finding.table.to_dict("records")
    assert ten["expected"] == pytest.approx(one["expected"])
    exact_one = 0.3 * -np.expm1(-100 * level).mean()
    exact_ten = 1 - np.mean((0.7 + 0.3 * np.exp(-10 * level)) ** 10)
    for row, exact in ((one, exact_one), (ten, exact_ten)):
        assert abs(row["probability_any"] - exact) < 3.5 * row["probability_any_error"]
    assert one["number_if_any"] > 1.5 * ten["number_if_any"] and one["worst_decile"] > ten["worst_decile"]
    assert ten["any_if_independent"] == pytest.approx(one["any_if_independent"]) and ten["largest_share"] == 0.1
    assert ten["probability_any"] < ten["any_if_independent"]
    assert finding.text.startswith("at one (100 institutions, all at one host)")


def test_bounds_shares_and_both_ways_of_asking(x: xr.Dataset) -> None:
    asked = {
        "one": {"HDH_AZURE": 100},
        "five": dict.fromkeys(HOSTS, 20),
        "same host": {"HDH_AZURE": 5, "EMC2_AZURE": 5},
    }
    before = time.perf_counter()
    finding = aggregate(x, asked)
    assert time.perf_counter() - before < 1
    table = finding.table.set_index("portfolio")
    assert table.loc["same host", "hosts"] == 1 and table.loc["five", "hosts"] == len(HOSTS)
    assert (table["number_if_any"] >= 1).all() and (table["probability_any"] <= table["expected"] + 1).all()
    assert (table["number_high"] <= table["institutions"]).all() and (table["worst_decile"] >= table["expected"]).all()
    np.testing.assert_allclose(finding.detail.groupby("portfolio")["share"].sum(), 1)
    np.testing.assert_allclose(
        finding.detail.groupby("portfolio")["expected"].sum().loc[table.index], table["expected"], rtol=1e-9
    )
    rows = [(name, setup, n) for name, part in asked.items() for setup, n in part.items()]
    frame = pd.DataFrame(rows, columns=["portfolio", "setup", "institutions"])
    pd.testing.assert_frame_equal(aggregate(x, frame).table, finding.table)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"P": {}},
        {"P": 5},
        {"P": {"HDH_AZUR": 1}},
        {"P": {"HDH_AZURE": 0}},
        {"P": {"HDH_AZURE": 1.5}},
        {"P": {"HDH_AZURE": "many"}},
        {"P": {"HDH_AZURE": float("inf")}},
        pd.DataFrame({"portfolio": ["P"], "setup": ["HDH_AZURE"]}),
    ],
)
def test_wrong_portfolios_get_one_clear_message(x: xr.Dataset, asked) -> None:
    with pytest.raises(UsageError, match=r"^portfolios.* - must|did you mean HDH_AZURE"):
        aggregate(x, asked)


def test_examples_run() -> None:
    assert doctest.testmod(module).failed == 0
