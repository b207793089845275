"""Legal questions settled one way: the same as scoring again, only faster."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest

import riskmodel as rm
from riskmodel.decide.finding import Finding
from riskmodel.decide.settled import _order, worlds
from riskmodel.draws import legal_questions
from riskmodel.errors import UsageError
from riskmodel.exposure import exposure

ASKED = ["US:parent_control", "US:licensor_without_access", "GB:remote_provider", "CH:data_location"]
"""Control and a minority, a licensor with a certificate pending, a foreign presence, and a place of data."""
SETUPS = ("GEN_INFOMANIAK_CH", "GEN_OVH_CASE", "HDH_ALT_BLEU", "HDH_ALT_S3NS", "HDH_AZURE", "SNDS_CNAM")


@pytest.fixture(scope="module")
def found(study: rm.Study, posterior: rm.Posterior) -> Finding:
    return worlds(posterior, study)


@pytest.mark.parametrize("question", ASKED)
@pytest.mark.parametrize("answer", [True, False])
def test_numbers_are_those_of_scoring_again(
    study: rm.Study, posterior: rm.Posterior, found: Finding, question: str, answer: bool
) -> None:
    setups = study["setups"].query("setup_id in @SETUPS")
    x = exposure(posterior, study, setups=setups, by_regime=False, settled={question: answer})
    rows = found.detail.query("question == @question and settled == @answer and setup in @SETUPS")
    assert rows["setup"].tolist() == x["setup"].values.tolist()
    np.testing.assert_allclose(rows["probability"], x["probability"].mean("sample"), rtol=1e-10)
    np.testing.assert_allclose(rows["reach"], x["reach_any"].mean("sample"), rtol=1e-10)


def test_yes_never_lowers_and_untouched_setups_stay(study: rm.Study, posterior: rm.Posterior, found: Finding) -> None:
    wide = found.detail.pivot_table(index=["question", "setup"], columns="settled", values="probability")
    assert (wide[True] >= wide[False] * (1 - 1e-9)).all()
    home = study["setups"].query("setup_id == 'SNDS_CNAM'")
    before = float(exposure(posterior, study, setups=home, by_regime=False)["probability"].mean())
    np.testing.assert_allclose(wide.loc["US:parent_control"].loc["SNDS_CNAM"], before, rtol=1e-10)
    moved = (wide[True] > wide[False] * (1 + 1e-9)).groupby("question").sum()
    table = found.table.set_index("question")
    assert (moved <= table.loc[moved.index, "setups_touched"]).all()


def test_table_follows_from_the_detail(found: Finding) -> None:
    table = found.table
    assert table["pairs_reordered"].is_monotonic_decreasing and table["pairs_reordered"].between(0, 1).all()
    assert table["probability_yes"].between(0, 1).all() and table["question"].is_unique
    first = table.iloc[0]
    rows = found.detail[found.detail["question"] == first["question"]].set_index(["settled", "setup"])["probability"]
    yes, no = rows[True], rows[False]
    assert first["largest_factor"] == pytest.approx((yes / no).max())
    assert first["largest_setup"] == (yes / no).idxmax()
    pairs = [(a, b) for k, a in enumerate(yes.index) for b in yes.index[:k]]
    order = [[_order(p[[a, b]].to_numpy(), 1.25)[0, 1] for a, b in pairs] for p in (yes, no)]
    assert first["pairs_reordered"] == pytest.approx(np.mean(np.array(order[0]) != np.array(order[1])))
    assert found.text.startswith(f"Of {len(table)} legal questions, whether the {first['label']} divides")


def test_two_answers_average_to_the_open_question(study: rm.Study, posterior: rm.Posterior) -> None:
    """One programme of one state: weighted sample by sample, yes and no give back what is not settled."""
    rows, question = study["setups"].query("setup_id == 'GEN_OVH_CASE'"), "GB:data_location"
    yes, no, open_ = (
        exposure(posterior, study, setups=rows, by_regime=False, settled=settled)["reach"].sel(regime="UK_IPA2016")
        for settled in ({question: True}, {question: False}, None)
    )
    names = {"regime": "UK_IPA2016", "route": "data_location"}
    regime, route = (posterior.coords()[dim].index(name) for dim, name in names.items())
    chance = posterior.arrays()["reach"][regime, route]
    both = chance * yes.values[:, 0] + (1 - chance) * no.values[:, 0]
    np.testing.assert_allclose(both, open_.values[:, 0], rtol=1e-9)


def test_own_setups_few_questions_and_none_that_touches(study: rm.Study, posterior: rm.Posterior) -> None:
    rows = study["setups"].query("setup_id in ['HDH_AZURE', 'SNDS_CNAM']")
    one = worlds(posterior, study, setups=rows, questions="US:parent_control", horizon_years=2.0)
    assert one.table["question"].tolist() == ["US:parent_control"] and one.table["horizon_years"].eq(2.0).all()
    assert one.table["smallest_setup"].tolist() == ["HDH_AZURE"] and "over 2 years" in one.text
    home = study["setups"].query("setup_id == 'SNDS_CNAM'")
    none = worlds(posterior, study, setups=home)
    assert none.table.empty and none.detail.empty and "No legal question touches" in none.text
    idle = worlds(posterior, study, setups=home, questions=["US:parent_control"])
    assert idle.table["setups_touched"].tolist() == [0] and "No legal question touches" in idle.text


@pytest.mark.parametrize(
    "wrong",
    [{"questions": ["US:parent_contrl"]}, {"questions": "NOPE"}, {"horizon_years": 0.0}, {"equal_factor": 0.9}],
)
def test_wrong_questions_get_one_clear_message(study: rm.Study, posterior: rm.Posterior, wrong) -> None:
    with pytest.raises(UsageError, match=r"did you mean US:parent_control|legal question NOPE; known|must be"):
        worlds(posterior, study, **wrong)


def test_questions_are_those_of_the_home(study: rm.Study) -> None:
    assert not any(name.startswith("US:") for name in legal_questions(study, "US"))


def test_examples_run() -> None:
    assert doctest.testmod(importlib.import_module("riskmodel.decide.settled")).failed == 0
