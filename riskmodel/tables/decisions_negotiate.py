"""Tables on what to negotiate and what to find out first: findings of the decisions, said in words.

Question answered: *which change does what, who can bring it about, and what is an answer worth?* Frames come from
:func:`riskmodel.intervene`, :func:`riskmodel.value_of_information` and :func:`riskmodel.severity`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.decide.value import NONE
from riskmodel.tables.page import plain
from riskmodel.tables.setups import CUSTODY
from riskmodel.wording import digits, factor, one_in, percent, share_text

if TYPE_CHECKING:
    from riskmodel.decide import Finding
    from riskmodel.overrides import Overridden
    from riskmodel.study import Study

__all__ = [
    "actor_words",
    "asked_first",
    "change_words",
    "option_words",
    "persons_words",
    "refusal_words",
    "replaced_words",
    "set_words",
    "strongest_words",
]

ACTORS = {
    "customer": "the platform itself, in its contract or its design",
    "provider": "the provider",
    "authority": "an authority",
    "owner": "an owner of the provider",
}
"""Who can bring a change about."""
QUANTILES = {"q10": "10 % quantile", "q50": "median", "q90": "90 % quantile"}
"""Column of an expert's reading in words."""


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
            "90 % interval over parameters": table["ratio_low"].map(factor) + " to " + table["ratio_high"].map(factor),
            "Worlds: lower / tied / higher": worlds.agg(" / ".join, axis=1),
        }
    )


def strongest_words(found: Mapping[str, Finding], labels: pd.Series, without: Collection[str] = ()) -> pd.DataFrame:
    """The change that lowers each setup's probability most, in the hands of the customer and of the provider.

    ``found``: findings of :func:`riskmodel.intervene` by setup id; ``labels``: of setups by id; ``without``: ids of
    changes that are out of the question.
    """
    rows = []
    for setup, finding in found.items():
        table = finding.table
        row = {"Setup": labels[setup], "Now": one_in(table["probability_before"].iloc[0])}
        for actor, head in (("customer", "The platform itself"), ("provider", "The provider")):
            mine = table[(table["actor"] == actor) & ~table["change"].isin(list(without)) & (table["ratio"] < 1)]
            best = mine.sort_values("ratio", kind="stable").head(1).to_dict("records")
            row[head] = f"{best[0]['label']}: {one_in(best[0]['probability_after'])}" if best else "none that lowers it"
        rows.append(row)
    return pd.DataFrame(rows)


def asked_first(found: Finding) -> str:
    """What to find out first of what somebody can be asked, so no judgement: of ``value_of_information``."""
    asked = found.table[found.table["kind"].isin(["legal opinion", "audit", "figure"])]
    top = asked[asked["value"] > 2 * asked["value_error"]].sort_values("rank").head(1).to_dict("records")
    if not top:
        return "nothing that is clearly worth asking"
    item = str(top[0]["item"]).removesuffix(": opinion")
    return f"{item} ({top[0]['kind']}), worth {digits(100 * top[0]['value'])} percentage points"


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


def _cell(value: str) -> str:
    """A cell of the study as a reader would write it."""
    return CUSTODY.get(value) or plain(value)


def refusal_words(study: Study, setup: str, change: str, refusal: Exception) -> str:
    """Why a change was refused, with the names of the setup and of the change for their ids."""
    label = study["setups"].set_index("setup_id")["label"][setup]
    named = study["interventions"].drop_duplicates("intervention_id").set_index("intervention_id")["label"]
    return f"{label}, {named.get(change, change)}: {str(refusal).split(': ', 1)[-1].split(' (')[0]}"


def replaced_words(changed: Overridden, study: Study) -> pd.DataFrame:
    """Cells that a reader replaced, and whether the model has to be fitted again."""
    label = study["setups"].set_index("setup_id")["label"].to_dict()
    judged = study["elicitation"].set_index("elicitation_id")
    label |= {k: f"{plain(q)}, {plain(c)}" for k, q, c in judged[["quantity", "condition"]].itertuples()}
    rows = changed.changes
    what = rows["column"].map(lambda column: QUANTILES.get(column) or plain(column))

    def said(values: pd.Series) -> pd.Series:
        return values.fillna("(empty)").astype(str).map(_cell)

    return pd.DataFrame(
        {
            "What": rows["row_id"].map(lambda row: str(label.get(row, row))) + ": " + what,
            "Before": said(rows["before"]),
            "Now": said(rows["after"]),
            "Reason": rows["reason"].fillna(""),
            "Needs a new fit": "yes" if changed.refit else "no",
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
