"""What one posterior sample says of one setup: rates, key custody, contract terms, chances that routes are open.

Question answered: *given a posterior and the facts of a setup, which numbers enter the exposure formula?* Everything is
an array with the sample last. What no data can tell (a provider that publishes nothing, an unseen fact) is drawn
afresh, keyed by the *name* of the thing, so that scoring another setup beside it changes nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np

from riskmodel.codes import EU_EEA, country_name
from riskmodel.errors import UsageError
from riskmodel.nexus import (
    SCHEMES,
    TERMS,
    Fact,
    Learnt,
    Option,
    Programme,
    SetupFacts,
    Status,
    Unknown,
    foreign_programmes,
)

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = [
    "Draws",
    "Kept",
    "Routes",
    "authority_cells",
    "certificate_cells",
    "chance",
    "contract_cells",
    "custody_factor",
    "fact_cells",
    "legal_questions",
    "openings",
    "questions_touched",
    "rates",
    "require_same",
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
ROUTE_WORDS = {
    "minority_holding": "a minority holding",
    "parent_control": "control by a parent",
    "establishment_separated": "a separated establishment",
    "establishment_not_separated": "an establishment that is not separated",
    "licensor_without_access": "a licensor without access",
    "licensor_with_access": "a licensor with access",
    "data_location": "the place of the data",
    "remote_staff": "staff there",
    "remote_provider": "a service offered there",
    "subprocessor": "a subprocessor",
}
"""Routes as a sentence says them."""
COUNTED = ("US_SCA_CLOUD", "US_FISA702")
"""Programmes whose hazard the counts and bands inform; others transfer from the United States rate."""
TINY = 1e-12
Routes = tuple[frozenset[str], ...]
"""Routes open, by programme."""


def require_same(posterior: Posterior, study: Study) -> None:
    """Refuse a study in which a reader replaced values that the posterior was fitted to.

    Raises
    ------
    UsageError
        If the posterior belongs to other values.
    """
    if study.design_hash not in (None, posterior.design_hash):
        raise UsageError(
            "study: values that the posterior rests on were replaced, so that it does not hold for them; fit again "
            "with riskmodel.fit"
        )


class Draws:
    """Posterior draws as arrays with the sample last, and fresh draws that are keyed by name, not by order."""

    def __init__(
        self, posterior: Posterior, programmes: Sequence[Programme], settled: Mapping[str, bool] | None = None
    ) -> None:
        self.values = posterior.arrays()
        self.coords = posterior.coords()
        self.seed = posterior.seed
        self.size = self.values["leak"].shape[-1]
        self.routes = self.coords["route"]
        place = [self.coords["regime"].index(p.reach_of) for p in programmes]
        self.reach = self.values["reach"][place]
        for key, answer in (settled or {}).items():
            self.settle(key, answer, programmes)
        # the schemes keep out law from outside the Union; of the law of its members they remove nothing
        self.certified = [not p.countries & EU_EEA for p in programmes]
        self.transfer = np.exp(self.values["log_transfer"][place])
        self.transfer[[p.regime_id in COUNTED for p in programmes]] = 1.0
        self._memory: dict[str, np.ndarray] = {}

    def settle(self, key: str, answer: bool, programmes: Sequence[Programme]) -> None:
        """Condition reach on a legal question of a state: U below or above the chance of its route.

        Other states of the same question (a minority beside control, access or none) follow: what is known to reach
        with less nexus reaches with more, and the remaining ones keep their conditional chance.
        """
        state, _, route = key.partition(":")
        mine = [j for j, programme in enumerate(programmes) if state_of(programme) == state]
        group = next((members for members in ROUTE_GROUPS.values() if route in [self.routes[k] for k in members]), None)
        if not mine or group is None:
            known = sorted({state_of(programme) for programme in programmes})
            raise UsageError(
                f"legal question {key!r} - must be STATE:ROUTE with a state of {', '.join(known)} and a route of "
                f"{', '.join(self.routes)}"
            )
        for j in mine:
            asked = self.reach[j, self.routes.index(route)].copy()
            for k in group:
                if answer:
                    self.reach[j, k] = np.minimum(self.reach[j, k] / np.maximum(asked, TINY), 1.0)
                else:
                    self.reach[j, k] = np.maximum(self.reach[j, k] - asked, 0.0) / np.maximum(1.0 - asked, TINY)

    def get(self, name: str, **where: str) -> np.ndarray:
        """One posterior quantity, (sample,).

        Raises
        ------
        UsageError
            If the posterior does not have it: it was fitted by an older version.
        """
        if name not in self.values:
            raise UsageError(f"posterior: lacks {name}, which this answer needs; fit again with `riskmodel fit`")
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


def state_of(programme: Programme) -> str:
    """The state of a programme, as legal questions name it."""
    return "-".join(sorted(programme.countries))


def _state_name(programme: Programme) -> str:
    """The state of a programme in words; law that many members of a union apply is that of the union."""
    countries = sorted(programme.countries)
    return country_name(countries[0]) if len(countries) == 1 else "the European Union"


def legal_questions(study: Study, home: str | None = None) -> dict[str, str]:
    """Which legal questions may be settled: does the law of this state reach through this route?

    Parameters
    ----------
    study
        Regimes and the map of routes.
    home
        Legal space of the controller, default the study's.

    Returns
    -------
    dict
        ``"STATE:route"`` (as in ``settled`` of :func:`riskmodel.exposure`) to a label.
    """
    programmes = foreign_programmes(study, home or study.home)
    routes = sorted({r for p in programmes for opened in p.route_of_fact.values() for r in opened})
    return {
        f"{state_of(p)}:{route}": f"law of {_state_name(p)} reaches through {ROUTE_WORDS[route]}"
        for p in programmes
        for route in routes
        if any(route in opened for opened in p.route_of_fact.values())
    }


def questions_touched(facts: SetupFacts, programmes: Sequence[Programme]) -> frozenset[str]:
    """Legal questions whose route is open, or may be, for a setup: keys as those of :func:`legal_questions`."""
    found = set()
    for option in facts.options:
        possible = [option.facts, *(way.facts for unknown in option.unknowns for way in unknown.alternatives)]
        for programme in programmes:
            found |= {f"{state_of(programme)}:{route}" for held in possible for route in programme.routes(held)}
    return frozenset(found)


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


def stretches(option: Option) -> list[list[int]]:
    """Segments with the same certificates share one legal answer and can be added up."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for m, status in enumerate(option.status):
        groups.setdefault(tuple(status[s] for s in SCHEMES), []).append(m)
    return list(groups.values())


def openings(facts: frozenset[Fact], programmes: Sequence[Programme]) -> Routes:
    """Routes that facts open, by programme."""
    return tuple(p.routes(facts) for p in programmes)


def relevant(option: Option, programmes: Sequence[Programme]) -> list[tuple[Unknown, list[Routes]]]:
    """Uncertain facts that decide over a route of a foreign programme, with what each alternative opens."""
    certain = openings(option.facts, programmes)
    found = []
    for unknown in option.unknowns:
        opened = [openings(way.facts, programmes) for way in unknown.alternatives]
        if any(more - routes for way in opened for more, routes in zip(way, certain, strict=True)):
            found.append((unknown, opened))
    return found


def chance(stated: float, learnt: Learnt, draws: Draws) -> np.ndarray:
    """Probability that an alternative holds: (sample,)."""
    result = np.full(draws.size, stated)
    for name, holds in learnt:
        if name == "separated":
            value = draws.get("separated_when_unknown")
        else:
            confidence, _, at_least = name.partition(":")
            value = np.maximum(draws.get("fact_true", confidence=confidence), float(at_least or 0.0))
        result *= value if holds else 1.0 - value
    return result


def fact_cells(
    path: Sequence[Option], programmes: Sequence[Programme], draws: Draws
) -> dict[tuple[Routes, ...], np.ndarray]:
    """Probability of each joint state of the settled facts of some options, as the routes that are open in each.

    Enumerated exactly, one unknown after the other; states that open the same routes are added up, so that facts which
    change nothing cost nothing. A question that two unknowns ask is answered once.
    """
    certain = tuple(openings(option.facts, programmes) for option in path)
    unknowns: dict[str, tuple[Unknown, dict[int, list[Routes]]]] = {}
    for k, option in enumerate(path):
        for unknown, ways in relevant(option, programmes):
            unknowns.setdefault(unknown.name, (unknown, {}))[1][k] = ways
    asked = [{question.name for question in unknown.questions} for unknown, _ in unknowns.values()]
    nothing: frozenset[tuple[str, int]] = frozenset()
    states = {(certain, nothing): np.ones(draws.size)}
    for place, (unknown, opened) in enumerate(unknowns.values()):
        later = set().union(*asked[place + 1 :])
        questions = {question.name: question.answers for question in unknown.questions}
        merged: dict[tuple[tuple[Routes, ...], frozenset[tuple[str, int]]], np.ndarray] = {}
        for (routes, given), before in states.items():
            for w, way in enumerate(unknown.alternatives):
                known = dict(given)
                if any(known.get(name, answer) != answer for name, answer in way.when.items()):
                    continue
                weight = before
                for name, answer in way.when.items():
                    if name not in known:
                        says = questions[name][answer]
                        weight = weight * chance(says.probability, says.learnt, draws)
                more = tuple(
                    tuple(a | b for a, b in zip(mine, opened[k][w], strict=True)) if k in opened else mine
                    for k, mine in enumerate(routes)
                )
                kept = frozenset((name, answer) for name, answer in {**known, **way.when}.items() if name in later)
                merged[more, kept] = merged.get((more, kept), 0.0) + weight
        states = merged
    return {routes: weight for (routes, _), weight in states.items()}


def status_levels(statuses: Sequence[Mapping[str, Status]], scheme: str, draws: Draws) -> np.ndarray:
    """Probability that the controls of a scheme are in place, by its status in each segment: (segment, sample)."""

    def level(status: Status) -> np.ndarray:
        ways = (chance(1.0, given, draws) * draws.get("certification_in_place", status=s) for s, given in status)
        return np.asarray(sum(ways))

    distinct = {status[scheme]: level(status[scheme]) for status in statuses}
    return np.stack([distinct[status[scheme]] for status in statuses])


Kept = list[list["np.ndarray | float"]]
"""Share of reach that certificates leave, by stretch and route."""


def certificate_cells(
    path: Sequence[Option], parts: Sequence[tuple[int, list[int]]], of_use: Sequence[bool], draws: Draws
) -> list[tuple[np.ndarray, Kept]]:
    """Joint states of the certificates along a path: probability, and what they leave of reach.

    The chance of a legal question is p_jmk = r_jk (1 - c_k Q_m) of the strongest open route of its group: two states
    of one route (separated or not, with or without access, minority or control) are one question.

    Parameters
    ----------
    parts
        Stretches: place in the path and segments there.
    of_use
        Whether any route is open in a place of the path; certificates of the others change nothing.
    """
    removes = draws.values["certification_removes"]
    hosts: dict[str, list[int]] = {}
    for m, (k, _) in enumerate(parts):
        if of_use[k]:
            hosts.setdefault(path[k].provider_id, []).append(m)
    axes = []
    for members, scheme in product(hosts.values(), SCHEMES):
        statuses = [path[parts[m][0]].status[parts[m][1][0]] for m in members]
        levels = status_levels(statuses, scheme, draws)
        names = [status[scheme] for status in statuses]
        rungs = np.sort(levels[[names.index(name) for name in dict.fromkeys(names)]], axis=0)
        ladder = [np.zeros(draws.size), *rungs, np.ones(draws.size)]
        # one uniform per host and scheme: between two levels exactly the stretches with the higher one have controls
        removed = removes[SCHEMES.index(scheme)]
        axes.append(
            [(high - low, removed, dict(zip(members, levels >= high, strict=True))) for low, high in pairwise(ladder)]
        )
    states = []
    for combination in product(*axes):
        weight = np.prod([part for part, _, _ in combination], axis=0)
        passing = [[(removed, held[m]) for _, removed, held in combination if m in held] for m in range(len(parts))]
        kept = [[_left([(c[k], held) for c, held in part]) for k in range(len(draws.routes))] for part in passing]
        states.append((weight, kept))
    return states


def _left(removed: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray | float:
    """What several certificates leave of a route's reach where their controls hold."""
    left: np.ndarray | float = 1.0
    for part, held in removed:
        if held.any() and part.any():
            left = left * (1.0 - part * held)
    return left


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
