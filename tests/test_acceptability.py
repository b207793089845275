"""Acceptability: coded rulings, a likelihood that can be drawn, masked and mixed, reach that is cut, honest flags."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy.special import expit

import riskmodel as rm
from riskmodel.acceptance import (
    Acceptability,
    Rulings,
    acceptability_of,
    build_rulings,
    fit_acceptability,
    leave_one_system_out,
    load_acceptability,
)
from riskmodel.acceptance.fitting import SETTINGS, compiled
from riskmodel.acceptance.posterior import EFFECTS, TAILS, probabilities
from riskmodel.acceptance.rulings import FACTS, adequacy_at, logit, ruling_reach
from riskmodel.decide.rulings import OUTCOMES
from riskmodel.errors import StudyError, UsageError
from riskmodel.model.acceptability import build_acceptability
from riskmodel.priors import Priors

SHORT = replace(SETTINGS, draws=500, tune=500)
QUICK = "FAST_COMPILE"
"""Compiled for a few calls only."""


@pytest.fixture(scope="module")
def rulings(study: rm.Study) -> Rulings:
    return build_rulings(study)


@pytest.fixture(scope="module")
def priors(study: rm.Study) -> Priors:
    return Priors.from_study(study)


@pytest.fixture(scope="module")
def built(rulings: Rulings, priors: Priors) -> tuple[pm.Model, Any]:
    """The model, and the log probability of each row as a function of a point."""
    model = build_acceptability(rulings, priors)
    return model, model.compile_logp(vars=[model["outcome"]], sum=False, mode=QUICK)


@pytest.fixture
def model(built: tuple[pm.Model, Any], rulings: Rulings) -> pm.Model:
    """The model with the containers as they were built."""
    for name, values in (("reach", np.zeros(len(rulings.decision))), ("outcome", rulings.outcome)):
        fill(built[0], f"{name}_data", values)
    fill(built[0], "outcome_kept", np.ones(len(rulings.decision)))
    return built[0]


def fill(model: pm.Model, name: str, values: np.ndarray) -> None:
    """Exchange what a container holds."""
    model[name].set_value(np.asarray(values).astype(model[name].get_value().dtype))


@pytest.fixture(scope="module")
def result() -> Acceptability:
    return load_acceptability()


@pytest.fixture(scope="module")
def x(study: rm.Study, posterior: rm.Posterior) -> xr.Dataset:
    return rm.exposure(posterior, study, by_regime=False)


def changed(study: rm.Study, **tables: pd.DataFrame) -> rm.Study:
    """The same study with other tables."""
    return replace(study, tables={**study.tables, **tables})


# -- data ----------------------------------------------------------------------------------------------------------


def test_every_decision_is_coded_with_a_reason(study: rm.Study) -> None:
    covariates = study["decision_covariates"]
    assert set(covariates["decision_id"]) == set(study["decisions"]["decision_id"])
    assert covariates["reason"].notna().all() and (covariates["expert_id"] == "modeller").all()


def test_who_has_no_binding_power_is_excluded_by_default(study: rm.Study, rulings: Rulings) -> None:
    kinds = study["decisions"].set_index("decision_id")["authority_type"]
    assert set(kinds[list(rulings.decision)]) == {"court", "regulator", "certification_body"}
    assert len(build_rulings(study, everything=True).decision) == len(study["decisions"]) > len(rulings.decision)


def test_one_system_has_one_id_and_one_name(study: rm.Study) -> None:
    table = study["decisions"]
    pairs = table[["system_id", "system_name"]].drop_duplicates()
    assert pairs["system_id"].is_unique and pairs["system_name"].is_unique


def test_the_platform_is_one_system_however_many_studies_it_hosts(rulings: Rulings) -> None:
    on_it = [d for d, k in zip(rulings.decision, rulings.system_idx, strict=True) if rulings.system[k] == "hdh"]
    assert {"CE-HDH-2010", "CE-EMC2-2411", "CNIL-DARWIN-2502"} <= set(on_it)


def test_unknown_is_not_no(rulings: Rulings) -> None:
    keys = FACTS.index("keys")
    row = rulings.decision.index("EDPS-M365-2403")
    assert rulings.unknown[row, keys] and rulings.stated[row, keys] == 0
    row = rulings.decision.index("CE-DOCTO-2103")
    assert rulings.stated[row, keys] == 1 and not rulings.unknown[row, keys]


@pytest.mark.parametrize(
    ("country", "day", "status"),
    [
        ("US", "2020-07-16", "in_force"),
        ("US", "2020-07-17", "none"),
        ("US", "2023-07-09", "none"),
        ("US", "2023-07-10", "in_force"),
        ("US", "2012-01-01", "unknown"),
        ("CN", "2025-01-01", "none"),
        ("CH", "2026-11-22", "in_force"),
        ("CH", "2010-01-01", "unknown"),
        ("BR", "2025-12-31", "none"),
        ("ZZ", "2025-01-01", "unknown"),
    ],
)
def test_adequacy_on_a_day(study: rm.Study, country: str, day: str, status: str) -> None:
    assert adequacy_at(study, country, dt.date.fromisoformat(day)) == status


def test_shuffled_rows_change_nothing(
    study: rm.Study, rulings: Rulings, priors: Priors, posterior: rm.Posterior
) -> None:
    names = ("decisions", "decision_covariates", "adequacy", "priors")
    other = changed(study, **{name: study[name].sample(frac=1, random_state=1) for name in names})
    again = build_rulings(other)
    assert again.hash(Priors.from_study(other)) == rulings.hash(priors)
    np.testing.assert_array_equal(ruling_reach(again, posterior, other), ruling_reach(rulings, posterior, study))


def test_an_outcome_or_a_prior_that_changes_changes_the_hash(study: rm.Study, rulings: Rulings, priors: Priors) -> None:
    other = replace(rulings, outcome=3 - rulings.outcome)
    assert other.hash(priors) != rulings.hash(priors)
    table = study["priors"].assign(
        first=study["priors"]["first"] + study["priors"]["prior_id"].eq("acceptability_keys")
    )
    assert rulings.hash(Priors.from_study(changed(study, priors=table))) != rulings.hash(priors)


# -- model ---------------------------------------------------------------------------------------------------------


def test_density_is_finite_and_outcomes_can_be_drawn(model: pm.Model) -> None:
    assert np.isfinite(model.compile_logp(mode=QUICK)(model.initial_point()))
    assert not model.potentials
    drawn = pm.draw(model["outcome"], 20, random_seed=1, mode=QUICK)
    assert set(np.unique(drawn)) == {0, 1, 2, 3}


def at(built: tuple[pm.Model, Any], rng: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Log probability of each row at a random point, and the parameters of the point."""
    point = {name: rng.normal(size=np.shape(value)) for name, value in built[0].initial_point().items()}
    inverse = {"_log__": np.exp, "_logodds__": expit}
    values = {}
    for name, value in point.items():
        end = next((end for end in inverse if name.endswith(end)), "")
        values[name.removesuffix(end)] = inverse[end](value) if end else value
    return built[1](point)[0], values


def by_hand(rulings: Rulings, values: dict[str, np.ndarray], row: int, facts: np.ndarray, reach: float) -> np.ndarray:
    """Ordered logit of one row with every fact known."""
    eta = values["beta_reach"] * reach + values["beta_court"] * rulings.court[row]
    eta += values["system_sd"] * values["system_offset"][rulings.system_idx[row]]
    eta += sum(values[f"beta_{name}"] * fact for name, fact in zip(FACTS, facts, strict=True))
    cuts = values["first_cutpoint"] + np.array([0.0, *np.cumsum(values["cutpoint_gap"])])
    return np.diff(expit(cuts - eta), prepend=0.0, append=1.0)


def test_unknown_facts_are_the_mixture_made_by_hand(
    rulings: Rulings, model: pm.Model, built: tuple[pm.Model, Any], rng: np.random.Generator
) -> None:
    reach = rng.normal(size=len(rulings.decision))
    fill(model, "reach_data", reach)
    found, values = at(built, rng)
    shares = np.array([values[f"share_{name}"] for name in FACTS])
    draws = {name: np.atleast_1d(value) for name, value in values.items()}
    draws["cutpoint"] = (values["first_cutpoint"] + np.array([0.0, *np.cumsum(values["cutpoint_gap"])]))[:, None]
    assert rulings.unknown.sum(axis=1).max() == 2
    for row, unknown in enumerate(rulings.unknown):
        mixed = np.zeros(4)
        for reading in np.ndindex(2, 2, 2):
            chance = np.where(unknown, shares, rulings.stated[row])
            weight = np.prod(np.where(reading, chance, 1.0 - chance))
            mixed += weight * by_hand(rulings, values, row, np.array(reading), reach[row])
        assert mixed.sum() == pytest.approx(1)
        assert found[row] == pytest.approx(np.log(mixed[rulings.outcome[row]]))
        facts = np.where(unknown, np.nan, rulings.stated[row])
        own = values["system_offset"][[rulings.system_idx[row]]]
        scored = probabilities(draws, reach[[row]], facts, rulings.court[row], own)
        np.testing.assert_allclose(scored[0], mixed, atol=1e-12)


def test_a_row_left_out_is_a_constant(
    rulings: Rulings, model: pm.Model, built: tuple[pm.Model, Any], rng: np.random.Generator
) -> None:
    kept = np.ones(len(rulings.decision))
    kept[[0, 5]] = 0
    fill(model, "outcome_kept", kept)
    fill(model, "outcome_data", rulings.outcome * kept)
    for _ in range(3):
        found, _ = at(built, rng)
        np.testing.assert_array_equal(found[[0, 5]], 0.0)
        assert (found[kept > 0] < 0).all()


def test_reach_is_cut(
    study: rm.Study, rulings: Rulings, model: pm.Model, posterior: rm.Posterior, result: Acceptability
) -> None:
    """Rulings read reach and never write it: other outcomes leave it as it was, and it is no parameter."""
    before = posterior.data.copy(deep=True)
    reach = ruling_reach(rulings, posterior, study)
    table = study["decisions"]
    other = build_rulings(changed(study, decisions=table.assign(outcome=3 - table["outcome"])))
    assert (other.outcome == 3 - rulings.outcome).all()
    np.testing.assert_array_equal(ruling_reach(other, posterior, study), reach)
    xr.testing.assert_identical(posterior.data, before)
    assert "reach_data" not in {variable.name for variable in model.free_RVs + model.observed_RVs}
    assert ((reach >= 0) & (reach <= 1)).all()


def test_judged_reach_is_that_of_the_same_setup(
    rulings: Rulings, study: rm.Study, posterior: rm.Posterior, x: xr.Dataset
) -> None:
    """The platform on Azure as judged and as scored: the same routes, certificate and reach."""
    reach = ruling_reach(rulings, posterior, study)[rulings.decision.index("CE-HDH-2010")]
    scored = x["reach"].sel(setup="HDH_AZURE", regime=["US_SCA_CLOUD", "US_FISA702"]).max("regime").values
    assert reach.mean() == pytest.approx(scored.mean(), abs=0.05)


# -- prediction ----------------------------------------------------------------------------------------------------


def test_outcomes_add_up_and_intervals_contain_the_mean(study: rm.Study, result: Acceptability, x: xr.Dataset) -> None:
    table = acceptability_of(result, x, study).table
    assert table["outcome"].tolist() == list(OUTCOMES) * x.sizes["setup"]
    np.testing.assert_allclose(table.groupby("setup")["probability"].sum(), 1)
    assert (table["probability_low"] <= table["probability"]).all()
    assert (table["probability"] <= table["probability_high"]).all()
    assert (table["extrapolation"] == (table["comparable"] == 0)).all()


def test_european_hosts_are_called_extrapolation_and_azure_is_not(
    study: rm.Study, result: Acceptability, x: xr.Dataset
) -> None:
    flags = acceptability_of(result, x, study).table.drop_duplicates("setup").set_index("setup")["extrapolation"]
    assert flags[["HDH_SCALEWAY", "HDH_ALT_OVH", "HDH_ALT_OUTSCALE", "SNDS_CNAM"]].all()
    assert flags[["GEN_INFOMANIAK_CH", "GEN_ALIBABA"]].all(), "no ruling on a host under that state's control"
    assert not flags[["HDH_AZURE", "EMC2_AZURE", "GEN_AWS"]].any()
    assert "This is extrapolation" in acceptability_of(result, x, study, setup="HDH_SCALEWAY").text
    said = acceptability_of(result, x, study, setup="HDH_AZURE").text
    assert "extrapolation" not in said and "priors" in said and "90 % interval" in said


def test_a_prediction_does_not_depend_on_what_is_scored_beside_it(
    study: rm.Study, result: Acceptability, x: xr.Dataset
) -> None:
    alone = acceptability_of(result, x.sel(setup=["HDH_AZURE"]), study).table
    beside = acceptability_of(result, x, study).table
    pd.testing.assert_frame_equal(alone, beside[beside["setup"] == "HDH_AZURE"].reset_index(drop=True))


def test_courts_are_another_authority_and_others_are_refused(
    study: rm.Study, result: Acceptability, x: xr.Dataset
) -> None:
    judged = [acceptability_of(result, x, study, setup="HDH_AZURE", authority=a).table for a in ("regulator", "court")]
    assert not np.allclose(judged[0]["probability"], judged[1]["probability"])
    for wrong in ({"authority": "city"}, {"setup": "NOPE"}):
        with pytest.raises(UsageError, match=r"city|NOPE"):
            acceptability_of(result, x, study, **wrong)


# -- file ----------------------------------------------------------------------------------------------------------


def test_shipped_file_belongs_to_the_rulings_and_passed_its_checks(study: rm.Study, tmp_path, root) -> None:
    result = load_acceptability(study=study)
    assert all(row["verdict"] == "pass" for row in result.checks)
    assert {"design_hash", "data_hash", "package_version", "seed", "target_accept"} <= set(result.data.attrs)
    assert (root / "riskmodel" / "reference" / "acceptability.nc").stat().st_size < 300_000
    result.save(tmp_path / "again.nc")
    xr.testing.assert_identical(load_acceptability(tmp_path / "again.nc").data, result.data)
    assert result.coefficients()["effect"].tolist() == [*EFFECTS, "system_sd"]


def test_a_file_of_other_rulings_is_refused(study: rm.Study, tmp_path) -> None:
    table = study["decisions"]
    other = changed(study, decisions=table.assign(outcome=3 - table["outcome"]))
    with pytest.raises(StudyError, match="other rulings or priors"):
        load_acceptability(study=other)
    (tmp_path / "no.nc").write_bytes(b"no")
    for path in (tmp_path / "no.nc", tmp_path / "missing.nc"):
        with pytest.raises(UsageError, match="not a readable file"):
            load_acceptability(path)


def test_predicting_imports_no_sampler() -> None:
    code = (
        "import sys, riskmodel.acceptance; "
        "assert not {'pymc', 'arviz', 'nutpie', 'pandera', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- slow: sampling for real ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_refit_agrees_with_the_shipped_file(study: rm.Study, posterior: rm.Posterior, result: Acceptability) -> None:
    again = fit_acceptability(study, posterior, imputations=8)
    assert again.rulings_hash == result.rulings_hash
    own, shipped = (r.coefficients().set_index("effect") for r in (again, result))
    spread = (shipped["high"] - shipped["low"]) / 3.3
    assert ((own["mean"] - shipped["mean"]).abs() < 0.25 * spread).all()
    assert ((own["high"] - shipped["high"]).abs() < 0.5 * spread).all()


@pytest.mark.slow
def test_known_truth_is_recovered(rulings: Rulings, priors: Priors, rng: np.random.Generator) -> None:
    """Six hundred rulings with varied reach and facts: every effect within three posterior sd, and well learnt."""
    rows = 600
    many = replace(
        rulings,
        decision=tuple(f"d{n}" for n in range(rows)),
        system=tuple(f"s{n}" for n in range(60)),
        system_idx=np.arange(rows) % 60,
        outcome=np.zeros(rows, dtype=np.int64),
        court=rng.integers(0, 2, rows).astype(float),
        stated=rng.integers(0, 2, (rows, 3)).astype(float),
        unknown=np.zeros((rows, 3), dtype=bool),
    )
    program = compiled(many, priors, rng.normal(0, 2, rows))
    with program.model:
        truth = pm.sample_prior_predictive(draws=1, random_seed=3)["prior"].to_dataset()
    data = {"outcome": program.simulate(truth, seed=4, names=["outcome"])["outcome"][0]}
    found = program.sample(SHORT, data=data)["posterior"].to_dataset()
    for name in EFFECTS:
        off = abs(float(found[name].mean() - truth[name].item()))
        assert off < 3 * float(found[name].std()), name
        assert float(found[name].std()) < 0.35, name


@pytest.mark.slow
def test_intervals_cover_at_their_rate(
    study: rm.Study, rulings: Rulings, priors: Priors, posterior: rm.Posterior
) -> None:
    """Fifty data sets simulated from the prior at the decided arrangements, one program."""
    program = compiled(rulings, priors, logit(ruling_reach(rulings, posterior, study))[:, 0])
    with program.model:
        truth = pm.sample_prior_predictive(draws=50, random_seed=5)["prior"].to_dataset()
    drawn = program.simulate(truth, seed=6, names=["outcome"])["outcome"]
    inside = []
    for k, outcome in enumerate(drawn):
        found = program.sample(replace(SHORT, seed=k), data={"outcome": outcome})["posterior"].to_dataset()
        low, high = (found[list(EFFECTS)].quantile(q, dim=("chain", "draw")) for q in TAILS)
        real = truth.isel(chain=0, draw=k)
        inside.append([bool(low[n] <= real[n] <= high[n]) for n in EFFECTS])
    assert 0.80 <= np.mean(inside) <= 0.97


@pytest.mark.slow
def test_forecasts_of_systems_left_out_are_scored_beside_base_rates(
    study: rm.Study, posterior: rm.Posterior, rulings: Rulings
) -> None:
    table = leave_one_system_out(study, posterior, SHORT, imputations=1)
    assert table["system"].tolist() == list(rulings.system)
    assert table["rulings"].sum() == len(rulings.decision)
    assert (table[["log_score", "log_score_base"]] < 0).all(axis=None)
    assert table[["brier", "brier_base"]].stack().between(0, 2).all()
