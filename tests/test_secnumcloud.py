"""SecNumCloud 19.6: caps on made-up chains whose answer is known, and the recorded providers."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.errors import UsageError
from riskmodel.frameworks.holdings import CAPS_PCT, COLUMNS, Bounds, caps, holdings
from riskmodel.frameworks.secnumcloud import secnumcloud
from riskmodel.study import Study, split

MET, FAILED, OPEN = Bounds(1, 1), Bounds(0, 0), Bounds(0, 1)


def table(*rows: tuple[object, ...]) -> pd.DataFrame:
    """Holdings from (holder, country, low, high[, via[, kind]])."""
    full = [(*row[:4], row[5] if len(row) > 5 else "capital", row[4] if len(row) > 4 else "") for row in rows]
    return pd.DataFrame(full, columns=list(COLUMNS))


def test_defaults_are_the_caps_of_the_table(study: Study) -> None:
    clauses = study["secnumcloud_196"].set_index("clause")["threshold_pct"]
    assert (clauses["19.6.b.1"], clauses["19.6.b.2"]) == CAPS_PCT


@pytest.mark.parametrize(
    ("share", "single", "joint"), [(24, MET, MET), (24.1, FAILED, MET), (39, FAILED, MET), (39.1, FAILED, FAILED)]
)
def test_a_share_of_exactly_the_cap_meets_it(share: float, single: Bounds, joint: Bounds) -> None:
    assert caps(table(("A", "US", share, share), ("F", "FR", 100 - share, 100 - share))) == (single, joint)


def test_countries_may_be_named() -> None:
    assert caps(table(("A", "United States", 30, 30), ("F", "France", 70, 70))).single == FAILED


def test_an_empty_table_says_nothing() -> None:
    assert caps(table()) == (OPEN, OPEN)


def test_all_holders_from_outside_count_together() -> None:
    found = caps(table(("A", "US", 20, 20), ("B", "CN", 20, 20), ("F", "DE", 60, 60)))
    assert found == (MET, FAILED)


def test_european_states_outside_the_union_are_outside() -> None:
    for country in ("NO", "CH", "GB", "LI"):
        assert caps(table(("A", country, 25, 25), ("F", "EU", 75, 75))).single == FAILED


def test_an_interval_gives_a_probability() -> None:
    found = caps(table(("A", "US", 14, 34), ("F", "FR", 66, 66)))
    assert found.single.low == 0.0  # up to 20 % are missing and may be A's
    assert found.single.high == pytest.approx(0.5, abs=1e-3)
    assert found.joint == MET


def test_what_is_missing_widens_the_bounds_and_is_never_european() -> None:
    found = caps(table(("F", "FR", 68, 81)))
    assert found.single.low == pytest.approx(5 / 13, abs=1e-3)
    assert found.single.high == 1.0
    assert found.joint == MET
    assert caps(table(("F", "FR", 50, 50))) == (OPEN, OPEN)
    assert caps(table(("F", "FR", 70, 70), ("X", None, 30, 30))) == (OPEN, MET)


def test_two_holders_cannot_have_more_than_all() -> None:
    found = caps(table(("F", "FR", 50, 100), ("A", "US", 0, 50)))
    assert found.single.high == pytest.approx(1 - (26 * 26 / 2) / (50 * 50 / 2), abs=0.02)


def test_capital_and_votes_both_count() -> None:
    capital = [("A", "US", 10, 10), ("F", "FR", 90, 90)]
    votes = [("A", "US", 30, 30, "", "votes"), ("F", "FR", 70, 70, "", "votes")]
    assert caps(table(*capital)).single == MET
    assert caps(table(*capital, *votes)).single == FAILED


def test_a_parent_controlled_from_outside_counts_in_full() -> None:
    chain = table(("Hold", "FR", 60, 60), ("F", "FR", 40, 40), ("A", "US", 51, 51, "Hold"), ("G", "FR", 49, 49, "Hold"))
    assert caps(chain) == (FAILED, FAILED)
    assert caps(chain, indirect=False) == (MET, MET)
    stated = table(("Hold", "FR", 100, 100), ("A", "US", None, None, "Hold", "control"))
    assert caps(stated) == (FAILED, FAILED)


def test_a_minority_in_a_controlled_parent_is_a_question_of_reading() -> None:
    chain = table(("Hold", "FR", 100, 100), ("F", "FR", 60, 60, "Hold"), ("A", "US", 40, 40, "Hold"))
    assert caps(chain) == (OPEN, OPEN)


def test_shares_multiply_where_nobody_controls() -> None:
    owners = [("A", "US", 30, 30, "Hold"), ("B", "DE", 30, 30, "Hold"), ("C", "FR", 40, 40, "Hold")]
    assert caps(table(("Hold", "FR", 100, 100), *owners)) == (FAILED, MET)
    assert caps(table(("Hold", "FR", 80, 80), ("F", "FR", 20, 20), *owners)) == (MET, MET)  # 24 %


def test_companies_of_one_group_are_one_holder() -> None:
    both = [("A1", "US", 13, 13), ("A2", "CA", 13, 13), ("F", "FR", 74, 74)]
    group = [("A", "US", 100, 100, "A1"), ("A", "US", 100, 100, "A2")]
    assert caps(table(*both)).single == MET
    assert caps(table(*both, *group)).single == FAILED


def test_control_of_unseen_size_from_outside_fails_and_from_inside_leaves_the_rest_open() -> None:
    assert caps(table(("A", "US", None, None, "", "control"))) == (FAILED, FAILED)
    assert caps(table(("F", "FR", None, None, "", "control"))) == (OPEN, OPEN)


def test_circles_end() -> None:
    ring = table(("X", "FR", 100, 100), ("Y", "FR", 100, 100, "X"), ("X", "FR", 100, 100, "Y"))
    assert caps(ring) == (MET, MET)


@given(st.lists(st.tuples(st.sampled_from(["US", "FR", "CH"]), st.integers(0, 25)), min_size=1, max_size=4))
def test_direct_exact_shares_are_sums(rows: list[tuple[str, int]]) -> None:
    held = [(f"h{i}", country, share, share) for i, (country, share) in enumerate(rows)]
    outside = [share for country, share in rows if country != "FR"]
    missing = 100 - sum(share for _, share in rows)
    single, joint = max(outside, default=0), sum(outside)
    found = caps(table(*held), draws=8)
    assert found.single == (float(single + missing <= 24), float(single <= 24))
    assert found.joint == (float(joint + missing <= 39), float(joint <= 39))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (table(("A", "US", 60, 60), ("B", "FR", 60, 60)), "more than 100"),
        (table(("A", "US", 30, 20)), "between 0 and 100"),
        (table(("A", "US", None, 20)), "between 0 and 100"),
        (table(("A", "US", 10, 20, "", "gold")), "capital, votes or control"),
        (table(("A", "US", 10, 20)).drop(columns="via"), "column via"),
        (table(("A", "Frence", 10, 20)), "not a country"),
        (table(("A", "US", 10, 20), ("A", "US", 10, 20)), "one row for each"),
        (table(("A", "US", 10, 20, "Hlod")), "via Hlod"),
    ],
)
def test_bad_tables_get_one_message(rows: pd.DataFrame, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        caps(rows)


# -- the recorded providers -------------------------------------------------------------------------------------------


def verdicts(study: Study, name: str) -> pd.DataFrame:
    return secnumcloud(study, name).table.set_index("clause")


def test_nobody_is_counted_twice(study: Study) -> None:
    """Members yield to their joint figure, superseded rows, floats and ceilings are no holders."""
    ovh = holdings(study, "ovhcloud")
    assert set(ovh["holder"]) == {"klaba_family"}
    bleu = holdings(study, "bleu")
    assert set(bleu.loc[bleu["via"] == "orange", "holder"]) == {"french_state_bpifrance"}
    thales = holdings(study, "s3ns").query("via == 'thales' and kind != 'control'")
    assert set(thales["holder"]) == {"french_state", "dassault_aviation"}
    assert not set(holdings(study, "cloud_temple")["holder"]) & {"any_non_eu_entity", "non_eu_entities_together"}
    assert "magellan_partners" not in set(holdings(study, "worldline")["holder"])  # planned


def test_caps_of_providers_that_the_public_argues_about(study: Study) -> None:
    azure, ovh, bleu = (verdicts(study, p) for p in ("msft_azure", "ovhcloud", "bleu"))
    assert (azure.loc[["19.6.b.1", "19.6.b.2", "19.6.b.4", "19.6.c"], "verdict"] == "not met").all()
    assert ovh.loc["19.6.b.2", "verdict"] == "met"
    assert ovh.loc["19.6.b.1", "probability_low"] == pytest.approx(5 / 13, abs=1e-3)
    assert bleu.loc["19.6.b.1", "verdict"] == "unknown"
    assert caps(holdings(study, "bleu"), indirect=False) == (MET, MET)
    for provider in ("scaleway", "outscale", "s3ns"):
        row = verdicts(study, provider).loc["19.6.b.1"]
        assert (row["verdict"], row["probability_low"], row["probability_high"]) == ("unknown", 0, 1)


def test_every_clause_has_a_row_with_sources(study: Study) -> None:
    known = set(study["sources"]["source_id"])
    for name in (*study["providers"]["provider_id"][::2], "HDH_AZURE", "HDH_SCALEWAY", "GEN_INFOMANIAK_CH"):
        found = secnumcloud(study, name).table
        assert list(found["clause"]) == list(study["secnumcloud_196"]["clause"])
        assert set(found["verdict"]) <= {"met", "not met", "unknown", "probable", "doubtful"}
        assert all(split(cell) and set(split(cell)) <= known for cell in found["source_ids"])
        bounds = found[["probability_low", "probability_high"]].dropna()
        assert (bounds["probability_low"] <= bounds["probability_high"]).all()


def test_a_setup_adds_its_places(study: Study) -> None:
    assert verdicts(study, "msft_azure").loc["19.2.c", "verdict"] == "doubtful"
    assert verdicts(study, "HDH_AZURE").loc["19.2.c", "verdict"] == "not met"
    assert verdicts(study, "HDH_SCALEWAY").loc["19.2.b", "verdict"] == "met"


def test_what_rests_on_a_weak_row_is_not_plain(study: Study) -> None:
    assert verdicts(study, "kyndryl_fr").loc["19.6.b.1", "verdict"] == "doubtful"


def test_a_licensor_is_weighed_by_what_was_said_of_its_access(study: Study) -> None:
    said = {p: verdicts(study, p).loc["19.6.c"] for p in ("bleu", "s3ns", "tsi_google", "ovhcloud")}
    assert said["bleu"]["verdict"] == said["s3ns"]["verdict"] == "probable"
    assert said["bleu"]["probability_low"] > said["s3ns"]["probability_low"]
    assert said["tsi_google"]["verdict"] == "not met"
    assert said["ovhcloud"]["verdict"] == "unknown"


def test_a_qualification_counts_from_its_day(study: Study) -> None:
    before = secnumcloud(study, "s3ns", day=dt.date(2025, 12, 1)).table.set_index("clause")
    assert before.loc["scope", "verdict"] != "probable"
    assert verdicts(study, "s3ns").loc["scope", "verdict"] == "probable"
    assert verdicts(study, "scaleway").loc["scope", "verdict"] == "not met"


def test_an_analysts_own_holders_take_the_place_of_the_recorded_ones(study: Study) -> None:
    mine = table(("iliad", "FR", 100, 100), ("xavier_niel", "FR", 100, 100, "iliad"))
    found = secnumcloud(study, "scaleway", holders=mine)
    assert (found.table.set_index("clause").loc[["19.6.b.1", "19.6.b.2"], "verdict"] == "met").all()
    assert found.detail is not None
    assert set(found.detail["holder"]) == {"xavier_niel"}


def test_unknown_names_are_refused_with_the_nearest(study: Study) -> None:
    with pytest.raises(UsageError, match="did you mean scaleway"):
        secnumcloud(study, "scalewy")
    with pytest.raises(UsageError, match="names no provider"):
        secnumcloud(study, "HDH_TARGET_SECNUMCLOUD")
