"""Study -> rulings: outcomes and facts of the arrangements that authorities judged, and how law reached them.

Question answered: *what was judged, by whom, with which outcome?* Outcomes are in ``data/decisions.csv``, facts are
coded with their reasons in ``data/decision_covariates.csv``; the adequacy of a state on a day is computed from
``data/adequacy.csv``. What was not seen is unknown, never no.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.draws import ROUTE_GROUPS, Draws
from riskmodel.nexus import Programme, foreign_programmes, split

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.priors import Prior
    from riskmodel.study import Study

__all__ = ["FACTS", "PREFIX", "Rulings", "adequacy_at", "build_rulings", "logit", "ruling_reach"]

FACTS = ("keys", "adequacy", "sensitive")
"""Facts of an arrangement that may be unknown; the authority is always known."""
PREFIX = "acceptability_"
"""Priors of this submodel begin like this."""
CODED = {"yes": 1.0, "in_force": 1.0, "not_applicable": 1.0, "no": 0.0, "none": 0.0}
"""Coded value -> fact; a home arrangement needs no adequacy and is at least as well placed. Others are unknown."""
FACT_OF_ROUTE = {"parent_control": "control", "minority_holding": "minority"}
"""Kind of fact that opens a route, where it has another name than the route."""


@dataclass(frozen=True)
class Rulings:
    """Judged arrangements, one a row, in order of their ids.

    Attributes
    ----------
    decision, system
        Ids of the rows, and of the systems whose hosting was judged.
    system_idx, outcome, court
        (decision,) position in ``system``; 0 prohibited to 3 accepted; 1 where a court judged.
    stated, unknown
        (decision, fact) 1 where a fact of :data:`FACTS` was seen to hold; whether it was not seen either way.
    country, routes, certificates, hosting
        State at issue ("" for none), routes by which it could get at the data, certificates held, and whether the
        company judged kept data for somebody else.
    """

    decision: tuple[str, ...]
    system: tuple[str, ...]
    system_idx: np.ndarray
    outcome: np.ndarray
    court: np.ndarray
    stated: np.ndarray
    unknown: np.ndarray
    country: tuple[str, ...]
    routes: tuple[frozenset[str], ...]
    certificates: tuple[frozenset[str], ...]
    hosting: tuple[bool, ...]

    def hash(self, priors: Mapping[str, Prior]) -> str:
        """SHA-256 over all rows and the priors of this submodel: the identity of a fit that belongs to them."""
        numbers = sorted(
            (p.prior_id, p.distribution, p.first, p.second) for p in priors.values() if p.prior_id.startswith(PREFIX)
        )
        arrays = [a.tolist() for a in (self.system_idx, self.outcome, self.court, self.stated, self.unknown)]
        routes, held = ([sorted(part) for part in parts] for parts in (self.routes, self.certificates))
        content = [self.decision, self.system, arrays, self.country, routes, held, self.hosting, numbers]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def build_rulings(study: Study, *, everything: bool = False) -> Rulings:
    """Collect the rulings that inform acceptability.

    Parameters
    ----------
    study
        Its tables ``decisions``, ``decision_covariates`` and ``adequacy``; rows may come in any order.
    everything
        Whether rows coded as excluded (governments, cities, decisions on something else than an arrangement with
        foreign access) take part too, to see what they would change.
    """
    table = study["decisions"].merge(study["decision_covariates"], on="decision_id", validate="one_to_one")
    if not everything:
        table = table[table["judged_role"] != "excluded"]
    table = table.sort_values("decision_id")
    country = [code if isinstance(code, str) else "" for code in table["foreign_country"]]
    adequacy = [
        adequacy_at(study, place, day.date()) if coded == "computed" else coded
        for coded, place, day in zip(table["adequacy"], country, table["date"], strict=True)
    ]
    said = pd.DataFrame({"keys": table["keys_outside"], "adequacy": adequacy, "sensitive": table["sensitive"]})
    facts = said[list(FACTS)].map(CODED.get).to_numpy(dtype=float)
    system, system_idx = np.unique(table["judged_system"].to_numpy(dtype=str), return_inverse=True)
    excluded_court = (table["judged_role"] == "excluded") & (table["authority_type"] == "court")
    return Rulings(
        decision=tuple(table["decision_id"]),
        system=tuple(system.tolist()),
        system_idx=system_idx,
        outcome=table["outcome"].to_numpy(dtype=np.int64),
        court=((table["judged_role"] == "court") | excluded_court).to_numpy(dtype=float),
        stated=np.nan_to_num(facts),
        unknown=np.isnan(facts),
        country=tuple(country),
        routes=tuple(frozenset(split(cell)) - {"none"} for cell in table["nexus"]),
        certificates=tuple(frozenset(split(cell)) for cell in table["certificates"]),
        hosting=tuple((table["hosting"] == "yes").tolist()),
    )


def adequacy_at(study: Study, country: str, day: dt.date) -> str:
    """Was an adequacy decision of the Union for a state in force on a day?

    Returns
    -------
    str
        ``in_force``, ``none``, or ``unknown``: the state is not in the table, or the day is before the study's date
        and the start of a decision was not seen. A decision counts on its last day.
    """
    table = study["adequacy"]
    table = table[(table["country"] == country) & table["status"].isin(["in_force", "invalidated", "none"])]
    held, now = table[table["status"] != "none"], pd.Timestamp(day)
    running = ~(held["valid_to"] < now) & ~(held["valid_from"] > now)
    if (running & (held["valid_from"].notna() | (day >= study.as_of))).any():
        return "in_force"
    return "unknown" if table.empty or running.any() else "none"


def ruling_reach(rulings: Rulings, posterior: Posterior, study: Study) -> np.ndarray:
    """Probability that law of the state at issue reached each judged arrangement, by its strongest programme.

    Law of today stands for that of the day: the programmes of the study and no others. Computed as for setups
    (:mod:`riskmodel.exposure`), from the coded routes and certificates.

    Returns
    -------
    numpy.ndarray
        (decision, sample) with the samples of ``posterior``.
    """
    programmes = foreign_programmes(study, study.home)
    draws = Draws(posterior, programmes)
    keys = list(zip(rulings.country, rulings.routes, rulings.certificates, strict=True))
    known = {key: _reached(draws, programmes, *key) for key in set(keys)}
    leak = draws.get("leak")
    return leak + (1.0 - leak) * np.stack([known[key] for key in keys])


def _reached(
    draws: Draws, programmes: Sequence[Programme], country: str, routes: frozenset[str], held: frozenset[str]
) -> np.ndarray:
    """Chance that the strongest programme of a state reaches through some route, certificates integrated out."""
    facts = frozenset((FACT_OF_ROUTE.get(route, route), country) for route in routes)
    schemes = sorted(held)
    in_place = draws.get("certification_in_place", status="qualified")
    removes = [draws.values["certification_removes"][draws.coords["scheme"].index(scheme)] for scheme in schemes]
    total = np.zeros((len(programmes), draws.size))
    for passing in product((False, True), repeat=len(schemes)):
        weight = np.prod([in_place if p else 1.0 - in_place for p in passing] or [np.ones(draws.size)], axis=0)
        left = np.prod([1.0 - c for c, p in zip(removes, passing, strict=True) if p] or [np.ones(1)], axis=0)
        for j, programme in enumerate(programmes):
            opened = {draws.routes.index(route) for route in programme.routes(facts)}
            chance = draws.reach[j] * left  # (route, sample)
            questions = [sorted(opened & set(group)) for group in ROUTE_GROUPS.values()]
            shut = np.prod([1.0 - chance[q].max(axis=0) for q in questions if q] or [np.ones(draws.size)], axis=0)
            total[j] += weight * (1.0 - shut)
    return np.asarray(total.max(axis=0))


def logit(probability: np.ndarray) -> np.ndarray:
    """Log odds, kept finite."""
    inside = np.clip(probability, 1e-9, 1.0 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside))
