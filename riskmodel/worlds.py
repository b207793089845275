"""Worlds: settle every legal question, fact, certificate and authority one way, and see which setups are reached.

Question answered: *in which share of worlds is a setup reachable at all, and who is below whom in the same world?*
A legal question is settled by a uniform U: the law reaches where U is below its chance. With probability ``same_law``
the question is one of law and U is common to all providers, otherwise it turns on each provider's own facts; with
probability ``same_answer`` the regimes of one state share U. Mixtures, not Gaussian copulas: every U stays uniform,
each share is a plain probability, and the integral over U in :mod:`riskmodel.integral` stays exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from riskmodel.draws import (
    ROUTE_GROUPS,
    Draws,
    chance,
    custody_factor,
    openings,
    rates,
    relevant,
    state_of,
    status_levels,
)
from riskmodel.nexus import SCHEMES, Option, Programme, SetupFacts, Unknown

__all__ = ["world"]


def _legal_answer(programme: Programme, group: str, provider: str, draws: Draws) -> np.ndarray:
    """Uniform U of a legal question for a provider: (sample,)."""
    state = state_of(programme)
    shared = draws.fresh(f"same answer:{state}:{group}") < draws.get("same_answer")
    question = [f"{state}:{group}", f"{programme.regime_id}:{group}"]
    law, own = (
        np.where(shared, *(draws.fresh(f"{prefix}:{name}") for name in question))
        for prefix in ("law", f"facts of {provider}")
    )
    of_law = np.where(shared, *(draws.fresh(f"is law:{name}") for name in question)) < draws.get("same_law")
    return np.where(of_law, law, own)


def world(
    facts: SetupFacts,
    programmes: Sequence[Programme],
    draws: Draws,
    windows: Sequence[tuple[np.ndarray, np.ndarray]],
    contract: Sequence[tuple[float, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """Reached or not, and hazard, in the one world each sample carries: two arrays (segment, sample)."""
    years = np.array([segment.years for segment in facts.segments])
    used = _pick(draws.fresh("authority"), [w for w, _ in windows])
    factor = sum(np.where(used == i, f, 0.0) for i, (_, f) in enumerate(windows))
    names = sorted(option.provider_id for option in facts.options)
    chosen = _pick(draws.fresh(f"option:{names}"), [o.weight for o in facts.options])
    reached, spent = np.zeros((len(years), draws.size), dtype=bool), np.zeros((len(years), draws.size))
    for i, option in enumerate(facts.options):
        provider = option.provider_id
        held = _pick(draws.fresh(f"custody of {provider}"), list(facts.custody.values()))
        scales = [custody_factor(option, name, draws) for name in facts.custody]
        clause = _pick(draws.fresh(f"terms of {provider}"), [w for w, _ in contract])
        keep = np.choose(clause, [k for _, k in contract])
        hazard = rates(facts, option, programmes, draws)[:, None] * factor * years[:, None]
        hazard = hazard * np.choose(held, scales) * keep
        opened = _opened(option, programmes, draws)
        leaked = draws.fresh(f"leak of {provider}") < draws.get("leak")
        mine = chosen == i
        reached |= mine & (opened.any(axis=0) | leaked)
        spent = np.where(mine, (hazard * (opened | leaked)).sum(axis=0), spent)
    return reached, spent


def _opened(option: Option, programmes: Sequence[Programme], draws: Draws) -> np.ndarray:
    """Whether each programme reaches in each segment, in each sample's world: (regime, segment, sample)."""
    certain = openings(option.facts, programmes)
    unknowns = relevant(option, programmes)
    held = [_held(unknown, draws) for unknown, _ in unknowns]
    possible = [certain, *(routes for _, ways in unknowns for routes in ways)]
    removes = draws.values["certification_removes"]
    keep = np.ones((len(option.status), len(draws.routes), draws.size))
    for s in SCHEMES:
        passed = draws.fresh(f"{s} of {option.provider_id}") < status_levels(option.status, s, draws)
        keep *= 1.0 - passed[:, None] * removes[draws.coords["scheme"].index(s)]
    opened = np.zeros((len(programmes), len(option.status), draws.size), dtype=bool)
    for j, programme in enumerate(programmes):
        for group, members in ROUTE_GROUPS.items():
            reached: np.ndarray | float = 0.0
            for k in members:
                route = draws.routes[k]
                if not any(route in routes[j] for routes in possible):
                    continue
                there = np.full(draws.size, route in certain[j])
                for (_, ways), way in zip(unknowns, held, strict=True):
                    there |= np.array([route in routes[j] for routes in ways])[way]
                kept = keep[:, k] if draws.certified[j] else 1.0
                reached = np.maximum(reached, there * draws.reach[j, k] * kept)
            if np.any(reached):
                opened[j] |= _legal_answer(programme, group, option.provider_id, draws) < reached
    return opened


def _held(unknown: Unknown, draws: Draws) -> np.ndarray:
    """Alternative that holds in each world, one uniform a question: (sample,)."""
    given = {
        question.name: _pick(
            draws.fresh(question.name), [chance(a.probability, a.learnt, draws) for a in question.answers]
        )
        for question in unknown.questions
    }
    holds = [np.all([given[name] == place for name, place in way.when.items()], axis=0) for way in unknown.alternatives]
    return np.argmax(holds, axis=0)


def _pick(uniform: np.ndarray, weights: Sequence[np.ndarray | float]) -> np.ndarray:
    """Index of the alternative a uniform falls in: (sample,)."""
    edges = np.cumsum([np.broadcast_to(w, uniform.shape) for w in weights], axis=0)
    return np.minimum((uniform[None] * edges[-1] >= edges).sum(axis=0), len(weights) - 1)
