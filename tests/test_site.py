"""Reports in every language, fiches and the site: all pages or none, linked, readable without a script; on paper."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from test_report import HOSTILE, Page

import riskmodel as rm
from riskmodel import report
from riskmodel.report import printing, site
from riskmodel.report.notebooks import Job, run
from riskmodel.report.page import page

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FRAME = (
    '<div>\n<style scoped>\n    .dataframe tbody tr th { vertical-align: top; }\n</style>\n<table border="1" '
    'class="dataframe">\n<thead>\n<tr style="text-align: right;">\n<th></th>\n<th>check</th>\n</tr>\n</thead>\n'
    "<tbody>\n<tr>\n<th>0</th>\n<td>R-hat</td>\n</tr>\n</tbody>\n</table>\n</div>"
)


def written(place: Path, *cells: str, parameters: str = "") -> Path:
    """Write a notebook; cells that begin with # or $ are prose."""
    new, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    nodes = [new(text) if text[0] in "#$" else code(text) for text in cells]
    if parameters:
        nodes.insert(1, code(parameters, metadata={"tags": ["parameters"]}))
    place.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=nodes), place)
    return place


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Notebooks of a few lines in the place of the packaged ones; the folder of the series."""
    values = 'inputs_path = None\nhorizon_years = 5.0\nlanguage = "en"'
    written(tmp_path / "packaged" / "report.ipynb", "# A comparison", "print(language)", parameters=values)
    written(tmp_path / "packaged" / "fiche.ipynb", "# One setup", "print(setup)", parameters=f"{values}\nsetup = 'X'")
    written(tmp_path / "series" / "00_first.ipynb", "# The first\n\nIt begins.\n\n## A part", "1 + 1")
    written(tmp_path / "series" / "01_second.ipynb", "# The second\n\nIt ends.", "print('so')")
    monkeypatch.setattr(report, "REFERENCE", tmp_path / "packaged")
    return tmp_path / "series"


def test_the_site_is_linked_in_every_direction(short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "browser", lambda: "any")
    monkeypatch.setattr(printing, "pdf", lambda source, target: target.write_bytes(b"%PDF-"))
    said: list[str] = []
    given: dict[str, Any] = {"notebooks": short, "progress": said.append, "pdf": True}
    index = report.render_site(tmp_path / "out", setups=["HDH_AZURE"], **given)
    printed = {place.name for place in index.parent.glob("*.pdf")}
    pages = {place.name: place.read_text(encoding="utf-8") for place in index.parent.glob("*.html")}
    names = {"riskmodel-report.html", "riskmodel-report-fr.html", "fiche-HDH_AZURE.html", "fiche-HDH_AZURE-fr.html"}
    assert printed == {name.replace(".html", ".pdf") for name in names}
    assert set(pages) == {"index.html", "00_first.html", "01_second.html"} | names
    assert {place.name for place in index.parent.iterdir()} == set(pages) | printed, "nothing half-written is left"
    assert sum(re.search(r"\.html: \d+ s \(\d of 7\)$", line) is not None for line in said) == 7
    links = {name: {a["href"] for a in Page(text).all("a")} for name, text in pages.items()}
    for name, found in links.items():
        ids = {a["id"] for _, a in Page(pages[name]).tags if "id" in a}
        assert {href for href in found if href[0] != "#"} <= set(pages) | printed, name
        assert {href[1:] for href in found if href[0] == "#"} <= ids, name
        assert len(Page(pages[name]).all("main")) == len(Page(pages[name]).all("h1")) == 1
        assert "<script" not in pages[name] and 'class="code"' not in pages[name]
    assert set(pages) - {"index.html"} | printed <= links["index.html"], "the index leads everywhere"
    assert {"index.html", "01_second.html"} <= links["00_first.html"]
    assert "fiche-HDH_AZURE.html" in links["fiche-HDH_AZURE-fr.html"]
    assert (
        '<html lang="fr">' in pages["fiche-HDH_AZURE-fr.html"]
        and "Aller au contenu" in pages["fiche-HDH_AZURE-fr.html"]
    )
    assert re.search(r"<pre[^>]*>fr\n", pages["riskmodel-report-fr.html"]), "the kernel knows the language"
    assert re.search(r"<pre[^>]*>HDH_AZURE\n", pages["fiche-HDH_AZURE.html"])
    assert "It begins." in pages["index.html"] and '<ol start="0">' in pages["index.html"]


def test_a_cell_that_fails_stops_the_site(short: Path, tmp_path: Path) -> None:
    written(short / "01_second.ipynb", "# The second", "x = 1", "raise ValueError('no such thing')")
    out = tmp_path / "out"
    out.mkdir()
    (out / "index.html").write_text("the site of yesterday", encoding="utf-8")
    with pytest.raises(rm.UsageError, match=r"^01_second\.ipynb, cell 3: ValueError: no such thing$"):
        report.render_site(out, setups=["HDH_AZURE"], notebooks=short)
    assert [p.name for p in out.iterdir()] == ["index.html"]
    assert (out / "index.html").read_text(encoding="utf-8") == "the site of yesterday"


def test_a_folder_without_notebooks(tmp_path: Path) -> None:
    with pytest.raises(rm.UsageError, match="no notebooks are there; an installed package has none"):
        report.render_site(tmp_path / "out", notebooks=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(site.notebooks()) == 9


def test_fiches_ask_for_known_setups_and_languages(study: rm.Study, posterior: rm.Posterior, tmp_path: Path) -> None:
    given: dict[str, Any] = {"study": study, "posterior": posterior}
    with pytest.raises(rm.UsageError, match=r"unknown setup HDH_AZUR \(did you mean HDH_AZURE"):
        report.render_fiches(tmp_path / "out", ["HDH_SCALEWAY", "HDH_AZUR"], **given)
    for render in (report.render_fiches, report.render):
        with pytest.raises(rm.UsageError, match=r"unknown language fra \(did you mean fr\?\); known: en, fr"):
            render(tmp_path / "out", *[["HDH_AZURE"]] * (render is not report.render), language="fra", **given)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_page(
    short: Path, study: rm.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    out = tmp_path / "out"
    out.mkdir()
    (out / report.NAME).write_text("yesterday", encoding="utf-8")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(rm.UsageError, match=r"cannot be written \(No space left on device\); older files stay"):
        report.render(out, study=study)
    assert [(p.name, p.read_text(encoding="utf-8")) for p in out.iterdir()] == [(report.NAME, "yesterday")]


def test_an_interrupt_ends_the_kernel(tmp_path: Path) -> None:
    """The parent is interrupted while a cell sleeps: the kernel goes, and nothing is handed over."""
    note = tmp_path / "pid"
    told = f"import os, pathlib\npathlib.Path({str(note)!r}).write_text(str(os.getpid()))"
    place = written(tmp_path / "n" / "slow.ipynb", "# Slow", told, "## Sleep", "import time; time.sleep(60)")
    done: list[Job] = []

    def tell(line: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run([Job(place, "slow.html")], tmp_path, lambda job, node: done.append(job), tell)
    assert time.monotonic() - begun < 40 and done == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


@pytest.fixture
def executed(tmp_path: Path) -> Path:
    """A notebook with outputs of all kinds."""
    out, code = nbformat.v4.new_output, nbformat.v4.new_code_cell
    picture = out("display_data", {"image/png": PICTURE}, metadata={"image/png": {"alt": f"A line rises {HOSTILE}"}})
    streams = [out("stream", name="stdout", text=f"said {HOSTILE}"), out("stream", name="stderr", text="noise")]
    cells = [
        nbformat.v4.new_markdown_cell(
            "# A <title>\n\nIt costs $5 and $6; *p* is $p^2$.\n\n## One\n\nText.\n\n### Below"
        ),
        code("x = 1  # the code", outputs=[*streams, out("execute_result", {"text/html": FRAME}), picture]),
        nbformat.v4.new_markdown_cell("End of one.\n\n## Two\n\n$$a < b$$"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "executed.ipynb")
    return tmp_path / "executed.ipynb"


@pytest.mark.parametrize("with_code", [False, True])
def test_any_notebook_becomes_a_page(executed: Path, with_code: bool) -> None:
    node = nbformat.read(executed, as_version=4)
    text = page(node, Job(executed, "x.html"), with_code=with_code)
    found = Page(text)
    assert [a["id"] for a in found.all("section")] == ["one", "two"]
    assert text.index("End of one.") < text.index('<section aria-labelledby="h-two"')
    assert ("x = 1  # the code" in text) is with_code
    assert "said &lt;script&gt;" in text and "noise" not in text and "<script" not in text
    assert [a["alt"] for a in found.all("img")] == found.captions == [f"A line rises {HOSTILE}"]
    assert {a["scope"] for a in found.all("th")} == {"col", "row"}
    assert "<caption><span>Table 1: One</span></caption>" in text and "<style scoped" not in text
    assert "$5 and $6" in text and len(found.all("math")) == 2
    assert re.findall(r'<a class="anchor-link"|¶', text) == []
    assert all("tabindex" in a for a in found.all("pre")), "what scrolls can be reached by the keyboard"


def test_french_pages_have_french_words(executed: Path) -> None:
    text = page(nbformat.read(executed, as_version=4), Job(executed, "x.html", language="fr", title=HOSTILE))
    assert '<html lang="fr">' in text and "Sommaire" in text and "Tableau 1\N{NO-BREAK SPACE}: One" in text
    assert "<title>&lt;script&gt;" in text


def test_plain_nbconvert_finds_the_template(executed: Path, root: Path) -> None:
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--template", "report", executed.name]
    base = f"--TemplateExporter.extra_template_basedirs={root / 'riskmodel' / 'templates'}"
    for more, code in (([], False), (["--ReportPage.with_code=yes"], True)):
        done = subprocess.run([*command, base, *more], cwd=executed.parent, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "WARN" not in done.stderr
        text = executed.with_suffix(".html").read_text(encoding="utf-8")
        assert ("x = 1  # the code" in text) is code
        assert "<title>A &lt;title&gt;</title>" in text and '<section aria-labelledby="h-one" id="one">' in text


def test_a_pdf_needs_a_browser(study: rm.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "BROWSERS", ())
    monkeypatch.setattr(printing, "PLACES", ())
    with pytest.raises(rm.UsageError, match="a PDF needs Chromium or Chrome, and none was found"):
        report.render(tmp_path / "out", study=study, pdf=True)
    assert list(tmp_path.iterdir()) == []


def test_a_browser_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "browser"
    fake.write_text("#!/bin/sh\necho no display >&2\nexit 1\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setattr(printing, "BROWSERS", (str(fake),))
    with pytest.raises(rm.UsageError, match=r"x\.pdf: .*browser did not print it \(no display\)"):
        printing.pdf(tmp_path / "x.html", tmp_path / "x.pdf")


@pytest.mark.skipif(not any(map(shutil.which, printing.BROWSERS)), reason="no Chromium or Chrome is installed")
def test_a_page_is_printed_with_tags_and_outline(executed: Path, tmp_path: Path) -> None:
    source = tmp_path / "page.html"
    source.write_text(page(nbformat.read(executed, as_version=4), Job(executed, "x.html")), encoding="utf-8")
    printing.pdf(source, tmp_path / "page.pdf")
    content = (tmp_path / "page.pdf").read_bytes()
    assert content.startswith(b"%PDF-") and b"/MarkInfo" in content and b"/Outlines" in content


def test_a_site_is_of_the_shipped_study(run: Any) -> None:
    done = run("report", "--all", "--lang", "fr", "--override", "mine.csv")
    assert done.code == 2 and "it does not go with --override, --lang" in done.err
    done = run("report", "--lang", "de")
    assert done.code == 2 and "unknown language de; known: en, fr" in done.err
    done = run("report", "--setup", "HDH_AZURE", "HDH_SCALEWY", "--out", "new")
    assert done.code == 2 and "did you mean HDH_SCALEWAY" in done.err and not Path("new").exists()


def test_a_fiche_of_a_setup_of_ones_own(run: Any, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def render(out: Path, setups: list[str], **given: Any) -> list[Path]:
        asked.update(given, setups=setups)
        return [out / "fiche-MINE.html"]

    monkeypatch.setattr(report, "render_fiches", render)
    (tmp_path / "own.csv").write_text(
        "setup_id,label,provider_id,data_class,service_model\nMINE,Mine,scaleway,hospital_warehouse,infrastructure\n",
        encoding="utf-8",
    )
    done = run("report", "--setup", "MINE", "--setups", "own.csv", "--lang", "fr", "--pdf", "--out", "o")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [str(Path("o/fiche-MINE.html")), str(Path("o/fiche-MINE.pdf"))]
    assert asked["setups"] == ["MINE"] and asked["language"] == "fr" and asked["pdf"] and not asked["with_code"]
    assert {"MINE", "HDH_AZURE"} <= set(asked["study"]["setups"]["setup_id"])
