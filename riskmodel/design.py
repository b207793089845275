"""Study -> Design: the arrays that the likelihood sees, with named coordinates.

Question answered: *which numbers of the tables inform the posterior, and in which unit?* Everything the posterior
depends on is here or in :mod:`riskmodel.priors`; setups, notes and names are not, so that a new setup or a corrected
typo needs no refit (:meth:`Design.hash`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from riskmodel.priors import Priors
    from riskmodel.study import Study

__all__ = ["Bands", "Counts", "Design", "Judgements", "Statements", "build_design"]

Z90 = 1.2815515655446004
"""Standard normal quantile of 0.9: q10 and q90 are this many standard deviations from the median."""

HALF_YEARS = tuple(f"{year}H{half}" for year in range(2013, 2026) for half in (1, 2))
"""The grid on which reporting periods and customer numbers are placed."""

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
}
"""Elicited quantities the likelihood of disclosure uses; others in the table (suspension, severity, covert
collection) belong to submodels that are not built yet."""


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


@dataclass(frozen=True)
class Counts:
    """Published extraterritorial counts, one disjoint cell a row.

    ``event_count`` disclosures; ``years`` (count, half_year) observed; ``log_index`` (half_year,) log of published
    seats relative to the last half-year; ``stated`` whether the customers are stated to be foreign; ``covers``
    (count, service) 1 where the cell covers the service; ``eu_event_count`` events stated to be European, where
    ``eu_known``.
    """

    event_count: np.ndarray
    reporter_idx: np.ndarray
    years: np.ndarray
    log_index: np.ndarray
    stated: np.ndarray
    covers: np.ndarray
    eu_event_count: np.ndarray
    eu_known: np.ndarray


@dataclass(frozen=True)
class Statements:
    """Published or sworn zeros, one statement a row, over the time that counts do not already cover.

    ``years`` (statement, half_year);

    ``population`` 0 customer's seat unstated, 1 foreign, 2 EU; ``counted_events`` events of unstated nationality that
    counts report inside the stretch and that the statement says were not of its population.
    """

    reporter_idx: np.ndarray
    years: np.ndarray
    population: np.ndarray
    covers: np.ndarray
    counted_events: np.ndarray


@dataclass(frozen=True)
class Bands:
    """Interval-censored half-yearly counts of accounts under national-security orders.

    (reporter x period, flattened) ``low`` and ``high`` inclusive; ``reporter_idx``; ``step`` half-years since the
    reporter's first band; ``steps_to_now`` (reporter,) half-years from the last band to the study's date.
    """

    low: np.ndarray
    high: np.ndarray
    reporter_idx: np.ndarray
    step: np.ndarray
    steps_to_now: np.ndarray


@dataclass(frozen=True)
class Design:
    """Everything the likelihood sees: coordinates, judgements, counts, statements and bands.

    ``regime_family`` (regime,) 0 criminal, 1 intelligence, 2 any purpose; ``regime_uncounted`` (regime,) whether no
    provider publishes requests by the regime's state.
    """

    coords: Mapping[str, tuple[str, ...]]
    regime_family: np.ndarray
    regime_uncounted: np.ndarray
    judgements: Judgements
    counts: Counts
    statements: Statements
    bands: Bands

    def item(self, key: str) -> int:
        """Position of an elicited item; a KeyError names the missing one."""
        try:
            return self.coords["item"].index(key)
        except ValueError:
            raise KeyError(f"data/elicitation.csv has no row for {key!r}") from None

    def hash(self, priors: Priors) -> str:
        """SHA-256 over coordinates, arrays and prior numbers: the identity of the posterior that belongs to it."""
        digest = hashlib.sha256(json.dumps([dict(self.coords), priors.numbers()], sort_keys=True).encode())
        for part in (self.judgements, self.counts, self.statements, self.bands):
            for field in fields(part):
                array = np.ascontiguousarray(np.asarray(getattr(part, field.name), dtype=float).round(12))
                digest.update(f"{field.name}{array.shape}".encode() + array.tobytes())
        digest.update(np.concatenate([self.regime_family, self.regime_uncounted]).astype(float).tobytes())
        return digest.hexdigest()


def build_design(study: Study) -> Design:
    """Turn a study into the arrays of the likelihood.

    Parameters
    ----------
    study
        A validated study; rows may come in any order (they are sorted by content, so shuffling changes nothing).

    Raises
    ------
    KeyError
        If a quantity the model needs was not elicited.
    """
    items, judgements = _judgements(study["elicitation"])
    regimes = content_programmes(study)
    reporters = ("microsoft", "aws", "ibm")
    counts, statements = _counts(study, reporters)
    band_reporters, bands = _bands(study)
    families = {"criminal": 0, "intelligence": 1, "any": 2}
    coords = {
        "item": items,
        "regime": tuple(regimes.index),
        "reporter": reporters,
        "service": ("infrastructure", "collaboration"),
        "band_reporter": band_reporters,
        "half_year": HALF_YEARS,
        "reading": tuple(f"{items[i]}.{n}" for n, i in enumerate(judgements.item_idx)),
        "count": tuple(f"count{n}" for n in range(len(counts.event_count))),
        "thinned": tuple(f"count{n}" for n in np.flatnonzero(counts.eu_known)),
        "statement": tuple(f"statement{n}" for n in range(len(statements.reporter_idx))),
    }
    family = regimes["purpose"].map(families).to_numpy(dtype=int)
    requesting = set(study["transparency"]["requesting_country"].dropna())
    uncounted = np.array([not set(str(c).split(";")) & requesting for c in regimes["countries"]])
    return Design(coords, family, uncounted, judgements, counts, statements, bands)


def content_programmes(study: Study) -> pd.DataFrame:
    """Return the hazard units: one row per programme that can compel content, home baselines included.

    Several instruments can serve one programme (section 702 and its 2024 definition of providers): they add routes,
    not events. Index ``regime`` (sorted), columns ``purpose``, ``countries``, ``wordings``.
    """
    table = study["regimes"]
    table = table[table["model_scope"] == "content"]
    own = table.set_index("programme_id").sort_index()
    wordings = own.groupby(level=0)["reaches_via"].agg(lambda s: ";".join(sorted(set(";".join(s.dropna()).split(";")))))
    head = table[table["regime_id"] == table["programme_id"]].set_index("regime_id").sort_index()
    return pd.DataFrame(
        {
            "purpose": head["purpose"],
            "countries": head["countries"],
            "name": head["name"],
            "wordings": wordings.reindex(head.index),
        }
    ).rename_axis("regime")


def _rotation(first: np.ndarray) -> np.ndarray:
    """Orthonormal matrix whose first row points along ``first`` (Householder reflection)."""
    unit = first / np.linalg.norm(first)
    mirror = unit - np.eye(len(unit))[0]
    size = mirror @ mirror
    return np.eye(len(unit)) - (2.0 / size * np.outer(mirror, mirror) if size > 1e-30 else 0.0)


def _judgements(table: pd.DataFrame) -> tuple[tuple[str, ...], Judgements]:
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


def _half_years_covered(start: pd.Timestamp, end: pd.Timestamp) -> np.ndarray:
    """Years of the stretch [start, end] that fall in each half-year of the grid."""
    edges = [pd.Timestamp(int(h[:4]), 1 if h[-1] == "1" else 7, 1) for h in HALF_YEARS] + [pd.Timestamp(2026, 1, 1)]
    after = end + pd.Timedelta(days=1)
    days = [(min(b, after) - max(a, start)).days for a, b in pairwise(edges)]
    return np.clip(np.array(days, dtype=float), 0, None) / 365.25


def _seat_index(study: Study) -> np.ndarray:
    """Log of published commercial seats (users before 2020) by half-year, relative to the last half-year."""
    table = study["customers"]
    usable = table["quantity"].isin(["paid_seats", "paid_seats_estimate", "monthly_active_users"]) & (
        table["use"] == "yes"
    )
    table = table[usable & (table["entity_id"] == "microsoft")].sort_values(["as_of", "value_low"])
    known = (table["as_of"] - pd.Timestamp("2013-01-01")).dt.days.to_numpy(dtype=float)
    middle = [
        (pd.Timestamp(f"{h[:4]}-{'04' if h[-1] == '1' else '10'}-01") - pd.Timestamp("2013-01-01")).days
        for h in HALF_YEARS
    ]
    logs = np.interp(np.array(middle, dtype=float), known, np.log(table["value_low"].to_numpy(dtype=float)))
    return logs - logs[-1]


SERVICES = {"infrastructure": (1.0, 0.0), "collaboration": (0.0, 1.0), "mixed": (1.0, 1.0)}
POPULATIONS = {"customer_unstated": 0, "foreign": 1, "eu": 2}


def _counts(study: Study, reporters: tuple[str, ...]) -> tuple[Counts, Statements]:
    """Counts and zero statements from the disjoint cells that ``data/count_roles.csv`` assigns to published rows."""
    rows = study["count_roles"].merge(study["transparency"][["row_id", "reporter_id", "value_low"]], on="row_id")
    rows = rows.sort_values(["reporter_id", "period_from", "service_model", "population"])
    index = _seat_index(study)

    def exposure(part: pd.DataFrame) -> np.ndarray:
        return np.array(
            [_half_years_covered(a, b) for a, b in zip(part["period_from"], part["period_to"], strict=True)]
        )

    used = rows[rows["role"] == "count"].reset_index(drop=True)
    thinned = rows[rows["role"] == "thinning"].set_index(["reporter_id", "service_model", "period_from"])["value_low"]
    keys = pd.MultiIndex.from_frame(used[["reporter_id", "service_model", "period_from"]])
    eu = thinned.reindex(keys).to_numpy(dtype=float)
    counts = Counts(
        event_count=used["value_low"].to_numpy(dtype=int),
        reporter_idx=np.array([reporters.index(r) for r in used["reporter_id"]]),
        years=exposure(used),
        log_index=index,
        stated=(used["population"] == "foreign").to_numpy(),
        covers=np.array([SERVICES[s] for s in used["service_model"]]),
        eu_event_count=np.nan_to_num(eu).astype(int),
        eu_known=~np.isnan(eu),
    )
    said = rows[rows["role"] == "statement"].reset_index(drop=True)
    spoken_of = rows[rows["role"] == "statement_on_counts"].reset_index(drop=True)
    first = said.drop_duplicates("row_id").reset_index(drop=True)
    stretch = exposure(said)
    counted = [
        sum(
            used.loc[
                (used["reporter_id"] == row.reporter_id)
                & (used["population"] == "customer_unstated")
                & (used["period_from"] >= row.period_from)
                & (used["period_to"] <= row.period_to),
                "value_low",
            ].sum()
            for row in spoken_of[spoken_of["row_id"] == row_id].itertuples()
        )
        for row_id in first["row_id"]
    ]
    statements = Statements(
        reporter_idx=np.array([reporters.index(r) for r in first["reporter_id"]]),
        years=np.array([stretch[(said["row_id"] == row_id).to_numpy()].sum(axis=0) for row_id in first["row_id"]]),
        population=np.array([POPULATIONS[p] for p in first["population"]]),
        covers=np.array([SERVICES[s] for s in first["service_model"]]),
        counted_events=np.array(counted, dtype=int),
    )
    return counts, statements


def _bands(study: Study) -> tuple[tuple[str, ...], Bands]:
    table = study["transparency"]
    table = table[
        (table["regime_group"] == "us_fisa_content")
        & (table["metric"] == "accounts")
        & table["reporter_id"].isin(["microsoft", "google_all"])
        & ~table["is_duplicate"].astype(bool)
    ].sort_values(["reporter_id", "period_start"])
    reporters = tuple(sorted(table["reporter_id"].unique()))
    step = (table["period_start"].dt.year * 2 + table["period_start"].dt.month // 7).to_numpy(dtype=int)
    idx = np.array([reporters.index(r) for r in table["reporter_id"]])
    first = np.array([step[idx == k].min() for k in range(len(reporters))])
    last = np.array([step[idx == k].max() for k in range(len(reporters))])
    now = study.as_of.year * 2 + (study.as_of.month > 6)
    return reporters, Bands(
        low=table["value_low"].to_numpy(dtype=float),
        high=table["value_high"].to_numpy(dtype=float),
        reporter_idx=idx,
        step=step - first[idx],
        steps_to_now=(now - last).astype(float),
    )
