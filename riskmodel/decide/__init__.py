"""Decisions from exposure: each function returns a :class:`Finding`, a tidy table and the sentence it permits."""

from riskmodel.decide._shared import unknown
from riskmodel.decide.changes import intervene
from riskmodel.decide.choice import regret, tradeoff
from riskmodel.decide.compare import compare, summarise
from riskmodel.decide.contributions import contributions
from riskmodel.decide.finding import Finding
from riskmodel.decide.information import drivers
from riskmodel.decide.portfolio import aggregate
from riskmodel.decide.ranking import rank, tolerance
from riskmodel.decide.rulings import acceptability
from riskmodel.decide.settled import worlds
from riskmodel.decide.severity import severity
from riskmodel.decide.time import calendar, delay, plan_of
from riskmodel.decide.value import value_of_information

__all__ = [
    "Finding",
    "acceptability",
    "aggregate",
    "calendar",
    "compare",
    "contributions",
    "delay",
    "drivers",
    "intervene",
    "plan_of",
    "rank",
    "regret",
    "severity",
    "summarise",
    "tolerance",
    "tradeoff",
    "unknown",
    "value_of_information",
    "worlds",
]
