"""Draws of the model of rulings: kept in a file with their provenance, and what they say of one arrangement.

Question answered: *given what rulings taught, how probable is each outcome for an arrangement with these facts?* NumPy
and xarray only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel._files import replacing
from riskmodel.acceptance.rulings import FACTS, build_rulings
from riskmodel.errors import Problem, StudyError, UsageError
from riskmodel.priors import Priors
from riskmodel.wording import INTERVAL

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["EFFECTS", "KEPT", "TAILS", "Acceptability", "load_acceptability", "probabilities"]

EFFECTS = tuple(f"beta_{name}" for name in ("reach", *FACTS, "court"))
KEPT = (*EFFECTS, *(f"share_{name}" for name in FACTS), "cutpoint", "system_sd")
"""Posterior quantities that prediction uses; the file keeps these."""
TAILS = ((1.0 - INTERVAL) / 2.0, (1.0 + INTERVAL) / 2.0)

Draws = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Acceptability:
    """Pooled draws of the model of rulings, dims ``imputation`` and ``draw``, with provenance in ``data.attrs``."""

    data: xr.Dataset

    @property
    def rulings_hash(self) -> str:
        """Hash of the rulings and priors that were fitted."""
        return str(self.data.attrs["rulings_hash"])

    @property
    def checks(self) -> list[dict[str, Any]]:
        """Rows (check, value, threshold, verdict, meaning): the worst imputation of each check."""
        return list(json.loads(self.data.attrs["checks"]))

    def draws(self) -> dict[str, np.ndarray]:
        """Every quantity as float64 with imputations joined into the draw, which is last."""
        joined = self.data[list(KEPT)].stack(all=("imputation", "draw"), create_index=False)
        return {str(k): np.asarray(v.transpose(..., "all").values, dtype=float) for k, v in joined.data_vars.items()}

    def coefficients(self) -> pd.DataFrame:
        """Mean and 90 % equal-tailed interval of each effect (logit), and the share of draws above zero."""
        draws = self.draws()
        rows = [
            (name, draws[name].mean(), *np.quantile(draws[name], TAILS), (draws[name] > 0).mean())
            for name in (*EFFECTS, "system_sd")
        ]
        return pd.DataFrame(rows, columns=["effect", "mean", "low", "high", "positive"])

    def save(self, path: Path | str) -> None:
        """Write a compressed netCDF file; an older file stays until the new one is complete."""
        packing = {str(name): {"zlib": True, "complevel": 9, "shuffle": True} for name in self.data.data_vars}
        with replacing(Path(path)) as temporary:
            self.data.to_netcdf(temporary, engine="h5netcdf", encoding=packing)


def load_acceptability(path: Path | str | None = None, study: Study | None = None) -> Acceptability:
    """Read fitted draws: the shipped ones, or a file written by :meth:`Acceptability.save`.

    Parameters
    ----------
    study
        When given, the draws must belong to its rulings and priors.

    Raises
    ------
    UsageError
        If the file is missing or holds something else.
    StudyError
        If it was fitted to other rulings or priors.
    """
    place = Path(str(resources.files("riskmodel") / "reference" / "acceptability.nc")) if path is None else Path(path)
    try:
        data = xr.load_dataset(place, engine="h5netcdf")
    except (OSError, ValueError) as problem:
        raise UsageError(f"{place}: not a readable file of fitted rulings ({problem})") from problem
    missing = [name for name in (*KEPT, "reach_logit_median", "sample") if name not in data]
    missing += [name for name in ("rulings_hash", "checks", "seed") if name not in data.attrs]
    if missing:
        raise UsageError(f"{place}: not a file of fitted rulings, lacks {', '.join(missing)}")
    result = Acceptability(data)
    if study is not None:
        own = build_rulings(study).hash(Priors.from_study(study))
        if own != result.rulings_hash:
            rule = f"was fitted to other rulings or priors than those of this study ({own[:12]}): fit it again"
            raise StudyError([Problem("acceptability", None, "rulings_hash", result.rulings_hash[:12], rule)])
    return result


def probabilities(draws: Draws, reach: np.ndarray, facts: np.ndarray, court: float, system: np.ndarray) -> np.ndarray:
    """Probability of each outcome of one arrangement in every draw.

    Parameters
    ----------
    draws
        As of :meth:`Acceptability.draws`.
    reach
        (draw,) logit of reach.
    facts
        (fact,) probability that each of :data:`riskmodel.acceptance.rulings.FACTS` holds; nan where it was not seen.
    court
        1 if a court judges.
    system
        (draw,) effect of the system, in standard deviations.

    Returns
    -------
    numpy.ndarray
        (draw, outcome), adding to 1.
    """
    base = draws["beta_reach"] * reach + draws["beta_court"] * court + draws["system_sd"] * system
    yes = [draws[f"share_{name}"] if np.isnan(p) else p for name, p in zip(FACTS, facts, strict=True)]
    total: Any = 0.0
    for reading in product((0, 1), repeat=len(FACTS)):
        parts = (p if r else 1.0 - p for p, r in zip(yes, reading, strict=True))
        weight = np.prod(np.broadcast_arrays(*parts), axis=0)
        eta = base + sum(draws[f"beta_{name}"] * r for name, r in zip(FACTS, reading, strict=True))
        below = 0.5 + 0.5 * np.tanh(0.5 * (draws["cutpoint"] - eta))  # (boundary, draw), the logistic function
        total = total + weight * np.diff(below, axis=0, prepend=0.0, append=1.0)
    return np.asarray(total.T)
