"""Checks: convergence, calibration and forecast scores say what they should on cases with known answers."""

from __future__ import annotations

import doctest
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from riskmodel.checks import (
    brier,
    calibrated,
    calibration,
    calibration_rows,
    compare_scores,
    convergence,
    coverage,
    crps,
    ecdf,
    ecdf_band,
    interval_coverage,
    log_score,
    passed,
    pit,
    ranks,
    row,
    scoring,
)

# -- rows and convergence ------------------------------------------------------------------------------------------


def sampler_output(rng: np.random.Generator, shift: float = 0.0, diverging: int = 0) -> xr.DataTree:
    values = rng.standard_normal((4, 1000))
    values[0] += shift
    flags = np.zeros((4, 1000), dtype=bool)
    flags[0, :diverging] = True
    dims = ("chain", "draw")
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"a": (dims, values)}, coords={"chain": range(4), "draw": range(1000)}),
            "sample_stats": xr.Dataset({"diverging": (dims, flags), "energy": (dims, rng.standard_normal((4, 1000)))}),
        }
    )


def test_checks_pass_on_good_chains_and_fail_on_bad_ones(rng: np.random.Generator) -> None:
    assert passed(convergence(sampler_output(rng), ["a"]))
    apart = {r["check"]: r["verdict"] for r in convergence(sampler_output(rng, shift=1.0), ["a"])}
    assert apart["R-hat, largest"] == "fail"
    diverged = {r["check"]: r["verdict"] for r in convergence(sampler_output(rng, diverging=3), ["a"])}
    assert diverged["divergences"] == "fail"


def test_one_failing_row_is_enough() -> None:
    good, bad = row("x", 3.0, "> 2", True, "yes"), row("x", 1.0, "> 2", False, "no")
    assert passed([good, good])
    assert not passed([good, bad])


def test_checks_import_neither_sampler_nor_scipy() -> None:
    heavy = ["arviz", "pymc", "pytensor", "scipy"]
    code = f"import riskmodel.checks, sys; assert not [name for name in {heavy} if name in sys.modules]"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("module", [calibration, scoring])
def test_examples_in_docstrings_run(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


# -- bands: when are ranks uniform? --------------------------------------------------------------------------------


def outside(rng: np.random.Generator, simulations: int, draws: int, level: float, families: int) -> float:
    """Share of simulated sets of uniform ranks whose distribution leaves the band, by brute force."""
    grid, lower, upper = ecdf_band(simulations, draws, level)
    counts = rng.multinomial(simulations, np.full(draws + 1, 1 / (draws + 1)), size=families).cumsum(axis=1)
    curve = counts[:, np.round(grid * (draws + 1)).astype(int) - 1]
    low, high = np.round(lower * simulations), np.round(upper * simulations)
    return float(((curve < low) | (curve > high)).any(axis=1).mean())


@pytest.mark.parametrize(("simulations", "draws"), [(60, 255), (100, 99), (300, 49)])
@pytest.mark.parametrize("level", [0.9, 0.99, 0.9995])
def test_band_holds_uniform_ranks_as_often_as_it_says(
    rng: np.random.Generator, simulations: int, draws: int, level: float
) -> None:
    families = 40_000
    found, error = outside(rng, simulations, draws, level, families), np.sqrt(level * (1 - level) / families)
    assert found < 1 - level + 3 * error
    assert found > 0.75 * (1 - level) - 3 * error  # counts are whole, so the band is a little wide, not more


def outside_exactly(simulations: int, draws: int, level: float) -> float:
    """The same by the recursion over binomial counts, count by count."""
    grid, lower, upper = ecdf_band(simulations, draws, level)
    state, last = {0: 1.0}, 0.0
    for at, low, high in zip(grid, np.round(lower * simulations), np.round(upper * simulations), strict=True):
        after = np.zeros(simulations + 1)
        for count, weight in state.items():
            new = np.arange(count, simulations + 1)
            after[new] += weight * stats.binom.pmf(new - count, simulations - count, (at - last) / (1 - last))
        state, last = {c: after[c] for c in range(int(low), int(high) + 1)}, at
    return 1 - sum(state.values())


@pytest.mark.parametrize("level", [0.9, 0.99, 1 - 0.01 / 300])
def test_band_has_its_level_exactly_also_close_to_one(level: float) -> None:
    found = outside_exactly(100, 99, level)
    assert 0.75 * (1 - level) < found <= (1 - level) * (1 + 1e-9)


def test_band_of_few_ranks_by_hand() -> None:
    """Two ranks in two cells: 0, 1 or 2 of them in the first, with probabilities 1/4, 1/2, 1/4."""
    assert [a.tolist() for a in ecdf_band(2, 1, 0.5)] == [[0.5], [0.5], [0.5]]
    assert [a.tolist() for a in ecdf_band(2, 1, 0.6)] == [[0.5], [0.0], [1.0]]
    assert [round(float(a[0]) * 3, 9) for a in ecdf_band(3, 1, 0.7)] == [1.5, 1, 2]


def test_band_is_symmetric_and_grows_with_its_level() -> None:
    grid, lower, upper = ecdf_band(200, 99, 0.99)
    np.testing.assert_allclose(grid, 1 - grid[::-1])
    np.testing.assert_allclose(lower, 1 - upper[::-1])
    assert (lower < grid).all()
    assert (grid < upper).all()
    wider = ecdf_band(200, 99, 0.9999)
    assert (wider.lower <= lower).all()
    assert (wider.upper >= upper).all()
    with pytest.raises(ValueError, match="read-only"):
        lower[0] = 0


@pytest.mark.parametrize("wrong", [(1, 99, 0.9), (100, 0, 0.9), (100, 99, 1.0), (100, 99, 0.0)])
def test_bands_that_do_not_exist_are_refused(wrong: tuple[int, int, float]) -> None:
    with pytest.raises(ValueError, match="no band"):
        ecdf_band(*wrong)


# -- calibration: does a sampler recover the truth? ----------------------------------------------------------------

PARAMETERS, SIMULATIONS, DRAWS = 20, 200, 99


def conjugate_ranks(
    rng: np.random.Generator, shift: float = 0.0, scale: float = 1.0, ignore: bool = False
) -> np.ndarray:
    """Normal means with one observation each; the exact posterior, or one that is shifted, scaled, or the prior.

    The last column ranks the log likelihood of all observations together.
    """
    truth = rng.standard_normal((SIMULATIONS, PARAMETERS))
    data = truth + rng.standard_normal(truth.shape)
    noise = rng.standard_normal((SIMULATIONS, DRAWS, PARAMETERS))
    draws = noise if ignore else data[:, None] / 2 + shift + scale * np.sqrt(0.5) * noise

    def with_likelihood(means: np.ndarray, observed: np.ndarray) -> np.ndarray:
        return np.concatenate([means, -np.square(observed - means).sum(axis=-1, keepdims=True)], axis=-1)

    return ranks(with_likelihood(truth, data), with_likelihood(draws, data[:, None]), rng)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_exact_posteriors_are_calibrated(seed: int) -> None:
    found = conjugate_ranks(np.random.default_rng(seed))
    assert passed(calibration_rows(found, DRAWS))
    table = calibrated(found, DRAWS)
    assert (table["excess"] <= 1).all()
    assert table["z"].abs().max() < 4


def test_false_alarms_of_a_family_are_as_rare_as_it_says(rng: np.random.Generator) -> None:
    uniform = rng.integers(0, DRAWS, size=(200, SIMULATIONS, PARAMETERS), endpoint=True)
    alarms = sum(not calibrated(family, DRAWS)["inside"].all() for family in uniform)
    assert alarms <= stats.binom.ppf(0.999, 200, 0.01)
    often = sum(not calibrated(family, DRAWS, family_level=0.8)["inside"].all() for family in uniform)
    assert stats.binom.ppf(0.001, 200, 0.14) <= often <= stats.binom.ppf(0.999, 200, 0.2)


@pytest.mark.parametrize("wrong", [{"scale": 0.5}, {"scale": 2.0}, {"shift": 0.4}])
def test_wrong_posteriors_are_flagged(rng: np.random.Generator, wrong: dict[str, float]) -> None:
    found = conjugate_ranks(rng, **wrong)[:, :-1]
    table = calibrated(found, DRAWS)
    assert not table["inside"].any()
    assert (table["excess"] > 1).all()
    assert not passed(calibration_rows(found, DRAWS)[:1])


def test_mean_rank_says_on_which_side_the_truth_lies(rng: np.random.Generator) -> None:
    assert (calibrated(conjugate_ranks(rng, shift=0.4)[:, :-1], DRAWS)["z"] < -3).all()
    assert (calibrated(conjugate_ranks(rng, shift=-0.4)[:, :-1], DRAWS)["z"] > 3).all()


def test_posterior_that_ignores_the_data_is_found_by_its_likelihood(rng: np.random.Generator) -> None:
    inside = calibrated(conjugate_ranks(rng, ignore=True), DRAWS)["inside"].to_numpy()
    assert inside[:-1].all()
    assert not inside[-1]


def test_rows_say_how_many_parameters_and_which_share(rng: np.random.Generator) -> None:
    alarm, held = calibration_rows(conjugate_ranks(rng, scale=0.5)[:, :-1], DRAWS)
    assert alarm["check"] == "SBC, parameters outside the 99 % band"
    assert (alarm["value"], alarm["verdict"]) == (PARAMETERS, "fail")
    assert held["check"] == "SBC, coverage of 90 % intervals"
    assert held["threshold"] == "0.86 to 0.94"
    assert held["verdict"] == "fail"
    assert held["value"] == pytest.approx(2 * stats.norm.cdf(0.5 * stats.norm.ppf(0.95)) - 1, abs=0.03)


def test_ranks_count_the_draws_below() -> None:
    rng = np.random.default_rng(1)
    draws = np.arange(10.0).reshape(1, 10, 1)
    assert [int(ranks(np.array([[x]]), draws, rng)[0, 0]) for x in (-1, 4.5, 99)] == [0, 5, 10]


def test_ties_are_broken_at_random(rng: np.random.Generator) -> None:
    """A constant has uniform ranks; a truth that equals 2 of 4 draws above one other has ranks 1, 2 and 3."""
    constant = ranks(np.zeros((3000, 1)), np.zeros((3000, 4, 1)), rng)
    assert np.bincount(constant[:, 0]) == pytest.approx(np.full(5, 600), abs=90)
    assert calibrated(constant, 4)["inside"].all()
    some = ranks(np.ones((3000, 1)), np.tile([[0.0], [1.0], [1.0], [2.0]], (3000, 1, 1)), rng)
    assert np.bincount(some[:, 0]) == pytest.approx([0, 1000, 1000, 1000], abs=110)


@pytest.mark.parametrize("draws", [9, 10, 99, 100])
def test_coverage_of_uniform_ranks_is_exact_with_any_number_of_draws(draws: int) -> None:
    each = np.arange(draws + 1)[:, None]
    for probability in (0.5, 0.9):
        by_parameter, overall = coverage(each, draws, probability)
        assert by_parameter == pytest.approx([probability])
        assert overall == pytest.approx(probability)


def test_coverage_is_told_by_parameter() -> None:
    by_parameter, overall = coverage(np.array([[0, 50], [99, 50]]), 99)
    assert by_parameter.tolist() == [0, 1]
    assert overall == 0.5


def test_curve_of_ranks_and_names() -> None:
    assert ecdf(np.array([[0], [1], [1], [3]]), 3, np.array([0.25, 0.5, 0.75])).tolist() == [[0.25], [0.75], [0.75]]
    each = np.tile(np.arange(100)[:, None], (1, 2))
    assert calibrated(each, 99, names=["a", "b"])["parameter"].tolist() == ["a", "b"]
    assert calibrated(each, 99)["parameter"].tolist() == [0, 1]
    assert calibrated(each, 99)["z"].tolist() == [0, 0]


def test_what_is_no_rank_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="simulation, parameter"):
        ranks(np.zeros((2, 3)), np.zeros((2, 5, 4)), rng)
    with pytest.raises(ValueError, match="NaN"):
        ranks(np.full((2, 1), np.nan), np.zeros((2, 5, 1)), rng)
    with pytest.raises(ValueError, match="whole numbers"):
        coverage(np.zeros((2, 3)), 5)
    with pytest.raises(ValueError, match=r"lie in 0\.\.5, not 0\.\.6"):
        calibrated(np.array([[0], [6]]), 5)


# -- scores of forecasts -------------------------------------------------------------------------------------------


def test_pit_is_uniform_for_counts_that_the_forecast_describes(rng: np.random.Generator) -> None:
    rate = rng.gamma(2.0, 1.0, size=4000)
    at = pit(rng.poisson(rate), rng.poisson(rate, size=(19, 4000)), rng)
    assert stats.kstest(at, "uniform").pvalue > 0.01
    assert stats.kstest(pit(rng.poisson(2 * rate), rng.poisson(rate, size=(19, 4000)), rng), "uniform").pvalue < 1e-6


def test_pit_lies_between_the_draws_below_and_not_above(rng: np.random.Generator) -> None:
    drawn = np.tile([[0], [1], [1], [2]], (1, 2000))
    at = pit(np.ones(2000), drawn, rng)
    assert (at.min(), at.max()) == pytest.approx((1 / 5, 4 / 5), abs=0.01)


def test_log_score_is_the_mixture_of_draws(rng: np.random.Generator) -> None:
    """Poisson counts with Gamma(2, rate 3) means are negative binomial."""
    counts = np.arange(6)
    rate = rng.gamma(2.0, 1 / 3, size=(200_000, 1))
    assert log_score(stats.poisson.logpmf(counts, rate)) == pytest.approx(
        stats.nbinom.logpmf(counts, 2, 0.75), abs=0.05
    )


def test_log_score_of_tiny_and_impossible_events() -> None:
    assert log_score(np.full((3, 1), -5000.0)) == pytest.approx([-5000])
    assert log_score(np.array([[-np.inf, -np.inf], [-np.inf, 0.0]])).tolist() == [-np.inf, -np.log(2)]


def test_crps_of_a_normal_forecast(rng: np.random.Generator) -> None:
    """Gneiting and Raftery (2007), equation 5, with the sign of a loss."""
    observed = np.array([-1.0, 0.0, 2.0])
    exact = observed * (2 * stats.norm.cdf(observed) - 1) + 2 * stats.norm.pdf(observed) - 1 / np.sqrt(np.pi)
    assert crps(observed, rng.standard_normal((100_000, 3))) == pytest.approx(exact, abs=0.01)


def test_crps_is_the_mean_distance_of_all_pairs(rng: np.random.Generator) -> None:
    observed, drawn = rng.poisson(3, size=7), rng.poisson(3, size=(12, 7))
    pairs = abs(drawn[:, None] - drawn[None, :]).mean(axis=(0, 1))
    assert crps(observed, drawn) == pytest.approx(abs(drawn - observed).mean(axis=0) - pairs / 2)
    assert crps(observed, drawn[:1]) == pytest.approx(abs(drawn[0] - observed))
    assert crps(observed, observed[None]) == pytest.approx(np.zeros(7))


def test_brier_score() -> None:
    sure, even = [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]
    assert brier(np.array([sure, sure, even]), np.array([1, 0, 2])) == pytest.approx([0, 2, 2 / 3])


def test_interval_coverage_includes_the_ends() -> None:
    drawn = np.tile(np.arange(1, 101)[:, None], (1, 4))
    assert interval_coverage(np.array([5, 95, 4, 96]), drawn, 0.9) == 0.5
    assert interval_coverage(np.array([0, 1, 100, 101]), drawn, 0.999) == 0.5
    assert interval_coverage(np.zeros(2), np.zeros((50, 2))) == 1


def test_comparison_of_scores_is_paired(rng: np.random.Generator) -> None:
    hard = 100 * rng.standard_normal(400)
    found = compare_scores(hard + 1 + rng.standard_normal(400), hard)
    assert found.mean == pytest.approx(1, abs=0.2)
    assert found.standard_error == pytest.approx(1 / 20, rel=0.15)
    assert compare_scores(np.array([2.0, 4.0]), np.array([1.0, 1.0])) == pytest.approx((2, 1))
    assert compare_scores(hard, hard) == (0, 0)


def test_scores_of_what_cannot_be_scored_are_refused(rng: np.random.Generator) -> None:
    for score in (crps, interval_coverage, lambda observed, drawn: pit(observed, drawn, rng)):
        with pytest.raises(ValueError, match="must be the"):
            score(np.zeros(3), np.zeros((5, 4)))
        with pytest.raises(ValueError, match="NaN"):
            score(np.array([np.nan]), np.zeros((5, 1)))
    with pytest.raises(ValueError, match="log densities"):
        log_score(np.array([[np.nan]]))
    with pytest.raises(ValueError, match="add to 1"):
        brier(np.array([[0.5, 0.4]]), np.array([0]))
    with pytest.raises(ValueError, match="one of 2 categories"):
        brier(np.array([[0.5, 0.5]]), np.array([2]))
    with pytest.raises(ValueError, match="at least two rows"):
        compare_scores(np.zeros(1), np.zeros(1))
    with pytest.raises(ValueError, match="held what happened impossible"):
        compare_scores(np.array([-np.inf, 0.0]), np.zeros(2))
