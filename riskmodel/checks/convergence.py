"""Convergence: did the sampler explore the posterior?

Thresholds follow Vehtari et al. (2021): R-hat below 1.01 and effective sample sizes above 400 for every scalar that
feeds an answer; no divergences; energy fraction of missing information above 0.3 (Betancourt 2017).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from riskmodel.checks.rows import Row, row

__all__ = ["convergence"]

RHAT_BELOW = 1.01
ESS_ABOVE = 400.0
BFMI_ABOVE = 0.3


def convergence(tree: xr.DataTree, names: Sequence[str]) -> list[Row]:
    """Did the sampler explore the posterior of every scalar that feeds an answer?

    Parameters
    ----------
    tree
        Sampler output with groups ``posterior`` and ``sample_stats`` (chain, draw kept).
    names
        Quantities that scoring uses; entries that are constant by construction are skipped.

    Returns
    -------
    list of rows
        R-hat, bulk and tail effective sample size, divergences, E-BFMI.
    """
    import arviz as az

    posterior = tree["posterior"].to_dataset()
    entries = np.concatenate(
        [posterior[n].transpose("chain", "draw", ...).values.reshape(*posterior[n].shape[:2], -1) for n in names],
        axis=2,
    )
    varying = entries[:, :, entries.std(axis=(0, 1)) > 0]
    scalars = xr.Dataset({"value": (("chain", "draw", "entry"), varying)})
    worst = float(az.rhat(scalars)["value"].max())
    least, least_tail = (float(az.ess(scalars, method=how)["value"].min()) for how in ("bulk", "tail"))
    stats = tree["sample_stats"].to_dataset()
    diverging = int(stats["diverging"].sum())
    energy = stats["energy"].values
    bfmi = float((np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)).min())
    return [
        row(
            "R-hat, largest",
            worst,
            f"< {RHAT_BELOW}",
            worst < RHAT_BELOW,
            "chains agree with one another",
        ),
        row(
            "bulk ESS, smallest",
            least,
            f"> {ESS_ABOVE:.0f}",
            least > ESS_ABOVE,
            "enough independent draws for means",
        ),
        row(
            "tail ESS, smallest",
            least_tail,
            f"> {ESS_ABOVE:.0f}",
            least_tail > ESS_ABOVE,
            "enough independent draws for interval ends",
        ),
        row(
            "divergences",
            float(diverging),
            "= 0",
            diverging == 0,
            "no region that the sampler could not follow",
        ),
        row("E-BFMI, smallest", bfmi, f"> {BFMI_ABOVE}", bfmi > BFMI_ABOVE, "energy levels were all visited"),
    ]
