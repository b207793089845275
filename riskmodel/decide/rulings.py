"""The record behind acceptability: decisions of authorities on the same or similar systems, side by side.

What an authority may decide next is predicted by :func:`riskmodel.acceptability_of`; this table only says what was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError
from riskmodel.language import mark, tr, trn

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["OUTCOMES", "acceptability", "outcomes_text"]

OUTCOMES = (mark("prohibited"), mark("changes ordered"), mark("tolerated or time-limited"), mark("accepted"))
"""Outcome codes 0 to 3 of ``data/decisions.csv``."""
SAME_FAMILY = {
    "HDH": ("hdh", "emc2", "darwin_eu"),
    "EMC2": ("emc2", "hdh"),
    "DARWIN": ("darwin_eu", "hdh"),
    "SNDS": ("hdh",),
}


def outcomes_text(counts: Mapping[str, int] | pd.Series, names: Sequence[str] = OUTCOMES) -> str:
    """Say how many decisions had each outcome, in the order of ``names``.

    >>> outcomes_text({"accepted": 2}, OUTCOMES[2:])
    '0 tolerated or time-limited, 2 accepted'
    """
    return ", ".join(tr("{number} {outcome}", number=counts.get(name, 0), outcome=tr(name)) for name in names)


def acceptability(study: Study, setup: str | None = None) -> Finding:
    """How have authorities judged this system or setups on the same provider?

    Parameters
    ----------
    study
        Its tables ``decisions`` and ``setups``.
    setup
        Setup id; None for all decisions.

    Returns
    -------
    Finding
        Decisions by regulators and courts in order of time: ``date``, ``authority``, ``system_name``, ``issue``,
        ``outcome`` in words, ``speaks_of`` (reach, likelihood), ``same_system``, ``decision_id``, ``source_ids``.
        Rulings on one system are not independent of one another.

    Raises
    ------
    UsageError
        If the study has no such setup.
    """
    table = study["decisions"]
    table = table[table["is_binding_authority"].astype(bool)].sort_values(["date", "decision_id"])
    same = pd.Series(True, index=table.index)
    about = None
    if setup is not None:
        row = study["setups"].set_index("setup_id")
        if setup not in row.index:
            raise UsageError(f"unknown setup {setup}; known: {', '.join(row.index)}")
        chosen = row.loc[setup]
        same = table["system_id"].isin(SAME_FAMILY.get(str(chosen["system"]), ()))
        table = table[same | (table["provider_id"].notna() & (table["provider_id"] == chosen["provider_id"]))]
        same = same.loc[table.index]
        about = str(chosen["label"])
    shown = table[["date", "authority", "system_name", "issue", "speaks_of", "decision_id", "source_ids"]].copy()
    shown.insert(4, "outcome", [OUTCOMES[int(code)] for code in table["outcome"]])
    shown.insert(5, "same_system", same.to_numpy())
    counts = shown["outcome"].value_counts()
    if about is None:
        text = trn(
            "{count} decision of regulators and courts bears on {about}: {outcomes}. Decisions on one system are not "
            "independent of one another, and this is a record, not a forecast.",
            "{count} decisions of regulators and courts bear on {about}: {outcomes}. Decisions on one system are not "
            "independent of one another, and this is a record, not a forecast.",
            len(shown),
            about=tr("all systems"),
            outcomes=outcomes_text(counts),
        )
    else:
        text = trn(
            "{count} decision of regulators and courts bears on {about}, {same} of them on this system and {other} on "
            "other systems of the same provider: {outcomes}. Decisions on one system are not independent of one "
            "another, and this is a record, not a forecast.",
            "{count} decisions of regulators and courts bear on {about}, {same} of them on this system and {other} on "
            "other systems of the same provider: {outcomes}. Decisions on one system are not independent of one "
            "another, and this is a record, not a forecast.",
            len(shown),
            about=about,
            same=int(same.sum()),
            other=int((~same).sum()),
            outcomes=outcomes_text(counts),
        )
    return Finding(shown.reset_index(drop=True), text)
