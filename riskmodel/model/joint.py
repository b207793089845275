"""The joint model: judgement, reach and hazard in one posterior."""

from __future__ import annotations

import pymc as pm

from riskmodel.design import Design
from riskmodel.model import hazard as hazard_part
from riskmodel.model import reach as reach_part
from riskmodel.model.judgement import Pool
from riskmodel.priors import Priors

__all__ = ["build_model"]


def build_model(design: Design, priors: Priors) -> pm.Model:
    """Return the PyMC model of reach and hazard for a design; pure, nothing is sampled.

    Parameters
    ----------
    design, priors
        From :func:`riskmodel.design.build_design` and :meth:`riskmodel.priors.Priors.from_study`.

    Raises
    ------
    KeyError
        If the design elicits an item that no submodel uses, or lacks one that a submodel needs.
    """
    coords = {
        **{name: list(values) for name, values in design.coords.items()},
        **{name: list(values) for name, values in {**reach_part.COORDS, **hazard_part.COORDS}.items()},
    }
    with pm.Model(coords=coords) as model:
        pool = Pool.create(design, priors)
        # hazard first: its random walks then stand early among the parameters; this spares a bug of PyTensor 3.3
        # (slices that start beyond 127 are merged in 8-bit integers, with a traceback on stderr and no other harm)
        pool.observe([*hazard_part.hazard(pool), *reach_part.reach(pool)])
    return model
