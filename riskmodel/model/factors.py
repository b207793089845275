"""What scales a setup's rate: key custody, contract terms, attractiveness; and what settles facts and legal questions.

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| clear_text_location | chance of clear text with keys at the client | logit | - | `expert_location_logit` |
| clear_text_gap | distance to the next weaker custody, positive | logit | custody_pair | `order_gap` |
| custody_spread | how far providers differ within one kind of custody | logit | - | `custody_spread` |
| fleet_customer_managed_keys_location | reporters' customers who manage keys | logit | - | `expert_location_logit` |
| defeated_location | demands that a contract term defeats | logit | term | `expert_location_logit` |
| attractiveness_location | interest in a data class, all purposes | log | data_class | `expert_location_log` |
| attractiveness_purpose_*_location | intelligence over criminal interest | log | - | `expert_location_log` |
| authority_used_*_location | use of a lapsed authority, by window | logit | - | `expert_location_logit` |
| fact_true_*_location | a fact is true, by its recorded confidence | logit | - | `expert_location_logit` |
| same_law_across_setups_location | a legal question is common to providers | logit | - | `expert_location_logit` |
| same_answer_within_state_location | regimes of a state share an answer | logit | - | `expert_location_logit` |

| deterministic | meaning | unit | dims |
|---|---|---|---|
| clear_text | chance that a demand yields clear text, by custody, ordered by construction | probability | custody |
| clear_text_fleet | the same for the reporters' average customer | probability | - |
| demand_defeated | demands that a contract term defeats | share | term |
| attractiveness | interest in a data class by purpose of the regime | multiple | data_class, purpose |
| authority_used | use of a lapsed authority | probability | authority_window |
| fact_true | a recorded fact of that confidence is true | probability | confidence |
| same_law, same_answer | a legal question is one for all providers, for all regimes of a state | probability | - |
"""

from __future__ import annotations

import pymc as pm
import pytensor.tensor as pt

from riskmodel.design import item_key
from riskmodel.model.intelligence import FISA
from riskmodel.model.judgement import Pool

__all__ = ["COORDS", "factors"]

CUSTODY = ("client_side", "confidential_computing_external", "external_hyok", "customer_managed", "provider")
TERMS = ("challenge_demands", "eu_law_only_clause", "notify_customer")
SENSITIVE = ("hospital_warehouse", "national_patient_record", "national_health_warehouse")
WINDOWS = ("certified_after_lapse", "after_certification")
CONFIDENCE = ("high", "medium", "low")
COORDS = {
    "custody": CUSTODY,
    "custody_pair": CUSTODY[1:],
    "term": TERMS,
    "data_class": SENSITIVE,
    "purpose": ("criminal", "intelligence"),
    "authority_window": WINDOWS,
    "confidence": CONFIDENCE,
}


def factors(pool: Pool) -> None:
    """Add the factors of a setup and the probabilities of settled unknowns."""
    first = pool.location("clear_text_location")
    gaps = pool.priors["order_gap"].create("clear_text_gap", dims="custody_pair")
    clear = first + pt.concatenate([pt.zeros(1), pt.cumsum(gaps)])
    pool.place([item_key("clear_text", c) for c in CUSTODY], clear)
    used = pm.math.sigmoid(clear + pool.shift("clear_text", list(CUSTODY), joint=True))
    pm.Deterministic("clear_text", used, dims="custody")
    managed = pool.single("fleet_customer_managed_keys")
    pm.Deterministic("clear_text_fleet", managed * used[[3]].sum() + (1.0 - managed) * used[[4]].sum())
    pool.priors["custody_spread"].create("custody_spread")

    defeated = pool.location("defeated_location", dims="term")
    pool.place([item_key("demand_defeated", t) for t in TERMS], defeated)
    shift = pool.shift("demand_defeated", list(TERMS))
    pm.Deterministic("demand_defeated", pm.math.sigmoid(defeated + shift), dims="term")

    attractive = pool.location("attractiveness_location", dims="data_class", kind="log")
    pool.place([item_key("attractiveness", d) for d in SENSITIVE], attractive)
    half = 0.5 * pool.single("attractiveness_purpose", "intelligence_over_criminal", kind="log")
    level = attractive + pool.shift("attractiveness", list(SENSITIVE))
    purpose = pt.stack([-half, half])
    pm.Deterministic("attractiveness", pt.exp(level[:, None] + purpose), dims=("data_class", "purpose"))

    authority = pt.stack([pool.single("authority_used", window, FISA) for window in WINDOWS])
    pm.Deterministic("authority_used", authority, dims="authority_window")
    pm.Deterministic("fact_true", pt.stack([pool.single("fact_true", c) for c in CONFIDENCE]), dims="confidence")
    pm.Deterministic("same_law", pool.single("same_law_across_setups"))
    pm.Deterministic("same_answer", pool.single("same_answer_within_state"))
