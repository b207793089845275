"""Numbers in words: digits that the interval warrants, no bare zero, words that keep to the published scale."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.language import speaking
from riskmodel.wording import (
    WORDS,
    between,
    digits,
    factor,
    in_words,
    one_in,
    percent,
    ratios_between,
    warranted,
    warranted_end,
)

probabilities = st.floats(1e-9, 1.0)
pairs = st.tuples(probabilities, probabilities).map(sorted).map(tuple)


def number(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text))


@given(value=st.floats(1e-6, 0.98), interval=st.none() | pairs)
def test_rounding_moves_no_probability_by_more_than_a_twentieth(value: float, interval: tuple[float, float]) -> None:
    assert number(percent(value, interval)) == pytest.approx(100 * value, rel=0.05)


@given(low=st.floats(1e-6, 0.98), high=st.floats(1e-6, 0.98))
def test_rounding_moves_no_end_by_more_than_a_seventh(low: float, high: float) -> None:
    ends = sorted((low, high))
    said = between(*ends).split(" to ")
    assert [number(end) for end in said] == pytest.approx([100 * end for end in ends], rel=1 / 7)


@given(value=probabilities, interval=st.none() | pairs)
def test_no_probability_is_printed_as_zero_or_certain(value: float, interval: tuple[float, float] | None) -> None:
    said = percent(value, interval)
    assert not re.fullmatch(r"0+(\.0+)? %|100 %", said)
    assert len(re.sub(r"^0\.0*|\D", "", said)) <= 3 or "than" in said, "no false digits"
    assert not re.match(r"about (0|100) in|.* 1 in 1$", one_in(value))


@given(value=st.floats(1e-4, 100), low=st.floats(0.01, 0.99), wider=st.floats(1, 50))
def test_a_wider_interval_warrants_no_more_digits(value: float, low: float, wider: float) -> None:
    narrow = (low * value, (2 - low) * value)
    wide = (value - min(wider * (1 - low), 1) * value, value + wider * (1 - low) * value)
    assert warranted(value, wide) <= warranted(value, narrow)
    assert warranted_end(value, wide) <= warranted_end(value, narrow)


def test_digits_follow_the_interval() -> None:
    assert [warranted(0.8765, (0.8765 - w, 0.8765 + w)) for w in (0.7, 0.2, 0.02, 0.002)] == [2, 2, 2, 3]
    assert [warranted_end(0.8765, (0.8765 - w, 0.8765 + w)) for w in (0.8, 0.7, 0.2, 0.02)] == [1, 1, 2, 2]
    assert percent(0.0088, (0, 0.042)) == "0.88 %", "a number keeps two, so that its neighbours can be told from it"
    assert factor(0.9951, (0.99, 1.001)) == "0.995"
    assert between(0.0, 0.0973) == "less than 0.0001 % to 9.7 %"
    assert between(0.0637 / 100, 0.0615) == "0.06 % to 6.2 %"
    assert ratios_between(0.098765, 4.21) == "0.1 to 4.2"


def test_the_ends_of_a_point_are_the_point() -> None:
    assert percent(0.0284, (0.0284, 0.0284)) == "2.8 %"


@given(value=probabilities)
def test_words_rise_with_probability(value: float) -> None:
    order = list(WORDS.values())
    assert order.index(in_words(value / 2)) <= order.index(in_words(value))


def test_french_writes_the_same_numbers() -> None:
    with speaking("fr"):
        assert between(0.0, 0.0973) == "moins de 0,0001 % à 9,7 %"
        assert factor(0.9951, (0.99, 1.001)) == "0,995"
    assert digits(1234.5) == "1,200"
