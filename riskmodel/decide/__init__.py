"""Decisions from exposure: each function returns a :class:`Finding`, a tidy table and the sentence it permits."""

from riskmodel.decide.compare import compare, rank, summarise, tolerance
from riskmodel.decide.finding import Finding
from riskmodel.decide.information import drivers
from riskmodel.decide.rulings import acceptability

__all__ = ["Finding", "acceptability", "compare", "drivers", "rank", "summarise", "tolerance"]
