"""Who stands behind a company? Links between an owned company and a holder, and the walk up from one to the next.

A link says ``control``, ``minority`` or ``none``. Control passes down links above 50 % of votes (of capital where votes
are not known) or by stated rights, never by products of shares; shares below that stop where they are. Each uncertain
link is one question, whichever chains lead through it: its confidence and its share, where that is known as an interval
only, are settled together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from riskmodel.nexus._rows import CONFIDENCES, Record, records, span
from riskmodel.nexus.unknowns import Answer, Ask, Fact, Learnt, Question, Walk, truth

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["Ownership"]

MAJORITY_PCT = 50.0
"""Control is more than this share of votes (or of capital where votes are not known), or a stated right."""
KINDS = ("control", "votes", "capital")
"""What a row of ownership says, the most telling first."""
LINKS = ("control", "minority", "none")
"""What a link may be, the most exposing first."""


class Ownership:
    """Holders of every company, as questions."""

    def __init__(self, study: Study) -> None:
        self.country = {row["entity_id"]: row["country"] for row in records(study["entities"]) if row["country"]}
        said: dict[str, dict[str, list[Record]]] = {}
        for row in records(study["ownership"]):
            if row["status"] in ("current", "contested") and row["as_of_meaning"] != "planned":
                said.setdefault(row["owned_id"], {}).setdefault(row["holder_id"], []).append(row)
        self.links = {
            owned: {holder: _question(f"ownership:{owned}:{holder}", rows) for holder, rows in sorted(holders.items())}
            for owned, holders in said.items()
        }

    def holders(self, owned: str) -> list[str]:
        """Holders with a direct share in a company."""
        return list(self.links.get(owned, {}))

    def walk(self, owned: str, holder: str) -> Walk:
        """Facts that connect a company to states through one of its holders."""
        return lambda ask: self.behind(owned, [holder], ask)

    def behind(self, owned: str, holders: Iterable[str], ask: Ask) -> frozenset[Fact]:
        """Walk up from a company through these holders: each that controls brings its own holders into view."""
        found: set[Fact] = set()
        controlled = {owned}
        links = [(owned, holder) for holder in holders]
        for below, holder in links:  # grows on the way
            if holder in controlled:
                continue
            says = ask(self.links[below][holder])
            if says != "none" and holder in self.country:
                found.add((says, self.country[holder]))
            if says == "control":
                controlled.add(holder)
                links += [(holder, other) for other in self.holders(holder)]
        # control from a state says all that a share held from there could add
        return frozenset(found - {("minority", country) for says, country in found if says == "control"})


def _question(name: str, rows: Sequence[Record]) -> Question:
    """How one holder stands to a company.

    Rows on one holder repeat each other. The first true one counts, control before votes before capital, and only a
    better sourced row steps in for one that is not true.
    """
    answers: list[Answer] = []
    wrong: Learnt = ()
    for kind in KINDS:
        said = [row for row in rows if row["kind"] == kind]
        if not said:
            continue
        row = _widest(said)
        confidence = row["confidence"]
        if wrong and CONFIDENCES.index(confidence) >= CONFIDENCES.index(wrong[-1][0]):
            continue
        right, instead = truth(confidence)
        answers += [replace(answer, learnt=wrong + right) for answer in _said(row)]
        if confidence == "high":
            break
        wrong += instead
    else:
        answers.append(Answer("none", learnt=wrong))
    return Question(name, tuple(sorted(answers, key=lambda answer: LINKS.index(answer.says))))


def _said(row: Record) -> list[Answer]:
    """What a row says when it is true; a holding of unseen size is not control."""
    low, high = row["share_low_pct"], row["share_high_pct"]
    if row["kind"] == "control":
        above = 1.0
    elif low is None or high is None:
        above = 0.0
    else:
        above = max(high - max(low, MAJORITY_PCT), 0.0) / (high - low) if high > low else float(low > MAJORITY_PCT)
    below = "none" if high == 0 else "minority"
    return [answer for answer in (Answer("control", above), Answer(below, 1.0 - above)) if answer.probability > 0]


def _widest(rows: Sequence[Record]) -> Record:
    """One row of several on the same holding: the latest, widened by those that it does not settle.

    Rows that may be as late as the latest one, that have no date or are contested disagree with it as equals: the share
    is anywhere in the hull of their intervals, with the best confidence among them.
    """
    spans = [span(row, "as_of") for row in rows]
    latest = max(range(len(rows)), key=lambda i: known[0] if (known := spans[i]) else pd.Timestamp.min)
    since = spans[latest]
    near = [
        r
        for r, s in zip(rows, spans, strict=True)
        if not (s and since) or s[1] > since[0] or r["status"] == "contested"
    ]
    lows, highs = ([r[c] for r in near if r[c] is not None] for c in ("share_low_pct", "share_high_pct"))
    best = min((r["confidence"] for r in near), key=CONFIDENCES.index)
    return {
        **rows[latest],
        "share_low_pct": min(lows, default=None),
        "share_high_pct": max(highs, default=None),
        "confidence": best,
    }
