"""Worlds: settle every legal question, fact, certificate and authority one way, and see which setups are reached.

Question answered: *in which share of worlds is a setup reachable at all, and who is below whom in the same world?*
A legal question is settled by a uniform U: the law reaches where U is below its chance. With probability ``same_law``
the question is one of law and U is common to all providers, otherwise it turns on each provider's own facts; with
probability ``same_answer`` the regimes of one state share U. Mixtures, not Gaussian copulas: every U stays uniform,
each share is a plain probability, and the integral over U in :mod:`riskmodel.exposure` stays exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from riskmodel.draws import (
    ROUTE_GROUPS,
    Draws,
    custody_factor,
    fact_probability,
    rates,
    relevant,
    status_levels,
)
from riskmodel.nexus import SCHEMES, Option, Programme, SetupFacts

__all__ = ["world"]


def _legal_answer(programme: Programme, group: str, provider: str, draws: Draws) -> np.ndarray:
    """Uniform U of a legal question for a provider: (sample,)."""
    state = "-".join(sorted(programme.countries))
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
    """Reached or not, and probability, in the one world each sample carries: two arrays (sample,)."""
    years = np.array([segment.years for segment in facts.segments])
    used = _pick(draws.fresh("authority"), [w for w, _ in windows])
    factor = sum(np.where(used == i, f, 0.0) for i, (_, f) in enumerate(windows))
    names = sorted(option.provider_id for option in facts.options)
    chosen = _pick(draws.fresh(f"option:{names}"), [o.weight for o in facts.options])
    reached, probability = np.zeros(draws.size, dtype=bool), np.zeros(draws.size)
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
        total = (hazard * (opened | leaked)).sum(axis=(0, 1))
        mine = chosen == i
        reached |= mine & (opened.any(axis=(0, 1)) | leaked)
        probability = np.where(mine, -np.expm1(-total), probability)
    return reached, probability


def _opened(option: Option, programmes: Sequence[Programme], draws: Draws) -> np.ndarray:
    """Whether each programme reaches in each segment, in each sample's world: (regime, segment, sample)."""
    unknowns = relevant(option, programmes)
    held = [_pick(draws.fresh(u.name), [fact_probability(a, draws) for a in u.alternatives]) for u in unknowns]
    levels = {s: status_levels(option, s, draws) for s in SCHEMES}
    passed = {s: np.stack([draws.fresh(f"{s} of {option.provider_id}") < v for v in levels[s]]) for s in SCHEMES}
    opened = np.zeros((len(programmes), len(option.status), draws.size), dtype=bool)
    removes = draws.values["certification_removes"]
    keep = np.ones((len(option.status), len(draws.routes), draws.size))
    for s in SCHEMES:
        keep *= 1.0 - passed[s][:, None] * removes[draws.coords["scheme"].index(s)]
    for ways in product(*(range(len(u.alternatives)) for u in unknowns)):
        facts = option.facts.union(*(u.alternatives[w].facts for u, w in zip(unknowns, ways, strict=True)))
        here = np.all([h == w for h, w in zip(held, ways, strict=True)], axis=0) if unknowns else True
        for j, programme in enumerate(programmes):
            routes = programme.routes(facts)
            for group, members in ROUTE_GROUPS.items():
                present = [k for k in members if draws.routes[k] in routes]
                if present:
                    answer = _legal_answer(programme, group, option.provider_id, draws)
                    chance = (draws.reach[j, present] * keep[:, present]).max(axis=1)
                    opened[j] |= here & (answer < chance)
    return opened


def _pick(uniform: np.ndarray, weights: Sequence[np.ndarray | float]) -> np.ndarray:
    """Index of the alternative a uniform falls in: (sample,)."""
    edges = np.cumsum([np.broadcast_to(w, uniform.shape) for w in weights], axis=0)
    return np.minimum((uniform[None] * edges[-1] >= edges).sum(axis=0), len(weights) - 1)
