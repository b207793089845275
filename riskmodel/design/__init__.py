"""Study -> Design: the arrays that the likelihood sees, with named coordinates.

Question answered: *which numbers of the tables inform the posterior, and in which unit?* Everything the posterior
depends on is here or in :mod:`riskmodel.priors`; setups, notes and names are not, so that a new setup or a corrected
typo needs no refit (:meth:`Design.hash`). One module a kind of evidence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.design.bands import Bands, read_bands
from riskmodel.design.countries import Countries, read_countries
from riskmodel.design.counts import Counts, Statements, read_counts
from riskmodel.design.funnel import Funnel, read_funnel
from riskmodel.design.judgements import QUANTITIES, Z90, Judgements, item_key, link, read_judgements
from riskmodel.design.periods import HALF_YEARS
from riskmodel.design.totals import Totals, read_totals
from riskmodel.language import mark

if TYPE_CHECKING:
    from riskmodel.priors import Priors
    from riskmodel.study import Study

__all__ = ["QUANTITIES", "Z90", "Bands", "Countries", "Counts", "Design", "Funnel", "Judgements", "Statements"]
__all__ += ["Totals", "build_design", "content_programmes", "item_key", "link", "without_evidence"]

REPORTERS = ("microsoft", "aws", "ibm", "google_all")
"""Reporters whose customers were elicited: their counts inform rates per customer."""


@dataclass(frozen=True)
class Design:
    """Everything the likelihood sees.

    ``regime_family`` (regime,) 0 criminal, 1 intelligence, 2 any purpose; ``regime_uncounted`` (regime,) whether no
    provider publishes requests by the regime's state; ``regime_country`` (regime, country) share of each counted
    country in the regime's state.
    """

    coords: Mapping[str, tuple[str, ...]]
    regime_family: np.ndarray
    regime_uncounted: np.ndarray
    regime_country: np.ndarray
    judgements: Judgements
    counts: Counts
    statements: Statements
    bands: Bands
    funnel: Funnel
    countries: Countries
    totals: Totals

    def item(self, key: str) -> int:
        """Position of an elicited item; a KeyError names the missing one."""
        try:
            return self.coords["item"].index(key)
        except ValueError:
            raise KeyError(f"data/elicitation.csv has no row for {key!r}") from None

    def rows(self) -> pd.DataFrame:
        """Every published observation: which likelihood and row, who published it, last day of its period.

        Columns ``likelihood``, ``row``, ``reporter``, ``service``, ``period_end`` (missing for totals of years).
        """
        parts = (self.counts, self.statements, self.bands, self.funnel, self.countries, self.totals)
        return pd.concat([part.rows() for part in parts], ignore_index=True)

    def keep(self, chosen: np.ndarray) -> dict[str, np.ndarray]:
        """Masks of every likelihood for the rows of :meth:`rows` that are ``chosen`` (bool, in their order)."""
        table = self.rows().assign(chosen=np.asarray(chosen, dtype=float))
        return {str(name): part.sort_values("row")["chosen"].to_numpy() for name, part in table.groupby("likelihood")}

    def notes(self) -> list[str]:
        """What the study lacks, in English words marked for the catalogues: there priors or judgement decide."""
        experts = int(np.bincount(self.judgements.item_idx).max(initial=0))
        lacking = {
            mark("no extraterritorial count: rates of criminal process follow judgement and the upper funnel"): (
                len(self.counts.event_count) == 0
            ),
            mark("no zero statement"): len(self.statements.reporter) == 0,
            mark("no national-security band: the level of tasked accounts follows its prior"): len(self.bands.low) == 0,
            mark("no demand about enterprise customers: shares abroad and of content follow their priors"): (
                len(self.funnel.demand_count) == 0
            ),
            mark("no demand by country: other states differ by their prior alone"): len(self.countries.demands) == 0,
            mark("no published total: customer numbers follow judgement"): len(self.totals.log_total) == 0,
            mark("one expert at most for every quantity: nothing shows how far experts agree"): experts < 2,
        }
        return [said for said, lacks in lacking.items() if lacks]

    def hash(self, priors: Priors) -> str:
        """SHA-256 over coordinates, arrays and prior numbers: the identity of the posterior that belongs to it."""
        digest = hashlib.sha256(json.dumps([dict(self.coords), priors.numbers()], sort_keys=True).encode())
        for part in (
            self.judgements,
            self.counts,
            self.statements,
            self.bands,
            self.funnel,
            self.countries,
            self.totals,
        ):
            for field in fields(part):
                value = np.asarray(getattr(part, field.name))
                if value.dtype.kind in "OUM":  # labels and dates serve to choose rows, not to score them
                    continue
                array = np.ascontiguousarray(value.astype(float).round(12))
                digest.update(f"{field.name}{array.shape}".encode() + array.tobytes())
        for array in (self.regime_family, self.regime_uncounted, self.regime_country):
            digest.update(np.ascontiguousarray(array, dtype=float).tobytes())
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
    items, judgements = read_judgements(study["elicitation"], study["experts"], _strength(study))
    regimes = content_programmes(study)
    counts, statements = read_counts(study, REPORTERS)
    bands = read_bands(study)
    funnel = read_funnel(study)
    states, countries = read_countries(study)
    totals = read_totals(study)
    families = {"criminal": 0, "intelligence": 1, "any": 2}
    coords = {
        "item": items,
        "regime": tuple(regimes.index),
        "reporter": REPORTERS,
        "service": ("infrastructure", "collaboration"),
        "band_reporter": tuple(dict.fromkeys(bands.reporter)),
        "half_year": HALF_YEARS,
        "reading": tuple(f"{items[i]}.{n}" for n, i in enumerate(judgements.item_idx)),
        "count": tuple(f"count{n}" for n in range(len(counts.event_count))),
        "thinned": tuple(f"count{n}" for n in np.flatnonzero(counts.eu_known)),
        "statement": tuple(f"statement{n}" for n in range(len(statements.reporter_idx))),
        **funnel.coords(),
        "country": states,
        "country_reporter": tuple(dict.fromkeys(countries.reporter)),
        "country_cell": tuple(
            f"{r}.{states[c]}" for r, c in zip(countries.reporter, countries.country_idx, strict=True)
        ),
        "total": tuple(f"total{n}" for n in range(len(totals.log_total))),
    }
    family = regimes["purpose"].map(families).to_numpy(dtype=int)
    requesting = set(study["transparency"]["requesting_country"].dropna())
    named = [set(str(c).split(";")) for c in regimes["countries"]]
    uncounted = np.array([not names & requesting for names in named])
    member = np.array([[float(c in names) for c in states] for names in named]).reshape(len(named), len(states))
    member /= np.clip(member.sum(axis=1, keepdims=True), 1.0, None)
    return Design(coords, family, uncounted, member, judgements, counts, statements, bands, funnel, countries, totals)


def without_evidence(study: Study) -> tuple[str, ...]:
    """Programmes that no published demand and no expert speaks of: they follow what is said of regimes in general."""
    asked = set(study["transparency"]["requesting_country"].dropna())
    spoken = set(study["elicitation"]["regime_id"].dropna())
    states = content_programmes(study)["countries"].astype(str).str.split(";")
    return tuple(str(name) for name, own in states.items() if not set(own) & asked and name not in spoken)


def _strength(study: Study) -> float:
    """How many calibration questions the assumption weighs that an expert's spreads are right."""
    table = study["priors"]
    return float(table.loc[table["prior_id"] == "calibration_strength", "first"].iloc[0])


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
