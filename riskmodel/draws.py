"""What one posterior sample says of one setup: rates, key custody, contract terms, chances that routes are open.

Question answered: *given a posterior and the facts of a setup, which numbers enter the exposure formula?* Everything is
an array with the sample last. What no data can tell (a provider that publishes nothing, an unseen fact) is drawn
afresh, keyed by the *name* of the thing, so that scoring another setup beside it changes nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from riskmodel.nexus import SCHEMES, TERMS, Alternative, Option, Programme, SetupFacts, Unknown

if TYPE_CHECKING:
    from riskmodel.fit import Posterior

__all__ = [
    "Cell",
    "Cells",
    "Draws",
    "authority_cells",
    "cells",
    "contract_cells",
    "custody_factor",
    "rates",
    "stretches",
]

REPORTER_OF_PROVIDER = {
    "msft_azure": "microsoft",
    "aws": "aws",
    "ibm_cloud": "ibm",
    "google_cloud": "google_all",
}
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
            drawn = rng.random(self.size) if kind == "uniform" else rng.standard_normal(self.size)
            self._memory[name] = np.asarray(drawn)
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
    wanted = {purpose: np.ones(draws.size) for purpose in ("criminal", "intelligence")}
    if facts.data_class != "generic":
        wanted = {p: draws.get("attractiveness", data_class=facts.data_class, purpose=p) for p in wanted}
    by_purpose = {
        "criminal": np.exp(criminal) * wanted["criminal"],
        "intelligence": np.exp(tasked) * wanted["intelligence"],
    }
    by_purpose["any"] = by_purpose["criminal"] + by_purpose["intelligence"]
    return np.stack([by_purpose[p.purpose] for p in programmes]) * draws.transfer


def custody_factor(option: Option, custody: str, draws: Draws) -> np.ndarray:
    """Relative chance that content is produced in clear, against the reporting fleet: (sample,)."""
    fleet = draws.get("clear_text_fleet")
    if custody == "first_party":
        return 1.0 / fleet
    own = draws.get("custody_spread") * draws.fresh(f"custody:{option.provider_id}", "normal")
    chance = np.clip(draws.get("clear_text", custody=custody), 1e-7, 1.0 - 1e-7)
    return 1.0 / (1.0 + (1.0 - chance) / chance * np.exp(-own)) / fleet


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
    """One joint state of the settled facts of an option: its probability and the chance that a question opens."""

    weight: np.ndarray
    chance: np.ndarray  # (reached regime, stretch, question, sample)


@dataclass(frozen=True)
class Cells:
    """All joint states of an option; ``regimes`` are positions of the programmes that may reach it at all."""

    regimes: tuple[int, ...]
    cells: tuple[Cell, ...]


def stretches(option: Option) -> list[list[int]]:
    """Segments with the same certificates share one legal answer and can be added up."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for m, status in enumerate(option.status):
        groups.setdefault(tuple(status[s] for s in SCHEMES), []).append(m)
    return list(groups.values())


def relevant(option: Option, programmes: Sequence[Programme]) -> list[Unknown]:
    """Unknown facts that open or close a route of a foreign programme."""
    return [u for u in option.unknowns if any(p.routes(a.facts) for p in programmes for a in u.alternatives)]


def status_levels(option: Option, scheme: str, draws: Draws) -> list[np.ndarray]:
    """Probability that the controls of a scheme are in place, by segment."""
    return [draws.get("certification_in_place", status=status[scheme]) for status in option.status]


def cells(option: Option, programmes: Sequence[Programme], draws: Draws) -> Cells:
    """Enumerate the settled facts and certificates of an option exactly.

    The chance of a legal question is p_jmk = r_jk (1 - c_k Q_m) of the strongest open route of its group: two states
    of one route (separated or not, with or without access, minority or control) are one question.
    """
    unknowns = relevant(option, programmes)
    ways = list(product(*(u.alternatives for u in unknowns)))
    joint = [option.facts.union(*(way.facts for way in combination)) for combination in ways]
    opened = [[{draws.routes.index(r) for r in p.routes(facts)} for p in programmes] for facts in joint]
    regimes = tuple(j for j in range(len(programmes)) if any(routes[j] for routes in opened))
    groups = [
        group for group in ROUTE_GROUPS.values() if any(routes[j] & set(group) for routes in opened for j in regimes)
    ]
    if not regimes:
        return Cells((), (Cell(np.ones(draws.size), np.zeros((0, len(stretches(option)), 1, draws.size))),))
    found = []
    for quality, kept in _certificates(option, draws):
        for combination, routes in zip(ways, opened, strict=True):
            weight = quality
            for way in combination:
                weight = weight * fact_probability(way, draws)
            chance = np.zeros((len(regimes), len(kept), len(groups), draws.size))
            for a, j in enumerate(regimes):
                for g, group in enumerate(groups):
                    for m, keep in enumerate(kept):
                        present = [k for k in group if k in routes[j]]
                        if present:
                            chance[a, m, g] = np.max([draws.reach[j, k] * keep[k] for k in present], axis=0)
            found.append(Cell(weight, chance))
    return Cells(regimes, tuple(found))


def _certificates(option: Option, draws: Draws) -> list[tuple[np.ndarray, list[list[np.ndarray | float]]]]:
    """Joint states of the certificates: probability, and by stretch and route what they leave of reach."""
    firsts = [members[0] for members in stretches(option)]
    axes = []
    for scheme in SCHEMES:
        names = [option.status[m][scheme] for m in firsts]
        order = sorted(set(names), key=draws.coords["status"].index)
        levels = [draws.get("certification_in_place", status=name) for name in order]
        ladder = [np.zeros(draws.size), *levels, np.ones(draws.size)]
        # one uniform per scheme: between two levels exactly the stretches with the higher one have their controls
        axes.append([(ladder[i + 1] - ladder[i], [order.index(n) >= i for n in names]) for i in range(len(ladder) - 1)])
    removes = draws.values["certification_removes"]
    states = []
    for combination in product(*axes):
        weight = np.prod([part for part, _ in combination], axis=0)
        kept: list[list[np.ndarray | float]] = []
        for m in range(len(firsts)):
            passing = [removes[i] for i, (_, held) in enumerate(combination) if held[m]]
            kept.append([_left([c[k] for c in passing]) for k in range(len(draws.routes))])
        states.append((weight, kept))
    return states


def _left(removed: Sequence[np.ndarray]) -> np.ndarray | float:
    """What several certificates leave of a route's reach."""
    left: np.ndarray | float = 1.0
    for part in removed:
        if part.any():
            left = left * (1.0 - part)
    return left


def fact_probability(way: Alternative, draws: Draws) -> np.ndarray:
    """Probability that an alternative holds: (sample,)."""
    separated = draws.get("separated_when_unknown")
    learnt = {0: np.ones(draws.size), 1: separated, -1: 1.0 - separated}[way.learnt]
    return way.probability * learnt


def authority_cells(
    facts: SetupFacts, programmes: Sequence[Programme], draws: Draws
) -> list[tuple[np.ndarray, np.ndarray]]:
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
        factor = np.stack(
            [
                np.stack([used[s] if s in used else np.full(draws.size, base[j, m]) for m, s in enumerate(row)])
                for j, row in enumerate(state)
            ]
        )
        cells.append((ladder[i + 1] - ladder[i], factor.astype(float)))
    return cells
