"""Numbers in words: no probability without its horizon, no bare zero, no false digits.

Question answered: *how is this number said to a reader?* Intervals are 90 % equal-tailed throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["INTERVAL", "Probability", "digits", "factor", "one_in", "percent", "share_text", "years_text"]

INTERVAL = 0.90
"""Probability content of every published interval (equal-tailed)."""
SMALLEST = 1e-6
"""Probabilities below this are printed as "less than"."""


def digits(value: float, significant: int = 2) -> str:
    """Print a number with so many significant digits and thousands separated by thin gaps, never in powers of ten.

    >>> digits(0.012345), digits(1234.5), digits(0.0)
    ('0.012', '1,200', '0')
    """
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
        return "less than 0.0001 %"
    if value > 0.999:
        return "more than 99.9 %"
    return f"{digits(100 * value, 3 if value > 0.1 and value < 0.9995 and 100 * value >= 99 else 2)} %"


def one_in(value: float) -> str:
    """Print a probability as a frequency.

    >>> one_in(0.0284)
    'about 1 in 35'
    """
    if value < SMALLEST:
        return "less than 1 in 1,000,000"
    if value > 0.5:
        return f"about {round(100 * value)} in 100"
    odds = 1 / value
    return f"about 1 in {round(odds) if odds < 100 else digits(odds)}"


def years_text(years: float) -> str:
    """Print a horizon.

    >>> years_text(5.0), years_text(1)
    ('5 years', '1 year')
    """
    number = f"{years:g}"
    return f"{number} year" if number == "1" else f"{number} years"


def factor(value: float) -> str:
    """Print a ratio.

    >>> factor(0.0995), factor(12.34)
    ('0.1', '12')
    """
    return f"{float(digits(value).replace(',', '')):g}" if value < 1000 else digits(value)


def share_text(value: float) -> str:
    """Print a share of worlds or samples as a whole per cent, with the ends open.

    >>> share_text(0.003), share_text(0.426), share_text(1.0)
    ('under 1 %', '43 %', 'over 99 %')
    """
    whole = round(100 * value)
    return "under 1 %" if whole < 1 else "over 99 %" if whole > 99 else f"{whole} %"


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
        return f"{percent(self.value)} over {years_text(self.horizon_years)} ({one_in(self.value)})"
