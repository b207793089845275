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
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.codes import legal_space
from riskmodel.design import content_programmes

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["Alternative", "Option", "Programme", "Segment", "SetupFacts", "Unknown", "equal_terms", "foreign_programmes", "setup_facts"]

MAJORITY_PCT = 50.0
"""Control is more than this share of votes (or of capital where votes are not known), or a stated right."""
TERMS = ("challenge_demands", "eu_law_only_clause", "notify_customer")
SCHEMES = ("SecNumCloud", "HDS")

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
        countries = frozenset(split(row["countries"]))
        if countries & inside:
            continue
        mine = routes[routes["wording"].isin(split(row["wordings"]))]
        table = {fact: frozenset(part["route"]) for fact, part in mine.groupby("fact")}
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
    return tuple(book.setup(row, start, horizon_years) for row in table.to_dict("records"))


class _Book:
    """The study's tables, indexed for look-up; built once for all setups."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.providers = study["providers"].set_index("provider_id")
        self.country = study["entities"].set_index("entity_id")["country"].dropna().to_dict()
        owned = study["ownership"]
        owned = owned[(owned["status"] == "current") & (owned["as_of_meaning"] != "planned")]
        owned = owned.sort_values(["owned_id", "holder_id", "kind", "as_of"], na_position="first")
        self.owned = owned.drop_duplicates(["owned_id", "holder_id", "kind"], keep="last")
        certificates = study["certifications"]
        self.certificates = certificates[certificates["superseded_by"].isna()]
        mixtures = study["mixtures"]
        self.mixture = {
            (r["fact"], r["observed"], r["value"]): float(r["probability"]) for r in mixtures.to_dict("records")
        }
        first_party = study["setups"]["key_custody"] == "first_party"
        self.own_hosts = set(study["setups"].loc[first_party, "provider_id"])

    # -- ownership ---------------------------------------------------------------------------------------------

    def _holders(self, entity: str) -> Iterator[tuple[str, float]]:
        """Holders of an entity, each with the probability that it controls (0: holds less)."""
        rows = self.owned[self.owned["owned_id"] == entity]
        for holder, part in rows.groupby("holder_id", sort=True):
            kinds = part.set_index("kind")
            if "control" in kinds.index:
                yield str(holder), 1.0
                continue
            row = kinds.loc["votes"] if "votes" in kinds.index else kinds.iloc[0]
            low, high = row["share_low_pct"], row["share_high_pct"]
            if high != high or low != low:
                yield str(holder), 0.0  # a holding of unseen size is a holding, not control
            elif high > 0:
                above = (high - max(low, MAJORITY_PCT)) / (high - low) if high > low else float(low > MAJORITY_PCT)
                yield str(holder), float(np.clip(above, 0.0, 1.0))

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
                    ways = (Alternative(control, held | {("control", country)}), Alternative(1.0 - control, held))
                    unknowns.append(Unknown(f"control:{provider}:{holder}", ways))
                if control > 0.0 and holder not in seen:
                    seen.add(holder)
                    queue.append((holder, control))
        return facts, unknowns

    # -- provider ----------------------------------------------------------------------------------------------

    def provider(self, provider_id: str) -> tuple[frozenset[Fact], tuple[Unknown, ...]]:
        """Facts and unknowns of a provider and of the infrastructure it runs on."""
        row = self.providers.loc[provider_id]
        facts, unknowns = self._ownership(provider_id)
        if row["seat_country"] == row["seat_country"]:
            facts.add(("seat", row["seat_country"]))
        facts |= {("remote_staff", country) for country in split(row["staff_countries"])}
        abroad = split(row["establishment_countries"])
        if abroad:
            unknowns.append(self._establishment(provider_id, row, abroad))
        licensor = row["licensor_id"]
        if licensor == licensor:
            chain, _ = self._ownership(licensor)
            places = {country for kind, country in chain if kind == "control"}
            places |= {self.country[licensor]} if licensor in self.country else set()
            access = row["licensor_access"] if row["licensor_access"] == row["licensor_access"] else "unknown"
            chance = self.mixture[("licensor_access", access, "licensor_with_access")]
            ways = (
                Alternative(chance, frozenset(("licensor_with_access", c) for c in places)),
                Alternative(1.0 - chance, frozenset(("licensor_without_access", c) for c in places)),
            )
            unknowns.append(Unknown(f"licensor:{provider_id}", ways))
        below = row.get("runs_on")
        if below == below and below is not None:
            more, others = self.provider(str(below))
            facts |= more
            unknowns += others
        return frozenset(facts), tuple(u for u in unknowns if any(a.facts for a in u.alternatives))

    def _establishment(self, provider: str, row: pd.Series, abroad: list[str]) -> Unknown:
        """Subsidiaries abroad: are they there, and are they separated from the European service?"""
        presence = row.get("establishment_presence")
        presence = presence if presence == presence and presence else "seen"
        there = self.mixture[("establishment_presence", str(presence), "present")]
        together = frozenset(("establishment_not_separated", country) for country in abroad)
        apart = frozenset(("establishment_separated", country) for country in abroad)
        stated = self.mixture.get(("establishment_separation", row["establishment_separation"], "establishment_separated"))
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
        rows = self.certificates
        rows = rows[(rows["provider_id"] == provider_id) & (rows["scheme"] == scheme)]
        begun = rows["date"].isna() | (rows["date"] <= pd.Timestamp(day))
        held = rows[(rows["status"] == "qualified") & begun & asked]
        if len(held):
            ends = held["valid_to"].dropna()
            return "in_progress" if len(ends) and ends.max() < pd.Timestamp(day) else "qualified"
        return "in_progress" if pending or (rows["status"] == "in_progress").any() else "none"

    # -- setup -------------------------------------------------------------------------------------------------

    def _options(self, row: Mapping[str, object]) -> list[tuple[str, float]]:
        """The provider, or each qualified one with equal weight where none was chosen."""
        named = row.get("provider_id")
        if isinstance(named, str) and named:
            return [(named, 1.0)]
        asked = split(row.get("certifications_required"))
        scheme = next((s for s in SCHEMES if s in asked), "HDS")
        rows = self.certificates
        held = rows[(rows["scheme"] == scheme) & (rows["status"] == "qualified")]["provider_id"]
        pseudo = self.providers["is_pseudo"].astype(bool)
        pool = sorted(p for p in set(held) if not pseudo[p] and p not in self.own_hosts)
        return [(p, 1.0 / len(pool)) for p in pool]

    def _terms(self, row: Mapping[str, object], provider: str) -> tuple[frozenset[str], frozenset[str]]:
        """Protective clauses seen, and those not seen either way."""
        stated = split(row.get("terms"))
        if stated:
            return frozenset(stated) & frozenset(TERMS), frozenset()
        table = self.study["contract_terms"]
        general = table["setup_id"].isna() | (table["setup_id"] == row["setup_id"])
        mine = table[(table["provider_id"] == provider) & general & (table["effect"] == "strengthens")]
        seen = set(mine["term"]) & set(TERMS)
        if (mine["eu_law_only"].fillna(False).astype(bool)).any():
            seen.add("eu_law_only_clause")
        return frozenset(seen), frozenset(TERMS) - frozenset(seen)

    def setup(self, row: Mapping[str, object], start: dt.date, years: float) -> SetupFacts:
        """Facts of one row of the setups table."""
        asked, pending = split(row.get("certifications_required")), split(row.get("certifications_pending"))
        options = self._options(row)
        end = start + dt.timedelta(days=365.25 * years)
        segments = self._segments(start, end, [p for p, _ in options])
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
        known = isinstance(custody, str) and custody
        chances = {str(custody): 1.0} if known else self._mixed("key_custody", "unknown")
        seen, unseen = self._terms(row, options[0][0] if len(options) == 1 else "")
        label = row.get("label")
        return SetupFacts(
            str(row["setup_id"]),
            str(label if label == label and label else row["setup_id"]),
            str(row["data_class"]),
            str(row["service_model"]),
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

    def _segments(self, start: dt.date, end: dt.date, providers: list[str]) -> tuple[Segment, ...]:
        """Cut the horizon where a regime or a certificate changes."""
        regimes = self.study["regimes"]
        heads = regimes[regimes["regime_id"] == regimes["programme_id"]].set_index("regime_id")
        days = pd.concat([heads[c] for c in ("in_force_from", "in_force_to", "certified_to")])
        mine = self.certificates[self.certificates["provider_id"].isin(providers)]
        edges = {pd.Timestamp(d).date() + dt.timedelta(days=1) for d in pd.concat([days, mine["valid_to"]]).dropna()}
        cuts = [start, *sorted(d for d in edges if start < d < end), end]
        return tuple(
            Segment(a, (b - a).days / 365.25, {str(k): _authority(r, a) for k, r in heads.iterrows()})
            for a, b in pairwise(cuts)
        )


def _authority(regime: pd.Series, day: dt.date) -> str:
    """State of a regime on a day: ``in_force``, ``not_yet``, or one of the two states after a lapse."""
    now = pd.Timestamp(day)
    if regime["in_force_from"] > now:
        return "not_yet"
    if regime["in_force_to"] < now:
        return "certified_after_lapse" if now <= regime["certified_to"] else "after_certification"
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
