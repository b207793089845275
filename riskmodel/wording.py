"""Numbers in words: no probability without its horizon, no bare zero, no false digits.

Question answered: *how is this number said to a reader?* Intervals are 90 % equal-tailed throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from riskmodel.language import localised, mark, tr

__all__ = [
    "INTERVAL",
    "WORDS",
    "Probability",
    "between",
    "digits",
    "ends_of",
    "exact",
    "factor",
    "in_words",
    "one_in",
    "percent",
    "ratios_between",
    "share_text",
    "warranted",
    "words_table",
    "years_text",
]

INTERVAL = 0.90
"""Probability content of every published interval (equal-tailed)."""
SMALLEST = 1e-6
"""Probabilities below this are printed as "less than"."""
NORMAL = 1.645
"""Half the width of a 90 % interval of a normal distribution, in standard deviations."""
KEEPS_TWO = 3.55
"""A number that begins with less keeps two digits, for one alone would move it by much."""
Interval = tuple[float, float]


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


def exact(value: float) -> str:
    """Print a number as it was given, never in powers of ten.

    >>> exact(0.00002), exact(1_400_000.0), exact(0.945)
    ('0.00002', '1,400,000', '0.945')
    """
    text = f"{Decimal(repr(float(value))):,f}"
    return localised(text.rstrip("0").rstrip(".") if "." in text else text)


def warranted(value: float, interval: Interval | None = None) -> int:
    """How many significant digits of a number does its 90 % interval warrant?

    Two, so that numbers side by side keep their order and their ratio; three where the standard uncertainty (half the
    width of the interval over 1.645) leaves the third a meaning.

    Parameters
    ----------
    value
        The number.
    interval
        Lower and upper end, 90 % equal-tailed; None: not known.

    >>> warranted(0.0284, (0.001, 0.2)), warranted(0.234, (0.232, 0.236))
    (2, 3)
    """
    spread = _spread(interval)
    if not (value > 0 and spread > 0):
        return 2
    return max(2, min(3, _power(value) - _power(spread) + 1))


def warranted_end(value: float, interval: Interval) -> int:
    """How many significant digits of an end of a 90 % interval does the interval warrant?

    Of the standard uncertainty two digits count if they are 10 to 35, else one, and the end is rounded to the same
    place: the rule of the Review of Particle Physics (Particle Data Group, section "Rounding"). None keeps more than
    two, and one that begins with less than 3.55 keeps two, so that rounding moves none by more than a seventh.

    >>> warranted_end(0.0884, (0.001, 0.2)), warranted_end(0.0284, (0.001, 0.2))
    (1, 2)
    """
    spread = _spread(interval)
    if not (value > 0 and spread > 0):
        return 2
    last = _power(spread) + 1 - _least(spread)  # the place of the last digit, as a power of ten
    return max(_least(value), min(2, _power(value) - last + 1))


def _spread(interval: Interval | None) -> float:
    """Standard uncertainty; zero where it is not known."""
    width = (interval[1] - interval[0]) / 2 / NORMAL if interval else 0.0
    return width if math.isfinite(width) else 0.0


def _power(value: float) -> int:
    return math.floor(math.log10(value))


def _least(value: float) -> int:
    """Digits that a number keeps at least: two if it begins with less than 3.55."""
    return 2 if value < KEEPS_TWO * 10.0 ** _power(value) else 1


def percent(value: float, interval: Interval | None = None) -> str:
    """Print a share or probability in per cent, digits as its interval warrants; never a bare 0 % or 100 %.

    >>> percent(0.0884), percent(0.234, (0.232, 0.236)), percent(0.0), percent(0.99999)
    ('8.8 %', '23.4 %', 'less than 0.0001 %', 'more than 99.9 %')
    """
    return _percent(value, warranted(value, interval))


def _percent(value: float, kept: int) -> str:
    """The same with so many digits, three from 99 % on."""
    if value < SMALLEST:
        return tr("less than {number} %", number=localised("0.0001"))
    if value > 0.999:
        return tr("more than {number} %", number=localised("99.9"))
    return tr("{number} %", number=digits(100 * value, 3 if value >= 0.99 else kept))


def between(low: float, high: float) -> str:
    """Print a 90 % interval of a probability.

    >>> between(0.0, 0.0973), between(0.000637, 0.0615)
    ('less than 0.0001 % to 9.7 %', '0.06 % to 6.2 %')
    """
    ends = ends_of(low, high)
    return tr("{low} to {high}", low=ends[0], high=ends[1])


def ends_of(low: float, high: float) -> tuple[str, str]:
    """Print both ends of a 90 % interval of a probability.

    >>> ends_of(0.000637, 0.0615)
    ('0.06 %', '6.2 %')
    """
    return _percent(low, warranted_end(low, (low, high))), _percent(high, warranted_end(high, (low, high)))


def one_in(value: float) -> str:
    """Print a probability as a frequency.

    >>> one_in(0.0284), one_in(0.00144), one_in(0.997)
    ('about 1 in 35', 'about 1 in 690', 'about 99.7 in 100')
    """
    if value < SMALLEST:
        return tr("less than 1 in {number}", number=localised("1,000,000"))
    if value > 0.5:
        return tr("about {number} in 100", number=localised(f"{min(100 * value, 99.9):.{1 if value >= 0.99 else 0}f}"))
    return tr("about 1 in {number}", number=_trimmed(1 / value, 2))


def years_text(years: float) -> str:
    """Print a horizon.

    >>> years_text(5.0), years_text(1)
    ('5 years', '1 year')
    """
    number = f"{years:g}"
    return tr("{number} year", number=1) if number == "1" else tr("{number} years", number=localised(number))


def factor(value: float, interval: Interval | None = None) -> str:
    """Print a ratio, digits as its interval warrants.

    >>> factor(0.0995), factor(12.34), factor(0.9951, (0.99, 1.001))
    ('0.1', '12', '0.995')
    """
    return _trimmed(value, warranted(value, interval))


def ratios_between(low: float, high: float) -> str:
    """Print a 90 % interval of a ratio.

    >>> ratios_between(0.00231, 0.864)
    '0.0023 to 0.86'
    """
    ends = [_trimmed(end, warranted_end(end, (low, high))) for end in (low, high)]
    return tr("{low} to {high}", low=ends[0], high=ends[1])


def _trimmed(value: float, significant: int) -> str:
    """Print a number without zeros at its end."""
    text = _digits(value, significant)
    return localised(text.rstrip("0").rstrip(".") if "." in text else text)


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
    interval: Interval | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:
            raise ValueError(f"probability {self.value} is not between 0 and 1")
        if not self.horizon_years > 0:
            raise ValueError(f"horizon {self.horizon_years} years is not positive")

    def __str__(self) -> str:
        chance, odds = percent(self.value, self.interval), one_in(self.value)
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
