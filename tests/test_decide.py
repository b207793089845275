"""Findings: tables that add up and sentences that follow from them."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import riskmodel as rm
from riskmodel.decide.compare import _known
from riskmodel.decide.ranking import _places
from riskmodel.errors import UsageError
from riskmodel.wording import Probability, one_in, percent


@pytest.fixture(scope="module")
def x(study: rm.Study, posterior: rm.Posterior) -> xr.Dataset:
    return rm.exposure(posterior, study)


def test_summary_repeats_the_dataset(x: xr.Dataset) -> None:
    """A published table against ``.sel``: no label is swapped."""
    table = rm.summarise(x).table.set_index("setup")
    for setup in ("HDH_AZURE", "HDH_SCALEWAY", "GEN_ALIBABA"):
        one = x.sel(setup=setup)
        assert table.loc[setup, "probability"] == pytest.approx(float(one["probability"].mean()))
        assert table.loc[setup, "probability_high"] == pytest.approx(float(one["probability"].quantile(0.95)))
        assert table.loc[setup, "reach"] == pytest.approx(float(one["reach_any"].mean()))
        assert table.loc[setup, "label"] == str(one["label"].item())
    assert (table["probability_low"] <= table["probability_high"]).all()
    assert (table["horizon_years"] == 5).all()


def test_comparison_is_antisymmetric_and_adds_up(x: xr.Dataset) -> None:
    forth = rm.compare(x, "HDH_AZURE", "HDH_ALT_S3NS").table.set_index(["answer", "comparison"])
    back = rm.compare(x, "HDH_ALT_S3NS", "HDH_AZURE").table.set_index(["answer", "comparison"])
    shares = forth[["lower", "equal", "higher"]].dropna()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(shares["lower"], back.loc[shares.index, "higher"])
    key = ("likelihood", "predictive")
    assert forth.loc[key, "ratio"] * back.loc[key, "ratio"] == pytest.approx(1)


def test_a_setup_equals_itself_and_its_namesake(x: xr.Dataset) -> None:
    for other in ("HDH_SCALEWAY", "SNDS_COPY_TARGET"):
        table = rm.compare(x, "HDH_SCALEWAY", other).table
        assert (table["equal"].dropna() == 1).all()


def test_certain_over_parameters_can_be_a_tie_in_worlds(x: xr.Dataset) -> None:
    """Two unreached setups tie in most worlds although the parameters order them."""
    table = rm.compare(x, "ALT_LEVIIA", "SNDS_CNAM").table.set_index(["answer", "comparison"])
    assert table.loc[("likelihood", "over parameters"), "equal"] < 0.5
    assert table.loc[("likelihood", "over worlds"), "equal"] > 0.9


def test_the_other_answers_stand_beside_and_are_not_merged(
    x: xr.Dataset, study: rm.Study, posterior: rm.Posterior
) -> None:
    pair = ("HDH_AZURE", "HDH_SCALEWAY")
    rows = study["setups"].query("setup_id in @pair")
    suspended = rm.suspension(posterior, study, setups=rows)
    judged = rm.acceptability_of(rm.load_acceptability(study=study), x.sel(setup=list(pair)), study, setups=rows)
    alone, finding = rm.compare(x, *pair), rm.compare(x, *pair, suspended=suspended, judged=judged)
    n = len(alone.table)
    pd.testing.assert_frame_equal(finding.table.head(n), alone.table)
    assert finding.text.startswith(alone.text)
    more = finding.table.iloc[n:].set_index(["answer", "comparison"])
    assert list(more.index) == [
        ("suspension", "over parameters"),
        ("suspension", "predictive"),
        ("acceptability", "predictive"),
    ]
    p = suspended["probability"].mean("sample")
    assert more.loc[("suspension", "predictive"), "ratio"] == pytest.approx(
        float(p.sel(setup=pair[0]) / p.sel(setup=pair[1]))
    )
    rulings = judged.table.query("setup == 'HDH_AZURE' and outcome in ['accepted', 'tolerated or time-limited']")
    assert more.loc[("acceptability", "predictive"), "value_a"] == pytest.approx(rulings["probability"].sum())
    with_worlds = suspended.assign(world_probability=suspended["probability"])
    again = rm.compare(x, *pair, suspended=with_worlds).table.set_index(["answer", "comparison"])
    assert again.loc[("suspension", "over worlds"), "lower"] == more.loc[("suspension", "over parameters"), "lower"]
    for wrong in (
        {"suspended": suspended.assign_attrs(horizon_years=10.0)},
        {"suspended": suspended.sel(setup=["HDH_AZURE"])},
        {"judged": rm.Finding(judged.table.query("setup == 'HDH_AZURE'"), "")},
        {"judged": rm.Finding(pd.concat([judged.table, judged.table.assign(authority="court")]), "")},
    ):
        with pytest.raises(UsageError, match=r"horizon_years 10.0 - must be 5.0|unknown setup|must be the rulings"):
            rm.compare(x, *pair, **wrong)


def test_unknown_setups_get_their_nearest_names(x: xr.Dataset) -> None:
    with pytest.raises(UsageError) as caught:
        _known(x, "hdh_azur", "HDH_SCALWAY", "QQQ")
    said = str(caught.value).split(";")[0]
    assert said.startswith("unknown setup hdh_azur (did you mean HDH_AZURE")
    assert "HDH_SCALWAY (did you mean HDH_SCALEWAY" in said and said.endswith(", QQQ")


def test_ranks_add_up(x: xr.Dataset) -> None:
    finding = rm.rank(x)
    table, n = finding.table, len(finding.table)
    for basis in ("expected_rank", "expected_rank_in_worlds"):
        assert table[basis].sum() == pytest.approx(n * (n + 1) / 2)
    assert (table["expected_rank"].diff().dropna() >= 0).all()
    assert (table["rank_low"] <= table["expected_rank"]).all() and (table["expected_rank"] <= table["rank_high"]).all()
    assert (table["best"] <= table["lowest"] + 1e-12).all() and (table["best"] <= table["in_top"] + 1e-12).all()
    wide = finding.detail.pivot_table(index="setup", columns="rank", values=["probability", "probability_in_worlds"])
    for basis in ("probability", "probability_in_worlds"):
        np.testing.assert_allclose(wide[basis].sum(axis=1), 1)
    rows = table.set_index("setup")
    np.testing.assert_allclose(wide["probability"] @ np.arange(1, n + 1), rows.loc[wide.index, "expected_rank"])
    np.testing.assert_allclose(rm.rank(x, top=2 * n).table["in_top"], 1)


def test_practically_equal_setups_share_places_evenly() -> None:
    """Two tie for the places 2 and 3; three unreached ones share the first three, also with no margin."""
    first = np.array([[1.0, 2.0, 2.1, 9.0]])
    matrix, lowest = _places(first, 1.25)
    np.testing.assert_allclose(matrix, [[1, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1]])
    np.testing.assert_allclose(lowest, [1, 0, 0, 0])
    matrix, lowest = _places(np.array([[0.0, 0.0, 0.0, 1e-9]]), 1.0)
    np.testing.assert_allclose(matrix[:3, :3], 1 / 3)
    np.testing.assert_allclose(matrix[3], [0, 0, 0, 1])
    np.testing.assert_allclose(lowest, [1, 1, 1, 0])
    matrix, _ = _places(np.array([[1.0, 1.2, 1.4, 1.6]]), 1.25)  # neighbours tie, which does not pass on
    np.testing.assert_allclose(matrix @ [1, 2, 3, 4], [1.5, 2.0, 3.0, 3.5])


def test_without_margin_ranks_are_those_of_the_draws(x: xr.Dataset) -> None:
    few = ["HDH_AZURE", "HDH_ALT_OVH", "GEN_ALIBABA", "ALT_LEVIIA"]
    table = rm.rank(x.sel(setup=few), equal_factor=1.0).table.set_index("setup")
    places = x["probability"].sel(setup=few).values.argsort(axis=1).argsort(axis=1) + 1
    np.testing.assert_allclose(table.loc[few, "expected_rank"], places.mean(axis=0))
    np.testing.assert_allclose(table.loc[few, "best"], (places == 1).mean(axis=0))


def test_tolerance_is_monotone(x: xr.Dataset) -> None:
    strict, lax = (rm.tolerance(x, p).table["exceeds"] for p in (0.01, 0.10))
    assert (strict >= lax).all()


def test_published_tolerance_comes_with_source_and_horizon(x: xr.Dataset, study: rm.Study) -> None:
    finding = rm.tolerance(x, "Zurich")
    assert finding.table["threshold"].eq(0.10).all() and finding.table["preset"].eq("zurich").all()
    assert set(finding.table["source_ids"]) <= set(study["sources"]["source_id"])
    pd.testing.assert_series_equal(finding.table["exceeds"], rm.tolerance(x, 0.10, 5).table["exceeds"])
    pd.testing.assert_frame_equal(finding.table, rm.tolerance(x, "zurich", study=study).table)
    with pytest.raises(UsageError, match=r"zurich: 5 years - must be .* 1 year; .* horizon_years=5\)"):
        rm.tolerance(x.assign_attrs(horizon_years=1.0), "zurich")


def test_drivers_are_shares_and_name_the_main_line(x: xr.Dataset, posterior: rm.Posterior) -> None:
    finding = rm.drivers(x, posterior, "HDH_AZURE")
    assert finding.table["influence"].between(0, 1).all()
    assert finding.table["input"][0] == "customers affected per tasked account"
    influence = finding.table.set_index("input")["influence"]
    assert influence["what certificates remove"] < 0.01, "no route of this setup has a certificate to be removed by"
    assert "section 702" in finding.text


def test_record_of_rulings(study: rm.Study) -> None:
    finding = rm.acceptability(study, "HDH_AZURE")
    same = int(finding.table["same_system"].sum())
    assert 0 < same < len(finding.table)
    assert f"{same} of them on this system and {len(finding.table) - same} on other systems" in finding.text
    assert "on this system" not in rm.acceptability(study).text
    assert not finding.table["authority"].str.contains("Government|City|armed", regex=True).any()
    assert "not independent" in finding.text


@pytest.mark.parametrize(
    "call",
    [
        lambda x, s, p: rm.compare(x, "NOPE", "HDH_AZURE"),
        lambda x, s, p: rm.compare(x, "HDH_AZURE", "HDH_SCALEWAY", equal_factor=0.5),
        lambda x, s, p: rm.compare(x, "HDH_AZURE", "HDH_SCALEWAY", equal_factor=float("nan")),
        lambda x, s, p: rm.rank(x, top=0),
        lambda x, s, p: rm.rank(x, top=1.5),
        lambda x, s, p: rm.rank(x, equal_factor=0.5),
        lambda x, s, p: rm.tolerance(x, 1.5),
        lambda x, s, p: rm.tolerance(x, float("nan")),
        lambda x, s, p: rm.tolerance(x, 0.1, 10),
        lambda x, s, p: rm.tolerance(x, "NOPE"),
        lambda x, s, p: rm.tolerance(x, "suva"),
        lambda x, s, p: rm.drivers(x, p, "NOPE"),
        lambda x, s, p: rm.acceptability(s, "NOPE"),
    ],
)
def test_wrong_questions_get_one_clear_message(x, study, posterior, call) -> None:
    with pytest.raises(UsageError, match=r"NOPE|must be|unknown tolerance suva"):
        call(x, study, posterior)


def test_no_probability_without_horizon_and_no_bare_zero() -> None:
    assert str(Probability(0.0, 5)) == "less than 0.0001 % over 5 years (less than 1 in 1,000,000)"
    with pytest.raises(TypeError):
        Probability(0.1)  # type: ignore[call-arg]
    for bad in ((1.2, 5), (-0.1, 5), (0.1, 0)):
        with pytest.raises(ValueError, match=r"probability|horizon"):
            Probability(*bad)
    assert percent(1.0) == "more than 99.9 %"
    assert one_in(0.5) == "about 1 in 2"


def test_finding_shows_itself_without_running_anything(x: xr.Dataset) -> None:
    html = rm.Finding(rm.rank(x).table.head(2).assign(label="<script>alert(1)</script>"), "a < b")._repr_html_()
    assert "<script>" not in html
    assert "a &lt; b" in html


EXAMPLES = ("_files", "wording", "design", "nexus", "exposure", "priors", "_versions", "codes", "study")
DECISIONS = ("decide._shared", "decide.compare", "decide.ranking")


@pytest.mark.parametrize("module", [*EXAMPLES, *DECISIONS])
def test_examples_in_docstrings_run(module: str) -> None:
    found = importlib.import_module(f"riskmodel.{module}")
    failed, _ = doctest.testmod(found)
    assert failed == 0
