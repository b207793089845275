"""Languages: every message has its translation, with the same placeholders; numbers and dates follow the language."""

from __future__ import annotations

import datetime as dt
import doctest
import io
import re
from pathlib import Path

import nbformat
import pytest
from babel.messages.extract import extract, extract_from_dir
from babel.messages.pofile import read_po

from riskmodel import language
from riskmodel.errors import UsageError
from riskmodel.language import DATA_TEXTS, LANGUAGES, date_text, localised, paragraphs, speaking, tr, trn
from riskmodel.study import Study
from riskmodel.wording import Probability, factor, one_in, percent, share_text, years_text

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "riskmodel"
NOTEBOOKS = sorted((PACKAGE / "reference").glob("*.ipynb"))
OTHERS = [name for name in LANGUAGES if name != "en"]
KEYWORDS = {"tr": None, "mark": None, "trn": (1, 2)}
PLACES = re.compile(r"{(\w+)[^}]*}")


def messages_of_code() -> dict[str, str]:
    """Every message of the code, and where it is."""
    found = {}
    for file, line, message, *_ in extract_from_dir(PACKAGE, keywords=KEYWORDS):
        for text in (message,) if isinstance(message, str) else message:
            found[text] = f"{file}, line {line}"
    return found


def messages_of_notebooks() -> dict[str, str]:
    """Every paragraph of the notebooks that are published in each language."""
    found = {}
    for path in NOTEBOOKS:
        for k, cell in enumerate(nbformat.read(path, as_version=4).cells):
            said = paragraphs(cell.source) if cell.cell_type == "markdown" else in_code(cell.source)
            found |= {part: f"{path.name}, cell {k}" for part in said if part[:2] != "$$"}
    return found


def in_code(source: str) -> list[str]:
    """Messages that a cell of code says."""
    messages = [message for _, message, *_ in extract("python", io.BytesIO(source.encode()), KEYWORDS)]
    return [text for message in messages for text in ((message,) if isinstance(message, str) else message)]


def messages_of_data(study: Study) -> dict[str, str]:
    """Every word of the data that a page shows."""
    return {
        text: f"{table}.csv, {column}"
        for table, columns in DATA_TEXTS.items()
        for column in columns
        for text in study[table][column].dropna().unique()
    }


def catalogue(name: str) -> dict[str, str]:
    """Messages of a language and how it says them; a message that stands in two files is a fault."""
    found: dict[str, str] = {}
    for file in sorted((PACKAGE / "locale" / name).glob("*.po")):
        for message in read_po(io.BytesIO(file.read_bytes()), locale=name, abort_invalid=True):
            if not message.id:
                continue
            assert not message.fuzzy, f"{file.name}: {message.id} is fuzzy"
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            for text, said in zip(ids, strings, strict=False):
                assert text not in found or found[text] == said, f"{file.name}: {text} is translated twice"
                found[text] = said
    return found


@pytest.mark.parametrize("name", OTHERS)
def test_every_message_is_translated(study: Study, name: str) -> None:
    known = catalogue(name)
    wanted = messages_of_code() | messages_of_notebooks() | messages_of_data(study)
    missing = [f"{place}: {text[:90]!r}" for text, place in wanted.items() if not known.get(text)]
    assert missing == []
    dead = [text[:90] for text in known if text not in wanted]
    assert dead == [], "translated, but said nowhere"


@pytest.mark.parametrize("name", OTHERS)
def test_translations_have_the_same_places_and_numbers(name: str) -> None:
    for text, said in catalogue(name).items():
        assert set(PLACES.findall(text)) == set(PLACES.findall(said)), text
        assert sorted(re.findall(r"\]\(([^)]*)\)", text)) == sorted(re.findall(r"\]\(([^)]*)\)", said)), text


def test_numbers_and_dates_in_french() -> None:
    with speaking("fr"):
        assert percent(0.0284) == "2,8 %"
        assert percent(0) == "moins de 0,0001 %"
        assert one_in(0.000284).replace("\u202f", " ") == "environ 1 sur 3 500"
        assert years_text(1) == "1 an" and years_text(2.5) == "2,5 ans"
        assert share_text(0.003) == "moins de 1 %"
        assert factor(12.3) == "12" and factor(0.31) == "0,31"
        assert str(Probability(0.0284, 5)) == "2,8 % sur 5 ans (environ 1 sur 35)"
        assert date_text(dt.date(2026, 11, 22)) == "22 novembre 2026"
        assert localised("1,234.5") == "1\u202f234,5"
    assert percent(0.0284) == "2.8 %"


def test_unknown_languages_and_messages() -> None:
    with pytest.raises(UsageError, match=r"unknown language fra"):
        language.use("fra")
    with speaking("fr"):
        assert tr("said nowhere {x}", x=1) == "said nowhere 1", "a missing message is said in English"
        assert trn("{number} year", "{number} years", 2, number=2)
    assert doctest.testmod(language).failed == 0
