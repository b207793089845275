"""Acceptability: how would an authority judge an arrangement like this?

    Y ~ OrderedLogit(eta, cutpoints),   Y in {0 prohibited, 1 changes ordered, 2 tolerated or time-limited, 3 accepted}
    eta = b_reach logit(reach) + b_keys keys + b_adequacy adequacy + b_sensitive sensitive + b_court court + s_system

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| first_cutpoint | boundary between prohibited and changes ordered | logit | - | `acceptability_first_cutpoint` |
| cutpoint_gap | distance to the next boundary, positive | logit | gap | `acceptability_cutpoint_gap` |
| beta_reach | effect of reach | logit per logit | - | `acceptability_reach` |
| beta_keys | effect of keys outside the provider | logit | - | `acceptability_keys` |
| beta_adequacy | effect of an adequacy decision in force | logit | - | `acceptability_adequacy` |
| beta_sensitive | effect of sensitive data | logit | - | `acceptability_sensitive` |
| beta_court | effect of a court instead of a regulator | logit | - | `acceptability_court` |
| share_keys | keys outside where it was not seen | share | - | `acceptability_keys_share` |
| share_adequacy | adequacy where it was not seen | share | - | `acceptability_adequacy_share` |
| share_sensitive | sensitive data where it was not seen | share | - | `acceptability_sensitive_share` |
| system_sd | spread of what else sets a system apart | logit | - | `acceptability_system_sd` |
| system_offset | what else sets a system apart | sd | system | standard Normal, times its spread |

| deterministic | meaning | unit | dims |
|---|---|---|---|
| cutpoint | boundaries between the outcomes, in order | logit | boundary |

Higher eta is the better outcome. Signs are priors, not constraints. A fact that was not seen is summed out exactly, row
by row. Reach is *cut*: ``reach_data`` is a container that is filled with one imputation from the posterior of the main
model at a time, so that rulings never update reach; runs are pooled as in multiple imputation (Plummer 2015, Statistics
and Computing 25:37-43). Ordered logit: McCullagh (1980), Journal of the Royal Statistical Society B 42:109-142.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from riskmodel.acceptance.rulings import FACTS, Rulings
from riskmodel.model.likelihood import kept, published
from riskmodel.priors import Prior

__all__ = ["build_acceptability"]


def build_acceptability(rulings: Rulings, priors: Mapping[str, Prior]) -> pm.Model:
    """Return the model of the outcomes of rulings.

    Parameters
    ----------
    rulings
        Outcomes and facts of the decided arrangements.
    priors
        Rows ``acceptability_*`` of the table of priors.

    Returns
    -------
    pymc.Model
        Likelihood ``outcome`` (decision,), read from ``outcome_data``; a row with ``outcome_kept`` 0 is an outcome 0
        that is certain, and so a constant. ``reach_data`` (decision,), logit, is all zero until it is filled.
    """
    coords = {
        "decision": rulings.decision,
        "system": rulings.system,
        "gap": ("1 to 2", "2 to 3"),
        "boundary": ("0 to 1", "1 to 2", "2 to 3"),
    }
    rows = len(rulings.decision)

    def prior(name: str, prefix: str = "", **kwargs: Any) -> Any:
        return priors[f"acceptability_{name}"].create(prefix or name, **kwargs)

    with pm.Model(coords=coords) as model:
        reach = pm.Data("reach_data", np.zeros(rows), dims="decision")
        observed = published("outcome", rulings.outcome, "decision")
        mask = kept("outcome", rows, "decision")
        gaps = prior("cutpoint_gap", dims="gap")
        steps = pt.concatenate([pt.zeros(1), pt.cumsum(gaps)])
        cutpoint = pm.Deterministic("cutpoint", prior("first_cutpoint") + steps, dims="boundary")
        effects = pt.stack([prior(fact, f"beta_{fact}") for fact in FACTS])
        shares = pt.stack([prior(f"{fact}_share", f"share_{fact}") for fact in FACTS])
        system = prior("system_sd") * pm.Normal("system_offset", 0, 1, dims="system")
        eta = prior("reach", "beta_reach") * reach + prior("court", "beta_court") * rulings.court
        eta += system[rulings.system_idx]

        readings = np.array(list(product((0.0, 1.0), repeat=len(FACTS))))  # (reading, fact)
        yes = pt.where(rulings.unknown, shares, rulings.stated)[:, None]  # (decision, 1, fact)
        weight = pt.prod(readings * yes + (1.0 - readings) * (1.0 - yes), axis=2)
        chance = _ordered(eta[:, None] + pt.dot(readings, effects), cutpoint, gaps)  # (decision, reading, outcome)
        mixed = (weight[:, :, None] * chance).sum(axis=1)
        certain = np.eye(4)[0]
        pm.Categorical("outcome", p=pt.switch(mask[:, None] > 0, mixed, certain), observed=observed, dims="decision")
    return model


def _ordered(eta: Any, cutpoint: Any, gaps: Any) -> Any:
    """Probabilities of the four outcomes, last axis; differences of the logistic function without cancellation."""
    below = pm.math.sigmoid(cutpoint - eta[..., None])
    above = pm.math.sigmoid(eta[..., None] - cutpoint)
    between = below[..., 1:] * above[..., :-1] * -pt.expm1(-gaps)
    return pt.concatenate([below[..., :1], between, above[..., -1:]], axis=-1)
