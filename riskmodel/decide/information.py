"""What drives an answer, and how much of it is judgement rather than counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.decide.compare import _known
from riskmodel.decide.finding import Finding
from riskmodel.language import mark, tr
from riskmodel.wording import share_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior

__all__ = ["drivers"]

INPUTS: dict[str, tuple[str, str, str]] = {
    "leak": (mark("unseen nexus"), "judgement", "elicitation: reach, no_nexus"),
    "clear_text": (mark("key custody"), "judgement", "elicitation: clear_text"),
    "demand_defeated": (mark("contract terms"), "judgement", "elicitation: demand_defeated"),
    "attractiveness": (mark("attractiveness of the data"), "judgement", "elicitation: attractiveness"),
    "log_rate_criminal": (mark("rate of criminal demands"), "counts and judgement", "transparency via count_roles"),
    "band_level_now": (mark("accounts in the published bands"), "bands", "transparency: us_fisa_content"),
    # given the bands, all that leads from an account tasked to a customer affected is elicited
    "log_rate_intelligence": (
        mark("customers affected per tasked account"),
        "judgement",
        "elicitation: newly_tasked_fraction",
    ),
    "log_transfer": (mark("rates of other states"), "judgement", "elicitation: hazard_transfer"),
    "certification_removes": (mark("what certificates remove"), "judgement", "elicitation: certification_removes"),
    "certification_in_place": (
        mark("whether certified controls hold"),
        "judgement",
        "elicitation: certification_in_place",
    ),
    "authority_used": (mark("use of a lapsed authority"), "judgement", "elicitation: authority_used"),
    "reach": (mark("reach of the law"), "judgement", "elicitation: reach"),
    "common_bias": (mark("bias all experts may share"), "judgement", "priors: common_bias"),
}
"""Posterior quantity -> (name, what informs it, where its numbers stand)."""
SHARED = "common_bias"


def drivers(x: xr.Dataset, posterior: Posterior, setup: str) -> Finding:
    """Which inputs move this setup's probability most, and are they counted or judged?

    Parameters
    ----------
    x, posterior
        The exposure and the posterior it was scored with (same samples).
    setup
        Setup id.

    Returns
    -------
    Finding
        Sorted by ``influence``: share of the rank variance of the setup's probability that goes with the input alone
        (largest squared semi-partial rank correlation over the entries of the input, the bias that all experts may
        share taken out of it; the bias has its own row, and shares do not add up to 1), with ``input``,
        ``informed_by`` and ``where``. The text says how much is judged, and which regime carries most.

    Raises
    ------
    UsageError
        If the setup was not scored.
    """
    _known(x, setup)
    answer = _ranks(x["probability"].sel(setup=setup).values[None])[0]
    values = posterior.arrays()
    bias = _ranks(values[SHARED][None])[0]
    rows = []
    for name, (label, informed, where) in INPUTS.items():
        entries = values[name].reshape(-1, values[name].shape[-1])
        entries = entries[entries.std(axis=1) > 0]
        ranks = _ranks(entries)
        if name != SHARED:  # without it every judged input would carry the bias, also those a setup does not use
            ranks = _standard(ranks - np.outer(ranks @ bias / len(bias), bias))
        influence = float(np.square(ranks @ answer / len(answer)).max())
        rows.append({"input": label, "influence": influence, "informed_by": informed, "where": where})
    table = pd.DataFrame(rows).sort_values("influence", ascending=False, ignore_index=True)
    alone = x["probability_regime"].sel(setup=setup).mean("sample")
    total = float(alone.sum())
    main = str(alone["regime"].values[int(alone.values.argmax())])
    judged = table[table["informed_by"] == "judgement"]["influence"].sum() / table["influence"].sum()
    names = dict(zip(x["regime"].values, x["regime_name"].values, strict=True))
    first = str(table["input"].map(tr)[0])
    text = tr(
        "{input} moves the answer most; of the influence listed, {judged} is on inputs that no count informs, experts' "
        "judgements and the error that these may share. The law that carries most of the expected disclosures is "
        "{law}, with {share}.",
        input=first[:1].upper() + first[1:],
        judged=share_text(judged),
        law=names[main],
        share=share_text(float(alone.max()) / total),
    )
    return Finding(table, text)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Standardised ranks along the last axis (draws are continuous: ties do not matter)."""
    return _standard(values.argsort(axis=-1).argsort(axis=-1).astype(float))


def _standard(values: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1 along the last axis."""
    return (values - values.mean(axis=-1, keepdims=True)) / values.std(axis=-1, keepdims=True)
