"""What it is worth to find something out: closed forms, bounds, and the setups of the study."""

from __future__ import annotations

import doctest
import math
from itertools import pairwise

import numpy as np
import pytest

import riskmodel as rm
from riskmodel.decide import _worth, value
from riskmodel.decide.value import NONE, evpi, evppi, evsi_binary, value_of_information
from riskmodel.draws import Draws
from riskmodel.errors import UsageError
from riskmodel.nexus import foreign_programmes

HDH = ["HDH_AZURE", "HDH_SCALEWAY", "HDH_ALT_S3NS", "HDH_ALT_CLOUDTEMPLE", "HDH_ALT_BLEU"]


def unit_loss(mean: float, sd: float) -> float:
    """Value of learning a Normal benefit before accepting it: s phi(m / s) - |m| Phi(-|m| / s)."""
    z = abs(mean) / sd
    return sd * math.exp(-z * z / 2) / math.sqrt(2 * math.pi) - abs(mean) * math.erfc(z / math.sqrt(2)) / 2


def two_options(rng: np.random.Generator, mean: float, *sds: float, size: int = 20_000) -> tuple[np.ndarray, ...]:
    """Losses of two options whose benefit is a sum of Normal parts, and the parts, one of no influence last."""
    parts = rng.standard_normal((size, len(sds) + 1))
    benefit = mean + parts[:, :-1] @ np.array(sds)
    return np.stack([np.full(size, 3.0), 3.0 - benefit], axis=1), parts


@pytest.mark.parametrize(("mean", "first", "second"), [(0, 1, 1), (0.5, 1, 0.5), (-1, 1, 2), (2, 1, 1), (0.05, 0.3, 1)])
def test_values_agree_with_the_closed_form(rng: np.random.Generator, mean: float, first: float, second: float) -> None:
    loss, parts = two_options(rng, mean, first, second)
    whole, one, both = evpi(loss), evppi(loss, parts[:, 0]), evppi(loss, parts[:, :2])
    assert whole == pytest.approx(unit_loss(mean, math.hypot(first, second)), abs=4 * whole.error)
    assert one == pytest.approx(unit_loss(mean, first), abs=4 * one.error)
    assert both == pytest.approx(whole, rel=0.01), "all parameters are worth what everything is"
    assert evppi(loss, parts[:, 2]) == 0, "what has no influence is worth nothing"
    assert 0 <= one <= both <= whole


def test_a_hundred_entries_do_not_invent_value(rng: np.random.Generator) -> None:
    loss, parts = two_options(rng, 0.3, 1.0, 1.0, size=4000)
    noise = rng.standard_normal((4000, 100))
    assert evppi(loss, noise) <= 2 * evppi(loss, noise).error
    with_signal = np.column_stack([noise, parts[:, 0]])
    assert evppi(loss, with_signal) == pytest.approx(evppi(loss, parts[:, 0]), rel=0.1)


def test_more_is_worth_more(rng: np.random.Generator) -> None:
    loss, parts = two_options(rng, 0.2, 1.0, 0.7, 0.4)
    found = [evppi(loss, parts[:, :k]) for k in (1, 2, 3)]
    assert found[0] < found[1] < found[2] <= evpi(loss)


def test_unknowns_of_few_values_are_conditioned_on(rng: np.random.Generator) -> None:
    answer = np.repeat([0, 1], 500)
    noise = np.tile(rng.standard_normal(500), 2)  # the same in both halves, so that group means are exact
    loss = np.stack([np.where(answer, 4.0, 0.0) + noise, np.full(1000, 1.0) + noise], axis=1)
    found = evppi(loss, answer)
    assert found == pytest.approx(0.5)
    assert (found.changes, found.option) == (0.5, 0)


@pytest.mark.parametrize("prior", [0.1, 0.5, 0.8])
def test_imperfect_answers(prior: float) -> None:
    yes, no = np.array([4.0, 1.0]), np.array([0.0, 1.0])
    perfect = min(4 * prior, 1.0) - prior
    assert evsi_binary(yes, no, prior) == pytest.approx(perfect)
    found = [evsi_binary(yes, no, prior, a, a) for a in (0.5, 0.7, 0.9, 1.0)]
    assert found[0] == 0
    assert all(a <= b + 1e-12 for a, b in pairwise(found))
    # by Bayes: expected loss after each answer, weighted by its probability
    hit, false = 0.9 * prior, 0.3 * (1 - prior)
    after_yes, after_no = min(4 * hit, hit + false), min(4 * (prior - hit), 1 - hit - false)
    assert evsi_binary(yes, no, prior, 0.9, 0.7) == pytest.approx(min(4 * prior, 1.0) - after_yes - after_no)


def test_an_answer_teaches_what_else_goes_with_it(rng: np.random.Generator) -> None:
    """A chance that differs between samples: enumerated and simulated answers agree."""
    chance = rng.beta(2, 3, 40_000)
    no = np.stack([chance, np.full(40_000, 0.55)], axis=1)
    yes = no + np.array([0.3, 0.0])
    truth = rng.random(40_000) < chance
    simulated = evppi(np.where(truth[:, None], yes, no), truth)
    exact = evsi_binary(yes, no, chance)
    assert exact == pytest.approx(simulated, abs=4 * simulated.error)


def test_nonsense_is_refused(rng: np.random.Generator) -> None:
    loss = rng.random((100, 2))
    with pytest.raises(UsageError, match="table of samples by options"):
        evpi(loss[:, 0])
    with pytest.raises(UsageError, match="finite"):
        evpi(np.array([[np.nan, 1.0]]))
    with pytest.raises(UsageError, match="100 samples"):
        evppi(loss, np.zeros(7))
    with pytest.raises(UsageError, match="finite"):
        evppi(loss, np.full(100, np.inf))
    with pytest.raises(UsageError, match="50 or more"):
        evppi(loss[:40], rng.random(40))
    with pytest.raises(UsageError, match="sensitivity"):
        evsi_binary(loss[0], loss[1], 0.5, 1.5)


@pytest.fixture(scope="module")
def found(study: rm.Study, posterior: rm.Posterior) -> rm.Finding:
    return value_of_information(posterior, study, choose=HDH)


def test_what_to_find_out_first(found: rm.Finding) -> None:
    table, options = found.table, found.detail
    assert options is not None
    assert sorted(options["setup"]) == sorted(HDH)
    assert table["item"][:2].tolist() == ["everything", "all parameters"]
    everything = table["value"][0]
    assert (table["value"].between(0, everything * (1 + 1e-9))).all()
    assert everything <= options["expected_loss"][0]
    ranked = table[table["rank"] > 0]
    assert (ranked["rank"] == np.arange(1, len(ranked) + 1)).all()
    assert (ranked["value"].diff().dropna() <= 0).all()
    assert set(ranked["kind"]) == {"legal opinion", "audit", "figure", "judgement"}
    assert (table["changes_choice_to"] != options["setup"][0]).all()
    assert ((table["changes_choice_to"] == "") == (table["probability_choice_changes"] == 0)).all()
    assert (table["horizon_years"] == 5).all()
    assert "over 5 years" in found.text
    assert "find out first" in found.text


def test_an_opinion_is_worth_at_most_the_answer(study: rm.Study, posterior: rm.Posterior) -> None:
    """Where the licensor decides whether a setup is accepted, an opinion on it is worth something."""
    finding = value_of_information(posterior, study, choose="HDH_ALT_BLEU", tolerance=0.004)
    table = finding.table.set_index("item")["value"]
    name = "law of the United States reaches through a licensor without access"
    assert 0 < table[f"{name}: opinion"] < table[f"{name}: beyond doubt"] < table["everything"]
    sure = value_of_information(posterior, study, choose="HDH_ALT_BLEU", tolerance=0.004, accuracy=1.0)
    again = sure.table.set_index("item")["value"]
    assert again[f"{name}: opinion"] == pytest.approx(again[f"{name}: beyond doubt"])
    options = finding.detail
    assert options is not None
    assert options.set_index("setup").loc[NONE, "expected_loss"] == pytest.approx(0.004)


def test_settled_questions_add_up(study: rm.Study, posterior: rm.Posterior) -> None:
    """The identity behind the opinions: p with the answer yes and 1 - p with no give back the probability."""
    rows = study["setups"][study["setups"]["setup_id"] == "HDH_ALT_OUTSCALE"]
    key = "CN:establishment_separated"
    whole, yes, no = (
        rm.exposure(posterior, study, setups=rows, settled=settled, by_regime=False)["probability"].values[:, 0]
        for settled in (None, {key: True}, {key: False})
    )
    programmes = foreign_programmes(study, study.home)
    draws = Draws(posterior, programmes)
    place = [j for j, p in enumerate(programmes) if p.countries == {"CN"}]
    chance = draws.reach[place[0], draws.routes.index("establishment_separated")]
    np.testing.assert_allclose(chance * yes + (1 - chance) * no, whole, rtol=1e-6)


def test_an_audit_of_keys_is_worth_what_its_readings_say(found: rm.Finding, study, posterior) -> None:
    rows = study["setups"][study["setups"]["setup_id"].isin(HDH)]
    x = rm.exposure(posterior, study, setups=rows, by_regime=False)
    mean = x["probability"].mean("sample").to_series()
    readings = x["probability_reading"].mean("sample").values[(x["reading_setup"] == "HDH_SCALEWAY").values]
    weights = x["reading_weight"].values[(x["reading_setup"] == "HDH_SCALEWAY").values]
    others = mean.drop("HDH_SCALEWAY").min()
    expected = mean.min() - (weights * np.minimum(readings, others)).sum()
    table = found.table.set_index("item")["value"]
    assert table["who holds the keys: Scaleway (selected)"] == pytest.approx(expected, rel=1e-6)


def test_costs_and_order_of_setups(found: rm.Finding, study: rm.Study, posterior: rm.Posterior) -> None:
    dear = value_of_information(posterior, study, choose=HDH[:2], costs={"HDH_SCALEWAY": 2.0})
    assert dear.detail is not None
    assert dear.detail["setup"][0] == "HDH_AZURE"
    assert (dear.table["value"] == 0).all()
    assert "Nothing listed is worth" in dear.text
    reversed_ = value_of_information(posterior, study, choose=HDH[::-1], setups=study["setups"][::-1])
    left, right = (f.table.set_index("item")["value"].sort_index() for f in (found, reversed_))
    exact = [name for name in left.index if "holds the keys" not in name and ":" in name and "law of" in name]
    np.testing.assert_allclose(left[exact], right[exact], atol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"choose": ["HDH_AZUR", "HDH_SCALEWAY"]}, "HDH_AZURE"),
        ({"choose": ["HDH_AZURE"]}, "two setups or more"),
        ({"choose": HDH, "tolerance": 1.2}, "tolerance"),
        ({"choose": HDH, "accuracy": 0.3}, "accuracy"),
        ({"choose": HDH, "costs": {"HDH_AZURE": float("nan")}}, "costs, HDH_AZURE"),
        ({"choose": HDH, "costs": {"NOPE": 1.0}}, "NOPE"),
        ({"choose": HDH, "horizon_years": -1}, "horizon_years"),
    ],
)
def test_wrong_questions(study: rm.Study, posterior: rm.Posterior, wrong: dict, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        value_of_information(posterior, study, **wrong)


@pytest.mark.parametrize("module", [_worth, value])
def test_examples_run(module) -> None:
    assert doctest.testmod(module).failed == 0
