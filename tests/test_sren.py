"""Article 31 SREN: who, since when, and the clock of an exemption."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.frameworks.sren import WHO, sren, sren_of
from riskmodel.frameworks.steps import steps
from riskmodel.study import Study

TODAY = "2026-11-22"


def ask(study: Study, **changes: Any) -> pd.DataFrame:
    """A ministry with sensitive data on a service that is not qualified, in a project of 2019."""
    facts: dict[str, Any] = {
        "who": "state",
        "data_sensitive": True,
        "provider_qualified": False,
        "begun": "2019-12-01",
        "day": TODAY,
    }
    return sren(study, **{**facts, **changes}).table.set_index("question")


def outcome(study: Study, **changes: Any) -> str:
    return str(ask(study, **changes).loc["outcome", "answer"])


def test_a_ministry_must_comply_and_may_be_exempted(study: Study) -> None:
    assert outcome(study) == "must comply unless exempted"
    assert outcome(study, provider_qualified=True) == "complies"


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2024-05-21", "not yet in force"),
        ("2026-04-16", "not yet in force"),
        ("2026-04-17", "must comply unless exempted"),
        ("2026-08-15", "must comply unless exempted"),
    ],
)
def test_the_duty_begins_with_the_decree(study: Study, day: str, expected: str) -> None:
    found = ask(study, day=day)
    assert found.loc["outcome", "answer"] == expected
    assert found.loc["standard_binding", "answer"] == ("yes" if day >= "2026-08-15" else "no")


@pytest.mark.parametrize(
    ("offer", "end"), [("2025-12-17", "2027-06-17"), ("2024-08-31", "2026-02-28"), ("2026-08-15", "2028-02-15")]
)
def test_the_clock_runs_eighteen_months_from_the_offer(study: Study, offer: str, end: str) -> None:
    last = dt.date.fromisoformat(end)
    found = ask(study, offer_available_from=offer)
    assert found.loc["exemption_expired", "date"] == last
    if last > dt.date(2026, 4, 17):
        assert outcome(study, offer_available_from=offer, day=last) == "must comply unless exempted"
        assert outcome(study, offer_available_from=offer, day=last + dt.timedelta(days=1)) == "must comply"


@pytest.mark.parametrize(
    ("begun", "possible"), [("2024-05-20", "yes"), ("2025-01-01", "unknown"), ("2026-04-17", "no")]
)
def test_only_a_project_begun_before_may_be_exempted(study: Study, begun: str, possible: str) -> None:
    found = ask(study, begun=begun)
    assert found.loc["exemption_possible", "answer"] == possible
    assert (found.loc["outcome", "answer"] == "must comply") == (possible == "no")


def test_what_is_not_known_stays_unknown(study: Study) -> None:
    for name in ("who", "data_sensitive", "commercial_cloud", "provider_qualified"):
        assert outcome(study, **{name: None}) == "unknown", name
    assert ask(study, begun=None).loc["exemption_possible", "answer"] == "unknown"
    found = ask(study, who="gip")
    assert found.loc["bound", "answer"] == "unknown"
    assert found.loc["outcome_if_bound", "answer"] == "must comply unless exempted"


def test_what_falls_outside_is_not_bound(study: Study) -> None:
    for change in ({"who": "other"}, {"data_sensitive": False}, {"commercial_cloud": False}):
        assert outcome(study, **change) == "not bound"
    assert outcome(study, who=None, commercial_cloud=False) == "not bound"


def test_every_row_names_its_provision_and_sources(study: Study) -> None:
    items = study["sren_art31"].set_index("item")
    for who in WHO:
        found = ask(study, who=who)
        assert list(found["provision"]) == list(items.loc[found["item"], "provision"])
        assert found["source_ids"].notna().all()


def test_bad_input_gets_one_message(study: Study) -> None:
    with pytest.raises(UsageError, match="did you mean state"):
        ask(study, who="stat")
    with pytest.raises(UsageError, match="begun: 2027-01-01"):
        ask(study, begun="2027-01-01")
    with pytest.raises(UsageError, match="day: '22/11/2026'"):
        ask(study, day="22/11/2026")
    with pytest.raises(UsageError, match="data_sensitive: yes"):
        ask(study, data_sensitive="yes")
    with pytest.raises(UsageError, match="unknown setup HDH_SCALWAY"):
        sren_of(study, "HDH_SCALWAY")


def test_setups_tell_their_part(study: Study) -> None:
    azure = sren_of(study, "HDH_AZURE")
    answers = azure.table.set_index("question")["answer"]
    assert (answers["bound"], answers["provider_qualified"]) == ("unknown", "no")  # the list of groups was not seen
    assert answers["outcome_if_bound"] == "must comply unless exempted"
    assert "if it does" in azure.text
    stated = sren_of(study, "HDH_AZURE", who="listed_gip", offer_available_from="2025-12-17")
    assert stated.table.set_index("question").loc["exemption_expired", "date"] == dt.date(2027, 6, 17)
    s3ns = {day: sren_of(study, "HDH_ALT_S3NS", day=day) for day in ("2025-12-01", TODAY)}
    said = {day: f.table.set_index("question").loc["provider_qualified", "answer"] for day, f in s3ns.items()}
    assert said == {"2025-12-01": "no", TODAY: "yes"}
    for name in study["setups"]["setup_id"]:
        sren_of(study, name)


def test_own_hosting_is_no_commercial_cloud(study: Study) -> None:
    assert sren_of(study, "SNDS_CNAM").table.set_index("question").loc["outcome", "answer"] == "not bound"


def test_steps_of_both_guides(study: Study) -> None:
    found = steps(study).table
    assert found.groupby("framework")["step"].apply(list).to_dict() == {
        "CNIL TIA guide": [0, 1, 2, 3, 4, 5, 6],
        "EDPB 01/2020": [1, 2, 3, 4, 5, 6],
    }
    assert found["left"].notna().all()
    assert len(steps(study, "EDPB 01/2020").table) == 6
    with pytest.raises(UsageError, match="framework GDPR"):
        steps(study, "GDPR")
