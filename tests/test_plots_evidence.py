"""The record drawn: nothing counted twice, both readings kept, and each picture with axes and a caption."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from test_plots import close_and_read

import riskmodel as rm
from riskmodel import plots
from riskmodel.decide.rulings import OUTCOMES
from riskmodel.tables import record, reliability


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    plots.style()
    yield
    close_and_read()


def azure(study: rm.Study) -> pd.DataFrame:
    return study["customers"].query("provider_id == 'msft_azure' and quantity in ['customers', 'organisations']")


DRAW = {
    "confidence": lambda s: plots.confidence(reliability.sizes(s)),
    "publishers": lambda s: plots.publishers(reliability.by_publisher(s)),
    "customer_numbers": lambda s: plots.customer_numbers(azure(s)),
    "security_bands": lambda s: plots.security_bands(record.security_bands(s)),
    "requests": lambda s: plots.requests(record.requests(s)),
    "shares": lambda s: plots.shares(record.shares(s)),
    "abroad": lambda s: plots.abroad(record.extraterritorial(s)),
    "by_country": lambda s: plots.by_country(record.by_country(s)),
    "disagreement": lambda s: plots.disagreement(reliability.readings(s)),
    "rulings": lambda s: plots.rulings(s["decisions"], OUTCOMES),
    "cases": lambda s: plots.cases(s["cases"]),
    "coverage": lambda s: plots.coverage(reliability.coverage(s)),
    "facts_seen": lambda s: plots.facts_seen(reliability.facts_seen(s)),
}


@pytest.mark.parametrize("name", DRAW)
def test_a_picture_is_axes_and_a_caption(name: str, study: rm.Study) -> None:
    what, caption = DRAW[name](study)
    assert isinstance(what, Axes | Figure)
    assert len(caption) > 60
    assert caption.endswith(".")
    assert "nan" not in caption.lower().replace("finance", "")
    figure = what if isinstance(what, Figure) else what.figure
    assert figure.axes[-1].get_xlabel(), "an axis says what it measures, with its unit"


def test_pictures_draw_where_they_are_told(study: rm.Study) -> None:
    _, ax = plt.subplots()
    assert plots.facts_seen(reliability.facts_seen(study), ax=ax)[0] is ax


def test_second_reports_are_not_counted(study: rm.Study) -> None:
    found = record.requests(study)
    mine = found[(found["reporter_id"] == "microsoft") & (found["period_start"] == "2020-07-01")]
    assert list(mine["requests"]) == [109]
    twice = study["transparency"]["is_duplicate"].sum()
    assert len(record.counted(study)) == len(study["transparency"]) - twice


def test_both_figures_of_a_contested_half_year_stay(study: rm.Study) -> None:
    found = record.requests(study)
    assert set(found.loc[found["contested"], "requests"]) == {6, 14}


def test_shares_are_products_of_published_numbers(study: rm.Study) -> None:
    found = record.shares(study).set_index("label")
    warrants = found.loc["Google Workspace: US search warrants"]
    assert (warrants["given"], warrants["asked"]) == (721, 1147)
    platform = found.loc["Google Cloud Platform: US search warrants"]
    assert (platform["given"], platform["asked"]) == (0, 22)
    assert (found["given_low"] <= found["given"]).all()
    assert (found["given"] <= found["given_high"]).all()
    assert (found["share"] <= 1).all()


def test_states_do_not_hold_the_worldwide_total(study: rm.Study) -> None:
    found = record.by_country(study).set_index("state")["Google Cloud Platform"]
    rows = record.counted(study).query("reporter_id == 'google_cloud_platform' and metric == 'requests_non_us'")
    assert found.drop("United States").sum() == rows["value_low"].sum()


def test_zero_statements_are_apart_from_counts(study: rm.Study) -> None:
    found = record.extraterritorial(study)
    zero = found[found["group"] == "statements of zero"]
    assert (zero["value"] == 0).all()
    counts = found[(found["group"] == "counts, enterprise content") & (found["value"] > 0)]
    assert not counts["period_start"].between("2020-01-01", "2025-06-30").any(), "say so when a count is found"


def test_each_contradiction_is_told_once_and_has_two_readings(study: rm.Study) -> None:
    found = reliability.contradictions(study)
    assert set(found["about"]) == {"setup", "contract term", "date", "holding", "customer number", "count"}
    assert (found["reading"] != found["rival"]).all()
    assert not found["rows"].str.split(", ").map(frozenset).duplicated().any()
    assert found["rows"].str.contains("HDH_AZURE_PROVIDERKEY").sum() == 1


def test_readings_are_compared_around_their_middle(study: rm.Study) -> None:
    found = reliability.readings(study)
    assert (found.groupby("item").size() > 1).all()
    assert (found["low"] <= found["mid"]).all()
    assert (found["mid"] <= found["high"]).all()
    around = found.groupby("item")["mid_times"]
    assert (around.max() >= 1 - 1e-9).all()
    assert (around.min() <= 1 + 1e-9).all()
    assert found["fold"].is_monotonic_decreasing


def test_traps_change_a_number(study: rm.Study) -> None:
    found = reliability.traps(study)
    assert (found["hasty"] != found["careful"]).all()
    assert reliability.facts_seen(study).eval("seen <= rows").all()
