"""Expert judgement: several correlated readings of one quantity, pooled without becoming more certain than any.

An expert's quantiles describe the expert's *belief about the quantity*, not a measurement with that error. With a
shared location ``theta_q``, an error they share because they read the same evidence, and one of their own,

    m_qe = theta_q + tau (sqrt(phi) s_q c_q + sqrt(1 - phi) s_qe e_qe),   c, e ~ Normal(0, 1),   tau >= 1,

with ``s_q`` the mean spread. The shared error has one size for all: scaling it by each expert's own spread gives, at
high correlation, negative weights and a pool outside the range of the experts.

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| expert_dependence | phi, shared reading and training | correlation | - | `expert_dependence` |
| expert_overconfidence | tau - 1, how much too narrow experts are | multiple | - | `expert_overconfidence` |
| common_bias | b, what all experts may share and data cannot show | expert sd | - | `common_bias` |

| deterministic | meaning | unit | dims |
|---|---|---|---|
| item_location | theta of every elicited item, without the carried bias | link scale | item |

The likelihood sees ``theta_q``; the answers use ``theta_q + d_q s_q b`` with ``d_q = +-1`` oriented towards exposure,
so that pessimism and optimism act on all factors together. Method: O'Hagan et al. (2006), *Uncertain Judgements*;
dependence between experts after Clemen & Winkler (1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from riskmodel.design import Design, item_key
from riskmodel.priors import Priors

__all__ = ["Pool"]


@dataclass(frozen=True)
class Pool:
    """What submodels use to speak of elicited items: locations, their likelihood, and the carried bias.

    ``places`` collects the location of every item that a submodel has used; :meth:`observe` lets the experts speak of
    these.
    """

    design: Design
    priors: Priors
    dependence: Any
    scale: Any
    bias: Any
    places: list[tuple[Sequence[str], Any]] = field(default_factory=list)

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

    def place(self, keys: Sequence[str], locations: Any) -> None:
        """Say which items the entries of a vector are the locations of."""
        self.places.append((keys, locations))

    def single(self, quantity: str, condition: str = "any", regime: str = "", kind: str = "logit") -> Any:
        """Add the location of one item; return its value with the carried bias (log ones stay logs)."""
        return self.pair(quantity, condition, regime, kind)[1]

    def pair(self, quantity: str, condition: str = "any", regime: str = "", kind: str = "logit") -> tuple[Any, Any]:
        """Like :meth:`single`, with the value that a likelihood may see, without the carried bias, before it."""
        location = self.location(f"{quantity}_{condition}_location".replace("_any", ""), kind=kind)
        self.place([item_key(quantity, condition, regime)], pt.atleast_1d(location))
        both = location, location + self.shift(quantity, [condition], regime).sum()
        return (pm.math.sigmoid(both[0]), pm.math.sigmoid(both[1])) if kind == "logit" else both

    def observe(self, *, whole: bool = True) -> None:
        """Add the likelihood of the readings of every item that has a location.

        Parameters
        ----------
        whole
            Whether an item of the design that no submodel uses is an error; a part of the model uses a part of them.

        Raises
        ------
        KeyError
            If ``whole`` and an item of the design has no location in the model.
        """
        judged, items = self.design.judgements, self.design.coords["item"]
        keys = [key for names, _ in self.places for key in names]
        missing = sorted(set(items) - set(keys))
        if missing and whole:
            raise KeyError(f"elicited items that no submodel uses: {', '.join(missing)}")
        theta = pt.concatenate([vector for _, vector in self.places])
        if whole:
            pm.Deterministic("item_location", theta[np.array([keys.index(key) for key in items])], dims="item")
        used = np.flatnonzero([items[i] in keys for i in judged.item_idx])
        place = np.array([keys.index(items[i]) for i in judged.item_idx[used]])
        variance = 1.0 - self.dependence + self.dependence * judged.common[used]
        pm.Normal(
            "expert_reading",
            judged.loading[used] * theta[place],
            self.scale * pt.sqrt(variance),
            observed=judged.rotated[used],
        )
