"""Expert judgement: several correlated readings of one quantity, pooled without becoming more certain than any.

An expert's quantiles describe the expert's *belief about the quantity*, not a measurement with that error. With a
shared location ``theta_q``, an error they share because they read the same evidence, and one of their own,

    m_qe = theta_q + tau (sqrt(phi) s_q c_q + sqrt(1 - phi) s_qe e_qe),   c, e ~ Normal(0, 1),   tau >= 1,

with ``s_q`` the mean spread. The shared error has one size for all: scaling it by each expert's own spread gives, at
high correlation, negative weights and a pool outside the range of the experts.

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| expert_dependence | phi, shared reading and training | correlation | - | Beta |
| expert_overconfidence | tau - 1 | multiple | - | HalfNormal |
| common_bias | b, what all experts may share and data cannot show | expert sd | - | Normal |

The likelihood sees ``theta_q``; the answers use ``theta_q + d_q s_q b`` with ``d_q = +-1`` oriented towards exposure,
so that pessimism and optimism act on all factors together. Method: O'Hagan et al. (2006), *Uncertain Judgements*;
dependence between experts after Clemen & Winkler (1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from riskmodel.design import Design, item_key
from riskmodel.priors import Priors

__all__ = ["Located", "Pool"]

Located = tuple[Sequence[str], Any]
"""Names of elicited items and the vector of their locations on the link scale."""


@dataclass(frozen=True)
class Pool:
    """What submodels use to speak of elicited items: locations, their likelihood, and the carried bias."""

    design: Design
    priors: Priors
    dependence: Any
    scale: Any
    bias: Any

    @classmethod
    def create(cls, design: Design, priors: Priors) -> Pool:
        """Add the three shared parameters to the model on the stack."""
        return cls(
            design,
            priors,
            priors["expert_dependence"].create("expert_dependence"),
            1.0 + priors["expert_overconfidence"].create("expert_overconfidence"),
            priors["common_bias"].create("common_bias"),
        )

    def location(self, name: str, dims: str | None = None, kind: str = "logit") -> Any:
        """Add one free location (or one per entry of ``dims``) on the link scale."""
        return self.priors[f"expert_location_{kind}"].create(name, dims=dims)

    def shift(
        self, quantity: str, conditions: list[str], regime: str = "", scheme: str = "", joint: bool = False
    ) -> Any:
        """Return the carried bias ``d_q s_q b`` of each item; ``joint`` gives one shift to all and keeps an order."""
        found = [self.design.item(item_key(quantity, c, regime, scheme)) for c in conditions]
        judged = self.design.judgements
        size = judged.direction[found] * judged.spread[found]
        return self.bias * (np.full(len(found), size.mean()) if joint else size)

    def observe(self, locations: Sequence[Located]) -> None:
        """Add the likelihood of all readings, given the location of every item of ``design.coords['item']``.

        Raises
        ------
        KeyError
            If an item of the design has no location in the model.
        """
        judged = self.design.judgements
        keys = [key for names, _ in locations for key in names]
        missing = sorted(set(self.design.coords["item"]) - set(keys))
        if missing:
            raise KeyError(f"elicited items that no submodel uses: {', '.join(missing)}")
        theta = pt.concatenate([vector for _, vector in locations])
        place = np.array([keys.index(key) for key in self.design.coords["item"]])
        variance = 1.0 - self.dependence + self.dependence * judged.common
        pm.Normal(
            "expert_reading",
            judged.loading * theta[place[judged.item_idx]],
            self.scale * pt.sqrt(variance),
            observed=judged.rotated,
            dims="reading",
        )
