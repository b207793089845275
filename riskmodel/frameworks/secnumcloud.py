"""Chapter 19 of SecNumCloud 3.2 as rules on what is recorded: clause by clause, unknown stays unknown.

Question answered: *would this provider, or setup, meet the clauses on foreign ownership, place and third parties?* The
clauses and caps stand in ``data/secnumcloud_196.csv``; how shares add up: :mod:`~riskmodel.frameworks.holdings`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError, did_you_mean
from riskmodel.frameworks import holdings as shares
from riskmodel.frameworks.holdings import CAPS_PCT, EU_MEMBERS, SHARES, Bounds, Caps, Chain, caps
from riskmodel.nexus._rows import CONFIDENCES, Record, dated, records, split
from riskmodel.wording import share_text

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["Bounds", "Caps", "caps", "secnumcloud"]

VERSION = "3.2"
"""Version of the scheme that brought the clauses on foreign law."""
SURE, EVEN = 0.999, 0.5
"""A verdict is plain when surer than the first; on either side of the second it is probable or doubtful."""


class _Said(NamedTuple):
    """What is found of a clause."""

    verdict: str
    evidence: str
    bounds: Bounds = Bounds(np.nan, np.nan)
    rows: str = ""
    sources: str = ""


def secnumcloud(
    study: Study,
    provider_or_setup: str,
    *,
    holders: pd.DataFrame | None = None,
    day: dt.date | None = None,
    setups: pd.DataFrame | None = None,
) -> Finding:
    """Which clauses on immunity to foreign law does a provider meet, as far as the record shows?

    Parameters
    ----------
    study
        Its tables on providers, ownership, certificates and the clauses.
    provider_or_setup
        Id of a provider, or of a setup, whose place of data and operators then count too.
    holders
        Holdings to use instead of the recorded ones, see :func:`caps`.
    day
        Day on which certificates count, default the study's.
    setups
        Rows like those of ``study["setups"]`` among which a setup is looked up; default: the study's own.

    Returns
    -------
    Finding
        One row a clause: ``clause``, ``requirement``, ``verdict``, ``probability_low``, ``probability_high``,
        ``evidence``, ``rows`` (ids in the tables named there), ``source_ids`` of the clause and of the evidence. A
        verdict is met, not met, unknown, or, where what was seen speaks for or against without settling it, probable
        or doubtful (so too where a deciding row is of low confidence). Probabilities take the rows as true, and are
        given where shares or a stated judgement give them. ``detail`` has who holds the provider in the end, in the
        strict reading: ``holder``, ``side``, ``via``, ``kind``, ``low``, ``high`` (per cent of the provider; control
        of unseen size counts as half).

    Raises
    ------
    UsageError
        If there is no such provider or setup, or the setup has no provider yet.
    """
    case = _Case(study, provider_or_setup, holders, day or study.as_of, study["setups"] if setups is None else setups)
    rows = []
    for clause in records(study["secnumcloud_196"]):
        rule = RULES.get(clause["clause"])
        said = rule(case, clause) if rule else _Said("unknown", NO_RULE.get(clause["clause"], "Not recorded."))
        low, high = said.bounds if said.verdict != "unknown" or said.bounds.low == said.bounds.low else (0.0, 1.0)
        rows.append(
            {
                "clause": clause["clause"],
                "requirement": clause["requirement"],
                "verdict": said.verdict,
                "probability_low": low,
                "probability_high": high,
                "evidence": said.evidence,
                "rows": said.rows,
                "source_ids": ";".join(dict.fromkeys(split(clause["source_ids"]) + split(said.sources))),
            }
        )
    table = pd.DataFrame(rows)
    return Finding(table, _text(case, table), case.parts())


class _Case:
    """A provider, its setup where there is one, and its holders."""

    def __init__(
        self, study: Study, name: str, holders: pd.DataFrame | None, day: dt.date, table: pd.DataFrame
    ) -> None:
        setups = {row["setup_id"]: row for row in records(table)}
        self.providers = {row["provider_id"]: row for row in records(study["providers"])}
        self.setup: Record | None = None if name in self.providers else setups.get(name)
        if name not in self.providers and self.setup is None:
            raise UsageError(f"unknown provider or setup {name}{did_you_mean(name, [*self.providers, *setups])}")
        provider = self.setup["provider_id"] if self.setup else name
        if not provider:
            raise UsageError(f"setup {name} - names no provider yet: ask about a provider")
        self.study, self.day = study, day
        self.provider: Record = self.providers[provider]
        self.holdings = shares.holdings(study, provider) if holders is None else holders
        self.chain = Chain(self.holdings)
        self.countries = {row["entity_id"]: row["country"] for row in records(study["entities"])}
        self.names = {row["entity_id"]: row["name"] for row in records(study["entities"])}
        self.chances = {row["observed"]: row for row in records(study["mixtures"]) if row["fact"] == "licensor_access"}

    def parts(self) -> pd.DataFrame:
        """Who holds the provider in the end, in the strict reading."""
        rows = [
            {"holder": h, "side": s, "via": v, "kind": kind, "low": share.min(), "high": share.max()}
            for kind in SHARES
            for h, s, v, share in (
                (h, s, v, share[self.chain.possible]) for h, s, v, share in self.chain.parts(kind, True)
            )
        ]
        return pd.DataFrame(rows, columns=["holder", "side", "via", "kind", "low", "high"])

    def third_parties(self) -> list[tuple[Record, str]]:
        """Licensors of the provider and of the infrastructure it runs on."""
        found, provider = [], self.provider
        while provider:
            if provider["licensor_id"]:
                found.append((provider, provider["licensor_id"]))
            provider = self.providers.get(provider["runs_on"] or "", {})
        return found


Rule = Callable[[_Case, Record], _Said]


def _plain(low: float, high: float) -> str:
    """The word for two bounds."""
    if low >= SURE or high <= 1 - SURE:
        return "met" if low >= SURE else "not met"
    return "probable" if low >= EVEN else "doubtful" if high <= EVEN else "unknown"


def _seat(case: _Case, clause: Record) -> _Said:
    seat, name = case.provider["seat_country"], case.provider["name"]
    row, sources = case.provider["provider_id"], case.provider["source_ids"] or ""
    if not seat:
        return _Said("unknown", f"Seat of {name} not seen.", rows=row, sources=sources)
    if seat not in EU_MEMBERS:
        return _Said("not met", f"Seat in {seat}.", Bounds(0.0, 0.0), row, sources)
    return _Said("probable", f"Seat in {seat}; central administration was not looked up.", rows=row, sources=sources)


def _cap(case: _Case, clause: Record) -> _Said:
    """A cap on shares: bounds through the whole chain, and beside them what direct holdings alone would say."""
    place = 0 if clause["clause"].endswith(".1") else 1
    pair = [CAPS_PCT[0], CAPS_PCT[1]]
    pair[place] = clause["threshold_pct"]
    limits = (pair[0], pair[1])
    whole = caps(case.holdings, caps_pct=limits)[place]
    direct = caps(case.holdings, caps_pct=limits, indirect=False)[place]
    promised = [
        r
        for r in records(case.study["ownership"])
        if r["status"] == "declared_ceiling"
        and r["owned_id"] == case.provider["provider_id"]
        and r["share_high_pct"] == clause["threshold_pct"]
    ]
    evidence = f"{_held(case, clause['threshold_pct'])} Direct holdings alone: {_plain(*direct)}{_range(direct)}."
    if promised:
        evidence += " The provider promises the cap; a promise is no list of holders."
    table = case.holdings
    columns = [
        ";".join(table[c].dropna().astype(str)) if c in table.columns else "" for c in ("ownership_ids", "source_ids")
    ]
    ids, sources = (split(column) for column in columns)
    ids += [r["ownership_id"] for r in promised]
    return _Said(
        _soft(case, _plain(*whole)),
        evidence,
        whole,
        ";".join(dict.fromkeys(ids)),
        ";".join(dict.fromkeys(sorted(sources))),
    )


def _held(case: _Case, cap: float) -> str:
    """Who is seen outside the Union, and how much of the company at most nobody has seen."""
    parts = case.parts()
    rows = records(case.holdings)
    stated = {r["holder"] for r in rows if r["low"] is not None}
    said = []
    for holder, found in parts[(parts["side"] == "outside") & (parts["high"] > 0)].groupby("holder"):
        low, high = found["low"].min(), found["high"].max()
        share = f"{round(low, 1):g} to {round(high, 1):g} %" if low < high else f"{high:.3g} %"
        said.append(f"{case.names.get(holder, holder)} {share if holder in stated else 'by control, share not seen'}")
    unseen = case.chain.unseen_pct()
    text = f"Held from outside the EU: {'; '.join(said) or 'none seen'}; not seen: up to {unseen:.3g} %."
    weakest = [c for c in CONFIDENCES if any(r.get("confidence") == c for r in rows)]
    text += f" Weakest row: {weakest[-1]} confidence." if weakest else ""
    if any(r["high"] == cap and r["low"] < cap and case.chain.side(r["holder"]) == "outside" for r in rows):
        text += " One range ends exactly at the cap, so it may have been taken from the rule."
    return text


def _soft(case: _Case, verdict: str) -> str:
    """A plain verdict on holdings that rest on a row of low confidence is not plain."""
    rows = records(case.holdings)
    if verdict == "not met":
        rows = [row for row in rows if case.chain.side(row["holder"]) == "outside"]
    weak = any(row.get("confidence") == "low" for row in rows)
    return {"met": "probable", "not met": "doubtful"}.get(verdict, verdict) if weak else verdict


def _range(bounds: Bounds) -> str:
    if bounds.low == bounds.high:
        return ""
    if (bounds.low, bounds.high) == (0.0, 1.0):
        return " (any probability)"
    return f" ({share_text(bounds.low)} to {share_text(bounds.high)})"


def _rights(case: _Case, clause: Record) -> _Said:
    """Veto and boards: rights are not recorded, control from outside settles both, control from inside the second."""
    foreign, inside = case.chain.control()
    if foreign >= SURE:
        return _Said(_soft(case, "not met"), "Controlled from outside the EU.", Bounds(0.0, 0.0))
    if clause["clause"].endswith(".4") and inside >= SURE:
        return _Said("probable", "Controlled from inside the EU; agreements on seats of the board were not seen.")
    return _Said("unknown", "Contracts and articles on vetoes and boards were not seen.", Bounds(0.0, 1.0 - foreign))


def _third_party(case: _Case, clause: Record) -> _Said:
    """Can a company from outside get at the data? What was said of the licensor, weighed as the model weighs it."""
    if case.chain.control()[0] >= SURE:
        evidence = "The provider is itself controlled from outside the EU."
        return _Said(_soft(case, "not met"), evidence, Bounds(0.0, 0.0))
    found = [(p, licensor, case.countries.get(licensor)) for p, licensor in case.third_parties()]
    found = [one for one in found if one[2] not in EU_MEMBERS]
    if not found:
        return _Said("unknown", "No licensor from outside the EU recorded; other subcontractors were not looked up.")
    met, words, rows = 1.0, [], []
    for provider, licensor, country in found:
        access = provider["licensor_access"] or "unknown"
        chance = case.chances[access]
        met = min(met, 1.0 - chance["probability"])
        words.append(
            f"{case.names.get(licensor, licensor)} ({country or 'seat not seen'}), access said to be: {access}"
        )
        rows += [provider["provider_id"], chance["mixture_id"]]
    verdict = "not met" if met <= 1 - SURE else "unknown" if "access said to be: unknown" in words[-1] else ""
    verdict = verdict or ("probable" if met >= EVEN else "doubtful")
    evidence = f"Licensor {'; '.join(words)}. The probability is the judgement of the table mixtures."
    sources = ";".join(p["source_ids"] or "" for p, _, _ in found)
    return _Said(verdict, evidence, Bounds(met, met), ";".join(rows), sources)


def _autonomy(case: _Case, clause: Record) -> _Said:
    below = case.provider["runs_on"]
    held = _certificates(case, below) if below else []
    if any(r["status"] == "qualified" for r in held):
        ids = ";".join(r["certification_id"] for r in held)
        return _Said(
            "probable", f"Runs on {case.providers[below]['name']}, of which a service is named as qualified.", rows=ids
        )
    third = ", ".join(case.names.get(licensor, licensor) for _, licensor in case.third_parties())
    return _Said("unknown", f"Alternatives to {third} not seen." if third else "Alternatives to suppliers not seen.")


def _place(column: str, what: str) -> Rule:
    """Inside the Union, by a column of the setup (and, for operators, the staff of the provider)."""

    def rule(case: _Case, clause: Record) -> _Said:
        listed = split(case.setup[column]) if case.setup else []
        staff = split(case.provider["staff_countries"]) if column == "operator_countries" else []
        abroad = [c for c in listed if c not in EU_MEMBERS]
        row = case.setup["setup_id"] if case.setup else case.provider["provider_id"]
        sources = (case.setup or case.provider)["source_ids"] or ""
        if abroad:
            return _Said("not met", f"{what}: {', '.join(listed)}.", Bounds(0.0, 0.0), row, sources)
        if away := [c for c in staff if c not in EU_MEMBERS]:
            return _Said("doubtful", f"Staff of the provider in {', '.join(away)}; what they reach was not seen.")
        if not listed:
            return _Said("unknown", f"{what} not seen.", rows=row)
        return _Said("met", f"{what}: {', '.join(listed)}.", Bounds(1.0, 1.0), row, sources)

    return rule


def _certificates(case: _Case, provider: str) -> list[Record]:
    """Rows on the scheme for a provider that have begun, the best sourced first."""
    now = pd.Timestamp(case.day)
    rows = [r for r in records(case.study["certifications"]) if r["provider_id"] == provider]
    rows = [r for r in rows if r["scheme"] == "SecNumCloud" and not r["superseded_by"]]
    rows = [r for r in rows if (dated(r, "date") or now) <= now]
    return sorted(rows, key=lambda r: CONFIDENCES.index(r["confidence"]))


def _scope(case: _Case, clause: Record) -> _Said:
    rows = _certificates(case, case.provider["provider_id"])
    held = [
        r for r in rows if r["status"] == "qualified" and not (dated(r, "valid_to") or pd.Timestamp.max) < _now(case)
    ]
    ids = ";".join(r["certification_id"] for r in held or rows)
    sources = ";".join(r["source_ids"] for r in held or rows)
    if held:
        services = ", ".join(dict.fromkeys(r["service"] or "service not named" for r in held))
        return _Said(
            "probable",
            f"Named as qualified: {services}; the service in question is to be checked.",
            Bounds(np.nan, np.nan),
            ids,
            sources,
        )
    if rows:
        states = ", ".join(dict.fromkeys(r["status"].replace("_", " ") for r in rows))
        return _Said(
            "not met", f"No qualified service recorded on {case.day}; state: {states}.", Bounds(0.0, 0.0), ids, sources
        )
    return _Said("unknown", "No certificate of the scheme was seen either way.")


def _now(case: _Case) -> pd.Timestamp:
    return pd.Timestamp(case.day)


RULES: dict[str, Rule] = {
    "19.6.a": _seat,
    "19.6.b.1": _cap,
    "19.6.b.2": _cap,
    "19.6.b.3": _rights,
    "19.6.b.4": _rights,
    "19.6.c": _third_party,
    "19.6.d": _autonomy,
    "19.2.b": _place("data_countries", "Places of the data"),
    "19.2.c": _place("operator_countries", "Operators in"),
    "scope": _scope,
}
"""Clause -> rule; of the others nothing is recorded."""
NO_RULE = {"limits": "What a qualification says nothing about: no rule that could be met."}


def _text(case: _Case, table: pd.DataFrame) -> str:
    """The verdict in sentences."""
    by = table.set_index("clause")
    clauses = table[~table["clause"].isin(("scope", "limits"))]
    failed = clauses.loc[clauses["verdict"] == "not met", "clause"]
    name = (case.setup or case.provider)["label" if case.setup else "name"]
    counts = clauses["verdict"].value_counts()
    said = ", ".join(f"{counts[v]} {v}" for v in ("met", "probable", "doubtful", "unknown", "not met") if v in counts)
    caps_said = "; ".join(
        f"{what} {by['verdict'][c]}{_range(Bounds(by['probability_low'][c], by['probability_high'][c]))}"
        for c, what in (("19.6.b.1", "cap for one holder"), ("19.6.b.2", "cap for all together"))
    )
    head = f"{name}: of {len(clauses)} clauses {said}. Shares held from outside the EU: {caps_said}."
    if len(failed):
        return f"{head} What is recorded rules it out by {', '.join(failed)}."
    if by.loc["scope", "verdict"] == "probable":
        held = [r for r in _certificates(case, case.provider["provider_id"]) if r["status"] == "qualified"]
        if any(r["version"] == VERSION for r in held):
            return (
                f"{head} A service of this provider is named as qualified under version {VERSION}, so the agency must "
                "have found the clauses met for it; the public record alone does not show it."
            )
        return f"{head} A service of this provider is named as qualified, under which version was not seen."
    return f"{head} Nothing recorded rules it out, and nothing proves it."
