"""Fit the model of rulings, and ask whether it would have foreseen them.

One compiled program serves all imputations of reach and all systems left out; PyMC is imported inside functions.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.acceptance.posterior import KEPT, Acceptability, probabilities
from riskmodel.acceptance.rulings import Rulings, build_rulings, logit, ruling_reach
from riskmodel.checks.scoring import brier, log_score
from riskmodel.decide.rulings import OUTCOMES
from riskmodel.fit import SampleSettings
from riskmodel.priors import Priors

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.program import Program
    from riskmodel.study import Study

__all__ = ["backtest_rulings", "compiled", "fit_acceptability", "leave_one_system_out"]

log = logging.getLogger(__name__)

SETTINGS = SampleSettings(draws=2000, tune=1000, chains=2, thin=1, target_accept=0.95)
"""Of each imputation."""
POOLED_DRAWS = 4000
"""Draws kept over all imputations."""


def fit_acceptability(
    study: Study, posterior: Posterior, settings: SampleSettings | None = None, imputations: int = 20
) -> Acceptability:
    """Sample the model of rulings once for each imputation of reach, and pool the draws.

    Parameters
    ----------
    study
        Its decisions, their coded facts, adequacy and priors.
    posterior
        Of the main model; it stays as it is.
    settings
        Of each run; default :data:`SETTINGS`.
    imputations
        Samples of ``posterior`` whose reach is used, each in a run of its own (a second each).

    Returns
    -------
    Acceptability
        Whether or not its checks pass.
    """
    from riskmodel import __version__
    from riskmodel.checks import convergence

    settings = settings or SETTINGS
    rulings, priors = build_rulings(study), Priors.from_study(study)
    whole = logit(ruling_reach(rulings, posterior, study))
    reach, samples = _imputed(whole, settings.seed, imputations)
    program = compiled(rulings, priors, reach[0])
    step = max(1, settings.draws * settings.chains * imputations // POOLED_DRAWS)
    log.info("sampling %d imputations of reach", imputations)
    runs, checks = [], []
    for k, own in enumerate(reach):
        tree = program.sample(replace(settings, seed=settings.seed + k), data={"reach": own})
        checks.append(convergence(tree, KEPT))
        runs.append(_joined(tree).isel(draw=slice(None, None, step)))
    pooled = xr.concat(runs, "imputation").astype("float32")
    pooled["reach_logit"] = (("imputation", "decision"), reach.astype("float32"))
    pooled["reach_logit_median"] = ("decision", np.median(whole, axis=1).astype("float32"))
    pooled["sample"] = ("imputation", samples)
    pooled = pooled.assign_coords(decision=list(rulings.decision))
    pooled.attrs = {
        "rulings_hash": rulings.hash(priors),
        "design_hash": posterior.design_hash,
        "data_hash": study.data_hash,
        "package_version": __version__,
        "created": study.as_of.isoformat(),
        "checks": json.dumps([_worst(rows) for rows in zip(*checks, strict=True)]),
        **asdict(settings),
    }
    return Acceptability(pooled)


def compiled(rulings: Rulings, priors: Priors, reach: np.ndarray) -> Program:
    """Compile the model at one imputation of reach (decision,), logit; ``reach`` is exchanged as data are."""
    from riskmodel.model.acceptability import build_acceptability
    from riskmodel.program import Program

    model = build_acceptability(rulings, priors)
    model["reach_data"].set_value(reach)
    return Program(model, inputs=("reach",))


def _imputed(reach: np.ndarray, seed: int, imputations: int) -> tuple[np.ndarray, np.ndarray]:
    """Imputations (imputation, decision) chosen from (decision, sample), and which samples they are."""
    chosen = np.sort(np.random.default_rng(seed).choice(reach.shape[1], imputations, replace=False))
    return reach[:, chosen].T, chosen


def _joined(tree: xr.DataTree) -> xr.Dataset:
    """Draws of one run with the chains joined."""
    posterior = tree["posterior"].to_dataset()[list(KEPT)]
    joined = posterior.rename(draw="step").stack(draw=("chain", "step"), create_index=False)
    return joined.drop_vars(["chain", "step", "boundary"], errors="ignore").transpose("draw", ...)


def _worst(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The row of one check that is worst over the imputations."""
    largest = rows[0]["threshold"].startswith(("<", "="))
    return (max if largest else min)(rows, key=lambda row: row["value"])


@dataclass(frozen=True)
class _HeldOut:
    """One compiled program, to be fitted without some rulings that are then predicted."""

    rulings: Rulings
    program: Program
    reach: np.ndarray
    settings: SampleSettings

    @classmethod
    def create(cls, study: Study, posterior: Posterior, settings: SampleSettings | None, imputations: int) -> _HeldOut:
        settings, rulings = settings or SETTINGS, build_rulings(study)
        reach, _ = _imputed(logit(ruling_reach(rulings, posterior, study)), settings.seed, imputations)
        return cls(rulings, compiled(rulings, Priors.from_study(study), reach[0]), reach, settings)

    def scores(self, keep: np.ndarray, asked: np.ndarray, number: int) -> dict[str, float]:
        """Mean scores of the rulings ``asked`` given those to ``keep``, and of base rates among these.

        A system without a kept ruling has an effect of its own, drawn afresh: the sampler does that.
        """
        rulings, places, found = self.rulings, np.flatnonzero(asked), []
        facts = np.where(rulings.unknown, np.nan, rulings.stated)
        for k, own in enumerate(self.reach):
            again = replace(self.settings, seed=self.settings.seed + 1000 * (number + 1) + k)
            tree = self.program.sample(again, data={"reach": own}, keep={"outcome": keep})
            draws = Acceptability(_joined(tree).expand_dims("imputation")).draws()
            effect = tree["posterior"]["system_offset"].stack(all=("chain", "draw")).transpose("system", "all").values
            chances = [
                probabilities(draws, own[i], facts[i], rulings.court[i], effect[rulings.system_idx[i]]) for i in places
            ]
            found.append(np.stack(chances))
        chance = np.concatenate(found, axis=1)  # (ruling, draw, outcome)
        observed = rulings.outcome[places]
        counts = np.bincount(rulings.outcome[keep], minlength=len(OUTCOMES)) + 1.0
        base = np.tile(counts / counts.sum(), (len(observed), 1))
        picked = np.take_along_axis(chance, observed[:, None, None], axis=2)[:, :, 0]
        return {
            "rulings": len(observed),
            "log_score": float(log_score(np.log(picked).T).mean()),
            "log_score_base": float(np.log(base[np.arange(len(observed)), observed]).mean()),
            "brier": float(brier(chance.mean(axis=1), observed).mean()),
            "brier_base": float(brier(base, observed).mean()),
        }


def leave_one_system_out(
    study: Study,
    posterior: Posterior,
    settings: SampleSettings | None = None,
    imputations: int = 4,
) -> pd.DataFrame:
    """Would the model have foreseen the rulings on a system it had not seen, better than base rates?

    One compiled program is fitted again without the rows of one system after another; several imputations of reach are
    pooled. The base rate is the share of each outcome among the other systems' rulings, one pseudo-count added to each.
    Who set the priors had read the decisions: the comparison flatters the model.

    Returns
    -------
    pandas.DataFrame
        ``system``, ``rulings`` (number), ``log_score`` and ``log_score_base`` (mean log probability of the outcomes,
        larger is better), ``brier`` and ``brier_base`` (smaller is better).
    """
    held = _HeldOut.create(study, posterior, settings, imputations)
    rows = []
    for number, system in enumerate(held.rulings.system):
        out = held.rulings.system_idx == number
        rows.append({"system": system, **held.scores(~out, out, number)})
        log.info("%s left out", system)
    return pd.DataFrame(rows)


def backtest_rulings(
    study: Study,
    posterior: Posterior,
    years: Sequence[int] = (2021, 2022, 2023),
    settings: SampleSettings | None = None,
    imputations: int = 4,
) -> pd.DataFrame:
    """Would rulings up to a year have foreseen those of the following year, better than base rates up to then?

    Reach, priors and the coding of facts are today's: hindsight that only later rulings are spared.

    Returns
    -------
    pandas.DataFrame
        ``up_to`` (year), and the columns of :func:`leave_one_system_out`.
    """
    held = _HeldOut.create(study, posterior, settings, imputations)
    year = study["decisions"].set_index("decision_id")["date"].dt.year.reindex(held.rulings.decision).to_numpy()
    rows = [{"up_to": y, **held.scores(year <= y, year == y + 1, n)} for n, y in enumerate(years)]
    return pd.DataFrame(rows)
