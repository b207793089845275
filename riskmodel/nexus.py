"""Study -> facts: through which routes can which state's law reach a setup, and how sure is each fact?

Question answered: *what connects this setup to a foreign jurisdiction?* Ownership chains are walked (control passes
down links above 50 % of votes or by stated rights, never by products of shares), wordings of law are matched to facts
only through ``data/route_map.csv``, and what is not known becomes an :class:`Unknown` with a stated probability
instead of a "no".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.codes import legal_space
from riskmodel.design import content_programmes

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = [
    "Alternative",
    "Option",
    "Programme",
    "Segment",
    "SetupFacts",
    "Unknown",
    "equal_terms",
    "foreign_programmes",
    "setup_facts",
]

MAJORITY_PCT = 50.0
"""Control is more than this share of votes (or of capital where votes are not known), or a stated right."""
TERMS = ("challenge_demands", "eu_law_only_clause", "notify_customer")
SCHEMES = ("SecNumCloud", "HDS")

Record = dict[str, Any]
Fact = tuple[str, str]
"""(kind of fact as in route_map.csv, country)."""


@dataclass(frozen=True)
class Alternative:
    """One way a fact may be: a stated probability, times what the posterior says of separation where that matters.

    ``learnt`` +1 multiplies by the probability that an unseen subsidiary is separated, -1 by its complement.
    """

    probability: float
    facts: frozenset[Fact]
    learnt: int = 0


@dataclass(frozen=True)
class Unknown:
    """A settled fact that was not seen: exactly one alternative holds. Ordered from most to least exposing."""

    name: str
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class Option:
    """One provider a setup may run on: its weight, certain facts and unknowns, and scheme status by segment."""

    provider_id: str
    weight: float
    facts: frozenset[Fact]
    unknowns: tuple[Unknown, ...]
    status: tuple[Mapping[str, str], ...]


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


@dataclass(frozen=True)
class Programme:
    """A hazard unit abroad: its state, its purpose, and which fact opens which route."""

    regime_id: str
    name: str
    countries: frozenset[str]
    purpose: str
    route_of_fact: Mapping[str, frozenset[str]]

    def routes(self, facts: frozenset[Fact]) -> frozenset[str]:
        """Routes that the facts open for this programme."""
        opened = [self.route_of_fact.get(kind, frozenset()) for kind, country in facts if country in self.countries]
        return frozenset().union(*opened)


def split(value: object) -> list[str]:
    """Elements of a list-valued cell; empty and missing cells have none."""
    return [] if value is None or value != value else [part for part in str(value).split(";") if part]


def foreign_programmes(study: Study, home: str) -> tuple[Programme, ...]:
    """Return the programmes of states outside ``home`` that can compel content, in order of their ids.

    Parameters
    ----------
    home
        Legal space of the data controller: ``"EU/EEA"`` or an ISO country code.
    """
    inside = legal_space(home)
    routes = study["route_map"]
    found = []
    for regime_id, row in content_programmes(study).iterrows():
        countries = frozenset().union(*(_members(c) for c in split(row["countries"])))
        if countries & inside:
            continue
        mine = routes[routes["wording"].isin(split(row["wordings"]))]
        table = {str(fact): frozenset(part["route"]) for fact, part in mine.groupby("fact")}
        found.append(Programme(str(regime_id), str(row["name"]), countries, str(row["purpose"]), table))
    return tuple(found)


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
    book = _Book(study)
    start = start or study.as_of
    table = study["setups"] if setups is None else setups
    return tuple(book.setup(row, start, horizon_years) for row in _records(table))


class _Book:
    """The study's tables as plain records, indexed for look-up; built once for all setups."""

    def __init__(self, study: Study) -> None:
        self.providers = {row["provider_id"]: row for row in _records(study["providers"])}
        self.country = {row["entity_id"]: row["country"] for row in _records(study["entities"]) if row["country"]}
        self.owned: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
        current = [
            r for r in _records(study["ownership"]) if r["status"] == "current" and r["as_of_meaning"] != "planned"
        ]
        for row in sorted(current, key=lambda r: r["as_of"] or pd.Timestamp.min):  # the latest of each kind stays
            self.owned.setdefault(row["owned_id"], {}).setdefault(row["holder_id"], {})[row["kind"]] = row
        self.certificates = [r for r in _records(study["certifications"]) if not r["superseded_by"]]
        self.terms = [r for r in _records(study["contract_terms"]) if r["effect"] == "strengthens"]
        self.mixture = {(r["fact"], r["observed"], r["value"]): r["probability"] for r in _records(study["mixtures"])}
        self.regimes = [r for r in _records(study["regimes"]) if r["regime_id"] == r["programme_id"]]
        self.own_hosts = {r["provider_id"] for r in _records(study["setups"]) if r["key_custody"] == "first_party"}
        self._provider: dict[str, tuple[frozenset[Fact], tuple[Unknown, ...]]] = {}

    # -- ownership ---------------------------------------------------------------------------------------------

    def _holders(self, entity: str) -> Iterator[tuple[str, float]]:
        """Holders of an entity, each with the probability that it controls (0: holds less)."""
        for holder, kinds in sorted(self.owned.get(entity, {}).items()):
            if "control" in kinds:
                yield holder, 1.0
                continue
            row = kinds.get("votes") or next(iter(kinds.values()))
            low, high = row["share_low_pct"], row["share_high_pct"]
            if low is None or high is None:
                yield holder, 0.0  # a holding of unseen size is a holding, not control
            elif high > 0:
                above = (high - max(low, MAJORITY_PCT)) / (high - low) if high > low else float(low > MAJORITY_PCT)
                yield holder, float(np.clip(above, 0.0, 1.0))

    def _ownership(self, provider: str) -> tuple[set[Fact], list[Unknown]]:
        """Walk the chain of control upwards; shares below control stop where they are."""
        facts: set[Fact] = set()
        unknowns: list[Unknown] = []
        seen, queue = {provider}, [(provider, 1.0)]
        while queue:
            entity, certain = queue.pop(0)
            for holder, control in self._holders(entity):
                country = self.country.get(holder)
                control *= certain
                if country and control == 1.0:
                    facts.add(("control", country))
                elif country and control == 0.0:
                    facts.add(("minority", country))
                elif country:
                    held = frozenset({("minority", country)})
                    ways = (
                        Alternative(control, held | {("control", country)}),
                        Alternative(1.0 - control, held),
                    )
                    unknowns.append(Unknown(f"control:{provider}:{holder}", ways))
                if control > 0.0 and holder not in seen:
                    seen.add(holder)
                    queue.append((holder, control))
        return facts, unknowns

    # -- provider ----------------------------------------------------------------------------------------------

    def provider(self, provider_id: str) -> tuple[frozenset[Fact], tuple[Unknown, ...]]:
        """Facts and unknowns of a provider and of the infrastructure it runs on."""
        if provider_id not in self._provider:
            self._provider[provider_id] = self._read_provider(provider_id)
        return self._provider[provider_id]

    def _read_provider(self, provider_id: str) -> tuple[frozenset[Fact], tuple[Unknown, ...]]:
        row = self.providers[provider_id]
        facts, unknowns = self._ownership(provider_id)
        if row["seat_country"]:
            facts.add(("seat", row["seat_country"]))
        facts |= {("remote_staff", country) for country in split(row["staff_countries"])}
        abroad = split(row["establishment_countries"])
        if abroad:
            unknowns.append(self._establishment(provider_id, row, abroad))
        licensor = row["licensor_id"]
        if licensor:
            chain, _ = self._ownership(licensor)
            places = {country for kind, country in chain if kind == "control"}
            places |= {self.country[licensor]} if licensor in self.country else set()
            access = row["licensor_access"] or "unknown"
            chance = self.mixture[("licensor_access", access, "licensor_with_access")]
            ways = (
                Alternative(chance, frozenset(("licensor_with_access", c) for c in places)),
                Alternative(1.0 - chance, frozenset(("licensor_without_access", c) for c in places)),
            )
            unknowns.append(Unknown(f"licensor:{provider_id}", ways))
        if row["runs_on"]:
            more, others = self.provider(row["runs_on"])
            facts |= more
            unknowns += others
        return frozenset(facts), tuple(u for u in unknowns if any(a.facts for a in u.alternatives))

    def _establishment(self, provider: str, row: Record, abroad: list[str]) -> Unknown:
        """Subsidiaries abroad: are they there, and are they separated from the European service?"""
        there = self.mixture[("establishment_presence", row["establishment_presence"] or "seen", "present")]
        together = frozenset(("establishment_not_separated", country) for country in abroad)
        apart = frozenset(("establishment_separated", country) for country in abroad)
        stated = self.mixture.get(
            ("establishment_separation", row["establishment_separation"], "establishment_separated")
        )
        absent = Alternative(1.0 - there, frozenset())
        if stated is None:
            ways = (Alternative(there, together, learnt=-1), Alternative(there, apart, learnt=1), absent)
        else:
            ways = (Alternative(there * (1.0 - stated), together), Alternative(there * stated, apart), absent)
        return Unknown(f"establishment:{provider}", ways)

    def status(self, provider_id: str, scheme: str, asked: bool, pending: bool, day: dt.date) -> str:
        """Status of a scheme on a day for a setup: a label counts only where the setup asks for it.

        A certificate past its end is treated as in progress: renewal is usual and was not seen.
        """
        if not (asked or pending):
            return "none"
        rows = [r for r in self.certificates if r["provider_id"] == provider_id and r["scheme"] == scheme]
        now = pd.Timestamp(day)
        held = [r for r in rows if r["status"] == "qualified" and not (r["date"] and r["date"] > now)]
        if held and asked:
            ends = [r["valid_to"] for r in held if r["valid_to"]]
            return "in_progress" if ends and max(ends) < now else "qualified"
        return "in_progress" if pending or any(r["status"] == "in_progress" for r in rows) else "none"

    # -- setup -------------------------------------------------------------------------------------------------

    def _options(self, row: Record) -> list[tuple[str, float]]:
        """The provider, or each qualified one with equal weight where none was chosen."""
        if row.get("provider_id"):
            return [(row["provider_id"], 1.0)]
        asked = split(row.get("certifications_required"))
        scheme = next((s for s in SCHEMES if s in asked), "HDS")
        held = {r["provider_id"] for r in self.certificates if r["scheme"] == scheme and r["status"] == "qualified"}
        pool = sorted(p for p in held if not self.providers[p]["is_pseudo"] and p not in self.own_hosts)
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
        segments = self._segments(start, end, years, [p for p, _ in options])
        placed = {("data_location", c) for c in split(row.get("data_countries"))}
        placed |= {("remote_staff", c) for c in split(row.get("operator_countries"))}
        built = []
        for provider, weight in options:
            facts, unknowns = self.provider(provider)
            status = tuple(
                {s: self.status(provider, s, s in asked, s in pending, segment.start) for s in SCHEMES}
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
        chosen = {value: p for (f, o, value), p in self.mixture.items() if (f, o) == (fact, observed)}
        total = sum(chosen.values())
        return {value: p / total for value, p in chosen.items()}

    def _segments(self, start: dt.date, end: dt.date, years: float, providers: list[str]) -> tuple[Segment, ...]:
        """Cut the horizon where a regime or a certificate changes."""
        days = [r[name] for r in self.regimes for name in ("in_force_from", "in_force_to", "certified_to")]
        days += [r["valid_to"] for r in self.certificates if r["provider_id"] in providers]
        edges = {day.date() + dt.timedelta(days=1) for day in days if day}
        cuts = [start, *sorted(day for day in edges if start < day < end)]
        lengths = [(b - a).days / 365.25 for a, b in pairwise(cuts)]
        lengths.append(years - sum(lengths))  # the horizon is kept to the hour, not to the day
        return tuple(
            Segment(a, length, {r["regime_id"]: _authority(r, a) for r in self.regimes})
            for a, length in zip(cuts, lengths, strict=True)
        )


def _members(country: str) -> frozenset[str]:
    """A country, or the members of the Union for law that every one of them applies."""
    return legal_space("EU") if country == "EU" else frozenset({country})


def _records(table: pd.DataFrame) -> list[Record]:
    """Rows as dictionaries with None for every missing cell."""
    return list(table.astype(object).where(table.notna(), None).to_dict("records"))  # type: ignore[arg-type]


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
