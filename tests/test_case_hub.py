"""The Health Data Hub as a case: its events, systems, rulings and persons in words, and its timeline."""

import datetime as dt

import pandas as pd
import pytest

import riskmodel as rm
from riskmodel.plots.calendar_facts import timeline
from riskmodel.tables import decisions_hub as hub


@pytest.fixture(scope="module")
def events(study: rm.Study) -> pd.DataFrame:
    return hub.milestones(study)


def test_a_promise_is_not_a_fact(study: rm.Study, events: pd.DataFrame) -> None:
    kept = events.set_index("event_id")["ahead"]
    assert kept["EV033"], "the promise of 2022 was not kept"
    assert not kept["EV081"], "the host was named"
    assert kept[events.set_index("event_id")["date"] > pd.Timestamp(study.as_of)].all()


def test_who_acted(events: pd.DataFrame) -> None:
    who = events.set_index("event_id")["who"]
    wanted = {"EV019": "Courts", "EV020": "French State", "EV041": "CNIL", "EV059": "Hosts", "EV014": "Challengers"}
    wanted |= {"EV036": "Hub and health insurance", "EV039": "EU and United States", "EV064": "Others"}
    assert who[list(wanted)].to_dict() == wanted


def test_every_event_has_one_marker(events: pd.DataFrame) -> None:
    ax, caption = timeline(events, dt.date(2026, 11, 22))
    drawn = sum(len(c.get_offsets()) for c in ax.collections)  # type: ignore[arg-type]
    assert drawn == len(events)
    assert str(len(events)) in caption
    assert ax.get_yticklabels()[0].get_text() == "French State"


def test_dates_are_no_more_exact_than_known(study: rm.Study) -> None:
    found = hub.turning_points(study, ["EV075", "EV005", "EV009"])
    dates = found["Date"].str.replace(hub.HYPHEN, "-").tolist()
    assert dates == ["2019", "2020-04", "2026-02-06 (or 2026-02-05)"]


def test_systems_say_what_was_not_seen(study: rm.Study) -> None:
    found = hub.systems_words(study, ["HDH_SCALEWAY", "HDH_TARGET_SECNUMCLOUD"]).set_index("Setup")
    assert found.loc["Scaleway (selected)", "Keys"] == "not seen"
    assert found.loc["Target (call of 2026)", "Host"] == "not chosen"


def test_rulings_in_words(study: rm.Study) -> None:
    found = hub.rulings_words(rm.acceptability(study, "HDH_AZURE").table)
    assert set(found["Speaks of"]) <= {"reach", "likelihood", "reach and likelihood", "other"}
    assert found["System"].str.len().max() < 60


def test_persons_in_words() -> None:
    row = {"label": "A", "base": 68e6, "probability": 0.02, "probability_large": 0.001}
    row |= {"probability_person": 0.004, "persons_a_year": 12345.0}
    (found,) = hub.persons_words(pd.DataFrame([row])).to_dict("records")
    assert found["Persons in the data"] == "68 million"
    assert found["Expected persons a year"] == "12,000"
