"""What one posterior sample says of one setup: rates, key custody, contract terms, chances that routes are open.

Question answered: *given a posterior and the facts of a setup, which numbers enter the exposure formula?* Everything is
an array with the sample last. What no data can tell (a provider that publishes nothing, an unseen fact) is drawn
afresh, keyed by the *name* of the thing, so that scoring another setup beside it changes nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, logit

from riskmodel.nexus import SCHEMES, TERMS, Alternative, Fact, Option, Programme, SetupFacts, Unknown

if TYPE_CHECKING:
    from riskmodel.fit import Posterior

__all__ = ["Cell", "Draws", "authority_cells", "cells", "contract_cells", "custody_factor", "rates"]

REPORTER_OF_PROVIDER = {"msft_azure": "microsoft", "aws": "aws", "ibm_cloud": "ibm", "google_cloud": "google_all"}
ROUTE_GROUPS = {
    "ownership": [0, 1],
    "establishment": [2, 3],
    "licensor": [4, 5],
    "data_location": [6],
    "remote_staff": [7],
    "remote_provider": [8],
    "subprocessor": [9],
}
"""Positions in the posterior's routes that are one legal question."""
COUNTED = ("US_SCA_CLOUD", "US_FISA702")
"""Programmes whose hazard the counts and bands inform; others transfer from the United States rate."""


class Draws:
    """Posterior draws as arrays with the sample last, and fresh draws that are keyed by name, not by order."""

    def __init__(self, posterior: Posterior, programmes: Sequence[Programme]) -> None:
        self.values = posterior.arrays()
        self.coords = posterior.coords()
        self.seed = posterior.seed
        self.size = self.values["leak"].shape[-1]
        self.routes = self.coords["route"]
        place = [self.coords["regime"].index(p.regime_id) for p in programmes]
        self.reach = self.values["reach"][place]
        self.transfer = np.exp(self.values["log_transfer"][place])
        self.transfer[[p.regime_id in COUNTED for p in programmes]] = 1.0
        self._memory: dict[str, np.ndarray] = {}

    def get(self, name: str, **where: str) -> np.ndarray:
        """One posterior quantity, (sample,)."""
        value = self.values[name]
        for dim, label in where.items():
            value = value[self.coords[dim].index(label)]
        return value

    def fresh(self, name: str, kind: str = "uniform") -> np.ndarray:
        """Draws that belong to a name: the same whichever other providers or setups are scored."""
        if name not in self._memory:
            rng = np.random.default_rng([self.seed, zlib.crc32(f"{kind}:{name}".encode())])
            self._memory[name] = rng.random(self.size) if kind == "uniform" else rng.standard_normal(self.size)
        return self._memory[name]


def rates(facts: SetupFacts, option: Option, programmes: Sequence[Programme], draws: Draws) -> np.ndarray:
    """Disclosures per year given reach, before custody and terms: (regime, sample)."""
    provider, service = option.provider_id, facts.service_model
    spread = draws.get("provider_spread")
    reporter = REPORTER_OF_PROVIDER.get(provider, "")
    counted = f"{reporter}.{service}"
    if counted in draws.coords["reporter_service"]:
        criminal = draws.get("log_rate_criminal_reporter", reporter_service=counted)
    else:
        own = draws.fresh(f"criminal:{provider}", "normal")
        criminal = draws.get("log_rate_criminal", service=service) + spread * own
    if reporter in draws.coords["band_reporter"]:
        tasked = draws.get("log_rate_intelligence_reporter", band_reporter=reporter, service=service)
    else:
        own = draws.fresh(f"intelligence:{provider}", "normal")
        tasked = draws.get("log_rate_intelligence", service=service) + spread * own
    wanted = {"criminal": 1.0, "intelligence": 1.0}
    if facts.data_class != "generic":
        wanted = {p: draws.get("attractiveness", data_class=facts.data_class, purpose=p) for p in wanted}
    by_purpose = {"criminal": np.exp(criminal) * wanted["criminal"], "intelligence": np.exp(tasked) * wanted["intelligence"]}
    by_purpose["any"] = by_purpose["criminal"] + by_purpose["intelligence"]
    return np.stack([by_purpose[p.purpose] for p in programmes]) * draws.transfer


def custody_factor(option: Option, custody: str, draws: Draws) -> np.ndarray:
    """Relative chance that content is produced in clear, against the reporting fleet: (sample,)."""
    fleet = draws.get("clear_text_fleet")
    if custody == "first_party":
        return 1.0 / fleet
    own = draws.get("custody_spread") * draws.fresh(f"custody:{option.provider_id}", "normal")
    return expit(logit(draws.get("clear_text", custody=custody)) + own) / fleet


def terms_factor(names: frozenset[str], draws: Draws) -> np.ndarray:
    """Share of demands that the contract terms do not defeat: (sample,)."""
    keep = np.ones(draws.size)
    for term in TERMS:
        if term in names:
            keep = keep * (1.0 - draws.get("demand_defeated", term=term))
    return keep


def contract_cells(facts: SetupFacts, draws: Draws) -> list[tuple[float, np.ndarray]]:
    """Probability, and share of demands not defeated, of each reading of the contract (unseen terms there or not)."""
    seen = terms_factor(facts.terms, draws)
    if not facts.terms_unseen:
        return [(1.0, seen)]
    more = terms_factor(facts.terms | facts.terms_unseen, draws)
    return [(1.0 - facts.terms_probability, seen), (facts.terms_probability, more)]


@dataclass(frozen=True)
class Cell:
    """One joint state of the settled facts of an option: its probability and the open chance of each route."""

    weight: np.ndarray
    chance: np.ndarray  # (regime, segment, group, sample)


def open_chance(option: Option, facts: frozenset[Fact], passed: Mapping[str, Sequence[bool]], programmes: Sequence[Programme], draws: Draws) -> np.ndarray:
    """p_jmk = r_jk (1 - c_k Q_m), strongest open route of each group: (regime, segment, group, sample).

    Two states of one route (separated or not, with or without access, minority or control) are one legal question.
    """
    kept = []
    for m in range(len(option.status)):
        keep = np.ones((len(draws.routes), draws.size))
        for scheme in SCHEMES:
            if passed[scheme][m]:
                keep = keep * (1.0 - draws.values["certification_removes"][draws.coords["scheme"].index(scheme)])
        kept.append(keep)
    there = np.zeros((len(programmes), len(draws.routes)))
    for j, programme in enumerate(programmes):
        for route in programme.routes(facts):
            there[j, draws.routes.index(route)] = 1.0
    open_chance = (draws.reach * there[:, :, None])[:, None] * np.stack(kept)[None]
    return np.stack([open_chance[:, :, members].max(axis=2) for members in ROUTE_GROUPS.values()], axis=2)


def relevant(option: Option, programmes: Sequence[Programme]) -> list[Unknown]:
    """Unknown facts that open or close a route of a foreign programme."""
    return [u for u in option.unknowns if any(p.routes(a.facts) for p in programmes for a in u.alternatives)]


def status_levels(option: Option, scheme: str, draws: Draws) -> list[np.ndarray]:
    """Probability that the controls of a scheme are in place, by segment."""
    return [draws.get("certification_in_place", status=status[scheme]) for status in option.status]


def cells(option: Option, programmes: Sequence[Programme], draws: Draws) -> list[Cell]:
    """Enumerate the settled facts and certificates of an option exactly."""
    unknowns = relevant(option, programmes)
    reachable = any(p.routes(option.facts) for p in programmes) or bool(unknowns)
    axes: list[list[tuple[np.ndarray | float, Any]]] = []
    for unknown in unknowns:
        axes.append([(fact_probability(way, draws), way.facts) for way in unknown.alternatives])
    for scheme in SCHEMES:
        levels = status_levels(option, scheme, draws)
        names = [status[scheme] for status in option.status]
        distinct = [levels[names.index(n)] for n in sorted(set(names), key=draws.coords["status"].index)]
        ladder = [np.zeros(draws.size), *distinct, np.ones(draws.size)]
        ranks = [sorted(set(names), key=draws.coords["status"].index).index(n) for n in names]
        # one uniform per scheme: between two levels exactly the segments with the higher one have their controls
        axes.append([(ladder[i + 1] - ladder[i], tuple(rank >= i for rank in ranks)) for i in range(len(ladder) - 1)])
    if not reachable:
        return [Cell(np.ones(draws.size), open_chance(option, option.facts, {s: [False] * len(option.status) for s in SCHEMES}, programmes, draws))]
    cells = []
    for combination in product(*axes):
        weight = np.ones(draws.size)
        facts = option.facts
        for (part, value), unknown in zip(combination, [*unknowns, *SCHEMES], strict=True):
            weight = weight * part
            facts = facts | value if isinstance(unknown, Unknown) else facts
        passed = dict(zip(SCHEMES, (value for _, value in combination[len(unknowns) :]), strict=True))
        cells.append(Cell(weight, open_chance(option, facts, passed, programmes, draws)))
    return cells


def fact_probability(way: Alternative, draws: Draws) -> np.ndarray:
    """Probability that an alternative holds: (sample,)."""
    separated = draws.get("separated_when_unknown")
    learnt = {0: np.ones(draws.size), 1: separated, -1: 1.0 - separated}[way.learnt]
    return way.probability * learnt


def authority_cells(facts: SetupFacts, programmes: Sequence[Programme], draws: Draws) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight and factor (regime, segment) of each joint state of lapsed authorities (one uniform for all)."""
    size = (len(programmes), len(facts.segments))
    state = [[segment.authority[p.regime_id] for segment in facts.segments] for p in programmes]
    windows = [w for w in draws.coords["authority_window"] if any(w in row for row in state)]
    base = np.array([[1.0 if s != "not_yet" else 0.0 for s in row] for row in state]).reshape(size)
    if not windows:
        return [(np.ones(draws.size), base)]
    level = {w: draws.get("authority_used", authority_window=w) for w in windows}
    order = np.sort(np.stack([level[w] for w in windows]), axis=0)
    ladder = np.concatenate([np.zeros((1, draws.size)), order, np.ones((1, draws.size))])
    cells = []
    for i in range(len(ladder) - 1):
        used = {w: level[w] >= ladder[i + 1] - 1e-12 for w in windows}
        factor = np.stack([np.stack([used[s] if s in used else np.full(draws.size, base[j, m]) for m, s in enumerate(row)]) for j, row in enumerate(state)])
        cells.append((ladder[i + 1] - ladder[i], factor.astype(float)))
    return cells
