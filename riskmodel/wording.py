"""Numbers in words: no probability without its horizon, no bare zero, no false digits.

Question answered: *how is this number said to a reader?* Intervals are 90 % equal-tailed throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from riskmodel.language import localised, mark, tr

__all__ = [
    "INTERVAL",
    "WORDS",
    "Probability",
    "digits",
    "factor",
    "in_words",
    "one_in",
    "percent",
    "share_text",
    "words_table",
    "years_text",
]

INTERVAL = 0.90
"""Probability content of every published interval (equal-tailed)."""
SMALLEST = 1e-6
"""Probabilities below this are printed as "less than"."""


def digits(value: float, significant: int = 2) -> str:
    """Print a number with so many significant digits and thousands separated by thin gaps, never in powers of ten.

    >>> digits(0.012345), digits(1234.5), digits(0.0)
    ('0.012', '1,200', '0')
    """
    return localised(_digits(value, significant))


def _digits(value: float, significant: int = 2) -> str:
    """The same as English writes it."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    places = significant - 1 - math.floor(math.log10(abs(value)))
    return f"{round(value, places):,.{max(places, 0)}f}"


def percent(value: float) -> str:
    """Print a share or probability in per cent; never a bare 0 % or 100 %.

    >>> percent(0.0284), percent(0.0), percent(0.99999)
    ('2.8 %', 'less than 0.0001 %', 'more than 99.9 %')
    """
    if value < SMALLEST:
        return tr("less than {number} %", number=localised("0.0001"))
    if value > 0.999:
        return tr("more than {number} %", number=localised("99.9"))
    number = digits(100 * value, 3 if value > 0.1 and value < 0.9995 and 100 * value >= 99 else 2)
    return tr("{number} %", number=number)


def one_in(value: float) -> str:
    """Print a probability as a frequency.

    >>> one_in(0.0284)
    'about 1 in 35'
    """
    if value < SMALLEST:
        return tr("less than 1 in {number}", number=localised("1,000,000"))
    if value > 0.5:
        return tr("about {number} in 100", number=round(100 * value))
    odds = 1 / value
    return tr("about 1 in {number}", number=round(odds) if odds < 100 else digits(odds))


def years_text(years: float) -> str:
    """Print a horizon.

    >>> years_text(5.0), years_text(1)
    ('5 years', '1 year')
    """
    number = f"{years:g}"
    return tr("{number} year", number=1) if number == "1" else tr("{number} years", number=localised(number))


def factor(value: float) -> str:
    """Print a ratio.

    >>> factor(0.0995), factor(12.34)
    ('0.1', '12')
    """
    return localised(f"{float(_digits(value).replace(',', '')):g}") if value < 1000 else digits(value)


def share_text(value: float) -> str:
    """Print a share of worlds or samples as a whole per cent, with the ends open.

    >>> share_text(0.003), share_text(0.426), share_text(1.0)
    ('under 1 %', '43 %', 'over 99 %')
    """
    whole = round(100 * value)
    return tr("under 1 %") if whole < 1 else tr("over 99 %") if whole > 99 else tr("{number} %", number=whole)


@dataclass(frozen=True)
class Probability:
    """A probability that cannot be printed without its horizon.

    >>> str(Probability(0.0284, 5))
    '2.8 % over 5 years (about 1 in 35)'
    """

    value: float
    horizon_years: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:
            raise ValueError(f"probability {self.value} is not between 0 and 1")
        if not self.horizon_years > 0:
            raise ValueError(f"horizon {self.horizon_years} years is not positive")

    def __str__(self) -> str:
        chance, odds = percent(self.value), one_in(self.value)
        return tr("{chance} over {years} ({odds})", chance=chance, years=years_text(self.horizon_years), odds=odds)


WORDS = {
    0.001: mark("exceptionally unlikely"),
    0.01: mark("extremely unlikely"),
    0.1: mark("very unlikely"),
    0.33: mark("unlikely"),
    0.66: mark("about as likely as not"),
    0.9: mark("likely"),
    0.99: mark("very likely"),
    0.999: mark("extremely likely"),
    1.0: mark("virtually certain"),
}
"""Upper end of each range of probabilities, itself in the next one -> how a probability in it is said.

Words of the guidance note for authors of the IPCC's fifth assessment report (Mastrandrea and others, 2010); ranges made
disjoint, and those at both ends divided, for the probabilities of this model span many powers of ten.
"""


def in_words(probability: float) -> str:
    """Say a probability in a calibrated word; a number stands beside it wherever it is published.

    >>> in_words(0.0284), in_words(0.5), in_words(1.0)
    ('very unlikely', 'about as likely as not', 'virtually certain')
    """
    return tr(next((word for end, word in WORDS.items() if probability < end), WORDS[1.0]))


def words_table() -> list[tuple[str, str]]:
    """Return each calibrated word with its range, the most probable first.

    >>> words_table()[0]
    ('virtually certain', 'above 99.9 %')
    """
    ends = [localised(f"{100 * end:g}") for end in WORDS]
    ranges = [tr("{low} to {high} %", low=low, high=high) for low, high in pairwise(ends[:-1])]
    every = [tr("below {number} %", number=ends[0]), *ranges, tr("above {number} %", number=ends[-2])]
    return [(tr(word), span) for word, span in zip(WORDS.values(), every, strict=True)][::-1]
