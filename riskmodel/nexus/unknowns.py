"""What is not certain: questions that are settled one way, and the facts that follow from their answers.

A question (does this holder control? is this establishment there?) has answers from most to least exposing. It is
settled once, on every way that leads to it and for every setup: in each world one uniform decides it, so that an answer
that becomes more probable is never lost in a world that had it. Facts that depend on the same questions form one
:class:`Unknown`, whose alternatives are the joint answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

__all__ = [
    "Alternative",
    "Answer",
    "Ask",
    "Fact",
    "Learnt",
    "Question",
    "Unknown",
    "Walk",
    "recorded",
    "settled",
    "truth",
]

Fact = tuple[str, str]
"""(kind of fact as in route_map.csv, country)."""
Learnt = tuple[tuple[str, bool], ...]
"""Posterior probabilities that multiply a stated one, or (False) whose complement does: ``"separated"``, that an
unseen subsidiary is; ``"medium"``, ``"low"``: that a recorded fact of this confidence is true; ``"low:0.5"``: the same,
but not less than 0.5."""


@dataclass(frozen=True)
class Answer:
    """What an answer says, and a stated probability, times what the posterior says where that matters."""

    says: str
    probability: float = 1.0
    learnt: Learnt = ()


@dataclass(frozen=True)
class Question:
    """Something settled one way. Answers from most to least exposing; exactly one holds."""

    name: str
    answers: tuple[Answer, ...]


Ask = Callable[[Question], str]
"""What the answer to a question says."""
Walk = Callable[[Ask], frozenset[Fact]]
"""Facts, once the questions that the walk asks are answered."""


@dataclass(frozen=True)
class Alternative:
    """One joint answer: facts, probability, and which answer (place in its list) it takes to which question."""

    facts: frozenset[Fact]
    probability: float
    learnt: Learnt
    when: Mapping[str, int]


@dataclass(frozen=True)
class Unknown:
    """Facts that hang on the same questions; exactly one alternative holds."""

    name: str
    questions: tuple[Question, ...]
    alternatives: tuple[Alternative, ...]


class _Unanswered(Exception):
    """Not an error: it carries the next open question out of a walk."""

    def __init__(self, question: Question) -> None:
        self.question = question


Given = tuple[tuple[Question, int], ...]


def _joint(walk: Walk, given: Given = ()) -> list[tuple[frozenset[Fact], Given]]:
    """Every joint answer and where it leads: walk until a question is open, then try each of its answers."""
    known = {question.name: question.answers[place].says for question, place in given}

    def ask(question: Question) -> str:
        if len(question.answers) == 1:
            return question.answers[0].says
        if question.name not in known:
            raise _Unanswered(question)
        return known[question.name]

    try:
        return [(walk(ask), given)]
    except _Unanswered as stop:
        asked = stop.question
    return [way for place in range(len(asked.answers)) for way in _joint(walk, (*given, (asked, place)))]


def _unknown(name: str, walk: Walk) -> Unknown:
    found = _joint(walk)
    questions = {question.name: question for _, given in found for question, _ in given}
    alternatives = []
    for facts, given in found:
        answers = [question.answers[place] for question, place in given]
        chance = math.prod(answer.probability for answer in answers)
        learnt = tuple(part for answer in answers for part in answer.learnt)
        alternatives.append(Alternative(facts, chance, learnt, {question.name: place for question, place in given}))
    return Unknown(name, tuple(questions.values()), tuple(alternatives))


def truth(confidence: str, at_least: float = 0.0) -> tuple[Learnt, Learnt]:
    """What multiplies the case that a recorded fact is true, and that it is not (nothing: that cannot be)."""
    name = f"{confidence}:{at_least}" if at_least else confidence
    return ((), ()) if confidence == "high" else (((name, True),), ((name, False),))


def recorded(confidence: str, answers: Iterable[Answer], at_least: float = 0.0) -> tuple[Answer, ...]:
    """Answers of a recorded fact: as they are when it is true, ``none`` otherwise."""
    right, wrong = truth(confidence, at_least)
    true = tuple(replace(answer, learnt=answer.learnt + right) for answer in answers)
    return (*true, Answer("none", learnt=wrong)) if wrong else true


def settled(walks: Mapping[str, Walk]) -> tuple[frozenset[Fact], tuple[Unknown, ...]]:
    """Facts that hold for certain, and the unknowns: walks that ask a common question are taken together."""
    facts: frozenset[Fact] = frozenset()
    groups: list[tuple[dict[str, Walk], Unknown]] = []
    for name, walk in walks.items():
        mine, found = {name: walk}, _unknown(name, walk)
        if not any(way.facts for way in found.alternatives):
            continue
        if not found.questions:
            facts |= found.alternatives[0].facts
            continue
        asked = {question.name for question in found.questions}
        shared = [group for group in groups if asked & {question.name for question in group[1].questions}]
        groups = [group for group in groups if group not in shared]
        for others, _ in shared:
            mine = {**others, **mine}
        groups.append((mine, _unknown("|".join(mine), _together(mine.values())) if shared else found))
    return facts, tuple(unknown for _, unknown in groups)


def _together(walks: Iterable[Walk]) -> Walk:
    every = list(walks)
    return lambda ask: frozenset().union(*(walk(ask) for walk in every))
