"""The shipped evidence: sourced, complete, and free of the traps that its raw material is known for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.study import Study, check_study


def test_shipped_data_keep_every_rule() -> None:
    assert check_study() == []


@pytest.mark.parametrize(
    "table",
    [
        "providers",
        "ownership",
        "certifications",
        "contract_terms",
        "setups",
        "regimes",
        "adequacy",
        "decisions",
        "cases",
        "timeline",
        "customers",
        "transparency",
        "secnumcloud_196",
        "sren_art31",
        "priors",
        "plans",
        "published_probabilities",
        "framework_steps",
        "joint_holders",
    ],
)
def test_every_shipped_row_names_a_source(study: Study, table: str) -> None:
    assert study[table]["source_ids"].notna().all()


def test_every_judgement_names_its_expert_and_reason(study: Study) -> None:
    for table in ("elicitation", "mixtures"):
        assert study[table]["expert_id"].notna().all()
        assert study[table]["basis"].notna().all()
    desks = study["elicitation"]["expert_id"].str.startswith("desk")
    assert desks.sum() == 164
    quantities = study["elicitation"][desks].groupby("expert_id")["quantity"].nunique()
    assert (quantities >= 9).all()


def test_competing_probabilities_of_a_mixture_add_up(study: Study) -> None:
    custody = study["mixtures"][study["mixtures"]["fact"] == "key_custody"]
    assert custody["probability"].sum() == pytest.approx(1)


def test_transparency_arrived_whole(study: Study) -> None:
    table = study["transparency"]
    assert len(table) == 1819
    assert table["is_duplicate"].sum() == 12
    assert (table["is_band"] == (table["value_low"] != table["value_high"])).all()


def test_no_duplicate_or_nested_row_feeds_a_likelihood_twice(study: Study) -> None:
    used = study["count_roles"].merge(study["transparency"], on="row_id")
    feeding = used[used["role"].isin(["count", "statement"])]
    assert not feeding["is_duplicate"].any()
    assert feeding[feeding["role"] == "count"]["row_id"].is_unique


def test_both_readings_of_contested_facts_are_there(study: Study) -> None:
    setups = study["setups"].set_index("setup_id")
    assert setups.loc["HDH_AZURE", "key_custody"] == "customer_managed"
    assert setups.loc["HDH_AZURE_PROVIDERKEY", "key_custody"] == "provider"
    assert {"DMP_CNAM_SEED", "DMP_SANTEOS", "MES_AZURE_CLAIM"} <= set(setups.index)
    assert pd.isna(setups.loc["HDH_SCALEWAY", "key_custody"])
    certificates = study["certifications"]
    scaleway = certificates[(certificates["provider_id"] == "scaleway") & (certificates["scheme"] == "SecNumCloud")]
    assert set(scaleway["status"]) == {"in_progress"}


def test_one_spelling_for_one_country(study: Study) -> None:
    for table, column in (("entities", "country"), ("regimes", "countries"), ("decisions", "countries")):
        codes = {code for cell in study[table][column].dropna() for code in cell.split(";")}
        assert not {"UK", "Switzerland", "France"} & codes


def test_published_scores_follow_from_their_weights(study: Study) -> None:
    """The 2026 weights reproduce every printed total to its decimal; those of 2025 reproduce none."""
    cards, weights, totals = study["csf_cards"], study["csf_weights"], study["csf_totals"]
    wide = cards.pivot_table(index="card_id", columns="objective", values="score_pct").dropna()
    printed = totals.set_index("card_id")["published_total_pct"].reindex(wide.index)
    fits = {
        version: np.abs(wide @ part.set_index("objective")["weight_pct"].reindex(wide.columns) / 100 - printed).max()
        for version, part in weights.groupby("version")
    }
    assert sorted(fits.values())[0] <= 0.0500001
    assert sorted(fits.values())[1] > 0.5
