"""The verbs that answer decisions: one call, one finding, printed as words, csv or json.

Question answered: *how is each question of the decision layer asked from a shell?* A verb names the function of
:mod:`riskmodel.decide` that answers it; reading of evidence, setups and overrides is common to all.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmodel.cli.inputs import Evidence, table_of
from riskmodel.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from riskmodel.decide import Finding

__all__ = ["DECISIONS", "Decision"]


@dataclass(frozen=True)
class Decision:
    """One verb: its line in the list of verbs, the question it answers, its own arguments, and the answer."""

    short: str
    about: str
    arguments: Callable[[argparse.ArgumentParser], None]
    answer: Callable[[argparse.Namespace, Evidence], Finding]
    columns: tuple[str, ...]
    example: str
    worth_showing: str = ""  # column that must be above 0 for a row to be shown in words


# -- arguments --------------------------------------------------------------------------------------------------------


def _ids(words: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="SETUP", help=words)

    return add


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="SETUP", help="id of a setup")


def _pair(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="id of a setup")
    parser.add_argument("b", metavar="B", help="id of another")


def _rank(parser: argparse.ArgumentParser) -> None:
    _ids("ids of setups (default: all)")(parser)
    parser.add_argument("--top", type=int, default=3, metavar="K", help="places that count as the top (default: 3)")


def _limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("limit", metavar="LIMIT", help="tolerated probability such as 0.1, or a name such as zurich")


def _calendar(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plans", nargs="?", metavar="PLANS.csv", help="legs: plan, setup_id, from_date, to_date")
    parser.add_argument("--plan", action="append", metavar="NAME", help="only this plan; may be repeated")
    parser.add_argument("--months", type=int, default=12, metavar="N", help="steps of the curve (default: 12)")


def _delay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", metavar="PLAN", help="a plan of the study, or PLANS.csv with one plan")
    parser.add_argument("dates", nargs="+", metavar="DATE", help="days on which the last leg may take over, in order")


def _intervene(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("changes", nargs="*", metavar="CHANGE", help="ids of data/interventions.csv (default: all)")
    parser.add_argument("--tolerance", type=float, metavar="P", help="find the cheapest set of changes below it")
    parser.add_argument(
        "--cost", action="append", type=_priced, metavar="CHANGE=C", help="cost of a change (default: 1)"
    )


def _value(parser: argparse.ArgumentParser) -> None:
    _ids("ids to choose among (default: all); one alone needs --tolerance")(parser)
    parser.add_argument("--tolerance", type=float, metavar="P", help="accepting none costs as much as this probability")
    accuracy = "probability that a legal opinion is right (default: 0.9)"
    parser.add_argument("--accuracy", type=float, default=0.9, metavar="Q", help=accuracy)
    parser.add_argument("--cost", action="append", type=_priced, metavar="SETUP=C", help="extra loss, as a probability")


def _regret(parser: argparse.ArgumentParser) -> None:
    _ids("ids to choose among (default: all)")(parser)
    parser.add_argument("--cost", action="append", type=_priced, metavar="SETUP=C", help="extra loss, as a probability")


def _worlds(parser: argparse.ArgumentParser) -> None:
    help_ = "only this legal question, STATE:route, such as US:parent_control; may be repeated"
    parser.add_argument("--question", action="append", metavar="KEY", help=help_)


def _file(words: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE.csv", help=words)

    return add


def _priced(text: str) -> tuple[str, float]:
    name, _, cost = text.rpartition("=")
    with suppress(ValueError):
        if name:
            return name, float(cost)
    raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER")


# -- answers ----------------------------------------------------------------------------------------------------------


def _plans(source: str | None, evidence: Evidence) -> pd.DataFrame:
    if source is None:
        return evidence.study["plans"]
    table = table_of(source, ("setup_id", "from_date", "to_date"))
    return table if "plan" in table else table.assign(plan=Path(source).stem)


def _answer_calendar(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import calendar, unknown

    plans = _plans(arguments.plans, evidence)
    if arguments.plan:
        known = list(dict.fromkeys(plans["plan"]))
        if missing := [name for name in arguments.plan if name not in known]:
            raise unknown("plan", missing, known)
        plans = plans[plans["plan"].isin(arguments.plan)]
    given: dict[str, Any] = {"setups": evidence.setups, "home": evidence.home, "every_months": arguments.months}
    return calendar(evidence.posterior, evidence.study, plans, **given)


def _answer_delay(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import delay

    named: pd.DataFrame | str = arguments.plan
    if arguments.plan.endswith(".csv"):
        named = _plans(arguments.plan, evidence)
    where: dict[str, Any] = {"setups": evidence.setups, "home": evidence.home}
    return delay(evidence.posterior, evidence.study, named, _dates(arguments.dates), **where)


def _dates(given: Sequence[str]) -> list[Any]:
    import datetime as dt

    found, wrong = [], []
    for text in given:
        try:
            found.append(dt.date.fromisoformat(text))
        except ValueError:
            wrong.append(text)
    if wrong:
        raise UsageError(f"dates: {', '.join(wrong)} - must be days such as 2026-12-31")
    return found


def _answer_rank(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import rank

    return rank(evidence.scored(arguments.ids), top=arguments.top)


def _answer_tolerance(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import tolerance

    limit: float | str = arguments.limit
    with suppress(ValueError):
        limit = float(arguments.limit)
    return tolerance(evidence.scored(), limit, study=evidence.study)


def _answer_intervene(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import intervene

    costs, changes = dict(arguments.cost or []), arguments.changes or None
    more = {"tolerance": arguments.tolerance, "costs": costs or None, **evidence.asked}
    return intervene(evidence.posterior, evidence.study, arguments.id, changes, **more)


def _answer_value(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import value_of_information

    choose = evidence.named(arguments.ids) or None
    more = {"tolerance": arguments.tolerance, "accuracy": arguments.accuracy, **evidence.asked}
    costs = dict(arguments.cost or []) or None
    return value_of_information(evidence.posterior, evidence.study, choose=choose, costs=costs, **more)


def _answer_worlds(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import worlds

    return worlds(evidence.posterior, evidence.study, questions=arguments.question, **evidence.asked)


def _answer_regret(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import regret

    return regret(evidence.scored(arguments.ids), costs=dict(arguments.cost or []) or None)


def _answer_tradeoff(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import tradeoff

    criteria = table_of(arguments.file, ("setup", "criterion", "low", "high", "better"))
    return tradeoff(evidence.scored([str(name) for name in criteria["setup"]]), criteria)


def _answer_aggregate(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import aggregate

    portfolios = table_of(arguments.file, ("portfolio", "setup", "institutions"))
    return aggregate(evidence.scored([str(name) for name in portfolios["setup"]]), portfolios)


def _answer_severity(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import severity

    asked = {**evidence.asked, "setups": evidence.chosen(arguments.ids)}
    return severity(evidence.posterior, evidence.study, **asked)


def _answer_explain(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.decide import contributions

    return contributions(evidence.posterior, evidence.study, arguments.a, arguments.b, **evidence.asked)


def _answer_methods(arguments: argparse.Namespace, evidence: Evidence) -> Finding:
    from riskmodel.frameworks import bridge

    return bridge(evidence.posterior, evidence.study, arguments.id, **evidence.asked)


LEVEL = ("probability", "probability_low", "probability_high")
DECISIONS = {
    "explain": Decision(
        "what makes two setups differ",
        "How much of the ratio between two setups comes from ownership, technology, jurisdiction,\n"
        "certificates, contract, keys, the kind of data, and the demands a provider receives: factors that\n"
        "multiply to the ratio.",
        _pair,
        _answer_explain,
        ("answer", "factor", "covers", "times", "times_low", "times_high"),
        "riskmodel explain HDH_AZURE HDH_SCALEWAY",
    ),
    "rank": Decision(
        "which setup is least exposed",
        "Place of each setup, 1 the least exposed, and how firm it is, over parameters and over worlds;\n"
        "setups that are practically equal share places. --detail prints the probability of each place.",
        _rank,
        _answer_rank,
        ("setup", "expected_rank", "rank_low", "rank_high", "best", "in_top", "best_in_worlds", "probability"),
        "riskmodel rank HDH_AZURE HDH_SCALEWAY HDH_ALT_OVH HDH_ALT_S3NS --equal-terms",
    ),
    "tolerance": Decision(
        "which setups stay below a tolerated probability",
        "How sure is it that a setup stays below a tolerated probability over the horizon? Published\n"
        "thresholds may be named, such as zurich: 10 % in five years.",
        _limit,
        _answer_tolerance,
        ("setup", "label", "threshold", "predictive_exceeds", "exceeds", "exceeds_in_worlds"),
        "riskmodel tolerance zurich --years 5",
    ),
    "calendar": Decision(
        "exposure along dated sequences of setups",
        "How exposure adds up along dated sequences of setups, and how promised dates compare. Without\n"
        "PLANS.csv: the promised dates of the Health Data Hub. --detail prints the curve.",
        _calendar,
        _answer_calendar,
        ("label", "start", "until", *LEVEL, "extra", "extra_low", "extra_high", "worlds_higher"),
        "riskmodel calendar --plan hub_end_2022 --plan hub_early_2027",
    ),
    "delay": Decision(
        "what each later date of a migration adds",
        "What does each later date add to the probability of a disclosure by the end of the plan?",
        _delay,
        _answer_delay,
        ("date", *LEVEL, "added", "added_low", "added_high", "worlds_higher"),
        "riskmodel delay hub_end_2022 2022-12-31 2023-12-31 2024-12-31 2025-12-31 2026-12-31",
    ),
    "intervene": Decision(
        "what a change of keys, contract, certificate or owner would do",
        "What would change if keys moved outside, a clause were added, a subsidiary sold, a licensor lost\n"
        "access, a certificate arrived or lapsed, a share crossed a threshold? With --tolerance also the\n"
        "cheapest set of changes that stays below it (--detail prints the sets that were tried).",
        _intervene,
        _answer_intervene,
        (
            "change",
            "actor",
            "probability_before",
            "probability_after",
            "ratio_median",
            "ratio_low",
            "ratio_high",
            "world_lower",
        ),
        "riskmodel intervene HDH_AZURE --tolerance 0.005",
    ),
    "value": Decision(
        "what to find out first",
        "Value of information for a choice among setups, or for accepting one (with --tolerance): by how\n"
        "much would the expected probability of a disclosure fall if one knew? A legal opinion, an audit of\n"
        "keys, a figure.",
        _value,
        _answer_value,
        ("rank", "item", "kind", "value", "value_error", "changes_choice_to"),
        "riskmodel value HDH_SCALEWAY HDH_ALT_OVH HDH_ALT_S3NS HDH_ALT_OUTSCALE",
        worth_showing="value",
    ),
    "worlds": Decision(
        "what if a disputed legal question were settled",
        "Settle each disputed legal question yes or no and see which setups it divides. --detail prints\n"
        "every setup's reach and probability in each world.",
        _worlds,
        _answer_worlds,
        ("question", "probability_yes", "setups_touched", "pairs_reordered", "largest_factor", "largest_setup"),
        "riskmodel worlds --question US:licensor_without_access --detail",
    ),
    "regret": Decision(
        "what may be regretted",
        "Expected and worst-decile regret of each choice, over parameters and over worlds, and which setups are\n"
        "dominated whatever the attitude to risk.",
        _regret,
        _answer_regret,
        ("setup", "expected_loss", "regret", "regret_worst_decile", "best", "regret_in_worlds", "dominated_by"),
        "riskmodel regret HDH_AZURE HDH_SCALEWAY HDH_ALT_OVH",
    ),
    "tradeoff": Decision(
        "exposure against cost, effort or features",
        "Exposure against criteria of yours, given with intervals: probability of not being beaten (Pareto\n"
        "front), and of being best when nobody knows the weights. Nothing is added up to a score.",
        _file("columns setup, criterion, low, high, better (lower or higher), if wanted mid"),
        _answer_tradeoff,
        (),
        "riskmodel tradeoff criteria.csv",
    ),
    "aggregate": Decision(
        "many institutions at few providers",
        "Institutions at one provider share its hazards and every settled question: probability of at least one\n"
        "disclosure and number expected, for portfolios of institutions.",
        _file("columns portfolio, setup, institutions"),
        _answer_aggregate,
        ("portfolio", "institutions", "hosts", "largest_share", "probability_any", "any_if_independent", "expected"),
        "riskmodel aggregate portfolios.csv",
    ),
    "severity": Decision(
        "how many persons",
        "Persons in a disclosure, targeted or bulk: expected number, and --detail the probability that a disclosure\n"
        "takes more than so many.",
        _ids("ids of setups (default: all)"),
        _answer_severity,
        (),
        "riskmodel severity HDH_AZURE HDH_SCALEWAY",
    ),
    "methods": Decision(
        "the same setup through other methods",
        "The setup through the lawful-access calculation, the Cloud Sovereignty Framework, SecNumCloud 19.6 and the\n"
        "French law on sensitive data, side by side, and why they differ.",
        _one,
        _answer_methods,
        ("method", "question", "answer", "why_it_differs"),
        "riskmodel methods HDH_AZURE",
    ),
}
"""Verb -> the decision it answers, in the order of the list of verbs."""
