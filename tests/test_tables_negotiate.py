"""Tables on what to negotiate: who can change what, which change is strongest, which sets were tried, what to ask."""

import pandas as pd
import pytest

from riskmodel.decide import Finding, intervene, value_of_information
from riskmodel.errors import UsageError
from riskmodel.fit import Posterior
from riskmodel.overrides import read_overrides
from riskmodel.study import Study
from riskmodel.tables import decisions_negotiate as words


def test_every_change_has_somebody_who_can_make_it(study: Study) -> None:
    said = words.actor_words(study)
    labels = set(study["interventions"]["label"])
    assert {label for cell in said["What may change"] for label in cell.split("; ")} == labels


def test_the_strongest_change_is_by_actor_and_may_be_left_out(posterior: Posterior, study: Study) -> None:
    found = {"HDH_SCALEWAY": intervene(posterior, study, "HDH_SCALEWAY")}
    labels = pd.Series({"HDH_SCALEWAY": "Scaleway"})
    every, some = (words.strongest_words(found, labels, out).iloc[0] for out in ((), ["keys_client_side"]))
    assert every["The platform itself"].startswith("Encryption before")
    assert some["The platform itself"].startswith("Confidential computing")
    assert some["The provider"] == "none that lowers it"


def test_sets_are_listed_by_cost_and_one_is_chosen(posterior: Posterior, study: Study) -> None:
    found = intervene(posterior, study, "HDH_AZURE", tolerance=0.01, costs={"keys_client_side": 9})
    said = words.set_words(found)
    assert said["Cost"].astype(float).is_monotonic_increasing
    assert (said["Scored as"] == "the cheapest that meets it").sum() == 1
    assert len(words.change_words(found.table)) == len(found.table)


def test_accepting_none_has_a_price_and_no_probability(posterior: Posterior, study: Study) -> None:
    found = value_of_information(posterior, study, choose=["HDH_ALT_BLEU"], tolerance=0.005)
    said = words.option_words(found).set_index("Option")["Probability"]
    assert said["accepting none"] == "counts as 0.50 %"
    assert "which counts as 0.50 % over 5 years" in found.text
    assert found.detail is not None
    assert set(found.detail["cost"]) == {0.0, 0.005}


def test_judgements_are_not_asked_for() -> None:
    row = {"item": "a", "kind": "judgement", "value": 0.2, "value_error": 0.0, "rank": 1}
    asked = [row, row | {"item": "b", "kind": "audit", "value": 0.01, "rank": 2}]
    assert words.asked_first(Finding(pd.DataFrame(asked), "")) == "b (audit), worth 1.0 percentage points"
    assert words.asked_first(Finding(pd.DataFrame([row]), "")) == "nothing that is clearly worth asking"


def test_refusals_and_replaced_cells_are_said_without_codes(posterior: Posterior, study: Study) -> None:
    with pytest.raises(UsageError) as refusal:
        intervene(posterior, study, "HDH_AZURE", ["clause_eu_law"])
    assert words.refusal_words(study, "HDH_AZURE", "clause_eu_law", refusal.value) == (
        "Azure (customer key), Clause: law of the Union alone applies: the clause is in the contract already"
    )
    cells = [("setups", "HDH_SCALEWAY", "key_custody", "external_hyok"), ("elicitation", "EL007", "q50", "0.03")]
    changed = read_overrides(pd.DataFrame(cells, columns=["table", "row_id", "column", "value"]), study)
    said = words.replaced_words(changed, study)
    assert said["What"][0] == "Scaleway (selected): key custody" and said["What"][1].endswith(": median")
    assert said["Now"].tolist() == ["keys held elsewhere", "0.03"] and set(said["Needs a new fit"]) == {"yes"}
