"""The Bayesian model of exposure, split by submodel.

Each is a pure function that adds its part to the PyMC model on the stack; :func:`riskmodel.model.joint.build_model`
puts them together. Nothing here fits or scores.
"""

from riskmodel.model.joint import build_model

__all__ = ["build_model"]
