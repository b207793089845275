"""Study -> facts of each setup over a horizon."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from riskmodel.nexus._rows import Record, records, split
from riskmodel.nexus.certificates import SCHEMES, Certificates, Status
from riskmodel.nexus.ownership import Ownership
from riskmodel.nexus.unknowns import Answer, Ask, Fact, Question, Unknown, Walk, recorded, settled

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["EQUAL_TERMS", "TERMS", "Book", "Option", "Segment", "SetupFacts", "equal_terms", "setup_facts"]

TERMS = ("challenge_demands", "eu_law_only_clause", "notify_customer")
CUSTODY = (
    "first_party",
    "provider",
    "customer_managed",
    "external_hyok",
    "confidential_computing_external",
    "client_side",
)
"""Who holds the keys, nearest to the data first."""
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Option:
    """One provider a setup may run on: its weight, certain facts and unknowns, and scheme status by segment."""

    provider_id: str
    weight: float
    facts: frozenset[Fact]
    unknowns: tuple[Unknown, ...]
    status: tuple[Mapping[str, Status], ...]


@dataclass(frozen=True)
class Segment:
    """A stretch of the horizon in which law and certificates stay as they are."""

    start: dt.date
    years: float
    authority: Mapping[str, str]


@dataclass(frozen=True)
class SetupFacts:
    """All that scoring needs to know of one setup, except the posterior.

    ``custody`` maps each possible key custody to its probability (one entry when it is known); ``terms`` are
    protective clauses that were seen, ``terms_unseen`` those that may or may not be there, present together with
    probability ``terms_probability``.
    """

    setup_id: str
    label: str
    data_class: str
    service_model: str
    options: tuple[Option, ...]
    custody: Mapping[str, float]
    terms: frozenset[str]
    terms_unseen: frozenset[str]
    terms_probability: float
    segments: tuple[Segment, ...]


def setup_facts(
    study: Study,
    setups: pd.DataFrame | None = None,
    *,
    horizon_years: float = 5.0,
    start: dt.date | None = None,
) -> tuple[SetupFacts, ...]:
    """Collect the facts of each setup over a horizon that begins at ``start`` (default: the study's date).

    All setups get the same horizon, whatever their historical dates, so that they can be compared.

    Raises
    ------
    KeyError
        If a setup names a provider the study does not have (a validated study never does).
    """
    book = Book(study)
    start = start or study.as_of
    table = study["setups"] if setups is None else setups
    return tuple(book.setup(row, start, horizon_years) for row in records(table))


class Book:
    """The study's tables as plain records, indexed for look-up; built once for all setups."""

    def __init__(self, study: Study) -> None:
        self.ownership, self.certificates = Ownership(study), Certificates(study)
        self.providers = {row["provider_id"]: row for row in records(study["providers"])}
        self.terms = [r for r in records(study["contract_terms"]) if r["effect"] == "strengthens"]
        self.mixture = {(r["fact"], r["observed"], r["value"]): r["probability"] for r in records(study["mixtures"])}
        self.regimes = [r for r in records(study["regimes"]) if r["regime_id"] == r["programme_id"]]
        self.own_hosts = {r["provider_id"] for r in records(study["setups"]) if r["key_custody"] == "first_party"}
        self._settled: dict[str, tuple[frozenset[Fact], tuple[Unknown, ...]]] = {}

    # -- provider ----------------------------------------------------------------------------------------------

    def provider(self, provider_id: str) -> tuple[frozenset[Fact], tuple[Unknown, ...]]:
        """Facts and unknowns of a provider and of the infrastructure it runs on."""
        if provider_id not in self._settled:
            self._settled[provider_id] = settled(self._walks(provider_id))
        return self._settled[provider_id]

    def _walks(self, provider_id: str) -> dict[str, Walk]:
        """What connects a provider to states, one walk for each thing that may do so."""
        row = self.providers[provider_id]
        seat, licensor = row["seat_country"], row["licensor_id"]
        walks = {f"seat:{provider_id}": _known({("seat", seat)} if seat else set())}
        for holder in self.ownership.holders(provider_id):
            walks[f"ownership:{provider_id}:{holder}"] = self.ownership.walk(provider_id, holder)
        staff = Question(f"staff:{provider_id}", recorded(row["confidence"], [Answer("remote_staff")]))
        walks[staff.name] = _placed(staff, split(row["staff_countries"]))
        if abroad := split(row["establishment_countries"]):
            there = self._establishment(row)
            walks[there.name] = _placed(there, abroad)
        if licensor:
            walks[f"licensor:{provider_id}"] = self._licensor(row, licensor)
        return {**walks, **self._walks(row["runs_on"])} if row["runs_on"] else walks

    def _licensor(self, row: Record, licensor: str) -> Walk:
        """Who licenses the technology, from which states, and with what access?"""
        chance = self.mixture[("licensor_access", row["licensor_access"] or "unknown", "licensor_with_access")]
        access = (Answer("licensor_with_access", chance), Answer("licensor_without_access", 1.0 - chance))
        possible = [answer for answer in access if answer.probability > 0]
        question = Question(f"licensor:{row['provider_id']}", recorded(row["confidence"], possible))
        owners, seat = self.ownership, self.ownership.country.get(licensor)

        def walk(ask: Ask) -> frozenset[Fact]:
            says = ask(question)
            if says == "none":
                return frozenset()
            behind = owners.behind(licensor, owners.holders(licensor), ask)
            places = {country for held, country in behind if held == "control"} | ({seat} if seat else set())
            return frozenset((says, country) for country in places)

        return walk

    def _establishment(self, row: Record) -> Question:
        """Subsidiaries abroad: are they there, and are they separated from the European service?

        Confidence is that of a source that names them, the judgements on doubtful and unseen ones include it. One that
        was seen is at least as sure as a doubtful one: a weak source adds to the judgement and takes nothing from it.
        """
        presence = row["establishment_presence"] or "seen"
        there = self.mixture[("establishment_presence", presence, "present")]
        stated = self.mixture.get(
            ("establishment_separation", row["establishment_separation"], "establishment_separated")
        )
        kinds = ("establishment_not_separated", "establishment_separated")
        if stated is None:
            ways = [
                Answer(kind, there, (("separated", apart),)) for kind, apart in zip(kinds, (False, True), strict=True)
            ]
        else:
            ways = [Answer(kinds[0], there * (1.0 - stated)), Answer(kinds[1], there * stated)]
        answers = [*ways, Answer("none", 1.0 - there)]
        possible = tuple(answer for answer in answers if answer.probability > 0)
        if presence == "seen":
            doubtful = self.mixture[("establishment_presence", "doubtful", "present")]
            possible = recorded(row["confidence"], possible, at_least=doubtful)
        return Question(f"establishment:{row['provider_id']}", possible)

    # -- setup -------------------------------------------------------------------------------------------------

    def _options(self, row: Record) -> list[tuple[str, float]]:
        """The provider, or each qualified one with equal weight where none was chosen."""
        if row.get("provider_id"):
            return [(row["provider_id"], 1.0)]
        asked = split(row.get("certifications_required"))
        scheme = next((s for s in SCHEMES if s in asked), "HDS")
        pool = sorted(
            p
            for p in self.certificates.holders(scheme)
            if not self.providers[p]["is_pseudo"] and p not in self.own_hosts
        )
        return [(p, 1.0 / len(pool)) for p in pool]

    def _terms(self, row: Record, provider: str) -> tuple[frozenset[str], frozenset[str]]:
        """Protective clauses seen, and those not seen either way."""
        stated = split(row.get("terms"))
        if stated:
            return frozenset(stated) & frozenset(TERMS), frozenset()
        mine = [r for r in self.terms if r["provider_id"] == provider and r["setup_id"] in (None, row["setup_id"])]
        seen = {r["term"] for r in mine} & set(TERMS)
        if any(r["eu_law_only"] for r in mine):
            seen.add("eu_law_only_clause")
        return frozenset(seen), frozenset(TERMS) - frozenset(seen)

    def setup(self, row: Record, start: dt.date, years: float) -> SetupFacts:
        """Facts of one row of the setups table."""
        asked, pending = split(row.get("certifications_required")), split(row.get("certifications_pending"))
        options = self._options(row)
        end = start + dt.timedelta(days=365.25 * years)
        segments = self._segments(start, end, years, {p for p, _ in options})
        placed = {("data_location", c) for c in split(row.get("data_countries"))}
        placed |= {("remote_staff", c) for c in split(row.get("operator_countries"))}
        built = []
        for provider, weight in options:
            facts, unknowns = self.provider(provider)
            status = tuple(
                {s: self.certificates.status(provider, s, s in asked, s in pending, segment.start) for s in SCHEMES}
                for segment in segments
            )
            built.append(Option(provider, weight, facts | placed, unknowns, status))
        custody = row.get("key_custody")
        chances = {custody: 1.0} if custody else self._mixed("key_custody", "unknown")
        seen, unseen = self._terms(row, options[0][0] if len(options) == 1 else "")
        return SetupFacts(
            row["setup_id"],
            row.get("label") or row["setup_id"],
            row["data_class"],
            row["service_model"],
            tuple(built),
            chances,
            seen,
            unseen,
            self.mixture[("contract_terms", "not_seen", "present")],
            segments,
        )

    def _mixed(self, fact: str, observed: str) -> dict[str, float]:
        """Mixture of what was not seen, in the order of :data:`CUSTODY` whatever the order of rows."""
        chosen = {value: p for (f, o, value), p in self.mixture.items() if (f, o) == (fact, observed)}
        total = sum(chosen.values())
        return {value: chosen[value] / total for value in sorted(chosen, key=CUSTODY.index)}

    def _segments(self, start: dt.date, end: dt.date, years: float, providers: set[str]) -> tuple[Segment, ...]:
        """Cut the horizon where a regime or a certificate changes."""
        edges = self.certificates.changes(providers)
        edges |= {r["in_force_from"].date() for r in self.regimes if r["in_force_from"]}
        edges |= {r[name].date() + DAY for r in self.regimes for name in ("in_force_to", "certified_to") if r[name]}
        cuts = [start, *sorted(day for day in edges if start < day < end)]
        lengths = [(b - a).days / 365.25 for a, b in pairwise(cuts)]
        lengths.append(years - sum(lengths))  # the horizon is kept to the hour, not to the day
        return tuple(
            Segment(a, length, {r["regime_id"]: _authority(r, a) for r in self.regimes})
            for a, length in zip(cuts, lengths, strict=True)
        )


def _known(facts: set[Fact]) -> Walk:
    return lambda ask: frozenset(facts)


def _placed(question: Question, countries: list[str]) -> Walk:
    """A fact of one kind in some countries: what the answer says, unless it says ``none``."""
    return lambda ask: frozenset((says, country) for says in [ask(question)] if says != "none" for country in countries)


def _authority(regime: Record, day: dt.date) -> str:
    """State of a regime on a day: ``in_force``, ``not_yet``, or one of the two states after a lapse."""
    now = pd.Timestamp(day)
    if regime["in_force_from"] and regime["in_force_from"] > now:
        return "not_yet"
    if regime["in_force_to"] and regime["in_force_to"] < now:
        certified = regime["certified_to"] and now <= regime["certified_to"]
        return "certified_after_lapse" if certified else "after_certification"
    return "in_force"


EQUAL_TERMS = {
    "data_countries": "FR",
    "key_custody": "customer_managed",
    "data_class": "national_health_warehouse",
    "service_model": "infrastructure",
    "terms": "none",
}
"""Workload, custody and terms at which providers are compared unless others are given."""


def equal_terms(setups: pd.DataFrame, **changes: str) -> pd.DataFrame:
    """Return the same setups at one workload, key custody and contract, so that only the provider differs.

    Parameters
    ----------
    setups
        Rows like those of ``study["setups"]``; place of data, custody, data class, service model and terms are
        overwritten, provider, operators and certificates stay.
    **changes
        Columns to set instead of the default (data in France, customer-managed keys, a national health warehouse on
        infrastructure, no protective terms).

    Examples
    --------
    >>> import riskmodel as rm
    >>> rm.equal_terms(rm.read_study()["setups"], key_custody="provider")["key_custody"].unique().tolist()
    ['provider']
    """
    return setups.assign(**{**EQUAL_TERMS, **changes})
