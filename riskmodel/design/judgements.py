"""Expert readings, rotated so that correlated experts become independent observations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["QUANTITIES", "Z90", "Judgements", "item_key", "link", "read_judgements", "widening"]

Z90 = 1.2815515655446004
"""Standard normal quantile of 0.9: q10 and q90 are this many standard deviations from the median."""

# Quantity -> (link, direction). Direction +1: more of it means more exposure; -1: less. 0: no bias is carried, either
# because the quantity is neutral or because one modeller set it wide on purpose instead of several experts.
QUANTITIES: Mapping[str, tuple[str, int]] = {
    "reach": ("logit", 1),
    "certification_removes": ("logit", -1),
    "certification_in_place": ("logit", -1),
    "clear_text": ("logit", 1),
    "demand_defeated": ("logit", -1),
    "enterprise_customers": ("log", -1),
    "enterprise_share_of_tasked_accounts": ("logit", 1),
    "unreported_share": ("logit", 1),
    "attractiveness": ("log", 1),
    "same_law_across_setups": ("logit", 0),
    "same_answer_within_state": ("logit", 0),
    "newly_tasked_fraction": ("logit", 0),
    "accounts_per_customer": ("log_excess", 0),
    "infrastructure_share_of_tasked_accounts": ("logit", 0),
    "attractiveness_purpose": ("log", 0),
    "authority_used": ("logit", 0),
    "foreign_customer_share": ("logit", 0),
    "eu_share_of_foreign_customers": ("logit", 0),
    "statement_error": ("logit", 0),
    "fleet_customer_managed_keys": ("logit", 0),
    "customer_growth_elasticity": ("log", 0),
    "infrastructure_use": ("logit", 0),
    "hazard_transfer": ("log", 0),
    "content_share_of_warrant_disclosures": ("logit", 0),
    "published_total_ratio": ("log", 0),
    "fact_true": ("logit", 0),
    "suspension_rate": ("log", 1),
    "degradation_given_cutoff": ("logit", 1),
    "covert_collection": ("logit", 1),
}
"""Elicited quantities the model uses; severity is scored from its own rows and has no part in a likelihood."""


def link(value: np.ndarray, name: str) -> np.ndarray:
    """Map elicited values to the scale of pooling: ``logit``, ``log`` or ``log_excess`` = log(x - 1)."""
    value = np.asarray(value, dtype=float)
    if name == "logit":
        return np.log(value) - np.log1p(-value)
    return np.log(value - 1.0) if name == "log_excess" else np.log(value)


def item_key(quantity: str, condition: str, regime: str = "", scheme: str = "") -> str:
    """Name an elicited item: ``quantity.condition``, with ``@regime`` or ``@scheme`` where it is specific.

    >>> item_key("reach", "parent_control", regime="US_FISA702")
    'reach.parent_control@US_FISA702'
    """
    where = "@".join(part for part in (regime, scheme) if part)
    return f"{quantity}.{condition}" + (f"@{where}" if where else "")


@dataclass(frozen=True)
class Judgements:
    """Expert readings, rotated so that correlated experts become independent observations.

    Expert e's quantiles describe the expert's belief about item q: median ``m_qe`` and spread ``s_qe`` on the link
    scale. Experts share an error of the item's mean spread ``s_q`` and have their own:

        m_q ~ MVNormal(theta_q 1, tau^2 [phi s_q^2 11' + (1 - phi) diag(s_qe^2)])

    An orthonormal rotation of ``m_qe / s_qe`` whose first row is proportional to ``1 / s_qe`` has independent entries:
    a *common* one with mean ``loading theta_q`` and variance ``1 - phi + phi common``, and contrasts with mean 0 and
    variance ``1 - phi``. A plain Normal likelihood is then exact for any number of experts.

    Attributes
    ----------
    rotated, loading, common, item_idx
        (reading,) rotated reading, mean per unit of theta, share of the common error, and item.
    spread, direction
        (item,) mean stated standard deviation, and orientation towards exposure (+1, -1, 0).
    """

    rotated: np.ndarray
    loading: np.ndarray
    common: np.ndarray
    item_idx: np.ndarray
    spread: np.ndarray
    direction: np.ndarray


def _rotation(first: np.ndarray) -> np.ndarray:
    """Orthonormal matrix whose first row points along ``first`` (Householder reflection)."""
    unit = first / np.linalg.norm(first)
    mirror = unit - np.eye(len(unit))[0]
    size = mirror @ mirror
    return np.eye(len(unit)) - (2.0 / size * np.outer(mirror, mirror) if size > 1e-30 else 0.0)


def widening(experts: pd.DataFrame, strength: float) -> pd.Series:
    """By how much each expert's stated spreads are widened for what calibration questions showed (expert_id).

    Root of the mean square error in the expert's own standard deviations, pulled to 1 by ``strength`` questions' worth
    of belief that stated spreads are right; never below 1. Experts who were asked none keep their spreads. A wider
    reading weighs less (Cooke 1991, *Experts in Uncertainty*, weighs by performance on seed questions too).
    """
    asked = experts.set_index("expert_id")[["calibration_questions", "calibration_rms"]].astype(float)
    number, error = asked["calibration_questions"].fillna(0.0), asked["calibration_rms"].fillna(1.0)
    return ((strength + number * error**2) / (strength + number)).clip(lower=1.0) ** 0.5


def read_judgements(table: pd.DataFrame, experts: pd.DataFrame, strength: float) -> tuple[tuple[str, ...], Judgements]:
    """Rotated readings of every elicited item; quantiles that are equal are constants and no reading."""
    wider = widening(experts, strength)
    table = table[table["quantity"].isin(list(QUANTITIES)) & (table["q10"] != table["q90"])].copy()
    text = table[["regime_id", "scheme"]].fillna("")
    table["item"] = [
        item_key(q, c, r, s)
        for q, c, r, s in zip(table["quantity"], table["condition"], text["regime_id"], text["scheme"], strict=True)
    ]
    table = table.sort_values(["item", "expert_id"])
    parts: list[tuple[np.ndarray, ...]] = []
    spread, direction = [], []
    for position, (_, rows) in enumerate(table.groupby("item", sort=True)):
        how, sign = QUANTITIES[rows["quantity"].iloc[0]]
        q10, q50, q90 = (link(rows[q].where(rows[q] > 0).to_numpy(), how) for q in ("q10", "q50", "q90"))
        # a lower quantile printed as 0.00 is left-censored by rounding: the upper half alone tells the spread
        scale = np.where(np.isnan(q10), (q90 - q50) / Z90, (q90 - q10) / (2 * Z90))
        scale = scale * wider[rows["expert_id"]].to_numpy()
        precise = 1.0 / scale
        common = np.zeros(len(rows))
        common[0] = scale.mean() ** 2 * (precise @ precise)
        turn = _rotation(precise)
        parts.append((turn @ (q50 / scale), turn @ precise, common, np.full(len(rows), position)))
        spread.append(scale.mean())
        direction.append(sign)
    return tuple(sorted(table["item"].unique())), Judgements(
        *[np.concatenate(column) for column in zip(*parts, strict=True)],  # type: ignore[call-arg]
        np.array(spread),
        np.array(direction, dtype=float),
    )
