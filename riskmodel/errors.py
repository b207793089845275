"""What can be wrong: every problem of the data at once, and wrong usage.

Question answered: *where exactly is the data wrong, and what would be right?*
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Problem", "StudyError", "UsageError", "did_you_mean", "shown"]

_SHOWN_LENGTH = 60
# C0 and C1 controls, line and paragraph separators, marks that turn the reading direction, byte order mark
CONTROL_CHARACTERS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)

TURNS = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the reading direction; nothing that is published keeps them."""


def shown(value: object) -> str:
    """Return a value as it may safely be shown in a message.

    Parameters
    ----------
    value
        Anything; its ``str`` is shown.

    Returns
    -------
    str
        At most 60 characters, control characters escaped, blanks at the edges made visible by quotes.
    """
    text = str(value)
    if len(text) > _SHOWN_LENGTH:
        text = text[: _SHOWN_LENGTH - 1] + "…"
    if text != text.strip():
        text = f'"{text}"'
    return CONTROL_CHARACTERS.sub(lambda m: m.group().encode("unicode_escape").decode("ascii"), text)


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.7) -> str:
    """Return " (did you mean ...?)" when a known name is close, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f" (did you mean {near[0]}?)" if near else ""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and the rule it breaks.

    Parameters
    ----------
    file
        The file as the user knows it, such as ``data/setups.csv``.
    row
        Line number as an editor or a spreadsheet shows it (the header is 1); None for the whole file.
    column
        Column name; None for the whole row or file.
    value
        The offending value; None when there is none to show.
    rule
        In words, what must hold.
    """

    file: str
    row: int | None
    column: str | None
    value: str | None
    rule: str

    def __str__(self) -> str:
        row = "" if self.row is None else f", row {self.row}"
        column = "" if self.column is None else f", column {shown(self.column)}"
        value = "" if self.value is None else f"{shown(self.value)} - "
        return f"{shown(self.file)}{row}{column}: {value}{CONTROL_CHARACTERS.sub(' ', self.rule)}"

    @classmethod
    def of_file(cls, file: str, rule: str, value: str | None = None) -> Problem:
        """Return a problem of a whole file."""
        return cls(file, None, None, value, rule)

    @property
    def order(self) -> tuple[str, int, str, str]:
        """Sort key: file, row, column, rule."""
        return (self.file, self.row or 0, self.column or "", self.rule)


class StudyError(Exception):
    """The data break their rules; carries every problem found, and lists one a line.

    Parameters
    ----------
    problems
        What was found; sorted by file and row, repeated ones dropped.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems), key=lambda p: p.order))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class UsageError(Exception):
    """Something was asked for that cannot be done, such as a folder that does not exist."""
