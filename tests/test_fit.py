"""Fitting: the shipped posterior belongs to the shipped data, passes its checks, and others are refused."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from riskmodel.checks import convergence, passed
from riskmodel.design import Z90, build_design, link
from riskmodel.errors import StudyError, UsageError
from riskmodel.fit import SCORING, Posterior, SampleSettings, load_posterior, require_match
from riskmodel.model import build_model
from riskmodel.priors import Priors
from riskmodel.program import Program
from riskmodel.study import Study


def test_shipped_posterior_is_not_stale(posterior: Posterior, study: Study) -> None:
    """Fails when data, priors or the code of the Design changed and nobody ran `make fit`."""
    assert build_design(study).hash(Priors.from_study(study)) == posterior.design_hash
    require_match(posterior, study)


def test_shipped_posterior_passes_its_checks(posterior: Posterior) -> None:
    names = [r["check"] for r in posterior.checks]
    assert names == [
        "R-hat, largest",
        "bulk ESS, smallest",
        "tail ESS, smallest",
        "divergences",
        "E-BFMI, smallest",
    ]
    assert passed(posterior.checks)


def test_shipped_posterior_is_small_and_says_where_it_comes_from(posterior: Posterior) -> None:
    with resources.as_file(resources.files("riskmodel") / "reference" / "posterior.nc") as file:
        assert file.stat().st_size < 4_000_000
    assert {"seed", "sampler", "package_version", "data_hash", "design_hash", "target_accept"} <= set(
        posterior.data.attrs
    )
    assert posterior.data.sizes["chain"] == 4
    assert all(posterior.data[name].notnull().all() for name in SCORING)


def test_posterior_of_another_design_is_refused(posterior: Posterior, study: Study, tmp_path: Path) -> None:
    other = Posterior(posterior.data.assign_attrs(design_hash="0" * 64))
    other.save(tmp_path / "other.nc")
    with pytest.raises(StudyError, match="riskmodel fit"):
        load_posterior(tmp_path / "other.nc", study)


def test_files_that_are_no_posterior_are_refused(tmp_path: Path, posterior: Posterior) -> None:
    with pytest.raises(UsageError, match="no such posterior"):
        load_posterior(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("not a posterior")
    with pytest.raises(UsageError, match="not a readable posterior"):
        load_posterior(tmp_path / "text.nc")
    posterior.data.drop_vars("leak").to_netcdf(tmp_path / "half.nc", engine="h5netcdf")
    with pytest.raises(UsageError, match="lacks leak"):
        load_posterior(tmp_path / "half.nc")


def test_saving_and_reading_again_changes_nothing(posterior: Posterior, tmp_path: Path) -> None:
    posterior.save(tmp_path / "again.nc")
    xr.testing.assert_identical(load_posterior(tmp_path / "again.nc").data, posterior.data)
    assert [p.name for p in tmp_path.iterdir()] == ["again.nc"]


def test_a_failed_save_leaves_the_old_file(
    posterior: Posterior, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "kept.nc"
    target.write_text("old")

    def broken(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", broken)
    with pytest.raises(OSError, match="disk full"):
        posterior.save(target)
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.nc"]


def test_public_functions_keep_their_names_beside_modules_of_the_same_name() -> None:
    code = (
        "import riskmodel as rm, riskmodel.exposure, riskmodel.fit; rm.load_posterior; "
        "assert callable(rm.fit) and callable(rm.exposure)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- what the posterior means --------------------------------------------------------------------------------------


def pooled(study: Study, quantity: str, condition: str) -> tuple[float, float]:
    """Closed form of an item that no count touches: mean and rough sd on the link scale."""
    rows = study["elicitation"]
    rows = rows[(rows["quantity"] == quantity) & (rows["condition"] == condition)]
    scale = (link(rows["q90"], "logit") - link(rows["q10"], "logit")) / (2 * Z90)
    weight = 1 / scale**2
    return float(np.average(link(rows["q50"], "logit"), weights=weight)), float(scale.mean())


@pytest.mark.parametrize(
    ("name", "where", "quantity", "condition"),
    [
        ("clear_text", {"custody": "provider"}, "clear_text", "provider"),
        ("clear_text", {"custody": "external_hyok"}, "clear_text", "external_hyok"),
        ("certification_in_place", {"status": "qualified"}, "certification_in_place", "qualified"),
        ("leak", {}, "reach", "no_nexus"),
    ],
)
def test_what_no_count_informs_stays_the_pooled_judgement(
    posterior: Posterior, study: Study, name: str, where: dict[str, str], quantity: str, condition: str
) -> None:
    """Posterior equals the elicited pool, as wide as one expert and no narrower (carried bias included)."""
    values = link(posterior.data[name].sel(where).values.astype(float).clip(1e-7, 1 - 1e-7).ravel(), "logit")
    centre, spread = pooled(study, quantity, condition)
    assert abs(np.median(values) - centre) < 0.35 * spread
    assert 0.8 * spread < values.std() < 1.6 * spread


def test_orderings_hold_in_every_sample(posterior: Posterior) -> None:
    custody, status, reach = (posterior.data[k] for k in ("clear_text", "certification_in_place", "reach"))
    assert (custody.diff("custody") >= 0).all()
    assert (status.diff("status") >= 0).all()
    for low, high in (
        ("minority_holding", "parent_control"),
        ("establishment_separated", "establishment_not_separated"),
        ("licensor_without_access", "licensor_with_access"),
    ):
        assert (reach.sel(route=low) <= reach.sel(route=high)).all()
    removes = posterior.data["certification_removes"]
    assert (removes.sel(route="licensor_with_access") <= removes.sel(route="licensor_without_access") + 1e-6).all()


def test_collaboration_is_disclosed_more_often_than_infrastructure(posterior: Posterior) -> None:
    """All counted foreign events are collaboration content; infrastructure has only zeros."""
    rates = posterior.data["log_rate_criminal"]
    assert float((rates.sel(service="infrastructure") < rates.sel(service="collaboration")).mean()) > 0.8


def test_the_model_learns_that_services_differ_in_what_is_given(posterior: Posterior) -> None:
    """Some data on 63 % of search warrants for collaboration and on none of 22 for infrastructure, at one provider."""
    for name in ("content_given", "some_data_given"):
        here = posterior.data[name].sel(funnel_place="google_all.infrastructure")
        there = posterior.data[name].sel(funnel_place="google_all.collaboration")
        assert float((here < there / 2).mean()) > 0.99, name
    warrants = posterior.data["some_data_given"].sel(funnel_place="google_all.collaboration")
    assert abs(float(warrants.median()) - 721 / 1147) < 0.04


def test_the_carried_bias_is_not_learnt(posterior: Posterior) -> None:
    """No likelihood sees it: its posterior is its prior, Normal(0, 0.5), to Monte-Carlo error."""
    values = posterior.data["common_bias"].values.ravel()
    assert abs(values.mean()) < 5 * 0.5 / np.sqrt(1500)
    assert abs(values.std() - 0.5) < 5 * 0.5 / np.sqrt(2 * 1500)


def test_counted_events_are_what_the_rate_expects(posterior: Posterior, study: Study) -> None:
    """Rate x customers x half a year x reported share, at the pooled medians, against the three published customers."""
    table = study["elicitation"]
    customers = table[(table["quantity"] == "enterprise_customers") & (table["condition"] == "msft_azure")]["q50"]
    hidden = table[table["quantity"] == "unreported_share"]["q50"].median()
    rate = np.exp(posterior.data["log_rate_criminal_reporter"].sel(reporter_service="microsoft.collaboration"))
    expected = float(rate.median()) * np.exp(np.log(customers).mean()) * 0.5 * (1 - hidden)
    row = study["transparency"].set_index("row_id").loc["TR1463"]
    assert row["value_low"] == 3
    assert 3 / 5 < expected < 3 * 3


def test_band_levels_continue_the_published_series(posterior: Posterior, study: Study) -> None:
    bands = build_design(study).bands
    for name in posterior.coords()["band_reporter"]:
        last = bands.high[bands.reporter == name][-1]
        now = np.exp(posterior.data["band_level_now"].sel(band_reporter=name))
        assert last / 3 < float(now.median()) < last * 3


# -- slow: sampling for real ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def program(study: Study) -> Program:
    """The whole model, compiled once for the slow tests."""
    return Program(build_model(build_design(study), Priors.from_study(study)))


@pytest.mark.slow
def test_refit_reproduces_the_shipped_posterior(posterior: Posterior, study: Study, program: Program) -> None:
    tree = program.sample(SampleSettings())
    assert passed(convergence(tree, SCORING))
    again = tree["posterior"].to_dataset()
    for name in SCORING:
        gap = again[name].mean(("chain", "draw")) - posterior.data[name].mean(("chain", "draw"))
        noise = posterior.data[name].std(("chain", "draw")) / np.sqrt(300)
        assert (abs(gap) <= 5 * noise + 1e-5).all(), name


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_other_seeds_pass_the_checks_too(program: Program, seed: int) -> None:
    assert passed(convergence(program.sample(SampleSettings(seed=seed)), SCORING))


@pytest.mark.slow
def test_zero_events_agree_with_the_conjugate_posterior() -> None:
    """Gamma(0.5, 0.001) prior on a rate and no event in ten years: Gamma(0.5, 10.001)."""
    import pymc as pm
    from scipy import stats

    with pm.Model():
        rate = pm.Gamma("rate", 0.5, 0.001)
        pm.Poisson("events", rate * 10.0, observed=0)
        tree = pm.sample(
            2000,
            tune=2000,
            chains=4,
            cores=2,
            nuts_sampler="nutpie",
            random_seed=1,
            progressbar=False,
            target_accept=0.95,
        )
    draws = tree["posterior"]["rate"].values.ravel()
    exact = stats.gamma(0.5, scale=1 / 10.001)
    assert draws.mean() == pytest.approx(exact.mean(), rel=0.06)
    assert np.quantile(draws, 0.95) == pytest.approx(exact.ppf(0.95), rel=0.06)
    assert (1 - np.exp(-5 * draws)).mean() == pytest.approx(1 - (10.001 / 15.001) ** 0.5, rel=0.05)
