"""Suspension: closed forms, orderings, and the covert line that stays apart."""

from __future__ import annotations

import importlib
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from test_exposure import hdh, provider_study, shipped, with_table, with_values

import riskmodel
from riskmodel.errors import UsageError
from riskmodel.exposure import exposure
from riskmodel.fit import Posterior
from riskmodel.study import Study
from riskmodel.suspension import portfolio, suspension

LICENSED = ["HDH_ALT_BLEU", "HDH_ALT_S3NS"]


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return shipped(every=10)


@pytest.fixture(scope="module")
def x(posterior: Posterior, study: Study) -> xr.Dataset:
    return suspension(posterior, study)


# -- one institution ---------------------------------------------------------------------------------------------


def test_one_foreign_law_gives_the_closed_form(x: xr.Dataset) -> None:
    """Without certificates that end, P = reach (1 - exp(-lambda T)), the leak included."""
    assert x["regime"].values.tolist() == ["US_SANCTIONS_IEEPA"]
    expected = x["reach_any"] * -np.expm1(-5 * x["rate"])
    ending = ["HDH_ALT_S3NS", "HDH_INTERCALAIRE", "HDH_TARGET_SECNUMCLOUD"]
    np.testing.assert_allclose(x["probability"].drop_sel(setup=ending), expected.drop_sel(setup=ending), rtol=1e-9)
    assert (x["probability"].sel(setup=ending) <= expected.sel(setup=ending) + 1e-15).all()
    np.testing.assert_allclose(x["reach"].sel(regime="US_SANCTIONS_IEEPA"), x["reach_any"], rtol=1e-12)


def test_reach_is_lent_by_the_criminal_programme_through_the_routes_of_the_sanctions(
    posterior: Posterior, study: Study
) -> None:
    """Control opens the same question for both; a licensor or a place of data binds nobody to stop serving."""
    rows = study["setups"][lambda t: t["setup_id"] == "GEN_AWS_ESC_HOSP"]
    lent = exposure(posterior, study, setups=rows)["reach"].sel(regime="US_SCA_CLOUD")
    own = suspension(posterior, study, setups=rows)["reach"].sel(regime="US_SANCTIONS_IEEPA")
    np.testing.assert_allclose(own, lent, rtol=1e-9)
    leak = posterior.arrays()["leak"]
    bleu = suspension(posterior, study, setups=hdh(study, data_countries="US"))["reach_any"]
    np.testing.assert_allclose(bleu.sel(setup="HDH_ALT_BLEU"), leak)


def test_what_the_data_are_and_who_holds_the_keys_does_not_matter(posterior: Posterior, study: Study) -> None:
    a, b = (
        suspension(posterior, study, setups=hdh(study, key_custody=custody, data_class=data))["probability"]
        for custody, data in (("provider", "generic"), ("client_side", "national_health_warehouse"))
    )
    np.testing.assert_array_equal(a, b)


def test_the_home_decides_whose_sanctions_are_foreign(posterior: Posterior, study: Study) -> None:
    found = {home: suspension(posterior, study, home=home) for home in ("US", "CH")}
    assert found["US"]["regime"].values.tolist() == ["EU_SANCTIONS"]
    assert found["CH"]["regime"].values.tolist() == ["EU_SANCTIONS", "US_SANCTIONS_IEEPA"]
    assert float(found["US"]["reach"].sel(setup="HDH_SCALEWAY").mean()) > 0.5, "a supplier seated in the Union"
    leak = posterior.arrays()["leak"]
    np.testing.assert_allclose(found["CH"]["reach_any"].sel(setup="GEN_INFOMANIAK_CH"), leak)


def test_probability_grows_with_the_horizon(posterior: Posterior, study: Study) -> None:
    values = [suspension(posterior, study, horizon_years=t) for t in (0.5, 1, 5, 30)]
    for name in ("probability", "degraded"):
        for before, after in pairwise(values):
            assert (after[name] >= before[name] - 1e-15).all()
        assert ((values[-1][name] >= 0) & (values[-1][name] <= 1)).all()


def test_order_and_labels_do_not_matter(posterior: Posterior, study: Study, x: xr.Dataset) -> None:
    some = study["setups"].sample(frac=0.4, random_state=3)
    renamed = some.assign(setup_id=[f"S{i}" for i in range(len(some))], label="same")
    alone = suspension(posterior, study, setups=renamed)
    for name in ("reach_any", "probability", "degraded"):
        np.testing.assert_array_equal(alone[name], x[name].sel(setup=some["setup_id"].tolist()))


def test_every_number_says_its_basis_and_horizon(x: xr.Dataset) -> None:
    assert x.attrs["basis"] == "elicited"
    assert x.attrs["horizon_years"] == 5.0


def test_usage(posterior: Posterior, study: Study) -> None:
    with pytest.raises(UsageError, match="horizon_years"):
        suspension(posterior, study, horizon_years=0)
    with pytest.raises(UsageError, match="institutions"):
        portfolio(posterior, study, [0])
    old = Posterior(posterior.data.drop_vars("suspension_rate"))
    with pytest.raises(UsageError, match="lacks suspension_rate"):
        suspension(old, study)


def test_the_public_name_is_the_function_although_a_module_has_it() -> None:
    importlib.import_module("riskmodel.suspension")
    assert riskmodel.suspension is suspension
    assert riskmodel.portfolio is portfolio


# -- technology --------------------------------------------------------------------------------------------------


def test_degradation_needs_a_licensor_abroad_and_is_kept_apart(
    posterior: Posterior, study: Study, x: xr.Dataset
) -> None:
    own = posterior.arrays()
    rate = own["suspension_common"] * own["suspension_rate"] * own["degradation_given_cutoff"]
    for setup in LICENSED:
        np.testing.assert_allclose(x["degraded"].sel(setup=setup), -np.expm1(-5 * rate), rtol=1e-9)
    for setup in ("HDH_AZURE", "HDH_SCALEWAY"):
        assert (x["degraded"].sel(setup=setup) == 0).all()
    free = suspension(posterior, provider_study(study, "bleu", licensor_id=float("nan"), licensor_access=float("nan")))
    np.testing.assert_array_equal(free["probability"], x["probability"])
    assert (free["degraded"].sel(setup="HDH_ALT_BLEU") == 0).all()


def test_a_doubtful_licensor_counts_with_its_confidence(posterior: Posterior, study: Study, x: xr.Dataset) -> None:
    doubtful = suspension(posterior, provider_study(study, "bleu", confidence="low"))
    true = posterior.arrays()["fact_true"][posterior.coords()["confidence"].index("low")]
    expected = true * x["degraded"].sel(setup="HDH_ALT_BLEU")
    np.testing.assert_allclose(doubtful["degraded"].sel(setup="HDH_ALT_BLEU"), expected)


# -- many institutions at one provider ---------------------------------------------------------------------------


def test_one_institution_is_suspension(posterior: Posterior, study: Study, x: xr.Dataset) -> None:
    one = portfolio(posterior, study, [1]).sel(institutions=1)
    np.testing.assert_array_equal(one["probability"], x["probability"])
    np.testing.assert_allclose(one["rate"], posterior.arrays()["suspension_rate"])


def test_many_institutions_follow_the_closed_form_and_are_monotone(posterior: Posterior, study: Study) -> None:
    """P = 1 - exp(-n d T) exp(-nu T (1 - (1 - f)^n)) given reach."""
    numbers, own = [1, 10, 100, 1000], posterior.arrays()
    rows = study["setups"][lambda t: t["setup_id"].isin(["HDH_AZURE", "GEN_AWS"])]
    found = portfolio(posterior, study, numbers, setups=rows, horizon_years=3)
    d = (1 - own["suspension_common"]) * own["suspension_rate"]
    f = own["suspension_hit"]
    nu = own["suspension_common"] * own["suspension_rate"] / f
    for n in numbers:
        expected = 1 - np.exp(-n * d * 3) * np.exp(-nu * 3 * (1 - (1 - f) ** n))
        part = found.sel(institutions=n)
        np.testing.assert_allclose(part["probability_if_reached"], expected, rtol=1e-7)
        np.testing.assert_allclose(part["probability"], part["reach_any"] * part["probability_if_reached"], rtol=1e-9)
    assert (found["probability"].diff("institutions") > 0).all()
    assert (found["probability"] <= found["reach_any"]).all()


def test_shared_shocks_make_it_likelier_that_nobody_is_hit(posterior: Posterior, study: Study) -> None:
    """At the same rate for one, what strikes together strikes at least one of many less often."""
    rows = study["setups"][lambda t: t["setup_id"] == "HDH_AZURE"]
    apart, together = (
        portfolio(with_values(posterior, suspension_common=share), study, [1, 100], setups=rows)["probability"]
        for share in (0.01, 0.99)
    )
    np.testing.assert_allclose(apart.sel(institutions=1), together.sel(institutions=1), rtol=1e-9)
    assert (apart.sel(institutions=100) >= together.sel(institutions=100)).all()


# -- covert collection and what compels no content ---------------------------------------------------------------


def test_the_covert_line_is_off_separate_and_the_same_for_all_data_in_the_union(
    posterior: Posterior, study: Study
) -> None:
    plain, with_line = (exposure(posterior, study, by_regime=False, covert=flag) for flag in (False, True))
    assert "probability_covert" not in plain
    np.testing.assert_array_equal(plain["probability"], with_line["probability"])
    line = with_line["probability_covert"]
    yearly = posterior.arrays()["covert_yearly"]
    for setup in ("EDS_APHP", "HDH_AZURE_PROVIDERKEY", "EDS_GENERIC_HDS"):  # own hosting, and keys with the provider
        np.testing.assert_allclose(line.sel(setup=setup), 1 - (1 - yearly) ** 5, rtol=1e-9)
    assert (line.sel(setup="GEN_GCP_EKM") < line.sel(setup="EDS_APHP")).all(), "keys held elsewhere"
    missing = with_line.attrs["covert_not_given"]
    assert {"GEN_INFOMANIAK_CH", "GEN_OVH_CASE", "MES_AZURE_CLAIM"} <= set(missing)
    assert np.isnan(line.sel(setup=missing)).all()
    assert not np.isnan(line.drop_sel(setup=missing)).any()


def test_the_covert_line_is_not_foreign_at_home(posterior: Posterior, study: Study) -> None:
    american = exposure(posterior, study, by_regime=False, covert=True, home="US")
    assert np.isnan(american["probability_covert"]).all()


@pytest.mark.parametrize("scope", ["metadata_only", "channel", "own_records", "covert", "suspension"])
def test_only_what_compels_content_is_exposure(posterior: Posterior, study: Study, scope: str) -> None:
    """A national security letter that reached everybody would still be no disclosure of content."""
    rows = study["regimes"]
    letter = rows[rows["regime_id"] == "US_SCA_CLOUD"].assign(
        regime_id="US_NEW", programme_id="US_NEW", model_scope=scope, purpose="intelligence"
    )
    changed = with_table(study, "regimes", pd.concat([rows, letter], ignore_index=True))
    before, after = (exposure(posterior, s, by_regime=False) for s in (study, changed))
    xr.testing.assert_identical(before, after)
