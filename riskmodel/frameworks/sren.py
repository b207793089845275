"""Article 31 of the French law 2024-449 (SREN): who must use a qualified cloud, since when, and how long one may wait.

Question answered: *on this day, must this body keep these data on a cloud qualified against foreign law?* Rules and
dates are read from ``data/sren_art31.csv``; what is not said stays unknown. Not legal advice: the decree itself was not
seen first-hand.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmodel.codes import parse_date
from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError, did_you_mean
from riskmodel.nexus._rows import Record, records, split
from riskmodel.nexus.certificates import Certificates

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["WHO", "sren", "sren_of"]

WHO: dict[str, tuple[bool | None, str]] = {
    "state": (True, "who"),
    "state_operator": (True, "who"),
    "listed_gip": (True, "who_decree"),
    "gip": (None, "who_decree_named"),
    "company": (None, "private_reach"),
    "other": (False, "who"),
    "unknown": (None, "who"),
}
"""Kind of body -> is it bound, and by which row. A ``gip`` is a public interest group of which it is not known whether
the decree names it, a ``company`` is bound only as supplier of a body in scope, ``other`` is any other public body."""
SYSTEMS = {"HDH": "gip", "EMC2": "gip", "DARWIN": "gip", "EDS": "other"}
"""System -> kind of body: the Health Data Hub is a public interest group, hospitals are public establishments; whether
the health insurance is bound was not seen."""
FAMILIES = {name: {"HDH", "EMC2", "DARWIN"} for name in ("HDH", "EMC2", "DARWIN")}
"""Systems that are one project."""
ANSWER = {True: "yes", False: "no", None: "unknown"}
Day = dt.date | str


def sren(
    study: Study,
    *,
    who: str | None,
    data_sensitive: bool | None,
    commercial_cloud: bool | None = True,
    provider_qualified: bool | None,
    begun: Day | None,
    day: Day,
    offer_available_from: Day | None = None,
) -> Finding:
    """Must this body comply on this day, since when, and until when might it be exempted?

    Parameters
    ----------
    study
        Its table ``sren_art31``.
    who
        One of :data:`WHO`; None is ``unknown``.
    data_sensitive
        Whether compromise of the data would touch public order, safety, health, life or intellectual property.
    commercial_cloud
        Whether a commercial cloud service is used; own hosting is outside the rule.
    provider_qualified
        Whether the service is qualified by the standard, or certified as equal.
    begun
        Day on which the project began: only one begun before may be exempted.
    day
        Day asked about.
    offer_available_from
        Day from which an offer exists that is acceptable for this project; it starts the clock of an exemption. That
        an offer is qualified does not prove it acceptable. None: not known.

    Any but ``day`` may be None: not known.

    Returns
    -------
    Finding
        One row a question: ``question``, ``answer`` (yes, no, unknown; a word for ``outcome``), ``date`` that matters,
        ``provision`` and ``item`` (row of the table), ``source_ids``. Questions: ``bound``, ``sensitive``,
        ``commercial_cloud``, ``in_force``, ``standard_binding``, ``provider_qualified``, ``exemption_possible``,
        ``exemption_expired`` (with its last day) and ``outcome``: not bound, not yet in force, complies, must comply,
        must comply unless exempted, unknown. ``outcome_if_bound`` is the same if what is not known of body, data and
        cloud brought them under the rule.

    Raises
    ------
    UsageError
        If a kind of body is unknown, a date is none, an answer is neither True, False nor None, or the project began
        after the day asked about.

    Examples
    --------
    >>> import riskmodel as rm
    >>> facts = dict(who="state", data_sensitive=True, provider_qualified=False, begun="2019-12-01")
    >>> found = sren(rm.read_study(), **facts, day="2026-11-22", offer_available_from="2025-12-17")
    >>> found.table.set_index("question").loc[["outcome", "exemption_expired"], ["answer", "date"]].values.tolist()
    [['must comply unless exempted', None], ['no', datetime.date(2027, 6, 17)]]
    """
    known = {
        "data_sensitive": data_sensitive,
        "commercial_cloud": commercial_cloud,
        "provider_qualified": provider_qualified,
    }
    for name, value in known.items():
        if value not in (True, False, None):
            raise UsageError(f"{name}: {value} - must be True, False or None (not known)")
    rules = {row["item"]: row for row in records(study["sren_art31"])}
    kind = "unknown" if who is None else who
    if kind not in WHO:
        raise UsageError(f"who: {kind} - must be one of {', '.join(WHO)}{did_you_mean(kind, WHO)}")
    today, start, offer = _day("day", day), _day("begun", begun), _day("offer_available_from", offer_available_from)
    if today is None:
        raise UsageError("day: not given - must be a day")
    if start and start > today:
        raise UsageError(f"begun: {start} - must not be after the day asked about, {today}")
    law, decree = (_date(rules[item]) for item in ("law", "decree_force"))
    standard, months = _binding(rules["reference"]), _months(rules["derogation_max"])
    bound, scope_item = WHO[kind]
    in_force, binding = today >= decree, today >= standard
    early = None if start is None else True if start < law else False if start >= decree else None
    ends = (pd.Timestamp(offer) + pd.DateOffset(months=months)).date() if offer else None
    expired = ends is not None and today > ends
    duty = _all(bound, data_sensitive, commercial_cloud)
    exempt = False if duty is False or expired else _all(early, duty)
    outcome = _outcome(duty, in_force, provider_qualified, exempt)
    given = outcome if duty is False else _outcome(True, in_force, provider_qualified, exempt)
    answers: list[tuple[str, str, dt.date | None, str]] = [
        ("bound", ANSWER[bound], None, scope_item),
        ("sensitive", ANSWER[data_sensitive], None, "data"),
        ("commercial_cloud", ANSWER[commercial_cloud], None, "trigger"),
        ("in_force", ANSWER[in_force], decree, "decree_force"),
        ("standard_binding", ANSWER[binding], standard, "reference"),
        ("provider_qualified", ANSWER[provider_qualified], None, "equivalence"),
        ("exemption_possible", ANSWER[exempt], law if early is not None else None, "derogation"),
        ("exemption_expired", ANSWER[expired if ends else None], ends, "derogation_max"),
        ("outcome", outcome, None, "duty"),
        ("outcome_if_bound", given, None, "duty"),
    ]
    table = pd.DataFrame(
        {
            "question": [a[0] for a in answers],
            "answer": [a[1] for a in answers],
            "date": pd.Series([a[2] for a in answers], dtype=object),
            "provision": [rules[a[3]]["provision"] for a in answers],
            "item": [a[3] for a in answers],
            "source_ids": [rules[a[3]]["source_ids"] for a in answers],
        }
    )
    return Finding(table, _text(outcome, given, today, decree, standard, ends, months))


def sren_of(
    study: Study,
    setup: str,
    *,
    day: Day | None = None,
    setups: pd.DataFrame | None = None,
    **stated: Any,
) -> Finding:
    """The same for a setup, as far as its row, its certificates and its system tell.

    Health data count as sensitive, own hosting as no commercial cloud, the first known day of the system as the begin
    of the project. The service is qualified when the setup asks for the scheme and a source names its provider as
    qualified on that day, and not when sources only name it as a candidate.

    Parameters
    ----------
    study, day, setups
        Facts; day asked about, default the study's; rows among which the setup is looked up, default the study's own.
    setup
        Setup id.
    **stated
        Arguments of :func:`sren` to use instead of what the tables tell.

    Raises
    ------
    UsageError
        As :func:`sren`, and if there is no such setup.
    """
    table = {row["setup_id"]: row for row in records(study["setups"] if setups is None else setups)}
    if setup not in table:
        raise UsageError(f"unknown setup {setup}{did_you_mean(setup, table)}")
    row = table[setup]
    today = _day("day", day) or study.as_of
    family = FAMILIES.get(row["system"] or "", {row["system"]})
    starts = [one["from_date"] for one in records(study["setups"]) if one["system"] in family and one["from_date"]]
    first = min(starts, default=row["from_date"])
    begun = first.date() if first and row["system"] != "GENERIC" else None
    told = {
        "who": SYSTEMS.get(row["system"] or "", "unknown"),
        "data_sensitive": None if row["data_class"] == "generic" else True,
        "commercial_cloud": row["key_custody"] != "first_party",
        "provider_qualified": _qualified(study, row, today),
        "begun": begun if begun and begun <= today else None,
    }
    return sren(study, **{**told, **stated}, day=today)


def _qualified(study: Study, row: Record, day: dt.date) -> bool | None:
    """Is the service of a setup qualified on a day, as far as sources say?"""
    if not row["provider_id"]:
        return None
    asked = "SecNumCloud" in split(row["certifications_required"])
    book = Certificates(study)
    if all(r["provider_id"] != row["provider_id"] or r["scheme"] != "SecNumCloud" for r in book.rows):
        return None
    status = {word for word, _ in book.status(row["provider_id"], "SecNumCloud", True, False, day)}
    return (True if asked else None) if "qualified" in status else False


def _outcome(duty: bool | None, in_force: bool, qualified: bool | None, exempt: bool | None) -> str:
    """One word for what follows; what is not known is never taken as favourable."""
    if duty is False:
        return "not bound"
    if not in_force:
        return "not yet in force"
    if qualified:
        return "complies"
    if duty is None or qualified is None:
        return "unknown"
    return "must comply" if exempt is False else "must comply unless exempted"


SAID = {
    "not bound": "article 31 does not bind this case",
    "not yet in force": "the rule had no decree in force",
    "complies": "the service is qualified, which is what the rule asks",
    "must comply": "the data must be on a qualified service, and no exemption is open",
    "must comply unless exempted": "the data must be on a qualified service unless the project is exempted",
    "unknown": "whether the duty bites cannot be said from what is known",
}


def _text(
    outcome: str, given: str, today: dt.date, decree: dt.date, standard: dt.date, ends: dt.date | None, months: int
) -> str:
    said = SAID[outcome] if given == outcome else f"{SAID[outcome]}; if it does, {SAID[given]}"
    text = f"On {today}, {said}. The decree has effect from {decree}, its standard binds from {standard}."
    if given not in ("must comply unless exempted", "must comply", "unknown"):
        return text
    clock = f"An exemption ends {months} months after an acceptable offer exists"
    return f"{text} {clock}; no such day was given." if ends is None else f"{text} {clock}: on {ends} at the latest."


def _all(*given: bool | None) -> bool | None:
    """All of them, with unknown in between."""
    return False if False in given else None if None in given else True


def _day(name: str, value: Day | None) -> dt.date | None:
    if value is None or isinstance(value, dt.date):
        return value.date() if isinstance(value, dt.datetime) else value
    try:
        return parse_date(str(value))
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None


def _date(row: Record) -> dt.date:
    """Day of a provision."""
    return pd.Timestamp(row["date"]).date()


def _binding(row: Record) -> dt.date:
    """Day named in the words of a provision."""
    found = re.search(r"\d{4}-\d{2}-\d{2}", row["value"])
    if found is None:
        raise UsageError(f"sren_art31, {row['item']}: {row['value']} - must name a day")
    return parse_date(found.group())


def _months(row: Record) -> int:
    """Number of months named in the words of a provision."""
    found = re.search(r"(\d+) months", row["value"])
    if found is None:
        raise UsageError(f"sren_art31, {row['item']}: {row['value']} - must name a number of months")
    return int(found.group(1))
