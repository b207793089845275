"""The request funnel: demands, some data given, content given, stored abroad; top-down from the rate per customer.

    content given    = flow_cp / psi_p                    psi_p: share that concerns foreign customers' data abroad
    requests         = content given / pi_cp              pi_cp: share of demands that lead to content
    warrants         = content given / (q_cp kappa)       q_cp: share with some data, kappa: content among these
    demands    y ~ NegBinomial(stage years, dispersion)
    shares     k ~ BetaBinomial(y, pi_cp or q_cp, clustering)
    logit pi_cp = content_share + contrast [infrastructure] + spread z_cp;  logit q_cp the same with its own level

Reporters that publish no extraterritorial count thereby inform the rate through what they do publish, as far as the
share abroad of other reporters goes. Collaboration and infrastructure differ by one contrast that both kinds of share
teach.

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| content_share | demands about collaboration that lead to content | logit | - | `content_share` |
| some_data_share | warrants about collaboration that lead to some data | logit | - | `some_data_share` |
| content_contrast | infrastructure against collaboration | logit | - | `content_contrast` |
| content_spread | how far places differ in what they give | logit | - | `content_spread` |
| content_offset | what a place gives of content | sd | funnel_place | standard Normal, times its spread |
| some_data_offset | what a place gives of some data | sd | funnel_place | standard Normal, times its spread |
| content_clustering | demands of a half-year with one answer | correlation | - | `content_clustering` |
| content_share_of_warrant_disclosures_location | kappa | logit | - | `expert_location_logit` |
| abroad_share | typical psi | logit | - | `abroad_share` |
| abroad_spread | how far reporters differ in psi | logit | - | `abroad_spread` |
| abroad_offset | psi of a reporter | sd | reporter | standard Normal, times its spread |
| request_dispersion | half-yearly demands around their trend | coefficient of variation | - | `request_dispersion` |

| deterministic | meaning | unit | dims |
|---|---|---|---|
| content_given | pi, demands that lead to content | share | funnel_place |
| some_data_given | q, warrants that lead to some data | share | funnel_place |
| abroad | psi, content that concerns foreign customers' data abroad | share | reporter |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from riskmodel.model.criminal import Flow
from riskmodel.model.judgement import Pool
from riskmodel.model.likelihood import expected, kept, published

__all__ = ["COORDS", "Shares", "funnel", "shares"]

PLACES = (
    "aws.infrastructure",
    "google_all.collaboration",
    "google_all.infrastructure",
    "microsoft.collaboration",
    "slack.collaboration",
)
INFRASTRUCTURE = np.array([float(place.endswith("infrastructure")) for place in PLACES])
COORDS = {"funnel_place": PLACES}


@dataclass(frozen=True)
class Shares:
    """Shares ``given`` of content and some data (funnel_place), ``abroad`` (reporter), ``among`` warrants with data.

    Typical ones as logs: ``log_abroad``, and ``log_given`` of content for infrastructure.
    """

    given: Mapping[str, Any]
    abroad: Any
    among: Any
    log_abroad: Any
    log_given: Any


def shares(pool: Pool) -> Shares:
    """Add the shares of the funnel; return them.

    Adds the deterministics ``content_given`` and ``some_data_given`` (funnel_place) and ``abroad`` (reporter).
    """
    priors = pool.priors
    contrast = priors["content_contrast"].create("content_contrast")
    spread = priors["content_spread"].create("content_spread")
    given, levels = {}, {}
    for name in ("content", "some_data"):
        level = levels[name] = priors[f"{name}_share"].create(f"{name}_share")
        offset = pm.Normal(f"{name}_offset", 0, 1, dims="funnel_place")
        share = pm.math.sigmoid(level + contrast * INFRASTRUCTURE + spread * offset)
        given[name] = pm.Deterministic(f"{name}_given", share, dims="funnel_place")
    typical = priors["abroad_share"].create("abroad_share")
    offset = priors["abroad_spread"].create("abroad_spread") * pm.Normal("abroad_offset", 0, 1, dims="reporter")
    abroad = pm.Deterministic("abroad", pm.math.sigmoid(typical + offset), dims="reporter")
    among = pool.single("content_share_of_warrant_disclosures")
    log_given = pt.log(pm.math.sigmoid(levels["content"] + contrast))
    return Shares(given, abroad, among, pt.log(pm.math.sigmoid(typical)), log_given)


def funnel(pool: Pool, flow: Flow, part: Shares) -> None:
    """Add the counts of the request funnel below the flow of disclosures."""
    priors, reporters = pool.priors, pool.design.coords["reporter"]
    given, abroad, among = part.given, part.abroad, part.among
    rows = pool.design.funnel
    reporter = np.array([reporters.index(p.split(".")[0]) for p in rows.demand_place], dtype=int)
    place = np.array([PLACES.index(p) for p in rows.demand_place], dtype=int)
    content = flow.expected(reporter, _covers(rows.demand_place), rows.demand_years) / abroad[reporter]
    per_stage = [
        content / given["content"][place],
        content / (given["some_data"][place] * among),
        content * (1.0 - abroad[reporter]),
    ]
    mean = pt.stack(per_stage)[rows.demand_stage, np.arange(len(place))]
    demands = pm.NegativeBinomial(
        "demand_count",
        mu=expected(mean, kept("demand_count", len(place), "demand")),
        alpha=1.0 / priors["request_dispersion"].create("request_dispersion") ** 2,
        observed=published("demand_count", rows.demand_count, "demand"),
        dims="demand",
    )
    together = priors["content_clustering"].create("content_clustering")
    for name in ("content", "some_data"):
        _shares(pool, name, given[name], demands, (1.0 - together) / together)


def _covers(places: np.ndarray) -> np.ndarray:
    """(row, service) which service each place is."""
    infrastructure = np.array([float(p.endswith("infrastructure")) for p in places])
    return np.stack([infrastructure, 1.0 - infrastructure], axis=1).reshape(-1, 2)


def _shares(pool: Pool, name: str, given: Any, demands: Any, size: Any) -> None:
    """Counts out of demands that are modelled themselves, or taken as published."""
    rows = pool.design.funnel
    count, trials, demand = (getattr(rows, f"{name}_{part}") for part in ("count", "trials", "demand"))
    place = np.array([PLACES.index(p) for p in getattr(rows, f"{name}_place")], dtype=int)
    mask = kept(f"{name}_count", len(count), f"{name}_row")
    asked = pt.switch(demand >= 0, demands[np.clip(demand, 0, None)], trials) if len(count) else trials
    pm.BetaBinomial(
        f"{name}_count",
        n=asked * mask.astype("int64"),
        alpha=given[place] * size,
        beta=(1.0 - given[place]) * size,
        observed=published(f"{name}_count", count, f"{name}_row"),
        dims=f"{name}_row",
    )
