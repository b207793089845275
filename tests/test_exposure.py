"""Exposure: the exact integral against brute force, and the invariants that hold in every sample and world."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from riskmodel.errors import UsageError
from riskmodel.exposure import exposure
from riskmodel.fit import Posterior, load_posterior
from riskmodel.integral import Window, expansion, expect, nothing_opens, subsets
from riskmodel.nexus import equal_terms
from riskmodel.study import Study, read_setups


def shipped(every: int = 1) -> Posterior:
    """Every so many draws of the shipped posterior."""
    return Posterior(load_posterior().data.isel(draw=slice(None, None, every)))


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    """Every tenth draw of the shipped posterior: enough for orderings."""
    return shipped(every=10)


@pytest.fixture(scope="module")
def x(posterior: Posterior, study: Study) -> xr.Dataset:
    return exposure(posterior, study)


def with_values(posterior: Posterior, **values: object) -> Posterior:
    data = posterior.data.copy(deep=True)
    for name, value in values.items():
        data[name] = data[name] * 0 + value
    return Posterior(data)


def hdh(study: Study, **changes: str) -> pd.DataFrame:
    table = study["setups"]
    return equal_terms(table[table["system"] == "HDH"], **changes)


# -- the integral ------------------------------------------------------------------------------------------------


def survival(chance: np.ndarray, hazard: np.ndarray, same: float) -> float:
    """The package's expansion for one state: chance (regime, stretch, question), hazard (regime, stretch)."""
    pairs = [(j, m) for j in range(chance.shape[0]) for m in range(chance.shape[1])]
    weights = expansion(pairs, [Window(np.ones(1), hazard[None, :, :, None])])
    shut = np.stack([nothing_opens(chance[..., None], inside, np.array([same])) for inside in subsets(tuple(pairs))])
    return float(expect(weights, shut)[0, 0])


@pytest.mark.parametrize("same", [0.0, 0.4, 1.0])
def test_expansion_agrees_with_simulated_legal_answers(same: float, rng: np.random.Generator) -> None:
    """Two regimes of one state, three stretches, two questions: settle the questions 400,000 times."""
    chance = rng.random((2, 3, 2)) * 0.6
    hazard = rng.gamma(1.0, 0.7, size=(2, 3))
    n = 400_000
    shared = rng.random((n, 2)) < same
    common, own = rng.random((n, 2)), rng.random((n, 2, 2))
    answer = np.where(shared[:, None], common[:, None], own)  # (world, regime, question)
    opened = (answer[:, :, None, :] < chance[None]).any(axis=3)
    simulated = np.exp(-(opened * hazard).sum(axis=(1, 2)))
    error = simulated.std() / np.sqrt(n)
    assert survival(chance, hazard, same) == pytest.approx(simulated.mean(), abs=5 * error)


def test_a_legal_question_is_settled_once_across_a_migration() -> None:
    """Reach 0.05 and hazard 1 in each of two segments: survival 0.957, not the 0.938 of two separate draws."""
    value = survival(np.full((1, 2, 1), 0.05), np.ones((1, 2)), 0.0)
    assert value == pytest.approx(1 - 0.05 * (1 - np.exp(-2)))
    assert value == pytest.approx(0.957, abs=5e-4)
    assert (1 - 0.05 * (1 - np.exp(-1))) ** 2 == pytest.approx(0.938, abs=5e-4)


def test_one_segment_reduces_to_the_noisy_or_closed_form(rng: np.random.Generator) -> None:
    chance, hazard = rng.random((3, 1, 4)) * 0.5, rng.random((3, 1))
    rho = 1 - (1 - chance[:, 0]).prod(axis=1)
    assert survival(chance, hazard, 0.0) == pytest.approx(np.prod(1 - rho * (1 - np.exp(-hazard[:, 0]))))


def test_splitting_a_segment_changes_nothing(rng: np.random.Generator) -> None:
    chance, hazard = rng.random((2, 1, 3)), rng.random((2, 1)) * 2
    twice = np.concatenate([chance, chance], axis=1)
    parts = np.concatenate([0.3 * hazard, 0.7 * hazard], axis=1)
    assert survival(twice, parts, 0.5) == pytest.approx(survival(chance, hazard, 0.5), rel=1e-12)


def test_a_day_more_or_less_of_a_lapsed_law_is_continuous(posterior: Posterior, study: Study) -> None:
    """A regime boundary cuts the horizon in two; without the cut (start after it) hazards per year agree."""
    short = exposure(posterior, study, setups=hdh(study), horizon_years=0.3)["probability"].mean("sample")
    longer = exposure(posterior, study, setups=hdh(study), horizon_years=0.33)["probability"].mean("sample")
    assert (longer >= short).all()
    assert (longer <= short * 1.12).all()


# -- worlds and levels -------------------------------------------------------------------------------------------


def test_worlds_agree_with_the_integral(study: Study) -> None:
    full = exposure(shipped(), study)
    n = full.sizes["sample"]
    gap = full["world_reached"].mean("sample") - full["reach_any"].mean("sample")
    bound = 4.5 * np.sqrt(full["reach_any"].mean("sample") * (1 - full["reach_any"].mean("sample")) / n)
    assert (abs(gap) < bound).all()
    difference = full["world_probability"] - full["probability"]
    assert (abs(difference.mean("sample")) < 4.5 * difference.std("sample") / np.sqrt(n)).all()


def test_probability_grows_with_the_horizon_and_stays_a_probability(posterior: Posterior, study: Study) -> None:
    values = [exposure(posterior, study, horizon_years=t)["probability"] for t in (0.5, 1, 5, 30)]
    for before, after in pairwise(values):
        assert (after >= before - 1e-12).all()
    assert all(((v >= 0) & (v <= 1)).all() for v in values)


def test_reach_is_the_limit_of_probability(posterior: Posterior, study: Study) -> None:
    """As every hazard grows without bound, a disclosure happens exactly in the reached worlds."""
    frequent = with_values(
        posterior,
        log_rate_criminal=25.0,
        log_rate_criminal_reporter=25.0,
        log_rate_intelligence=25.0,
        log_rate_intelligence_reporter=25.0,
        log_transfer=0.0,
        provider_spread=0.0,
        authority_used=1.0,
    )
    limit = exposure(frequent, study)
    np.testing.assert_allclose(limit["probability"], limit["reach_any"], atol=1e-9)


def test_small_probabilities_are_reach_times_hazard(posterior: Posterior, study: Study) -> None:
    rare = with_values(
        posterior,
        log_rate_criminal=-20.0,
        log_rate_criminal_reporter=-20.0,
        log_rate_intelligence=-20.0,
        log_rate_intelligence_reporter=-20.0,
        log_transfer=-1.0,
        provider_spread=0.0,
        authority_used=1.0,
    )
    # one provider each, and no certificate that ends inside the horizon: reach and rate are then one number each
    one = hdh(study)[lambda t: t["provider_id"].notna() & (t["provider_id"] != "s3ns")]
    small = exposure(rare, study, setups=one)
    approximate = (small["reach"] * small["rate"]).sum("regime") * small.attrs["horizon_years"]
    np.testing.assert_allclose(small["probability"], approximate, rtol=2e-2)


def test_home_without_a_foreign_fact_is_the_leak_and_never_zero(x: xr.Dataset, posterior: Posterior) -> None:
    leak = posterior.arrays()["leak"]
    for setup in ("SNDS_CNAM", "HDH_SCALEWAY", "HDH_ALT_CLOUDTEMPLE"):
        np.testing.assert_allclose(x["reach_any"].sel(setup=setup), leak)
        assert (x["probability"].sel(setup=setup) > 0).all()


def test_no_foreign_fact_has_the_lowest_probability_at_equal_terms(study: Study) -> None:
    alike = exposure(shipped(), study, setups=hdh(study))["probability"].mean("sample")
    least = ["HDH_SCALEWAY", "HDH_ALT_CLOUDTEMPLE"]
    others = alike.drop_sel(setup=least)
    assert float(alike.sel(setup=least).max()) < float(others.min())


# -- orderings in every sample and world -------------------------------------------------------------------------


def ordered(posterior: Posterior, study: Study, lower: pd.DataFrame, upper: pd.DataFrame) -> None:
    a, b = (exposure(posterior, study, setups=s) for s in (lower, upper))
    for name in ("reach_any", "probability", "world_probability"):
        assert (a[name].values <= b[name].values + 1e-12).all(), name


CUSTODY = ["client_side", "confidential_computing_external", "external_hyok", "customer_managed", "provider"]


@pytest.mark.parametrize(("lower", "upper"), list(pairwise(CUSTODY)))
def test_weaker_key_custody_never_lowers_exposure(posterior: Posterior, study: Study, lower: str, upper: str) -> None:
    ordered(posterior, study, hdh(study, key_custody=lower), hdh(study, key_custody=upper))


def test_fewer_terms_never_lower_exposure(posterior: Posterior, study: Study) -> None:
    ordered(
        posterior,
        study,
        hdh(study, terms="challenge_demands;notify_customer"),
        hdh(study, terms="notify_customer"),
    )
    ordered(posterior, study, hdh(study, terms="notify_customer"), hdh(study, terms="none"))


@pytest.mark.parametrize("scheme", ["SecNumCloud", "HDS"])
def test_fewer_certificates_never_lower_exposure(posterior: Posterior, study: Study, scheme: str) -> None:
    # a setup without a provider means "any holder of the label", so the label there chooses who is compared
    with_label, without = (
        hdh(study, certifications_required=asked, certifications_pending="")[lambda t: t["provider_id"].notna()]
        for asked in (scheme, "")
    )
    ordered(posterior, study, with_label, without)


def provider_study(study: Study, provider: str, **columns: object) -> Study:
    table = study["providers"].copy()
    for column, value in columns.items():
        table.loc[table["provider_id"] == provider, column] = value
    return with_table(study, "providers", table)


def with_table(study: Study, name: str, table: pd.DataFrame) -> Study:
    return replace(study, tables=MappingProxyType({**study.tables, name: table}))


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"establishment_separation": "separated"}, {"establishment_separation": "not_separated"}),
        ({"establishment_countries": "CA"}, {"establishment_countries": "CA;US"}),
        ({"licensor_access": "none"}, {"licensor_access": "remote"}),
        ({"staff_countries": float("nan")}, {"staff_countries": "US"}),
    ],
)
def test_more_nexus_never_lowers_exposure(posterior: Posterior, study: Study, less: dict, more: dict) -> None:
    base = {"licensor_id": "google", "establishment_countries": "US", "establishment_presence": "seen"}
    setups = hdh(study)[lambda t: t["setup_id"] == "HDH_ALT_OVH"]
    low, high = (provider_study(study, "ovhcloud", **{**base, **part}) for part in (less, more))
    a, b = exposure(posterior, low, setups=setups), exposure(posterior, high, setups=setups)
    for name in ("reach_any", "probability", "world_probability"):
        assert (a[name].values <= b[name].values + 1e-12).all(), name


def test_control_reaches_further_than_a_minority(posterior: Posterior, study: Study) -> None:
    """Without a licence, which leads to the same state whatever the share."""
    study = provider_study(study, "s3ns", licensor_id=None, licensor_access=None)
    owned = study["ownership"].copy()
    mine = (owned["owned_id"] == "s3ns") & (owned["holder_id"] == "google")
    results = []
    for share in (10.0, 24.0, 49.0, 51.0, 90.0):
        owned.loc[mine, ["share_low_pct", "share_high_pct"]] = share
        changed = replace(study, tables=MappingProxyType({**study.tables, "ownership": owned.copy()}))
        setups = hdh(study)[lambda t: t["setup_id"] == "HDH_ALT_S3NS"]
        results.append(exposure(posterior, changed, setups=setups)["world_probability"].values)
    for before, after in pairwise(results):
        assert (before <= after + 1e-12).all()
    assert results[-1].mean() > 2 * results[0].mean()


# -- what must not matter ----------------------------------------------------------------------------------------


def test_order_of_rows_and_other_setups_do_not_matter(posterior: Posterior, study: Study, x: xr.Dataset) -> None:
    some = study["setups"].sample(frac=0.4, random_state=3)
    alone = exposure(posterior, study, setups=some)
    same = x.sel(setup=some["setup_id"].tolist())
    for name in ("reach_any", "probability", "world_probability", "probability_regime"):
        np.testing.assert_array_equal(alone[name], same[name])


def test_an_unrelated_provider_changes_no_answer(posterior: Posterior, study: Study, x: xr.Dataset) -> None:
    row = study["providers"].iloc[[0]].assign(provider_id="new_one", name="New one", seat_country="JP")
    tables = {**study.tables, "providers": pd.concat([study["providers"], row], ignore_index=True)}
    again = exposure(posterior, replace(study, tables=MappingProxyType(tables)))
    np.testing.assert_array_equal(again["probability"], x["probability"])


def test_same_input_gives_the_same_output(posterior: Posterior, study: Study, x: xr.Dataset) -> None:
    xr.testing.assert_identical(exposure(posterior, study), x)


# -- homes and usage ---------------------------------------------------------------------------------------------


def test_home_decides_what_is_foreign(posterior: Posterior, study: Study) -> None:
    american = exposure(posterior, study, home="US")
    assert not {"US_SCA_CLOUD", "US_FISA702"} & set(american["regime"].values)
    assert "FR_RENSEIGNEMENT" in american["regime"].values
    swiss = exposure(posterior, study, home="CH")["reach_any"].mean("sample")
    assert float(swiss.sel(setup="GEN_INFOMANIAK_CH")) < 0.05 < float(swiss.sel(setup="HDH_SCALEWAY"))
    union = exposure(posterior, study, home="CH")["reach"].sel(regime="EU_EEVIDENCE").mean("sample")
    assert float(union.sel(setup="HDH_SCALEWAY")) > 0.5, "law of the Union is applied by its members"


def test_readings_average_to_the_stated_mixture(x: xr.Dataset) -> None:
    mine = x["reading_setup"] == "HDH_SCALEWAY"
    weights = x["reading_weight"].where(mine, drop=True)
    assert float(weights.sum()) == pytest.approx(1)
    mixed = (x["probability_reading"].where(mine, drop=True) * weights).sum("reading")
    np.testing.assert_allclose(mixed, x["probability"].sel(setup="HDH_SCALEWAY"), rtol=1e-9)


def test_own_setup_and_provider(posterior: Posterior, study: Study, tmp_path) -> None:
    (tmp_path / "setups.csv").write_text(
        "setup_id,provider_id,data_class,service_model,key_custody,data_countries\n"
        "MINE,my_host,hospital_warehouse,infrastructure,provider,FR\n"
    )
    (tmp_path / "entities.csv").write_text("entity_id,name,country,kind\nmy_host,My host,FR,company\n")
    (tmp_path / "providers.csv").write_text(
        "provider_id,name,seat_country,establishment_countries,establishment_presence,establishment_separation,"
        "is_pseudo,confidence\nmy_host,My host,FR,US,seen,not_separated,false,low\n"
    )
    own = read_setups(tmp_path / "setups.csv", study)
    result = exposure(posterior, own)
    assert result["setup"].values.tolist() == ["MINE"]
    assert 0.3 < float(result["reach_any"].mean()) < 0.95


def test_a_probability_needs_a_horizon(posterior: Posterior, study: Study) -> None:
    with pytest.raises(UsageError, match="horizon_years"):
        exposure(posterior, study, horizon_years=0)
    assert exposure(posterior, study, setups=hdh(study)).attrs["horizon_years"] == 5.0
