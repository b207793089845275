"""Published pages in a real browser: nothing asks, acts, sticks out or is left without words; on paper too.

Needs Chromium, Node, poppler's tools and the packages of ``tests/browser``: `make browser` installs them. Where one is
missing the tests are skipped with the reason; in CI they fail.
"""

import dataclasses
import html
import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

import pytest

import riskmodel as rm
from riskmodel import report

TOOLS = ("chromium", "node", "pdfinfo", "pdftohtml")
pytestmark = pytest.mark.browser
CHECKS = ("console", "requests", "width", "paper", "figures", "links", "headings", "keyboard", "axe", "inert")
PAGES = {"riskmodel-report": "en", "fiche-HDH_SCALEWAY-fr": "fr"}
HOSTILE = {
    "HDH_SCALEWAY": '"><img src=x onerror="struck=1">',
    "HDH_AZURE": '<script>struck="a name"</script>',
    "HDH_AZURE_PROVIDERKEY": '=HYPERLINK("http://127.0.0.1/";"open")',
    "HDH_ALT_OVH": "\N{RIGHT-TO-LEFT OVERRIDE}turned \N{HEBREW LETTER ALEF}",
    "HDH_ALT_S3NS": "W" * 300,
    "HDH_ALT_OUTSCALE": "from 5$ to $10_$ {x} 100 %",
}
"""Labels that try to act, to turn the text or to break the page; `read_setups` would refuse most of them."""

Found = dict[str, dict[str, list[str]]]
"""Faults of each page under each check."""


@pytest.fixture(scope="module")
def tools(root: Path) -> Path:
    """The folder of the browser's script, when all that it needs is here."""
    place = root / "tests" / "browser"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    missing += ["node_modules"] * (not (place / "node_modules" / "playwright-core").is_dir())
    if missing:
        said = f"no {', '.join(missing)} here: run `make browser`"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    return place


def examine(tools: Path, pages: list[Path], *options: str | Path) -> Found:
    """What does the browser find wrong?"""
    command = ["node", "run.mjs", "--browser", str(shutil.which("chromium")), *map(str, [*options, *pages])]
    done = subprocess.run(command, cwd=tools, capture_output=True, encoding="utf-8", timeout=600)
    assert done.returncode == 0, done.stderr
    return {Path(page).stem: faults for page, faults in json.loads(done.stdout).items()}


@pytest.fixture(scope="module")
def folder(tools: Path, study: rm.Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report in English and a fiche in French, with PDF, of a study whose labels are hostile."""
    setups = study["setups"]
    names = setups["setup_id"].map(HOSTILE)
    setups = setups.assign(label=names.fillna(setups["label"]), name=names.fillna(setups["name"]))
    hostile = dataclasses.replace(study, tables=MappingProxyType(dict(study.tables) | {"setups": setups}))
    made = tmp_path_factory.mktemp("pages")
    with ThreadPoolExecutor(2) as pool:
        whole = pool.submit(report.render, made, study=hostile, pdf=True)
        fiche = pool.submit(report.render_fiches, made, ["HDH_SCALEWAY"], study=hostile, language="fr", pdf=True)
        assert {whole.result().stem, *(path.stem for path in fiche.result())} == set(PAGES)
    return made


@pytest.fixture(scope="module")
def found(tools: Path, folder: Path) -> Found:
    """Faults of both pages, and of one made to be at fault."""
    shown = folder / "shown.json"
    shown.write_text(json.dumps(list(HOSTILE.values())), encoding="utf-8")
    return examine(tools, [*(folder / f"{page}.html" for page in PAGES), tools / "bad.html"], "--shown", shown)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("page", PAGES)
def test_a_browser_finds_nothing_wrong(found: Found, page: str, check: str) -> None:
    faults = "\n".join(found[page][check])
    assert not faults, faults


def test_every_check_finds_the_fault_made_for_it(found: Found) -> None:
    assert [check for check, faults in found["bad"].items() if not faults] == []
    assert set(found["bad"]) == {*CHECKS, "verbatim"}


def test_hostile_labels_are_shown_as_they_are(found: Found) -> None:
    assert found["riskmodel-report"]["verbatim"] == []


@pytest.mark.parametrize("page", PAGES)
def test_on_paper_it_is_tagged_a4_with_an_outline(folder: Path, page: str) -> None:
    file, text = folder / f"{page}.pdf", (folder / f"{page}.html").read_text(encoding="utf-8")
    said = subprocess.run(["pdfinfo", file], capture_output=True, encoding="utf-8", check=True).stdout
    facts = dict(re.findall(r"^([^:]+):\s+(.*)$", said, flags=re.M))
    assert facts["Tagged"] == "yes"
    assert facts["Page size"].endswith("(A4)")
    words = subprocess.run(["pdftohtml", "-xml", "-i", "-stdout", file], capture_output=True, check=True).stdout
    outline = [html.unescape(item) for item in re.findall(r"<item[^>]*>(.*?)</item>", words.decode(errors="replace"))]
    sections = re.findall(r"<section [^>]*>\s*<h2[^>]*>(.*?)</h2>", text)
    assert len(sections) > 3
    assert [title for title in map(html.unescape, sections) if title not in outline] == []
    assert f'lang="{PAGES[page]}"' in text


@pytest.mark.slow
def test_a_browser_finds_nothing_wrong_in_the_site(tools: Path, tmp_path: Path) -> None:
    report.render_site(tmp_path)
    pages = sorted(tmp_path.glob("*.html"))
    faults = examine(tools, pages)
    assert len(faults) == len(pages) > 10
    assert [(page, *lines) for page, checks in faults.items() for lines in checks.values() if lines] == []
