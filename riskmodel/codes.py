"""Countries and dates, matched exactly or not at all.

Question answered: *which country or legal space, and which day, does this text name?*

A country is found by its ISO 3166-1 code, its ISO name or a reviewed alias (``data/country_aliases.csv``);
nothing is ever guessed, because a near match names another state (a fuzzy search for "Korea" finds the
North).
"""

from __future__ import annotations

import csv
import datetime
import difflib
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from riskmodel._files import shipped_data_dir

__all__ = [
    "EU",
    "EU_EEA",
    "LEGAL_SPACES",
    "aliases",
    "country_code",
    "country_name",
    "iso_codes",
    "legal_space",
    "parse_date",
]

EU = "EU"
_MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU_EEA: frozenset[str] = frozenset(f"{_MEMBERS} IS LI NO".split())
"""The 27 member states of the Union and the three other states of the European Economic Area."""

LEGAL_SPACES: frozenset[str] = frozenset({EU, "EEA", "EU/EEA"})
"""Names of the one legal space that is larger than a state."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _countries() -> Any:
    import pycountry  # imported on first use: 0.1 s

    return pycountry.countries


@cache
def iso_codes() -> frozenset[str]:
    """Return all ISO 3166-1 alpha-2 codes."""
    return frozenset(country.alpha_2 for country in _countries())


@cache
def aliases() -> Mapping[str, str]:
    """Return the reviewed aliases, case folded, and the code each stands for."""
    with (shipped_data_dir() / "country_aliases.csv").open(encoding="utf-8", newline="") as file:
        return MappingProxyType({row["alias"].casefold(): row["code"] for row in csv.DictReader(file)})


@cache
def country_name(code: str) -> str:
    """Return the usual English name of a country, as it stands in a sentence.

    >>> country_name("US"), country_name("CH"), country_name("GB")
    ('the United States', 'Switzerland', 'the United Kingdom')
    """
    found = _countries().get(alpha_2=code)
    name = str(getattr(found, "common_name", found.name if found else code)).removesuffix(" Federation")
    name = "Russia" if code == "RU" else name
    return f"the {name}" if name.startswith("United ") or name.endswith(("Emirates", "Islands")) else name


def country_code(text: str) -> str:
    """Return the code of the country that a text names exactly.

    Parameters
    ----------
    text
        ISO alpha-2 or alpha-3 code, ISO name, official name or common name, or a reviewed alias, in any
        letter case; ``EU`` is accepted as a legal space.

    Returns
    -------
    str
        ISO 3166-1 alpha-2 code, or ``EU``.

    Raises
    ------
    ValueError
        If no name equals the text; similar names are suggested, never taken.
    """
    name = unicodedata.normalize("NFC", text).strip().replace("’", "'")
    if name.upper() == EU:
        return EU
    for field in ("alpha_2", "alpha_3", "name", "official_name", "common_name"):
        found = _countries().get(**{field: name}) if name else None
        if found is not None:
            return str(found.alpha_2)
    if name.casefold() in aliases():
        return aliases()[name.casefold()]
    names = {str(c.name).casefold(): str(c.name) for c in _countries()} | {a: a.title() for a in aliases()}
    near = [names[n] for n in difflib.get_close_matches(name.casefold(), names, n=3, cutoff=0.75)]
    hint = f" (similar, but not taken: {', '.join(near)})" if near else ""
    raise ValueError(f"{text!r} is not a country: write an ISO 3166-1 code such as FR, or EU{hint}")


def legal_space(code: str) -> frozenset[str]:
    """Return the countries in which a home is at home.

    Parameters
    ----------
    code
        ``EU``, ``EEA`` or ``EU/EEA`` for the European Economic Area (one legal space for data protection), or
        whatever `country_code` accepts.

    Returns
    -------
    frozenset of str
        ISO codes; the European space also holds ``EU`` itself. A country stands alone: ``CH`` gives
        ``{"CH"}``.

    Raises
    ------
    ValueError
        If the text names no country.
    """
    if code.strip().upper() in LEGAL_SPACES:
        return EU_EEA | {EU}
    return frozenset({country_code(code)})


def parse_date(text: str) -> datetime.date:
    """Return the day that a text names as ``yyyy-mm-dd``.

    Parameters
    ----------
    text
        A complete ISO 8601 calendar date, nothing before or after it.

    Returns
    -------
    datetime.date
        That day.

    Raises
    ------
    ValueError
        For any other form ("2024", "01/02/2024", "2022-09-12 (at latest)") and for days that do not exist.
    """
    if not _DATE.fullmatch(text):
        raise ValueError(f"{text!r} is not a date written yyyy-mm-dd")
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day of the calendar") from None
