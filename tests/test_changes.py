"""Interventions: the same draws moved, contradictions named, and the cheapest set of changes found."""

from __future__ import annotations

import datetime as dt
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from riskmodel.decide._interventions import RULES, _checked, catalogue
from riskmodel.decide.changes import _Bench, _offered, _prices, _row, first_case, intervene
from riskmodel.errors import UsageError
from riskmodel.exposure import exposure
from riskmodel.fit import Posterior
from riskmodel.study import Study

BELOW, OUTSIDE = {"share_low_pct": 0, "share_high_pct": 24}, {"share_low_pct": 60, "share_high_pct": 100}


def _setup(study: Study, name: str, **cells: object) -> pd.DataFrame:
    """One row of setups with some cells replaced."""
    rows = study["setups"]
    return rows[rows["setup_id"] == name].assign(**cells)


def _bench(posterior: Posterior, study: Study, setup: str, **costs: float) -> _Bench:
    offered = _offered(study, setup, None)
    case = first_case(study, _row(study, None, setup), study.home, study.as_of)
    return _Bench(posterior, case, offered, _prices(offered, costs), 5.0)


@pytest.fixture(scope="module")
def azure(posterior: Posterior, study: Study) -> pd.DataFrame:
    """Every change of the catalogue that applies to the Health Data Hub on Azure."""
    return intervene(posterior, study, "HDH_AZURE").table


def test_the_catalogue_sets_cells_that_its_tables_know(study: Study) -> None:
    for change in catalogue(study).values():
        assert change.applies_when in RULES
        for table, cells in change.cells.items():
            for column, value in cells.items():
                assert _checked(study, "any", change.change_id, table, column, value) == value


def test_every_applicable_change_is_a_row_with_effect_over_parameters_and_worlds(azure: pd.DataFrame) -> None:
    assert {"keys_external", "keys_client_side", "subsidiary_sold", "owner_below_24"} <= set(azure["change"])
    assert not set(azure["change"]) & {"keys_customer", "licensor_no_access", "clause_notify", "certificate_lapses"}
    assert azure["probability_after"].is_monotonic_increasing
    assert (azure["ratio"] < 1).all()
    assert np.allclose(azure["difference"], azure["probability_after"] - azure["probability_before"])
    for name in ("", "world_"):
        assert np.allclose(azure[[f"{name}lower", f"{name}equal", f"{name}higher"]].sum(axis=1), 1)
    assert (azure["ratio_low"] <= azure["ratio_median"]).all()
    assert (azure["ratio_median"] <= azure["ratio_high"]).all()


def test_the_same_draws_are_moved(posterior: Posterior, study: Study, azure: pd.DataFrame) -> None:
    """A change gives what scoring the changed setup by hand gives, sample by sample."""
    now = exposure(posterior, study, setups=_setup(study, "HDH_AZURE"), by_regime=False)
    hand = exposure(posterior, study, setups=_setup(study, "HDH_AZURE", key_custody="client_side"), by_regime=False)
    row = azure.set_index("change").loc["keys_client_side"]
    assert row["probability_before"] == pytest.approx(float(now["probability"].mean()))
    assert row["probability_after"] == pytest.approx(float(hand["probability"].mean()))
    ratio = (hand["probability"] / now["probability"]).values[:, 0]
    assert row["ratio_median"] == pytest.approx(np.median(ratio), rel=1e-3)


def test_more_protection_lowers_every_sample_and_world(posterior: Posterior, study: Study) -> None:
    bench = _bench(posterior, study, "HDH_AZURE")
    chosen = ("keys_external", "operators_home", "owner_below_24", "subsidiary_sold", "certificate_arrives")
    steps = bench.scores([chosen[:k] for k in range(len(chosen) + 1)])
    for more, less in pairwise(steps):
        for name in ("reach_any", "probability", "world_probability"):
            assert (less[name] <= more[name] + 1e-12).all()


@pytest.mark.parametrize("setup", ["HDH_AZURE", "HDH_TARGET_SECNUMCLOUD", "HDH_ALT_NUMSPOT"])
def test_cutting_a_study_down_to_one_setup_changes_no_answer(posterior: Posterior, study: Study, setup: str) -> None:
    whole = exposure(posterior, study, setups=_setup(study, setup), by_regime=False)
    (part,) = _bench(posterior, study, setup).scores([()])
    assert np.array_equal(part["probability"], whole["probability"].values[:, 0])
    assert np.array_equal(part["world_probability"], whole["world_probability"].values[:, 0])


def test_certificates_and_shares_move_as_they_should(posterior: Posterior, study: Study) -> None:
    found = intervene(posterior, study, "HDH_ALT_S3NS")
    table = found.table.set_index("change")
    assert table.loc["certificate_lapses", "ratio"] > 1
    assert table.loc["owner_above_50", "ratio"] > 2
    assert table.loc["owner_above_50", "reach_after"] > table.loc["owner_above_50", "reach_before"]
    assert table.loc["licensor_no_access", "ratio"] < 1
    assert "What raises it: " in found.text
    scaleway = intervene(posterior, study, "HDH_SCALEWAY", ["certificate_arrives"]).table
    assert scaleway["ratio"][0] == pytest.approx(1)  # no foreign law but the unseen reaches it now


def test_given_changes_are_also_made_together_in_an_order_that_works(posterior: Posterior, study: Study) -> None:
    """The certificate is open to Azure only once its owner has let go."""
    found = intervene(posterior, study, "HDH_AZURE", ["certificate_arrives", "owner_below_24", "keys_external"])
    assert found.table["change"].tolist() == ["keys_external", "owner_below_24", "together"]
    alone = found.table["probability_after"]
    assert alone[2] < alone[:2].min()
    assert found.text.startswith("Azure (customer key), all of them together")


def test_changes_of_ones_own(posterior: Posterior, study: Study) -> None:
    sold = {"sold": ("ownership", {"holder_id": "amazon", **OUTSIDE})}
    assert intervene(posterior, study, "HDH_SCALEWAY", sold).table["ratio"][0] > 2
    licence = {"licence": ("providers", {"licensor_id": "google", "licensor_access": "remote"})}
    assert intervene(posterior, study, "HDH_SCALEWAY", licence).table["ratio"][0] > 2
    own = {
        "keys": {"key_custody": "external_hyok", "data_countries": ["FR", "DE"]},
        "rest": [
            ("ownership", {"share_low_pct": 0, "share_high_pct": 24}),
            ("certifications", {"scheme": "SecNumCloud"}),
        ],
    }
    table = intervene(posterior, study, "HDH_AZURE", own).table
    assert table["actor"].tolist() == ["analyst", "analyst", ""]
    assert (table["ratio"] < 1).all()


def test_nothing_given_is_changed(posterior: Posterior, study: Study) -> None:
    before = {name: study[name].copy() for name in ("setups", "providers", "ownership", "certifications")}
    intervene(posterior, study, "HDH_AZURE", ["owner_below_24", "subsidiary_sold", "operators_home"])
    assert all(frame.equals(study[name]) for name, frame in before.items())


def test_own_hosting_has_nothing_to_change(posterior: Posterior, study: Study) -> None:
    found = intervene(posterior, study, "SNDS_CNAM")
    assert found.table.empty
    assert "probability_after" in found.table
    assert found.text == "No change applies to Claims database at CNAM."


def test_another_home_and_start(posterior: Posterior, study: Study) -> None:
    abroad = intervene(posterior, study, "GEN_INFOMANIAK_CH").table["change"]
    home = intervene(posterior, study, "GEN_INFOMANIAK_CH", home="CH", start=dt.date(2027, 1, 1)).table["change"]
    assert "data_home" in set(abroad)
    assert "data_home" not in set(home)


@pytest.mark.parametrize(
    ("setup", "changes", "rule"),
    [
        ("HDH_AZURE", ["keys_customer"], "keys are protected as well or better already (customer_managed)"),
        ("SNDS_CNAM", ["keys_external"], "own hosting has no provider that could hold keys"),
        ("HDH_AZURE", ["clause_notify"], "the clause is in the contract already (notify_customer)"),
        ("HDH_AZURE", ["licensor_no_access"], "there is no licensor that could lose access"),
        ("HDH_ALT_OVH", ["licensor_no_access"], "no licensor is recorded as from outside home territory (vmware)"),
        ("HDH_ALT_BLEU", ["licensor_no_access"], "access of the licensor is that already (none)"),
        ("HDH_SCALEWAY", ["subsidiary_sold"], "no foreign subsidiary of the provider is recorded"),
        ("HDH_SCALEWAY", ["certificate_lapses"], "there is no certificate that could lapse"),
        ("HDH_SCALEWAY", ["owner_below_24"], "no foreign owner that may control the provider is recorded"),
        ("HDH_SCALEWAY", ["operators_home"], "no operator or staff outside home territory is recorded"),
        ("HDH_AZURE", ["certificate_arrives"], "SecNumCloud is closed to providers seated or controlled outside"),
        ("HDH_ALT_S3NS", ["certificate_arrives"], "the certificate is held already"),
        ("HDH_TARGET_SECNUMCLOUD", ["certificate_arrives"], "there is no provider that could be certified"),
        ("HDH_AZURE", ["keys_external", "keys_client_side"], "both set key_custody of setups"),
        ("HDH_AZURE", ["subsidiary_sold", "subsidiary_separated"], "both set establishment_separation of providers"),
        ("HDH_AZURE", {"a": {"key_custody": "customer_managed"}}, "all that it sets is so already"),
        ("HDH_AZURE", {"a": {"key_custody": "safe"}}, "key_custody of setups: safe - must be one of: provider, "),
        ("HDH_AZURE", {"a": {"provider_id": "aws"}}, "with another it is another setup"),
        ("HDH_ALT_NUMSPOT", {"a": ("providers", {"runs_on": "aws"})}, "with another it is another setup"),
        ("HDH_AZURE", {"a": ("ownership", {"share_low_pct": 0})}, "a change of ownership must set share_high_pct"),
        ("HDH_AZURE", {"a": 3}, "3 - must be columns, or a table and its columns"),
        ("HDH_TARGET_SECNUMCLOUD", {"a": ("providers", {"staff_countries": "US"})}, "no provider is chosen"),
    ],
)
def test_a_contradiction_names_setup_change_and_rule(
    posterior: Posterior, study: Study, setup: str, changes: Any, rule: str
) -> None:
    with pytest.raises(UsageError) as error:
        intervene(posterior, study, setup, changes)
    said = str(error.value)
    assert rule in said
    assert said.startswith(f"setup {setup}, change")
    assert all(name in said for name in changes)


@pytest.mark.parametrize(
    ("setup", "asked", "said"),
    [
        ("HDH_AZUR", {}, "unknown setup HDH_AZUR (did you mean HDH_AZURE?"),
        ("HDH_AZURE", {"changes": ["key_external"]}, "unknown change key_external (did you mean keys_external?"),
        ("HDH_AZURE", {"changes": {"a": {"key_custdy": "provider"}}}, "(did you mean key_custody?)"),
        ("HDH_AZURE", {"changes": {"a": ("provider", {})}}, "(did you mean providers?)"),
        ("HDH_AZURE", {"changes": {"a": ("ownership", {"holder_id": "amazn"})}}, "(did you mean amazon?)"),
        ("HDH_AZURE", {"tolerance": 1.0}, "tolerance: 1.0 - must be between 0 and 1"),
        ("HDH_AZURE", {"costs": {"keys_external": -1}}, "costs: keys_external -1 - must be 0 or more"),
        ("HDH_AZURE", {"costs": {"keys": 1}}, "unknown change in costs keys"),
        ("HDH_AZURE", {"horizon_years": 0}, "horizon_years: 0 - must be more than 0 years"),
        ("HDH_AZURE", {"equal_factor": 0.5}, "equal_factor: 0.5 - must be 1 or more"),
    ],
)
def test_bad_input_is_one_clear_message(
    posterior: Posterior, study: Study, setup: str, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as error:
        intervene(posterior, study, setup, **asked)
    assert said in str(error.value)


def test_the_cheapest_set_is_the_one_that_trying_all_finds(posterior: Posterior, study: Study) -> None:
    names = ["keys_external", "keys_client_side", "subsidiary_sold", "owner_below_24", "operators_home"]
    costs, limit = {"keys_client_side": 2.5, "subsidiary_sold": 1.5}, 0.004
    bench = _bench(posterior, study, "HDH_AZURE", **costs)
    below = {}
    for size in range(4):
        for chosen in combinations(names, size):
            if {"keys_external", "keys_client_side"} <= set(chosen):
                continue
            if bench.mean(bench.made(chosen)) < limit:
                below[chosen] = bench.cost(chosen)
    found = intervene(posterior, study, "HDH_AZURE", names, tolerance=limit, costs=costs)
    assert found.detail is not None
    best = found.detail[found.detail["chosen"]]
    assert len(best) == 1
    assert best["cost"].item() == min(below.values())
    assert tuple(sorted(best["changes"].item().split("; "))) in {tuple(sorted(chosen)) for chosen in below}
    assert best["probability"].item() < limit
    assert f"(cost {best['cost'].item():g})" in found.text
    assert set(found.table["change"]) == set(names)  # a choice to search in, not made together


def test_a_search_says_when_nothing_is_needed_or_nothing_helps(posterior: Posterior, study: Study) -> None:
    easy = intervene(posterior, study, "HDH_SCALEWAY", ["keys_external"], tolerance=0.1)
    assert "below the tolerance of 10 % over 5 years without any change" in easy.text
    hard = intervene(posterior, study, "HDH_AZURE", ["operators_home"], tolerance=0.001)
    assert "No set of these changes gets below the tolerance of 0.10 % over 5 years" in hard.text
    assert hard.detail is not None
    assert not hard.detail["chosen"].any()
    assert not hard.table["meets_tolerance"].any()
