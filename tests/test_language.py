"""Languages: every message has its translation, with the same placeholders; numbers and dates follow the language."""

from __future__ import annotations

import datetime as dt
import doctest
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import nbformat
import numpy as np
import pandas as pd
import pytest
from babel.messages.extract import extract, extract_from_dir
from babel.messages.pofile import read_po
from test_french import numbers

import riskmodel as rm
from riskmodel import language
from riskmodel.checks import rows
from riskmodel.checks.backtest import backtest_rows, rulings_rows
from riskmodel.design import Design
from riskmodel.errors import UsageError
from riskmodel.language import DATA_TEXTS, LANGUAGES, date_text, localised, paragraphs, speaking, tr, trn
from riskmodel.schema import split
from riskmodel.study import Study
from riskmodel.tables.ledger import KINDS
from riskmodel.tables.setups import CUSTODY, ROUTE_KINDS
from riskmodel.wording import Probability, factor, one_in, percent, share_text, years_text

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "riskmodel"
NOTEBOOKS = sorted((PACKAGE / "reference").glob("*.ipynb"))
OTHERS = [name for name in LANGUAGES if name != "en"]
KEYWORDS = {"tr": None, "mark": None, "trn": (1, 2)}
PLACES = re.compile(r"{(\w+)[^}]*}")
STORED = PACKAGE / "reference" / "validation"
CODES = {
    "setups": (
        *("kind", "service_model", "confidence", "certifications_required", "certifications_pending"),
        *("from_date_meaning", "to_date_meaning"),
    ),
    "experts": ("kind",),
    "certifications": ("status", "confidence"),
    "count_roles": ("role", "population"),
    "decisions": ("speaks_of",),
    "elicitation": ("quantity", "condition"),
    "mixtures": ("value", "observed"),
    "route_map": ("route",),
}
"""Columns of codes that a published page says through ``riskmodel.tables.page.plain``."""
NAMES = {"HDS", "SecNumCloud", "aws", "google_cloud", "ibm_cloud", "msft_azure", "expert", "subprocessor"}
"""Codes that are the same in every language, or that no shipped fact leads to."""
REPLACED = {"both", "seen_true", "milestone", "derived"} | set(CUSTODY) | set(ROUTE_KINDS) | set(KINDS)
"""Codes for which other words are said."""


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


def catalogue(name: str, files: str = "*.po") -> dict[str, str]:
    """Messages of a language and how it says them; a message that stands in two files is a fault."""
    found: dict[str, str] = {}
    for file in sorted((PACKAGE / "locale" / name).glob(files)):
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
        bare = [re.sub(r"{[^}]*}", "", words) for words in (text, said)]
        assert numbers(bare[0], "en") == numbers(bare[1], name), text
        assert sorted(re.findall(r"\]\(([^)]*)\)", text)) == sorted(re.findall(r"\]\(([^)]*)\)", said)), text


def test_every_note_of_a_study_is_translated() -> None:
    nothing: Any = {
        "judgements": SimpleNamespace(item_idx=np.zeros(0, int)),
        "counts": SimpleNamespace(event_count=()),
        "statements": SimpleNamespace(reporter=()),
        "bands": SimpleNamespace(low=()),
        "funnel": SimpleNamespace(demand_count=()),
        "countries": SimpleNamespace(demands=()),
        "totals": SimpleNamespace(log_total=()),
    }
    notes = Design.notes(cast(Design, SimpleNamespace(**nothing)))
    assert len(notes) == len(nothing), "one note for each kind of evidence that is missing"
    for name in OTHERS:
        assert [note for note in notes if not catalogue(name).get(note)] == []


def stored_checks() -> Iterator[rows.Row]:
    """Rows of every check that is shipped: of the fit, its validation and its back-tests."""
    yield from rm.load_posterior().checks
    yield from json.loads((STORED / "checks.json").read_text(encoding="utf-8"))["checks"]
    yield from backtest_rows(pd.read_csv(STORED / "backtest.csv"))
    yield from rulings_rows(pd.read_csv(STORED / "rulings_backtest.csv"))


def untranslated(text: str) -> str:
    """The part of a stored text that comes from no message; numbers, signs and ids of arrays are none."""
    known = rows.message_of(text)
    if known is None:
        return "" if re.fullmatch(r"[-<>= .\d]*|[a-z]+(_[a-z]+)+", text) else text
    return "".join(untranslated(part) for part in known[1].values())


def test_every_text_of_a_check_is_translated() -> None:
    texts = {str(r[part]) for r in stored_checks() for part in ("check", "threshold", "meaning")}
    assert len(texts) > 30
    assert [text for text in texts if untranslated(text)] == [], "add these to riskmodel.checks.rows.TEXTS"
    with speaking("fr"):
        assert rows.said("0.86 to 0.94") == "0,86 à 0,94"
    assert untranslated("predictive check, of another kind") == "of another kind"


def codes_shown(study: Study) -> dict[str, str]:
    """Every code that a page can show, allowed by the schema or in the tables, and where it is."""
    package = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    fields = {(r["name"], f["name"]): f for r in package["resources"] for f in r["schema"]["fields"]}
    found: dict[str, str] = {}
    for table, columns in CODES.items():
        for column in columns:
            allowed = fields[table, column].get("constraints", {}).get("enum", [])
            cells = [code for cell in study[table][column].dropna().unique() for code in split(cell)]
            found |= {str(code): f"{table}.csv, {column}" for code in (*allowed, *cells)}
    kinds = pd.read_csv(STORED / "backtest.csv")["kind"].unique()
    return found | {str(kind): "backtest.csv, kind" for kind in kinds}


@pytest.mark.parametrize("name", OTHERS)
def test_every_code_that_a_page_shows_is_translated(study: Study, name: str) -> None:
    known = catalogue(name)
    codes = codes_shown(study)
    missing = [
        f"{place}: {code}, add it to riskmodel.tables.codes and to a catalogue"
        for code, place in codes.items()
        if code not in NAMES | REPLACED and not known.get(code.replace("_", " "))
    ]
    assert missing == []
    assert set(codes) >= NAMES, "these names are no codes"


def glossary(name: str) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Rows of the table of a language's words: English, the words for it, words not to be used."""
    text = (PACKAGE / "locale" / name / "GLOSSARY.md").read_text(encoding="utf-8")
    for line in [line for line in text.splitlines() if line.startswith("| ")][1:]:
        english, chosen, never = ([w.strip() for w in cell.split(",") if w.strip()] for cell in line.split("|")[1:4])
        yield english, chosen, never


def has(text: str, words: list[str], *, whole: bool = False) -> bool:
    """Whether a text has one of some words: whole ones and their plurals, or only their beginnings."""
    ends = r"s?(?![\w-])" if whole else ""
    return any(re.search(rf"(?<![\w-]){re.escape(word)}{ends}", text, re.IGNORECASE) for word in words)


@pytest.mark.parametrize("name", OTHERS)
def test_one_term_for_one_notion(name: str) -> None:
    faults = []
    for file in sorted((PACKAGE / "locale" / name).glob("*.po")):
        for text, words in catalogue(name, file.name).items():
            plain = re.sub(r"{(?!years})\w+}", "", text)
            words = words.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
            for english, chosen, never in glossary(name):
                if has(words, never):
                    faults.append(f"{file.name}: {text[:90]!r} has one of {never}, use {chosen}")
                if has(plain, english, whole=True) and not has(words, chosen):
                    faults.append(f"{file.name}: {text[:90]!r} lacks {chosen} for {english}")
    assert faults == []


def test_french_marks_have_their_spaces() -> None:
    loose = re.compile(r" [:;?!»]|« | {2}|\N{NO-BREAK SPACE}[;?!]|\N{NARROW NO-BREAK SPACE}:")
    code = re.compile(r"`[^`]*`")
    assert [said for said in catalogue("fr").values() if loose.search(code.sub("x", said))] == []


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
