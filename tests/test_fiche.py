"""The fiche of one setup: its numbers are the model's, its words those of the scale, and every source resolves."""

import dataclasses
import doctest
import html
import re
import shutil
import subprocess
from pathlib import Path
from types import MappingProxyType

import nbformat
import numpy as np
import pytest

import riskmodel as rm
from riskmodel import report, wording
from riskmodel.errors import UsageError
from riskmodel.fit import Posterior
from riskmodel.language import LANGUAGES, speaking, translated_study
from riskmodel.plots import fiche as drawn
from riskmodel.study import Study
from riskmodel.tables import esc, fiche, fiche_reasons
from riskmodel.wording import WORDS, in_words, one_in, percent, words_table

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'
SETUPS = ["HDH_AZURE", "HDH_SCALEWAY", "HDH_INTERCALAIRE", "HDH_ALT_S3NS", "EDS_APHP", "GEN_ALIBABA"]
"""Keys known and not, a host not chosen, a licensor, own machines, a host seated abroad."""
NOTEBOOK = Path(report.__file__).parent.parent / "reference" / "fiche.ipynb"


def page(study: Study, posterior: Posterior, setup: str, language: str = "en") -> str:
    """All that the cells of the notebook show, without its pictures."""
    with speaking(language):
        given = report.Inputs(study, posterior, report.validation_rows(posterior)[0])
        case = fiche.Case(translated_study(study), posterior, setup, 5.0)
        refs = fiche.Cited(case.study)
        parts: list[object] = [fiche.head(case, given), fiche.what(case, refs), fiche.answers(case, refs)]
        parts += [*fiche_reasons.driving(case), fiche_reasons.changes_says(case), fiche_reasons.changes(case)]
        parts += [fiche_reasons.questions(case), *fiche_reasons.unknowns(case)]
        parts += [fiche_reasons.checked(case, given.validation), *fiche_reasons.limits(), fiche.words()]
        return "\n".join(map(esc, [*parts, fiche.foot(case), refs.listing(), fiche_reasons.rests(case, refs)]))


def plain(text: str) -> str:
    """A page without its style, marks and unusual spaces."""
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.S)
    return re.sub(r"[\s\u00a0\u202f]+", " ", html.unescape(text))


def numbers(text: str, language: str) -> list[str]:
    """All numbers of a page as English writes them, without separators of thousands."""
    text = html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.S))
    gap, point = (",", r"\.") if language == "en" else ("\u202f", ",")
    text = re.sub(rf"(?<=\d){gap}(?=\d{{3}}\b)", "", text)
    return sorted(re.findall(r"\d+(?:\.\d+)?", re.sub(rf"(?<=\d){point}(?=\d)", ".", text)))


def test_calibrated_words() -> None:
    assert doctest.testmod(wording).failed == 0
    ends = list(WORDS)
    assert ends == sorted(ends) and ends[-1] == 1.0
    assert np.allclose(np.add(ends[:-1], ends[-2::-1]), 1.0, atol=0.011), "as many words for likely as for unlikely"
    said = [in_words(p) for p in (0.0, *ends)]
    assert said == [*WORDS.values(), "virtually certain"], "the end of a range belongs to the next one"
    for language in LANGUAGES:
        with speaking(language):
            table = words_table()
            assert [word for word, _ in table] == [in_words(end - 1e-9) for end in reversed(ends)]
            assert len({word for word, _ in table}) == len(WORDS)


@pytest.mark.parametrize(
    ("reach", "probability", "counts"),
    [
        *((0.98, 0.023, (23, 957, 20)), (0.016, 0.0024, (2, 14, 984))),
        *((0.01, 1e-5, (0, 100, 9_900)), (1.0, 1.0, (1_000, 0, 0))),
    ],
)
def test_squares_add_up(reach: float, probability: float, counts: tuple[int, int, int]) -> None:
    ax, caption = drawn.icons(reach, probability, 5.0)
    assert [len(dots.get_offsets()) for dots in ax.collections[2::-1]] == list(counts)
    assert caption.startswith(f"{sum(counts):,} possible worlds")
    assert f"In {counts[2]:,} no foreign law" in caption and f"in {counts[0]:,} readable data" in caption


def test_unknown_setup(study: Study, posterior: Posterior) -> None:
    with pytest.raises(UsageError, match=r"unknown setup HDH_AZUR \(did you mean HDH_AZURE"):
        fiche.Case(study, posterior, "HDH_AZUR", 5.0)


@pytest.mark.parametrize("setup", SETUPS)
def test_numbers_words_and_sources(study: Study, posterior: Posterior, setup: str) -> None:
    both = {language: page(study, posterior, setup, language) for language in LANGUAGES}
    rows = study["setups"][study["setups"]["setup_id"] == setup]
    found = rm.summarise(rm.exposure(posterior, study, setups=rows)).table.iloc[0]
    reach, chance = ((found[name], (found[f"{name}_low"], found[f"{name}_high"])) for name in ("reach", "probability"))
    for language, text in both.items():
        with speaking(language):
            shown = plain(text).lower()
            for said in (
                f"{in_words(reach[0])}|{percent(*reach)}",
                f"{in_words(chance[0])}|{percent(*chance)}, {one_in(chance[0])}",
            ):
                word, number = said.lower().split("|")
                assert re.search(f"{re.escape(word)} ?: {re.escape(plain(number))}", shown), said
        linked, listed = re.findall(r'href="#src-(\d+)"', text), re.findall(r'id="src-(\d+)"', text)
        assert sorted(set(map(int, linked))) == list(map(int, listed)) == list(range(1, len(listed) + 1))
        assert not re.search(r"\bnan\b|\bNone\b(?! of)|\{\w+\}", plain(text))
    front = {language: text.split('<details class="screen"')[0] for language, text in both.items()}
    assert numbers(front["en"], "en") == numbers(front["fr"], "fr")


def test_what_follows_for_two_hosts(study: Study, posterior: Posterior) -> None:
    azure, scaleway = (plain(page(study, posterior, setup)) for setup in ("HDH_AZURE", "HDH_SCALEWAY"))
    assert "The customer makes and manages the keys" in azure and "United States (owner or seat, staff)" in azure
    assert "If that reading is right, the second answer becomes 2.5 %" in azure
    assert "lapsed on 12 June 2026" in azure and "judged by the authors of the model alone" in azure
    assert "a copy in the United States" in scaleway and "the model gives about this value to every setup" in scaleway
    assert "United States: does its law reach the data through whoever controls the host?" in azure
    assert "Who holds the keys has not been published" in scaleway and "Does the host hold the keys?" not in azure
    assert "No link with a foreign state is known" in scaleway and "They were about another host." in scaleway
    assert "reaches beyond what it has seen" in scaleway and "reaches beyond what it has seen" not in azure


def test_every_code_has_its_words(study: Study, posterior: Posterior) -> None:
    from riskmodel.decide.information import INPUTS
    from riskmodel.draws import ROUTE_WORDS

    case = fiche.Case(study, posterior, "HDH_AZURE", 5.0)
    assert set(fiche_reasons.ROUTES) == set(ROUTE_WORDS) and list(fiche_reasons.ROUTES) == list(
        posterior.coords()["route"]
    )
    assert {label for label, *_ in INPUTS.values()} == set(fiche_reasons.INPUTS)
    assert {informed for _, informed, _ in INPUTS.values()} <= set(fiche_reasons.TOLD)
    assert set(study["interventions"]["actor"]) <= set(fiche_reasons.ACTORS)
    assert set(study["setups"]["key_custody"].dropna()) <= set(fiche.CUSTODY)
    assert set(case.facts.custody) <= set(fiche.CUSTODY)
    mixed = study["mixtures"].query("fact == 'key_custody'")["value"]
    assert set(mixed) <= set(fiche_reasons.KEYS)


def test_hostile_names_stay_text(study: Study, posterior: Posterior) -> None:
    tables = dict(study.tables)
    for table, column in (("setups", "label"), ("setups", "name"), ("setups", "summary"), ("providers", "name")):
        tables[table] = tables[table].assign(**{column: HOSTILE})
    text = page(dataclasses.replace(study, tables=MappingProxyType(tables)), posterior, "HDH_AZURE")
    assert "<script" not in text and "<img" not in text and "&lt;script&gt;" in text


def test_notebook_is_clean() -> None:
    node = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in node.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert code[0].metadata.tags == ["parameters"]
    assert [line.split(" = ")[0] for line in code[0].source.splitlines()] == [
        *("inputs_path", "horizon_years", "language", "setup")
    ]
    assert not re.search(r"\b(def|lambda|class)\b", "\n".join(cell.source for cell in code))


def test_two_pages_on_paper(tmp_path: Path) -> None:
    if not (shutil.which("chromium") and shutil.which("pdfinfo")):
        pytest.skip("chromium or pdfinfo is not installed")
    for language, setup in (("fr", "HDH_AZURE"), ("en", "HDH_SCALEWAY")):
        (written,) = report.render_fiches(tmp_path, [setup], language=language, pdf=True)
        assert written.stat().st_size < 300_000
        text = written.read_text(encoding="utf-8")
        assert f'<html lang="{language}"' in text and text.count("<figure") == 1
        about = subprocess.run(["pdfinfo", written.with_suffix(".pdf")], capture_output=True, text=True, check=True)
        assert re.search(r"Pages:\s+2\b", about.stdout) and re.search(r"Tagged:\s+yes", about.stdout)
