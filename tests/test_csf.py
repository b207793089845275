"""The Cloud Sovereignty Framework: published totals to the digit, formulas on cases of our own, our reach beside it."""

from __future__ import annotations

import doctest
import importlib
import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import xarray as xr

import riskmodel as rm
from riskmodel.errors import UsageError
from riskmodel.frameworks.csf import cards, csf, reversals, seal_of, weight_uncertainty, weights
from riskmodel.frameworks.csf_rules import SEALS, criterion_points, objective_score, overall_seal, total_score

NAN = float("nan")
TOTALS = {
    "msft_azure": (40.5, 43.2, 40.475, 38.11),
    "aws_esc": (44.1, 44.4, 44.055, 40.98),
    "ovhcloud": (75.1, 74.9, 75.125, 73.48),
    "safespring": (78.0, 77.8, 78.015, 75.72),
    "platform_sh": (42.4, 42.3, 42.390, 41.55),
}
"""Card -> published total, unweighted, total by the weights of 2026 and of 2025 (reference case B2)."""


def test_published_totals_and_gates(study: rm.Study) -> None:
    found = csf(study)
    table = found.table.set_index("card_id")
    for card, (published, unweighted, later, earlier) in TOTALS.items():
        row = table.loc[card]
        assert row["published_total"] == published
        assert row["score_unweighted"] == pytest.approx(unweighted, abs=0.08)
        assert row["score_2026-06"] == pytest.approx(later, abs=1e-9)
        assert row["score_1.2.1"] == pytest.approx(earlier, abs=0.0051)
        assert abs(row["difference"]) < 0.05
        assert row["fits"] == "2026-06"
    assert (table["gate"] == table["published_gate"]).all()
    assert table["score_2026-06"].notna().sum() == len(TOTALS)
    assert "5 of 5" in found.text
    assert "Safespring" in found.text


def test_the_weights_of_2026_are_the_only_ones_on_the_grid(study: rm.Study) -> None:
    """SOV-1 at 20 and steps of five: one vector rounds to all five totals, the one in the table."""
    wide = cards(study)
    wide = wide[wide["published_total_pct"].notna()]
    scores = wide[weights(study).index].to_numpy(float)
    steps = np.array(np.meshgrid(*[np.arange(1, 6) * 5.0] * 6, indexing="ij")).reshape(6, -1).T
    last = 80 - steps.sum(axis=1)
    grid = np.column_stack([np.full(len(steps), 20.0), steps, last])[(last >= 5) & (last <= 25)]
    error = np.abs(grid @ scores.T / 100 - wide["published_total_pct"].to_numpy()).max(axis=1)
    np.testing.assert_array_equal(grid[error < 0.0501], [weights(study).to_numpy(float)])


def test_versions_and_their_sums(study: rm.Study) -> None:
    assert list(weights(study, "1.2.1")) == [15, 10, 10, 15, 20, 15, 10, 5]
    assert list(weights(study)) == [20, 10, 10, 15, 10, 15, 15, 5]
    with pytest.raises(UsageError, match=r"version: 1\.2\.2 - must be one of 1\.2\.1, 2026-06.*did you mean 1\.2\.1"):
        weights(study, "1.2.2")
    with pytest.raises(UsageError, match="version"):
        csf(study, "2027")


@pytest.mark.parametrize(("score", "total"), [(0.0, 0.0), (50.0, 50.0), (100.0, 100.0)])
def test_equal_scores_are_the_total_whatever_the_weights(study: rm.Study, score: float, total: float) -> None:
    for version in ("1.2.1", "2026-06"):
        weight = weights(study, version)
        assert total_score(dict.fromkeys(weight.index, score), weight) == pytest.approx(total)


def test_one_objective_alone_counts_its_weight(study: rm.Study) -> None:
    weight = weights(study, "1.2.1")
    assert total_score({**dict.fromkeys(weight.index, 0.0), "SOV-5": 100.0}, weight) == pytest.approx(20.0)


def test_what_does_not_apply_leaves_its_weight_to_the_rest() -> None:
    weight = {"a": 50.0, "b": 30.0, "c": 20.0}
    assert total_score({"a": 10.0, "b": 90.0, "c": NAN}, weight) == pytest.approx((10 * 50 + 90 * 30) / 80)
    assert total_score({"a": NAN, "b": NAN, "c": 7.0}, weight) == pytest.approx(7.0)
    assert total_score({"a": 10.0, "b": 90.0, "c": 0.0}, weight) == pytest.approx((10 * 50 + 90 * 30) / 100)
    doubled = {name: 2 * w for name, w in weight.items()}
    assert total_score({"a": 1.0, "b": 2.0, "c": 3.0}, doubled, normalise=True) == pytest.approx(
        total_score({"a": 1.0, "b": 2.0, "c": 3.0}, weight)
    )


@pytest.mark.parametrize(
    ("scores", "weight", "rule"),
    [
        ({"a": NAN, "b": NAN}, {"a": 50, "b": 50}, "no objective applies"),
        ({"a": 1, "b": 1}, {"a": 150, "b": -50}, "weights: -50.0 for b - must be 0 or more"),
        ({"a": 1, "b": 1}, {"a": math.inf, "b": 50}, "weights: inf for a"),
        ({"a": 1, "b": 1}, {"a": NAN, "b": 50}, "weights: nan for a"),
        ({"a": 1, "b": 1}, {"a": 0, "b": 0}, "weights: sum 0"),
        ({"a": 1, "b": 1}, {"a": 50, "b": 49}, "weights: sum 99 - must sum to 100"),
        ({"a": NAN, "b": 1}, {"a": 100, "b": 0}, "weights: 0 for every objective that applies"),
        ({"a": 1}, {"a": 50, "b": 50}, "scores: b - scores and weights must name the same objectives"),
        ({"a": 101, "b": 1}, {"a": 50, "b": 50}, "scores: 101 for a - must be between 0 and 100"),
    ],
)
def test_bad_scores_and_weights(scores: Mapping[str, float], weight: Mapping[str, float], rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        total_score(scores, weight)


def test_gate_is_the_minimum_of_what_applies() -> None:
    assert overall_seal([4, 4, 3, 3]) == 3
    assert overall_seal({"a": NAN, "b": 2}) == 2
    for seals, rule in (([NAN, NAN], "no objective applies"), ([5], "seals: 5"), ([1.5], r"seals: 1\.5")):
        with pytest.raises(UsageError, match=rule):
            overall_seal(seals)


def test_points_of_criteria() -> None:
    assert objective_score([125] * 8) == 100
    assert objective_score([125, 83, 42, 42, 42, 0, 0, 0]) == pytest.approx(33.4)
    assert objective_score([125, 0, NAN, NAN], maximum=500) == pytest.approx(50)
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: criterion_points(4, 4), "option: 4"),
        (lambda: criterion_points(-1, 5), "option: -1"),
        (lambda: criterion_points(0, 3), "options: 3"),
        (lambda: objective_score([NAN]), "no criterion applies"),
        (lambda: objective_score([126.0] * 8), "points: 126"),
        (lambda: objective_score([1.0], maximum=0), "maximum: 0"),
    ]
    for call, rule in wrong:
        with pytest.raises(UsageError, match=rule):
            call()


def test_reversals_of_score_and_gate(study: rm.Study) -> None:
    table = reversals(study).table.set_index(["higher_score_id", "higher_gate_id"])
    assert set(table.index) == {("safespring", "ovhcloud"), ("platform_sh", "msft_azure")}
    assert table.loc[("safespring", "ovhcloud"), "gate_difference"] == 2
    earlier = set(reversals(study, "1.2.1").table["higher_gate_id"])
    assert "aws_esc" in earlier, "by the weights of 2025 the order of score turns around, that of the gate does not"


def test_unknown_weights(study: rm.Study) -> None:
    pairs = [("ovhcloud", "safespring"), ("aws_esc", "msft_azure"), ("aws_esc", "platform_sh")]
    found = weight_uncertainty(study, pairs)
    np.testing.assert_allclose(found.table["higher"], [0.264, 0.646, 0.620], atol=0.0035)
    assert (found.table["error"] < 0.002).all()
    assert found.detail is not None
    for _, places in found.detail.groupby("card_id"):
        assert places["probability"].sum() == pytest.approx(1)
    assert len(weight_uncertainty(study, draws=100).table) == 10
    nearly_equal = weight_uncertainty(study, pairs, concentration=1e6, draws=2000).table["higher"]
    assert list(nearly_equal.round()) == [0, 1, 1], "with equal weights the unweighted order"


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"pairs": [("ovhcloud", "safesprng")]}, "pairs: safesprng .*did you mean safespring"),
        ({"pairs": [("bleu", "ovhcloud")]}, "pairs: bleu - must be a card with scores"),
        ({"concentration": 0.0}, "concentration: 0.0"),
        ({"draws": 0}, "draws: 0"),
    ],
)
def test_bad_weight_uncertainty(study: rm.Study, arguments: dict[str, object], rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        weight_uncertainty(study, **arguments)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def x(study: rm.Study, posterior: rm.Posterior) -> xr.Dataset:
    chosen = study["setups"]
    chosen = chosen[chosen["setup_id"].isin(["HDH_AZURE", "HDH_SCALEWAY", "HDH_ALT_OVH", "SNDS_CNAM"])]
    return rm.exposure(posterior, study, setups=chosen, by_regime=False)


def test_levels_from_reach(study: rm.Study, x: xr.Dataset) -> None:
    found = seal_of(x, study)
    table = found.table.set_index("setup")
    at_least = table[[f"at_least_{k}" for k in SEALS[1:]]].to_numpy()
    assert (np.diff(at_least, axis=1) <= 0).all()
    assert table.loc["HDH_AZURE", ["seal", "published_seal", "card_id"]].tolist() == [1, 1, "msft_azure"]
    assert table.loc["HDH_SCALEWAY", ["seal", "published_seal"]].tolist() == [4, 4]
    assert table.loc["HDH_ALT_OVH", "seal"] < table.loc["HDH_ALT_OVH", "published_seal"]
    assert np.isnan(table.loc["SNDS_CNAM", ["published_seal", "agrees"]].astype(float)).all()
    reach = x["reach_any"].sel(setup="HDH_ALT_OVH").values
    bound = study["csf_seal_map"].set_index("seal")["reach_at_most"]
    assert table.loc["HDH_ALT_OVH", "at_least_2"] == pytest.approx((reach <= bound[2]).mean())
    assert "Of 3 whose provider has a published card, 2 have" in found.text


def test_mapping_can_be_replaced(study: rm.Study, x: xr.Dataset) -> None:
    lax = seal_of(x, study, mapping=dict.fromkeys(SEALS[1:], 1.0)).table
    assert (lax["seal"] == 4).all()
    table = study["csf_seal_map"].assign(reach_at_most=0.0)
    assert (seal_of(x, study, mapping=table).table["seal"] == 0).all()


@pytest.mark.parametrize(
    ("mapping", "rule"),
    [
        ({1: 1.0, 2: 0.5}, r"levels \[1, 2\] of SOV-2"),
        ({1: 1.0, 2: 0.5, 3: 0.6, 4: 0.1}, r"mapping: 0\.6 for level 3 - must not be above that of level 2"),
        ({1: 2.0, 2: 0.5, 3: 0.4, 4: 0.1}, r"mapping: 2\.0 for level 1"),
        ({1: NAN, 2: 0.5, 3: 0.4, 4: 0.1}, "mapping: nan for level 1"),
    ],
)
def test_bad_mappings(study: rm.Study, x: xr.Dataset, mapping: dict[int, float], rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        seal_of(x, study, mapping=mapping)


def test_no_mapping_for_other_objectives(study: rm.Study, x: xr.Dataset) -> None:
    with pytest.raises(UsageError, match=r"levels \[\] of SOV-8"):
        seal_of(x, study, "SOV-8")


def test_examples() -> None:
    assert doctest.testmod(importlib.import_module("riskmodel.frameworks.csf_rules")).failed == 0
