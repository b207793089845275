"""Countries and dates are matched exactly or not at all."""

from __future__ import annotations

import csv
import datetime
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel import codes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("FR", "FR"),
        ("fr", "FR"),
        ("FRA", "FR"),
        ("France", "FR"),
        (" Germany ", "DE"),
        ("UK", "GB"),
        ("Turkey", "TR"),
        ("Türkiye", "TR"),
        ("Ivory Coast", "CI"),
        ("Côte d’Ivoire", "CI"),
        ("Burma", "MM"),
        ("South Korea", "KR"),
        ("north korea", "KP"),
        ("Czech Republic", "CZ"),
        ("États-Unis", "US"),
        ("E\u0301tats-Unis", "US"),  # the same letters, decomposed as some systems write them
        ("EL", "GR"),
        ("EU", "EU"),
        ("European Union", "EU"),
    ],
)
def test_country_code_knows_codes_names_and_aliases(text: str, code: str) -> None:
    assert codes.country_code(text) == code


@pytest.mark.parametrize("text", ["Korea", "Kosovo", "America", "", " ", "XX", "Frankreich", "250", "Franc", "Eu-rope"])
def test_country_code_never_guesses(text: str) -> None:
    with pytest.raises(ValueError, match="is not a country"):
        codes.country_code(text)


def test_country_code_suggests_without_taking() -> None:
    with pytest.raises(ValueError, match=r"similar, but not taken: .*Germany"):
        codes.country_code("Germani")


@given(st.sampled_from(sorted(codes.iso_codes())))
def test_every_iso_code_is_itself(code: str) -> None:
    assert codes.country_code(code) == code
    assert codes.country_code(code.lower()) == code


@given(st.text(max_size=12))
def test_any_text_gives_a_known_code_or_a_value_error(text: str) -> None:
    try:
        code = codes.country_code(text)
    except ValueError:
        return
    assert code in codes.iso_codes() | {"EU"}


def test_aliases_are_reviewed_rows_that_shadow_no_iso_name() -> None:
    import pycountry

    with (codes.shipped_data_dir() / "country_aliases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(codes.aliases()) > 80
    for row in rows:
        assert row["code"] in codes.iso_codes() | {"EU"}
        for field in ("alpha_2", "alpha_3", "name", "official_name", "common_name"):
            assert pycountry.countries.get(**{field: row["alias"]}) is None, row


def test_legal_space() -> None:
    europe = codes.legal_space("EU/EEA")
    assert europe == codes.legal_space("EU") == codes.legal_space("eea") == codes.EU_EEA | {"EU"}
    assert len(codes.EU_EEA) == 30 and {"IS", "LI", "NO", "FR"} <= codes.EU_EEA
    assert not codes.EU_EEA & {"CH", "GB", "US", "EL", "UK"}
    assert codes.iso_codes() >= codes.EU_EEA
    assert codes.legal_space("CH") == {"CH"}
    assert codes.legal_space("UK") == {"GB"}
    with pytest.raises(ValueError, match="not a country"):
        codes.legal_space("Atlantis")


@given(st.dates())
def test_every_iso_date_is_read_back(day: datetime.date) -> None:
    assert codes.parse_date(day.isoformat()) == day


@given(st.text(alphabet="0123456789-/. T", max_size=12))
def test_any_other_text_is_refused(text: str) -> None:
    try:
        day = codes.parse_date(text)
    except ValueError as error:
        assert "date" in str(error) or "day" in str(error)
    else:
        assert day.isoformat() == text


@pytest.mark.parametrize(
    "text",
    [
        "2024",
        "2024-1-2",
        "20240102",
        "2024-W01-1",
        "01/02/2024",
        "2022-09-12 (at latest)",
        "2024-02-30",
        "２０２４-01-02",
        "",
    ],
)
def test_parse_date_is_strict(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|day"):
        codes.parse_date(text)


def test_pycountry_is_not_imported_before_it_is_needed() -> None:
    script = "import sys, riskmodel.codes; assert 'pycountry' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
