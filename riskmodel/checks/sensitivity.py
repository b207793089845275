"""Sensitivity: how far do answers move when priors, judgements or published data weigh more, or one judgement moves?

Power-scaling (Kallioinen, Paananen, Bürkner & Vehtari 2024) raises one component of the joint density to a power; its
first-order effect on the mean of any quantity g is the covariance of g with the component's log density, so that
decisions (is A below B?) are treated like parameters and nothing is fitted again. Moving what the experts said of one
quantity by one of their own standard deviations is the covariance of g with that quantity's location, over that
deviation: exact to first order, because the readings are Normal.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

__all__ = ["judgement_shifts", "power_scaling"]


def power_scaling(
    quantities: Mapping[str, np.ndarray], log_density: Mapping[str, np.ndarray], chains: int
) -> pd.DataFrame:
    """Change of each quantity's mean when a component counts twice as much, to first order.

    Parameters
    ----------
    quantities
        Name -> draws (sample,): a log probability, or 0 and 1 for a decision.
    log_density
        Component (published data, judgement, priors) -> log density (sample,).
    chains
        Number of chains, for the Monte-Carlo error.

    Returns
    -------
    pandas.DataFrame
        ``quantity``, ``component``, ``mean``, ``change`` (in the quantity's unit, per doubling of the component's
        weight), ``change_sd`` (in its posterior standard deviations), ``error`` (spread of ``change`` between chains,
        over their number's root).
    """
    lines = []
    for name, draws in quantities.items():
        for component, density in log_density.items():
            by_chain = [
                np.log(2.0) * np.cov(g, d)[0, 1]
                for g, d in zip(np.split(draws, chains), np.split(density, chains), strict=True)
            ]
            change = float(np.log(2.0) * np.cov(draws, density)[0, 1])
            lines.append(
                {
                    "quantity": name,
                    "component": component,
                    "mean": float(draws.mean()),
                    "change": change,
                    "change_sd": change / max(float(draws.std()), 1e-12),
                    "error": float(np.std(by_chain, ddof=1) / np.sqrt(chains)) if chains > 1 else np.nan,
                }
            )
    return pd.DataFrame(lines)


def judgement_shifts(
    quantities: Mapping[str, np.ndarray], location: np.ndarray, items: list[str], spread: np.ndarray
) -> pd.DataFrame:
    """Change of each quantity's mean when all experts move one elicited item by one of their standard deviations.

    Parameters
    ----------
    quantities
        Name -> draws (sample,).
    location
        Posterior of every item on its link scale: (sample, item).
    items, spread
        Names of the items and the experts' mean standard deviation on the link scale: (item,).

    Returns
    -------
    pandas.DataFrame
        ``quantity``, ``item``, ``change``, sorted by size within each quantity. To first order, with the spread of the
        pooled reading taken as the experts' own.
    """
    centred = location - location.mean(axis=0)
    lines = []
    for name, draws in quantities.items():
        change = (draws - draws.mean()) @ centred / len(draws) / spread
        order = np.argsort(-np.abs(change))
        lines.append(pd.DataFrame({"quantity": name, "item": np.array(items)[order], "change": change[order]}))
    return pd.concat(lines, ignore_index=True)
