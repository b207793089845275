"""Criminal process: how often does a state obtain content of a foreign enterprise customer whom its law reaches?

    log H_c     infrastructure, collaboration: events per foreign customer and year, at the study's date
    log H_cp    = log H_c + sigma z_cp                                     providers differ
    flow_cp(t)  = H_cp w_cp N_p exp(elasticity index(t) - drift_p age(t))  events a year of a reporter's fleet
    counts      y ~ Poisson((1 - g) flow years / psi)                      psi = 1 where customers are stated foreign
    thinning    y_EU ~ Binomial(y, e)
    statements  "never" ~ Bernoulli((1 - eps) exp(-expected) (1 - psi e)^counted + eps)

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| log_content_level | log H_c, plus log customers, less log share abroad | log a year | - | `log_rate_collaboration` |
| log_demand_level | the same of infrastructure, less log share of content | log a year | - | `service_contrast` |
| provider_spread | sigma, how far providers differ | log | - | `provider_spread` |
| rate_offset | z of a reporter's service | sd | reporter_service | standard Normal, times its spread |
| rate_drift | how a reporter's rate per customer changes | log per year | reporter | `rate_drift` |
| unreported_share_location | g, events that reports leave out | logit | - | `expert_location_logit` |
| foreign_customer_share_location | psi, foreign customers among content abroad | logit | - | `expert_location_logit` |
| eu_share_of_foreign_customers_location | e, Union and EFTA among them | logit | - | `expert_location_logit` |
| statement_error_location | eps, a "never" that is wrong | logit | - | `expert_location_logit` |
| infrastructure_use_*_location | w, customers who use infrastructure | logit | - | `expert_location_logit` |

| deterministic | meaning | unit | dims |
|---|---|---|---|
| log_rate_criminal | log H_c with the carried bias | log events per customer-year | service |
| log_rate_criminal_reporter | log H_cp with the carried bias | log events per customer-year | reporter_service |

Rejections already happened in these counts; demands defeated beyond them belong to the contract (``demand_defeated``).
A provider that publishes nothing gets its own draw of z when it is scored, never the average of the reporters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from riskmodel.model.customers import CUSTOMERS, Customers
from riskmodel.model.judgement import Pool
from riskmodel.model.likelihood import expected, kept, published

__all__ = ["COORDS", "Flow", "criminal"]

BASE_OF_REPORTER = {"microsoft": "msft_azure", "aws": "aws", "ibm": "ibm_cloud", "google_all": "google_cloud"}
REPORTED = (
    "microsoft.infrastructure",
    "microsoft.collaboration",
    "aws.infrastructure",
    "ibm.infrastructure",
    "google_all.infrastructure",
    "google_all.collaboration",
)
PLACE = np.array([[0, 1], [2, 2], [3, 3], [4, 5]])
SERVED = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
"""(reporter, service): place in REPORTED, and whether the reporter's counts cover the service."""
TYPICAL = (CUSTOMERS.index("msft_azure"), CUSTOMERS.index("google_cloud"))
"""Customer bases whose collaboration services publish."""
COORDS = {"reporter_service": REPORTED}


@dataclass(frozen=True)
class Flow:
    """Disclosures a year that the law of the reporter's state can reach, as published.

    ``log_now`` (reporter, service) at the study's date, unreported ones left out; ``log_past`` (reporter, half_year)
    what a half-year had against now.
    """

    log_now: Any
    log_past: Any

    def expected(self, reporter: np.ndarray, covers: np.ndarray, years: np.ndarray) -> Any:
        """Expected number in cells: (cell,) reporter, (cell, service) covers, (cell, half_year) years."""
        rates = (pt.exp(self.log_now)[reporter] * covers).sum(axis=1)
        return rates * (years * pt.exp(self.log_past)[reporter]).sum(axis=1)


def criminal(pool: Pool, base: Customers, spread: Any, log_abroad: Any = 0.0, log_given: Any = 0.0) -> Flow:
    """Add rates of criminal process with their counts and statements; return the fleets' flows.

    The free parameters are levels of what is published, which the counts tell: content that a typical fleet gives, and
    demands about infrastructure. Rates per customer follow from them, and keep their own priors. ``log_abroad`` is the
    typical share abroad, ``log_given`` the typical share of demands about infrastructure that lead to content.

    Adds the deterministics ``log_rate_criminal`` (service) and ``log_rate_criminal_reporter`` (reporter_service).
    """
    priors, counts = pool.priors, pool.design.counts
    typical = base.log_now[np.array(TYPICAL)].mean() - log_abroad
    prior, contrast = priors["log_rate_collaboration"], priors["service_contrast"]
    content = pm.Normal("log_content_level", prior.first + typical, prior.second)
    demands = pm.Normal("log_demand_level", contrast.first + content - log_given, contrast.second)
    collaboration, infrastructure = content - typical, demands + log_given - typical
    log_rate = pt.stack([infrastructure, collaboration])
    offset = pm.Normal("rate_offset", 0, 1, dims="reporter_service")
    services = np.array([0 if name.endswith("infrastructure") else 1 for name in REPORTED])
    reporter = log_rate[services] + spread * offset

    # not every customer uses the infrastructure service of a provider that sells both
    use = {name: pool.single("infrastructure_use", BASE_OF_REPORTER[name]) for name in ("microsoft", "google_all")}
    weight = pt.as_tensor(SERVED)
    for name, share in use.items():
        weight = pt.set_subtensor(weight[pool.design.coords["reporter"].index(name), 0], share)
    bases = np.array([CUSTOMERS.index(BASE_OF_REPORTER[r]) for r in pool.design.coords["reporter"]])
    fleet = base.log_now[bases]
    # counts see what the experts said; answers add the bias that counts cannot show: fewer customers, more unreported
    unreported, feared = pool.pair("unreported_share", regime="US_SCA_CLOUD")
    hidden = pt.log1p(-unreported) - pt.log1p(-feared)
    pm.Deterministic("log_rate_criminal", log_rate + hidden - base.shift[np.array(TYPICAL)].mean(), dims="service")
    own = base.shift[np.array([CUSTOMERS.index(BASE_OF_REPORTER[name.split(".")[0]]) for name in REPORTED])]
    pm.Deterministic("log_rate_criminal_reporter", reporter + hidden - own, dims="reporter_service")
    drift = priors["rate_drift"].create("rate_drift", dims="reporter")
    flow = Flow(
        reporter[PLACE] + pt.log(weight + 1e-30) + fleet[:, None] + pt.log1p(-unreported),
        base.elasticity * counts.log_index - drift[:, None] * counts.age,
    )
    _observe(pool, flow)
    return flow


def _observe(pool: Pool, flow: Flow) -> None:
    counts, said = pool.design.counts, pool.design.statements
    foreign = pool.single("foreign_customer_share", regime="US_SCA_CLOUD")
    eu = pool.single("eu_share_of_foreign_customers")
    error = pool.single("statement_error")
    mean = flow.expected(counts.reporter_idx, counts.covers, counts.years) / pt.where(counts.stated, 1.0, foreign)
    events = pm.Poisson(
        "event_count",
        expected(mean, kept("event_count", len(counts.event_count), "count")),
        observed=published("event_count", counts.event_count, "count"),
        dims="count",
    )
    known = np.flatnonzero(counts.eu_known)
    pm.Binomial(
        "eu_event_count",
        events[known] * kept("eu_event_count", len(known), "thinned").astype("int64"),
        eu,
        observed=published("eu_event_count", counts.eu_event_count[known], "thinned"),
        dims="thinned",
    )
    part = pt.stack([1.0 / foreign, pt.ones(()), eu])[said.population]
    none = pt.exp(-flow.expected(said.reporter_idx, said.covers, said.years) * part)
    silent = none * (1.0 - foreign * eu) ** (said.counted * events).sum(axis=1)
    pm.Bernoulli(
        "statement_holds",
        expected((1.0 - error) * silent + error, kept("statement_holds", len(said.reporter_idx), "statement")),
        observed=published("statement_holds", np.ones(len(said.reporter_idx), dtype=int), "statement"),
        dims="statement",
    )
