"""Reach: can the law of a jurisdiction bind someone who can produce the data?

    logit r_jk = mu_k + offset_{family(j), group(k)} + offset_{j, group(k)} + carried bias
    p_jk       = r_jk (1 - c_k Q)          certificates remove a fraction of *reach*

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| reach_location | mu of a route, of the lower one in a pair | logit | route_base | `expert_location_logit` |
| reach_gap | logit distance to the upper state, positive | logit | route_pair | `order_gap` |
| reach_unelicited | mu of a route nobody elicited | sd | route_unelicited | standard Normal, times its spread |
| reach_family_sd | how far families of regimes differ | logit | - | `family_pooling` |
| reach_family_offset | how a family differs | sd | family, group | standard Normal, times its spread |
| reach_regime_sd | how far regimes differ | logit | - | `reach_pooling` |
| reach_regime_offset | how a regime differs | sd | regime, group | standard Normal, times its spread |
| separated_when_unknown | separated ones among the unseen | probability | - | `establishment_unknown_weight` |
| removes_location | c, fraction of reach a qualification removes | logit | removal | `expert_location_logit` |
| removes_with_access_share | share of c that holds with access | share | - | `certification_with_access_share` |
| in_place_location | Q without a certificate: controls really in place | logit | - | `expert_location_logit` |
| in_place_gap | distance to the next better status, positive | logit | status_pair | `order_gap` |

| deterministic | meaning | unit | dims |
|---|---|---|---|
| reach | r, a route lets a regime reach, with the carried bias | probability | regime, route |
| leak | reach without any nexus that was seen | probability | - |
| certification_removes | c, fraction of reach removed | fraction | scheme, route |
| certification_in_place | Q, controls really in place | probability | status |

Routes come in ordered pairs (minority holding <= control, separated <= not separated, licensor without <= with
access) that share their offsets, so that more nexus never lowers reach in any sample. Routes nobody elicited take the
mean of the elicited ones with twice their spread. With this little evidence the pooling scales are prior-driven.
"""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from riskmodel.design import item_key
from riskmodel.model.judgement import Pool

__all__ = ["ROUTES", "STATUSES", "reach"]

ROUTES = (
    "minority_holding",
    "parent_control",
    "establishment_separated",
    "establishment_not_separated",
    "licensor_without_access",
    "licensor_with_access",
    "data_location",
    "remote_staff",
    "remote_provider",
    "subprocessor",
)
GROUPS = (
    "ownership",
    "establishment",
    "licensor",
    "data_location",
    "remote_staff",
    "remote_provider",
    "subprocessor",
)
GROUP_OF_ROUTE = [0, 0, 1, 1, 2, 2, 3, 4, 5, 6]
STATUSES = ("none", "in_progress", "qualified")
ELICITED = ROUTES[:8]
SINGLES = ("data_location", "remote_staff")
LOWER, SINGLE, LEAK = np.arange(3), np.arange(3, 5), np.arange(5, 6)
INTERLEAVE = np.array([0, 3, 1, 4, 2, 5, 6, 7])
"""From (lower states, upper states, singles) to the order of ROUTES."""
ESTABLISHMENT = np.array([2, 3])
REMOVALS = ("minority_holding", "establishment_unknown", "licensor_without_access", "remote_staff")
REMOVED_BY = {
    "minority_holding": "minority_holding",
    "establishment_separated": "establishment_unknown",
    "establishment_not_separated": "establishment_unknown",
    "licensor_without_access": "licensor_without_access",
    "licensor_with_access": "licensor_without_access",
    "remote_staff": "remote_staff",
}
"""Which elicited removal applies to a route; of the licensor with access an unknown share of it."""

COORDS = {
    "route": ROUTES,
    "route_base": (*ROUTES[0:6:2], *SINGLES, "no_nexus"),
    "route_pair": ROUTES[1:6:2],
    "route_unelicited": ROUTES[8:],
    "family": ("criminal", "intelligence", "any"),
    "group": GROUPS,
    "removal": (*REMOVALS, "HDS"),
    "scheme": ("SecNumCloud", "HDS"),
    "status": STATUSES,
    "status_pair": STATUSES[1:],
}


def reach(pool: Pool) -> None:
    """Add the reach submodel.

    Adds the deterministics ``reach`` (regime, route), ``leak``, ``separated_when_unknown``, ``certification_removes``
    (scheme, route) and ``certification_in_place`` (status), all probabilities or fractions.
    """
    _routes(pool)
    _certification(pool)


def _routes(pool: Pool) -> None:
    priors, regimes = pool.priors, pool.design.coords["regime"]
    base = pool.location("reach_location", dims="route_base")
    gap = priors["order_gap"].create("reach_gap", dims="route_pair")
    low, single, leak = base[LOWER], base[SINGLE], base[LEAK]
    elicited = pt.concatenate([low, low + gap, single])[INTERLEAVE]
    spread = priors["unelicited_spread"].first * elicited.std()
    other = elicited.mean() + spread * pm.Normal("reach_unelicited", 0, 1, dims="route_unelicited")
    location = pt.concatenate([elicited, other])

    family_sd = priors["family_pooling"].create("reach_family_sd")
    regime_sd = priors["reach_pooling"].create("reach_regime_sd")
    family = family_sd * pm.Normal("reach_family_offset", 0, 1, dims=("family", "group"))
    regime = regime_sd * pm.Normal("reach_regime_offset", 0, 1, dims=("regime", "group"))
    logit = location + (family[pool.design.regime_family] + regime)[:, GROUP_OF_ROUTE]

    pairs = [pool.shift("reach", [a, b], joint=True) for a, b in zip(ROUTES[2:6:2], ROUTES[3:6:2], strict=True)]
    control = pool.shift("reach", ["minority_holding"])
    shift = pt.concatenate(
        [
            pt.concatenate([control, control]),
            *pairs,
            pool.shift("reach", list(SINGLES)),
            pt.zeros(len(ROUTES) - 8),
        ]
    )
    pm.Deterministic("reach", pm.math.sigmoid(logit + shift), dims=("regime", "route"))
    pm.Deterministic("leak", pm.math.sigmoid(leak + pool.shift("reach", ["no_nexus"])).sum())

    weight = priors["establishment_unknown_weight"].create("separated_when_unknown")
    state = pm.math.sigmoid(elicited[ESTABLISHMENT])
    unseen = pm.math.logit((pt.stack([weight, 1.0 - weight]) * state).sum(keepdims=True))
    pool.place([item_key("reach", route) for route in ELICITED], elicited)
    pool.place([item_key("reach", "establishment_unknown")], unseen)
    pool.place([item_key("reach", "no_nexus")], leak)
    pool.place([item_key("reach", route, regime) for regime in regimes for route in ROUTES], logit.flatten())


def _certification(pool: Pool) -> None:
    removes = pool.location("removes_location", dims="removal")
    shift = pt.concatenate(
        [
            pool.shift("certification_removes", list(REMOVALS), scheme="SecNumCloud"),
            pool.shift("certification_removes", ["any"], scheme="HDS"),
        ]
    )
    # no expert says that a qualification removes anything of the other routes; control and location it forbids outright
    share = pool.priors["certification_with_access_share"].create("removes_with_access_share")
    matter = np.zeros((2, len(ROUTES), len(REMOVALS) + 1))
    for route, removal in REMOVED_BY.items():
        matter[0, ROUTES.index(route), REMOVALS.index(removal)] = 1.0
    matter[1, :, -1] = 1.0
    partial = np.zeros((2, len(ROUTES)), dtype=bool)
    partial[0, ROUTES.index("licensor_with_access")] = True
    table = pt.dot(matter, pm.math.sigmoid(removes + shift)) * pt.where(partial, share, 1.0)
    pm.Deterministic("certification_removes", table, dims=("scheme", "route"))

    first = pool.location("in_place_location")
    gaps = pool.priors["order_gap"].create("in_place_gap", dims="status_pair")
    in_place = first + pt.concatenate([pt.zeros(1), pt.cumsum(gaps)])
    moved = pool.shift("certification_in_place", list(STATUSES), joint=True)
    pm.Deterministic("certification_in_place", pm.math.sigmoid(in_place + moved), dims="status")
    named = [item_key("certification_removes", c, scheme="SecNumCloud") for c in REMOVALS]
    pool.place([*named, item_key("certification_removes", "any", scheme="HDS")], removes)
    pool.place([item_key("certification_in_place", status) for status in STATUSES], in_place)
