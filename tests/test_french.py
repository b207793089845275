"""The report in French: the numbers of the English one, and no English prose left."""

from __future__ import annotations

import datetime as dt
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

import riskmodel as rm
from riskmodel import report
from riskmodel.language import DATA_TEXTS, speaking, tr, translated_study
from riskmodel.wording import WORDS

BLOCKS = {"p", "li", "td", "th", "dt", "dd", "figcaption", "caption", "summary", "h1", "h2", "h3"}
FOREIGN = {"cite", "code", "pre", "style", "math", "title"}
"""What stays as it is: titles of sources, ids, commands, formulas."""
ENGLISH = ("the", "of", "is", "are", "which", "with", "that", "from", "whether", "setup", "keys", "reach", "likelihood")
MONTHS = {
    "en": [f"{dt.date(2026, month, 1):%B}" for month in range(1, 13)],
    "fr": [
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ],
}
GROUP = {"en": ",", "fr": "\N{NARROW NO-BREAK SPACE}"}
"""What stands between thousands."""
CITED = "riskmodel: Bayesian model of the exposure of hosted data to foreign legal access"


class Page(HTMLParser):
    """The text of a page, block by block; what stays in its own language, and sources, left out."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.language = ""
        self.blocks = [""]
        self._inside: list[str] = []
        self.feed(text)
        self.blocks = [" ".join(block.split(" ")).strip() for block in self.blocks]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "html":
            self.language = found.get("lang") or ""
        if tag in BLOCKS:
            self.blocks.append("")
        if tag in FOREIGN or (tag, found.get("class")) == ("ol", "sources"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS:
            self.blocks.append("")
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.blocks[-1] += data


def numbers(block: str, language: str) -> list[str]:
    """Every number of a text, as English writes it without separators; days as day, month and year."""
    for month, name in enumerate(MONTHS[language], start=1):
        block = re.sub(rf"\b{name}\b", str(month), block)
    block = re.sub(r"\b(\d{4})-(\d\d)-(\d\d)\b", lambda m: f"{int(m[3])} {int(m[2])} {m[1]}", block)
    block = re.sub(r"\b(\d\d)/(\d\d)/(\d{4})\b", lambda m: f"{int(m[1])} {int(m[2])} {m[3]}", block)
    block = re.sub(rf"(?<=\d){GROUP[language]}(?=\d{{3}}\b)", "", block)
    return sorted(re.findall(r"\d+(?:\.\d+)*", re.sub(r"(?<=\d),(?=\d)", ".", block)))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    """The report in both languages, from few draws."""
    whole = rm.load_posterior()
    checks = [*whole.checks[:1], {**whole.checks[1], "verdict": "fail"}, *whole.checks[2:]]
    few = rm.Posterior(whole.data.isel(draw=slice(20)).assign_attrs(checks=json.dumps(checks)))
    folder = tmp_path_factory.mktemp("french")
    files = {
        language: report.render(folder / language, posterior=few, language=language, allow_failing=True)
        for language in ("en", "fr")
    }
    return {language: Page(Path(file).read_text(encoding="utf-8")) for language, file in files.items()}


def test_both_languages_have_the_same_numbers(pages: dict[str, Page]) -> None:
    english, french = pages["en"], pages["fr"]
    assert (english.language, french.language) == ("en", "fr")
    assert len(english.blocks) == len(french.blocks)
    both = zip(english.blocks, french.blocks, strict=True)
    unlike = [(a, b) for a, b in both if numbers(a, "en") != numbers(b, "fr")]
    assert unlike == []


def test_no_english_is_left(pages: dict[str, Page]) -> None:
    said = re.compile(rf"\b({'|'.join(ENGLISH)})\b", re.IGNORECASE)
    assert [b for b in pages["fr"].blocks if said.search(b.replace(CITED, ""))] == []


def test_dates_and_decimals_are_french(pages: dict[str, Page]) -> None:
    blocks = pages["fr"].blocks
    assert [b for b in blocks if re.search(rf"\b({'|'.join(MONTHS['en'])})\b", b)] == []
    assert [b for b in blocks if re.search(r"\d{4}-\d\d-\d\d|\d\.\d+\s?%|\d,\d{3},\d{3}", b)] == []
    assert any(f"{month} 2026" in b for b in blocks for month in MONTHS["fr"])
    assert [b for b in blocks if re.search(r" [:;?!%]", b)] == [], "a space that breaks before a mark or a sign"


def test_no_elision_is_missing(pages: dict[str, Page]) -> None:
    apart = re.compile(
        r"\b(de|que|le|la|ne|se|jusque|lorsque) [aeiouyàâéèêîôû]|\bsi ils?\b|\b(de|à) les?\b", re.IGNORECASE
    )
    assert [b for b in pages["fr"].blocks if apart.search(b)] == [], "put names where no elision is needed"


def test_a_translated_study_is_the_same_study() -> None:
    study = rm.read_study()
    posterior = rm.load_posterior()
    few = rm.Posterior(posterior.data.isel(draw=slice(20)))
    english = rm.exposure(few, study)
    with speaking("fr"):
        said = translated_study(study)
        french = rm.exposure(few, said)
    assert said.data_hash == study.data_hash
    for name, frame in study.tables.items():
        kept = frame.columns.drop(list(DATA_TEXTS.get(name, ())))
        assert said[name][kept].equals(frame[kept]), name
    assert str(french["label"].sel(setup="HDH_SCALEWAY").values) == "Scaleway (retenu)"
    assert (english["probability"] == french["probability"]).all()
    assert translated_study(study) is study


def test_words_for_probabilities_keep_to_their_scale(pages: dict[str, Page]) -> None:
    for language, page in pages.items():
        with speaking(language):
            ranges = dict(zip(map(tr, WORDS.values()), pairwise([0.0, *WORDS]), strict=True))
        text = " | ".join(page.blocks).lower()
        word = "|".join(sorted(map(re.escape, ranges), key=len, reverse=True))
        bound = "(?:(?:less|more) than |moins de |plus de )?"
        said = re.findall(rf"\b({word})\b[^%(]{{0,80}}?[(:|] *{bound}([\d.,]+)\s%", text)
        found = [(name, float(number.replace(",", "."))) for name, number in said]
        outside = [(name, p) for name, p in found if not ranges[name][0] * 93 <= p <= ranges[name][1] * 107]
        assert len(found) > 60
        assert outside == []
