"""Hazard: how often does a state obtain content of a foreign enterprise customer whom its law reaches?

    log H_c     infrastructure, collaboration: events per foreign customer and year, criminal process
    log H_cp    = log H_c + sigma z_cp                                     providers differ
    counts      y ~ Poisson((1 - g) H_cp N_p(t) years / psi)               psi = 1 where customers are stated foreign
    thinning    y_EU ~ Binomial(y, e)
    statements  "never" ~ Bernoulli((1 - eps) exp(-expected) (1 - psi e)^counted + eps)
    bands       P(low <= count <= high) under log level, a random walk per reporter
    tasked      x_p = log[2 nu level_p share / (accounts per customer N_p)]  stock is not flow: nu is the new fraction
                x_p = log H_p + mix_p, H_p exchangeable: pulled towards the population as far as the mix may differ

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| log_rate_collaboration, service_contrast | log H_c, contrast of infrastructure | log per customer-year | - | Normal |
| provider_spread, rate_offset | sigma and z of the reporters | log | reporter_service | HalfNormal, Normal |
| band_level_*, band_drift_*, band_spread_* | log accounts, their drift and moves | log | half-year | random walk |
| transfer_offset | other states against the United States | log | regime | Normal |

Rejections already happened in these counts; demands defeated beyond them belong to the contract (``demand_defeated``).
A provider that publishes nothing gets its own draw of z when it is scored, never the average of the reporters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from riskmodel.design import item_key
from riskmodel.model.judgement import Located, Pool

__all__ = ["hazard"]

CUSTOMERS = ("msft_azure", "aws", "ibm_cloud", "google_cloud")
CUSTODY = ("client_side", "confidential_computing_external", "external_hyok", "customer_managed", "provider")
TERMS = ("challenge_demands", "eu_law_only_clause", "notify_customer")
SENSITIVE = ("hospital_warehouse", "national_patient_record", "national_health_warehouse")
REPORTED = ("microsoft.infrastructure", "microsoft.collaboration", "aws.infrastructure", "ibm.infrastructure")
REPORTER_SERVICE = np.array([[0, 1], [2, 2], [3, 3]])
SERVED = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
"""(reporter, service): place in REPORTED, and whether the reporter's counts cover the service."""
FISA = "US_FISA702"
BAND_WIDTH = 500.0
"""Accounts per published band since 2015 (US law allows bands of 250, 500 or 1,000)."""

BAND_CUSTOMERS = {"microsoft": "msft_azure", "google_all": "google_cloud"}

COORDS = {
    "customer_base": CUSTOMERS,
    "custody": CUSTODY,
    "custody_pair": CUSTODY[1:],
    "term": TERMS,
    "data_class": SENSITIVE,
    "purpose": ("criminal", "intelligence"),
    "reporter_service": REPORTED,
    "authority_window": ("certified_after_lapse", "after_certification"),
}


def hazard(pool: Pool) -> list[Located]:
    """Add the hazard submodel; return the location of every item it elicits.

    Adds the deterministics ``log_rate_criminal`` (service), ``log_rate_criminal_reporter`` (reporter_service),
    ``log_rate_intelligence`` (service), ``log_rate_intelligence_reporter`` (band_reporter, service),
    ``log_transfer`` (regime), ``clear_text`` (custody),
    ``clear_text_fleet``, ``demand_defeated`` (term), ``attractiveness`` (data_class, purpose), ``authority_used``
    (authority_window), ``same_law`` and ``same_answer``.
    """
    places: list[Located] = []
    single = _singles(pool, places)
    customers = pool.location("customers_location", dims="customer_base", kind="log")
    places.append(([item_key("enterprise_customers", c) for c in CUSTOMERS], customers))
    log_customers = customers + pool.shift("enterprise_customers", list(CUSTOMERS))
    spread = pool.priors["provider_spread"].create("provider_spread")
    _criminal(pool, single, log_customers, spread)
    _intelligence(pool, single, log_customers, spread)
    offset = pool.priors["transfer_spread"].create("transfer_sd") * pm.Normal("transfer_offset", 0, 1, dims="regime")
    centre = pt.where(
        pool.design.regime_uncounted,
        single["hazard_transfer.uncounted_states"],
        single["hazard_transfer.counted_states"],
    )
    pm.Deterministic("log_transfer", centre + offset, dims="regime")
    return places + _setup_factors(pool, single)


SINGLES: dict[str, tuple[str, str]] = {
    "same_law_across_setups.any": ("logit", ""),
    "same_answer_within_state.any": ("logit", ""),
    "newly_tasked_fraction.any": ("logit", FISA),
    "accounts_per_customer.any": ("log", FISA),
    "infrastructure_share_of_tasked_accounts.any": ("logit", FISA),
    "enterprise_share_of_tasked_accounts.any": ("logit", FISA),
    "unreported_share.any": ("logit", "US_SCA_CLOUD"),
    "foreign_customer_share.any": ("logit", "US_SCA_CLOUD"),
    "authority_used.certified_after_lapse": ("logit", FISA),
    "authority_used.after_certification": ("logit", FISA),
    "eu_share_of_foreign_customers.any": ("logit", ""),
    "statement_error.any": ("logit", ""),
    "fleet_customer_managed_keys.any": ("logit", ""),
    "customer_growth_elasticity.any": ("log", ""),
    "infrastructure_use.msft_azure": ("logit", ""),
    "hazard_transfer.counted_states": ("log", ""),
    "hazard_transfer.uncounted_states": ("log", ""),
    "attractiveness_purpose.intelligence_over_criminal": ("log", ""),
}


def _singles(pool: Pool, places: list[Located]) -> dict[str, Any]:
    """Quantities elicited once: free location, natural value with the carried bias (log ones stay logs)."""
    values = {}
    for name, (kind, regime) in SINGLES.items():
        quantity, condition = name.split(".")
        place = pool.location(f"{quantity}_{condition}_location", kind=kind)
        places.append(([item_key(quantity, condition, regime)], pt.atleast_1d(place)))
        moved = place + pool.shift(quantity, [condition], regime).sum()
        values[name] = pm.math.sigmoid(moved) if kind == "logit" else moved
    return values


def _criminal(pool: Pool, single: dict[str, Any], log_customers: Any, spread: Any) -> None:
    priors, counts, said = pool.priors, pool.design.counts, pool.design.statements
    collaboration = priors["log_rate_collaboration"].create("log_rate_collaboration")
    infrastructure = collaboration + priors["service_contrast"].create("service_contrast")
    log_rate = pm.Deterministic("log_rate_criminal", pt.stack([infrastructure, collaboration]), dims="service")
    offset = pm.Normal("rate_offset", 0, 1, dims="reporter_service")
    reporter = log_rate[np.array([0, 1, 0, 0])] + spread * offset
    pm.Deterministic("log_rate_criminal_reporter", reporter, dims="reporter_service")

    # rate per customer of the fleet (reporter, service); not every Microsoft customer uses the infrastructure service
    use = single["infrastructure_use.msft_azure"]
    weight = pt.set_subtensor(pt.as_tensor(SERVED)[0, 0], use)
    per_customer = pt.exp(reporter)[REPORTER_SERVICE] * weight
    growth = pt.exp(pt.exp(single["customer_growth_elasticity.any"]) * counts.log_index)
    fleet = pt.exp(log_customers[np.arange(3)])
    reported = 1.0 - single["unreported_share.any"]
    foreign, eu = single["foreign_customer_share.any"], single["eu_share_of_foreign_customers.any"]

    def expected(part: Any) -> Any:
        rates = (per_customer[part.reporter_idx] * part.covers).sum(axis=1)
        return reported * rates * fleet[part.reporter_idx] * (part.years * growth).sum(axis=1)

    pm.Poisson(
        "event_count",
        expected(counts) / pt.where(counts.stated, 1.0, foreign),
        observed=counts.event_count,
        dims="count",
    )
    known = np.flatnonzero(counts.eu_known)
    pm.Binomial("eu_event_count", counts.event_count[known], eu, observed=counts.eu_event_count[known], dims="thinned")
    part = pt.stack([1.0 / foreign, pt.ones(()), eu])[said.population]
    silent = pt.exp(-expected(said) * part) * (1.0 - foreign * eu) ** said.counted_events
    error = single["statement_error.any"]
    pm.Bernoulli(
        "statement_holds",
        (1.0 - error) * silent + error,
        observed=np.ones(len(said.reporter_idx)),
        dims="statement",
    )


def _band_logp(value: Any, level: Any, noise: Any) -> Any:
    """Log probability of a band (low in column 0, high in 1), in the tail of the Normal that does not cancel."""
    low, high = (pt.log(value[:, 0]) - level) / noise, (pt.log(value[:, 1] + 1.0) - level) / noise
    flip = low + high > 0
    near, far = pt.where(flip, -high, low), pt.where(flip, -low, high)
    upper, lower = pm.logcdf(pm.Normal.dist(), far), pm.logcdf(pm.Normal.dist(), near)
    return upper + pt.log1mexp(lower - upper)


def _band_dist(level: Any, noise: Any, size: Any) -> Any:
    """Draw counts around the level and report them in bands of 500."""
    low = pt.floor(pt.exp(pm.Normal.dist(level, noise)) / BAND_WIDTH) * BAND_WIDTH
    return pt.stack([low, low + BAND_WIDTH - 1.0], axis=-1)


def _intelligence(pool: Pool, single: dict[str, Any], log_customers: Any, between: Any) -> None:
    bands, priors = pool.design.bands, pool.priors
    reporters = pool.design.coords["band_reporter"]
    now = []
    for k, name in enumerate(reporters):
        mine = np.flatnonzero(bands.reporter_idx == k)
        middle = np.log((bands.low[mine] + bands.high[mine] + 1.0) / 2.0)
        drift_k = priors["band_drift"].create(f"band_drift_{name}")
        spread_k = priors["band_spread"].create(f"band_spread_{name}")
        level = pm.GaussianRandomWalk(
            f"band_level_{name}",
            mu=drift_k,
            sigma=spread_k,
            init_dist=pm.Normal.dist(priors["band_start"].first, priors["band_start"].second),
            steps=len(mine) - 1,
            initval=middle,
        )
        pm.CustomDist(
            f"band_{name}",
            level,
            priors["band_noise"].first,
            logp=_band_logp,
            dist=_band_dist,
            signature="(n),()->(n,2)",
            observed=np.column_stack([bands.low[mine], bands.high[mine]]),
        )
        ahead = bands.steps_to_now[k]
        step = pm.Normal(f"band_ahead_{name}", 0, 1)
        now.append(level[[-1]].sum() + ahead * drift_k + np.sqrt(ahead) * spread_k * step)
    level_now = pm.Deterministic("band_level_now", pt.stack(now), dims="band_reporter")

    base = log_customers[np.array([CUSTOMERS.index(BAND_CUSTOMERS[r]) for r in reporters])]
    enterprise = single["enterprise_share_of_tasked_accounts.any"]
    hosted = single["infrastructure_share_of_tasked_accounts.any"]
    per_customer = (
        np.log(2.0)
        + pt.log(single["newly_tasked_fraction.any"])
        + level_now
        + pt.log(enterprise)
        - pt.log1p(pt.exp(single["accounts_per_customer.any"]))
        - base
    )
    # what differs between two bands is partly their mix of consumer and enterprise accounts: pull towards the mean
    mix, own = priors["composition_spread"].first, between
    weight, size = own**2 / (own**2 + mix**2), len(reporters)
    population = per_customer.mean() + pt.sqrt((own**2 + mix**2) / size) * pm.Normal("tasked_population", 0, 1)
    left = pt.sqrt(weight) * mix * pm.Normal("tasked_reporter", 0, 1, dims="band_reporter")
    reporter = weight * per_customer + (1.0 - weight) * population + left
    split = pt.log(pt.stack([hosted, 1.0 - hosted]))
    pm.Deterministic("log_rate_intelligence", population + split, dims="service")
    pm.Deterministic("log_rate_intelligence_reporter", reporter[:, None] + split, dims=("band_reporter", "service"))


def _setup_factors(pool: Pool, single: dict[str, Any]) -> list[Located]:
    """Key custody, contract terms, attractiveness, authority in time and the two dependence shares."""
    first = pool.location("clear_text_location")
    gaps = pool.priors["order_gap"].create("clear_text_gap", dims="custody_pair")
    clear = first + pt.concatenate([pt.zeros(1), pt.cumsum(gaps)])
    used = pm.math.sigmoid(clear + pool.shift("clear_text", list(CUSTODY), joint=True))
    pm.Deterministic("clear_text", used, dims="custody")
    managed = single["fleet_customer_managed_keys.any"]
    pm.Deterministic("clear_text_fleet", managed * used[[3]].sum() + (1.0 - managed) * used[[4]].sum())
    pool.priors["custody_spread"].create("custody_spread")

    defeated = pool.location("defeated_location", dims="term")
    pm.Deterministic(
        "demand_defeated", pm.math.sigmoid(defeated + pool.shift("demand_defeated", list(TERMS))), dims="term"
    )
    attractive = pool.location("attractiveness_location", dims="data_class", kind="log")
    half = 0.5 * single["attractiveness_purpose.intelligence_over_criminal"]
    purpose = pt.stack([-half, half])
    level = attractive + pool.shift("attractiveness", list(SENSITIVE))
    pm.Deterministic("attractiveness", pt.exp(level[:, None] + purpose), dims=("data_class", "purpose"))
    authority = [single["authority_used.certified_after_lapse"], single["authority_used.after_certification"]]
    pm.Deterministic("authority_used", pt.stack(authority), dims="authority_window")
    pm.Deterministic("same_law", single["same_law_across_setups.any"])
    pm.Deterministic("same_answer", single["same_answer_within_state.any"])
    return [
        ([item_key("clear_text", c) for c in CUSTODY], clear),
        ([item_key("demand_defeated", t) for t in TERMS], defeated),
        ([item_key("attractiveness", d) for d in SENSITIVE], attractive),
    ]
