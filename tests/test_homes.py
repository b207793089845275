"""Homes: what is foreign follows from the controller's legal space, on the same tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from test_exposure import provider_study, shipped, with_table

from riskmodel.draws import Draws
from riskmodel.exposure import exposure
from riskmodel.fit import Posterior
from riskmodel.nexus import Programme, equal_terms, foreign_programmes
from riskmodel.study import Study

FRENCH, EUROPEAN, AMERICAN = "FR_RENSEIGNEMENT", "EU_EEVIDENCE", {"US_SCA_CLOUD", "US_FISA702"}
HOSTS = ["HDH_AZURE", "HDH_SCALEWAY", "HDH_ALT_OVH", "HDH_ALT_S3NS", "GEN_INFOMANIAK_CH", "GEN_ALIBABA"]


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return shipped(every=10)


@pytest.fixture(scope="module")
def hosts(study: Study) -> pd.DataFrame:
    """Hosts that differ in nothing but the provider, with data in the United States."""
    rows = study["setups"][lambda t: t["setup_id"].isin(HOSTS)].assign(operator_countries=float("nan"))
    return equal_terms(rows, data_countries="US", certifications_required="", certifications_pending="")


def scored(posterior: Posterior, study: Study, setups: pd.DataFrame, home: str) -> xr.Dataset:
    return exposure(posterior, study, setups=setups, home=home)


def mean(x: xr.Dataset, setup: str, name: str = "reach_any") -> float:
    return float(x[name].sel(setup=setup).mean())


@pytest.mark.parametrize("home", ["EU/EEA", "EU", "FR", "CH", "CA", "US", "GB"])
def test_no_programme_of_the_home_is_foreign(study: Study, home: str) -> None:
    own = {"EU/EEA": "FR", "EU": "FR"}.get(home, home)
    found = foreign_programmes(study, home)
    assert found
    assert not any(own in p.countries for p in found)


def test_an_american_home_is_not_reached_through_american_law(
    posterior: Posterior, study: Study, hosts: pd.DataFrame
) -> None:
    x = scored(posterior, study, hosts, "US")
    assert not AMERICAN & set(x["regime"].values)
    owned = study["ownership"]
    orphan = with_table(study, "ownership", owned[owned["owned_id"] != "msft_azure"])
    alone = scored(posterior, orphan, hosts, "US")
    np.testing.assert_array_equal(alone["probability"].sel(setup="HDH_AZURE"), x["probability"].sel(setup="HDH_AZURE"))
    at_home = scored(posterior, study, hosts, "EU/EEA")
    abroad = scored(posterior, orphan, hosts, "EU/EEA")
    assert mean(abroad, "HDH_AZURE", "probability") < mean(at_home, "HDH_AZURE", "probability")


def test_an_american_home_is_reached_at_a_french_host_through_its_seat(
    posterior: Posterior, study: Study, hosts: pd.DataFrame
) -> None:
    x = scored(posterior, study, hosts, "US")
    reach = x["reach"].mean("sample")
    leak = float(posterior.arrays()["leak"].mean())
    assert float(reach.sel(setup="HDH_SCALEWAY", regime=FRENCH)) > 0.5
    assert float(reach.sel(setup="HDH_AZURE", regime=FRENCH)) == pytest.approx(leak), "an Irish seat, no French one"
    assert float(reach.sel(setup="HDH_SCALEWAY", regime=EUROPEAN)) > 0.5
    homeless = provider_study(study, "scaleway", seat_country=float("nan"), establishment_countries=float("nan"))
    homeless = with_table(homeless, "ownership", study["ownership"][lambda t: t["owned_id"] != "scaleway"])
    unseen = scored(posterior, homeless, hosts, "US")
    assert mean(unseen, "HDH_SCALEWAY") == pytest.approx(leak), "data in the United States, no other fact"


@pytest.mark.parametrize("home", ["EU/EEA", "CH", "CA", "US"])
def test_a_seat_abroad_opens_every_order_that_binds_companies(study: Study, home: str) -> None:
    on_the_spot = (
        "local_establishment",
        "parent_company",
        "subsidiary",
        "possession_custody_control",
        "remote_provider",
    )
    wordings = study["regimes"].groupby("programme_id")["reaches_via"].agg(";".join)
    for scope in ("content", "suspension"):
        for programme in foreign_programmes(study, home, scope):
            binds = {*on_the_spot, "technology_supplier"} & set(wordings[programme.regime_id].split(";"))
            seat = programme.routes(frozenset({("seat", sorted(programme.countries)[0])}))
            assert not binds or "parent_control" in seat, programme.regime_id


def test_a_swiss_home(posterior: Posterior, study: Study, hosts: pd.DataFrame) -> None:
    own = study["setups"][lambda t: t["setup_id"] == "GEN_INFOMANIAK_CH"]
    x = scored(posterior, study, own, "CH")
    assert not {"CH_BUPF", "CH_NDG"} & set(x["regime"].values)
    np.testing.assert_allclose(x["reach_any"].sel(setup="GEN_INFOMANIAK_CH"), posterior.arrays()["leak"])
    assert (x["probability"] > 0).all()
    swiss = scored(posterior, study, equal_terms(hosts, data_countries="CH"), "CH")
    least = mean(swiss, "GEN_INFOMANIAK_CH", "probability")
    assert all(least < mean(swiss, other, "probability") for other in HOSTS if other != "GEN_INFOMANIAK_CH")
    assert mean(swiss, "HDH_SCALEWAY") > 0.5, "a French host is foreign to a Swiss controller"


def test_a_canadian_home_owns_the_ontario_order(posterior: Posterior, study: Study, hosts: pd.DataFrame) -> None:
    at_home, abroad = (scored(posterior, study, hosts, home) for home in ("CA", "EU/EEA"))
    assert not {"CA_PRODUCTION_ORDER", "CA_CSIS_ASSIST"} & set(at_home["regime"].values)
    assert float(abroad["reach"].sel(setup="HDH_ALT_OVH", regime="CA_PRODUCTION_ORDER").mean()) > 0.1
    assert float(at_home["reach"].sel(setup="HDH_ALT_OVH", regime=FRENCH).mean()) > 0.5, "its seat is French"
    closed = provider_study(study, "ovhcloud", establishment_countries="AU;GB;US")
    same = scored(posterior, closed, hosts, "CA")
    np.testing.assert_allclose(
        same["probability"].sel(setup="HDH_ALT_OVH"), at_home["probability"].sel(setup="HDH_ALT_OVH"), rtol=1e-12
    )


@pytest.mark.parametrize("scheme", ["SecNumCloud", "HDS"])
def test_a_european_label_removes_nothing_of_european_law(posterior: Posterior, study: Study, scheme: str) -> None:
    rows = study["setups"][lambda t: t["setup_id"] == "HDH_ALT_OUTSCALE"]
    label, none = (equal_terms(rows, certifications_required=asked) for asked in (scheme, ""))
    x, y = (scored(posterior, study, setups, "CH")["reach"] for setups in (label, none))
    for regime in (FRENCH, EUROPEAN):
        np.testing.assert_allclose(x.sel(regime=regime), y.sel(regime=regime))
    assert float(x.sel(regime="US_SCA_CLOUD").mean()) < float(y.sel(regime="US_SCA_CLOUD").mean())


def test_law_of_the_union_is_not_that_of_the_three_other_states_of_the_area(study: Study) -> None:
    union = next(p for p in foreign_programmes(study, "US") if p.regime_id == EUROPEAN)
    assert {"EU", "FR", "IE"} <= union.countries
    assert not {"NO", "IS", "LI"} & union.countries


def test_worlds_agree_with_the_integral_for_any_home(study: Study, hosts: pd.DataFrame) -> None:
    full = shipped()
    for home in ("US", "CH"):
        x = scored(full, study, hosts, home)
        rate, n = x["reach_any"].mean("sample"), x.sizes["sample"]
        gap = abs(x["world_reached"].mean("sample") - rate)
        assert (gap < 4.5 * np.sqrt(rate * (1 - rate) / n)).all()


def test_reach_is_looked_up_by_the_regime_that_lends_it(posterior: Posterior) -> None:
    lent = Programme("SANCTIONS", "US_SCA_CLOUD", "", frozenset({"US"}), "economic", {})
    place = posterior.coords()["regime"].index("US_SCA_CLOUD")
    np.testing.assert_array_equal(Draws(posterior, [lent]).reach[0], posterior.arrays()["reach"][place])
