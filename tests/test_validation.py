"""Calibration, recovery and simulated studies: what the validation does, on small programs, and what it found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from riskmodel.checks.calibration import calibration_rows
from riskmodel.checks.predictive import documented_cases
from riskmodel.checks.rows import passed
from riskmodel.design import build_design
from riskmodel.fit import SampleSettings, load_posterior
from riskmodel.model import build_model
from riskmodel.model.likelihood import kept, published
from riskmodel.priors import Priors
from riskmodel.program import Program
from riskmodel.simulate import believed, doubled, free, spaced
from riskmodel.study import Study
from riskmodel.validate import RANKED_AMONG, SETTINGS, calibration, model_code

ROWS = 12


def tiny(scale: float) -> pm.Model:
    """Normal rows around one mean; ``scale`` multiplies the spread that the likelihood takes them to have."""
    with pm.Model(coords={"row": range(ROWS)}) as model:
        mean = pm.Normal("mean", 0, 1)
        spread = pm.HalfNormal("spread", 1)
        mask = kept("value", ROWS, "row")
        pm.Normal(
            "value",
            mean * mask,
            scale * spread * mask + (1.0 - mask),
            observed=published("value", np.zeros(ROWS), "row"),
            dims="row",
        )
    return model


@pytest.fixture(scope="module")
def right() -> Program:
    return Program(tiny(1.0))


def prior_draws(number: int, seed: int) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    dims = ("chain", "draw")
    return xr.Dataset(
        {"mean": (dims, rng.normal(0, 1, (1, number))), "spread": (dims, abs(rng.normal(0, 1, (1, number))))},
        coords={"chain": [0], "draw": np.arange(number)},
    )


def test_calibration_passes_for_the_model_that_simulated_the_data(right: Program, tmp_path: Path) -> None:
    truths = prior_draws(80, 1)
    said: list[str] = []
    found, labels = calibration(right, truths, right.simulate(truths, 1), store=tmp_path, progress=said.append)
    assert labels == ["mean", "spread", "log density of the published data"]
    assert found.shape == (80, 3)
    assert passed(calibration_rows(found, RANKED_AMONG)[:1])
    assert said[-1].endswith("80 of 80 simulated studies")
    assert len(list(tmp_path.glob("*.json"))) == 80


def test_calibration_fails_for_a_likelihood_of_half_the_scale(right: Program) -> None:
    """The test of the test."""
    truths = prior_draws(80, 2)
    found, _ = calibration(Program(tiny(0.5)), truths, right.simulate(truths, 1))
    assert not passed(calibration_rows(found, RANKED_AMONG)[:1])


def test_calibration_takes_up_finished_work(right: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truths = prior_draws(6, 3)
    simulated = right.simulate(truths, 1)
    first, _ = calibration(right, truths, simulated, store=tmp_path)
    monkeypatch.setattr(Program, "sample", lambda *a, **k: pytest.fail("sampled again"))
    again, _ = calibration(right, truths, simulated, store=tmp_path)
    assert (first == again).all()


def test_rows_left_out_say_nothing(right: Program) -> None:
    """Without any row the posterior is the prior."""
    draws = right.sample(SampleSettings(seed=4), keep={"value": np.zeros(ROWS)})["posterior"]
    assert abs(float(draws["mean"].mean())) < 0.1
    assert abs(float(draws["mean"].std()) - 1) < 0.1


def test_a_likelihood_that_does_not_exist_is_an_error(right: Program) -> None:
    with pytest.raises(KeyError, match="no exchangeable likelihood"):
        right.sample(SampleSettings(), keep={"nothing": np.zeros(3)})


def test_densities_of_rows_are_those_of_the_distribution(right: Program) -> None:
    from scipy import stats

    truths = prior_draws(5, 6)
    data = {"value": np.linspace(-1, 1, ROWS)}
    density = right.log_densities(truths, data)["value"]
    mean, spread = (truths[name].values.ravel()[:, None] for name in ("mean", "spread"))
    assert density == pytest.approx(stats.norm.logpdf(data["value"], mean, spread))


def test_identity_of_the_model_is_its_code_and_not_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    before = model_code()
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda self, **k: read(self, **k) + "\n# a comment\n")
    assert model_code() == before
    monkeypatch.setattr(Path, "read_text", lambda self, **k: read(self, **k) + "\nmore = 1\n")
    assert model_code() != before


def test_a_doubled_design_weighs_every_published_row_twice(study: Study) -> None:
    """The program of posterior calibration is the program of calibration, with each row there twice."""
    design, priors = build_design(study), Priors.from_study(study)
    once, twice = (build_model(d, priors).point_logps() for d in (design, doubled(design)))
    for name in set(once) - {"expert_reading"}:
        seen = name in {str(likelihood) for likelihood in design.rows()["likelihood"]}
        assert twice[name] == pytest.approx((2 if seen else 1) * once[name], abs=0.02), name


def test_documented_assertions_of_reach_are_no_surprise(study: Study) -> None:
    """Cases inform nothing; every one that an authority pursued lies where the model gives reach a fair chance."""
    cases = documented_cases(study, load_posterior())
    assert {"OVH-CANADA", "MS-ENT-EXUS-1819"} <= set(cases["case_id"])
    assert (cases.loc[cases["outcome"] != "blocked", "reach_high"] > 0.5).all()
    assert cases["reach"].between(0, 1).all()


# -- slow: the real submodels --------------------------------------------------------------------------------------

FUNNEL = ("criminal", "funnel")


@pytest.fixture(scope="module")
def funnel(study: Study) -> Program:
    return Program(build_model(build_design(study), Priors.from_study(study), FUNNEL))


@pytest.mark.slow
def test_a_funnel_of_half_the_spread_fails_calibration(
    study: Study, funnel: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Demands taken to scatter half as much as they do: the same check that the model passes must fail."""
    truths = spaced(believed(funnel, SETTINGS), 60)
    simulated = funnel.simulate(truths, 7)
    found, _ = calibration(funnel, truths, simulated)
    assert passed(calibration_rows(found, RANKED_AMONG)[:1])
    usual = pm.NegativeBinomial

    def narrow(name: str, *, mu: object, alpha: object, **rest: object) -> object:
        return usual(name, mu=mu, alpha=4.0 * alpha, **rest)  # type: ignore[operator]

    monkeypatch.setattr(pm, "NegativeBinomial", narrow)
    broken = Program(build_model(build_design(study), Priors.from_study(study), FUNNEL))
    found, _ = calibration(broken, truths, simulated)
    assert not passed(calibration_rows(found, RANKED_AMONG)[:1])


@pytest.mark.slow
def test_known_truth_is_recovered_from_a_study_of_real_size(funnel: Program) -> None:
    """Truths near the shipped posterior, one simulated study each: 90 % intervals hold most of them."""
    draws = funnel.sample(replace(SETTINGS, chains=4))["posterior"].to_dataset()
    truths = spaced(draws, 10)
    names = [variable.name for variable in funnel.model.free_RVs]
    simulated = funnel.simulate(truths, 8)
    inside = []
    for k in range(10):
        data = {name: value[k] for name, value in simulated.items()}
        fitted = funnel.sample(replace(SETTINGS, seed=k), data=data)["posterior"].to_dataset()
        low, high = np.quantile(free(fitted, names)[0], [0.05, 0.95], axis=0)
        truth = free(truths.isel(draw=[k]), names)[0][0]
        inside.append((low <= truth) & (truth <= high))
    assert 0.82 < np.mean(inside) < 0.98


@pytest.mark.slow
def test_without_published_rows_the_posterior_is_what_the_experts_believe(study: Study, funnel: Program) -> None:
    draws = believed(funnel, replace(SETTINGS, draws=500, chains=4))
    prior = Priors.from_study(study)["content_contrast"]
    assert abs(float(draws["content_contrast"].mean()) - prior.first) < 5 * prior.second / np.sqrt(400)
    assert abs(float(draws["content_contrast"].std()) / prior.second - 1) < 0.15
