"""Tables on what to negotiate and what to find out first: findings of the decisions, said in words.

Question answered: *which change does what, who can bring it about, and what is an answer worth?* Frames come from
:func:`riskmodel.intervene`, :func:`riskmodel.value_of_information` and :func:`riskmodel.severity`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.decide.value import NONE
from riskmodel.wording import digits, factor, one_in, percent, share_text

if TYPE_CHECKING:
    from riskmodel.decide import Finding
    from riskmodel.study import Study

__all__ = ["actor_words", "change_words", "item_words", "option_words", "persons_words", "set_words"]

ACTORS = {
    "customer": "the platform itself, in its contract or its design",
    "provider": "the provider",
    "authority": "an authority",
    "owner": "an owner of the provider",
}
"""Who can bring a change about."""


def actor_words(study: Study) -> pd.DataFrame:
    """Who can bring about which changes of the catalogue: one row an actor."""
    rows = study["interventions"].drop_duplicates("intervention_id")
    return pd.DataFrame(
        [
            (words.capitalize(), "; ".join(rows.loc[rows["actor"] == actor, "label"]))
            for actor, words in ACTORS.items()
            if (rows["actor"] == actor).any()
        ],
        columns=["Who", "What may change"],
    )


def change_words(table: pd.DataFrame) -> pd.DataFrame:
    """What each change leaves of the probability of a setup: of :func:`riskmodel.intervene`."""
    worlds = table[["world_lower", "world_equal", "world_higher"]].map(share_text)
    return pd.DataFrame(
        {
            "Change": table["label"],
            "Who": table["actor"].replace("", "-"),
            "Probability after": table["probability_after"].map(percent),
            "Times what it was": table["ratio"].map(factor),
            "90 % of it, over parameters": table["ratio_low"].map(factor) + " to " + table["ratio_high"].map(factor),
            "Worlds: lower / tied / higher": worlds.agg(" / ".join, axis=1),
        }
    )


def set_words(found: Finding) -> pd.DataFrame:
    """Sets of changes that a search by cost has scored, the cheapest first."""
    assert found.detail is not None
    rows = found.detail.sort_values(["cost", "probability"], kind="stable")
    verdict = np.where(rows["meets_tolerance"], "yes", "no")
    tried = rows["role"].map({"tried": "a set of its own", "bound": "the most that is left to try"})
    return pd.DataFrame(
        {
            "Changes": rows["labels"].replace("", "none"),
            "Cost": rows["cost"].map("{:g}".format),
            "Probability left": rows["probability"].map(percent),
            "Below the tolerance": verdict,
            "Scored as": np.where(rows["chosen"], "the cheapest that meets it", tried),
        }
    )


def option_words(first: Finding, *more: Finding, heads: Sequence[str] = ("Probability",)) -> pd.DataFrame:
    """Options of a choice with the probability of each, by finding: of :func:`riskmodel.value_of_information`."""
    tables = [found.detail.set_index("setup") for found in (first, *more) if found.detail is not None]
    labels = tables[0]["label"]
    shown = {}
    for head, table in zip(heads, tables, strict=True):
        words = table["probability"].map(lambda p: f"{percent(p)} ({one_in(p)})")
        words[table.index == NONE] = "counts as " + table["cost"].map(percent)
        shown[head] = words.reindex(labels.index)
    return pd.DataFrame({"Option": labels, **shown})


def item_words(found: Finding, most: int = 8) -> pd.DataFrame:
    """Bounds, and what is worth finding out first: of :func:`riskmodel.value_of_information`."""
    assert found.detail is not None
    labels = found.detail.set_index("setup")["label"]
    table = found.table[(found.table["rank"] > 0) | found.table["item"].isin(["everything", "all parameters"])]
    rows = table[table["value"] > 0].head(most)
    return pd.DataFrame(
        {
            "To find out": rows["item"],
            "Kind": rows["kind"],
            "Worth, in percentage points": (100 * rows["value"]).map(digits),
            "Error of sampling": (100 * rows["value_error"]).map(lambda e: digits(e, 1)),
            "Changes the choice": rows["probability_choice_changes"].map(share_text),
            "Mostly to": rows["changes_choice_to"].map(labels).fillna("-"),
        }
    )


def persons_words(table: pd.DataFrame) -> pd.DataFrame:
    """What disclosures take, by setup: of :func:`riskmodel.severity`."""
    return pd.DataFrame(
        {
            "Setup": table["label"],
            "Persons in the data": table["base"].map(digits),
            "Any disclosure": table["probability"].map(percent),
            "1,000 persons or more": table["probability_large"].map(percent),
            "One given person": table["probability_person"].map(one_in),
            "Persons a year, expected": table["persons_a_year"].map(digits),
        }
    )
