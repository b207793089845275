"""The report: one page, whole or not at all, that asks nothing of the network and says what it rests on."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType

import nbformat
import pandas as pd
import pytest
import xarray as xr
from test_ledger import two_clicks

import riskmodel as rm
from riskmodel import report, tables
from riskmodel.checks import convergence
from riskmodel.fit import SCORING
from riskmodel.language import OWN_WORDS, own_words, speaking
from riskmodel.nexus import setup_facts
from riskmodel.tables import Markup, esc, export, table
from riskmodel.tables import checks as checked

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'
SECTIONS = [
    *("short", "question", "setups", "reach", "likelihood"),
    *("comparisons", "drivers", "acceptability", "limits", "check"),
]
NAMED = [
    *("Azure (customer key)", "Azure (provider key)", "EMC2", "DARWIN EU", "Intermediate (cancelled)"),
    *("Target (call of 2026)", "Scaleway (selected)", "OVHcloud", "Outscale", "NumSpot", "Cloud Temple", "S3NS"),
    *("Bleu", "Oodrive", "Worldline", "Leviia", "DMP at Santeos", "DMP at CNAM", "Claims database at CNAM"),
    *("Claims copy on Scaleway", "AP-HP own hosting", "Nancy own hosting", "AWS", "Google (external keys)"),
    *("Infomaniak", "Alibaba"),
]


class Page(HTMLParser):
    """What of a page the tests look at."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.captions: list[str] = []
        self.heads: list[dict[str, str]] = []
        self._in_caption = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {k: v or "" for k, v in attrs}
        self.tags.append((tag, found))
        if tag == "figcaption":
            self._in_caption = True
            self.captions.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_caption = self._in_caption and tag != "figcaption"

    def handle_data(self, data: str) -> None:
        if self._in_caption:
            self.captions[-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def study() -> rm.Study:
    return rm.read_study()


@pytest.fixture(scope="module")
def hostile(study: rm.Study) -> rm.Study:
    """The shipped study, one provider, setup, source and summary of which try to act."""
    setups, providers, sources = study["setups"], study["providers"], study["sources"]
    first = setups["setup_id"] == "ALT_LEVIIA"
    setups = setups.assign(
        label=setups["label"].mask(first, f"Leviia {HOSTILE}"),
        summary=setups["summary"].mask(first, f"[a](javascript:alert(1)) **b** {HOSTILE}"),
    )
    providers = providers.assign(name=providers["name"].mask(providers["provider_id"] == "leviia", f"Leviia {HOSTILE}"))
    cited = sources["source_id"] == "SEED0"
    sources = sources.assign(
        title=sources["title"].mask(cited, HOSTILE),
        url=sources["url"].mask(cited, "javascript:alert(1)"),
    )
    changed = dict(study.tables) | {"setups": setups, "providers": providers, "sources": sources}
    return dataclasses.replace(study, tables=MappingProxyType(changed))


@pytest.fixture(scope="module")
def failing() -> rm.Posterior:
    """The first 20 draws of each chain, with what these chains fail computed from them; and a poor study's note."""
    posterior = rm.load_posterior()
    few = posterior.data.isel(draw=slice(20))
    stats = xr.Dataset({"diverging": (("chain", "draw"), few["leak"].values < 0), "energy": few["common_bias"]})
    rows = convergence(xr.DataTree.from_dict({"posterior": few, "sample_stats": stats}), SCORING)
    checks = [*rows[:3], *posterior.checks[3:]]  # divergences and energies are not kept with the posterior
    assert [row["verdict"] for row in checks[1:3]] == ["fail", "fail"]
    return rm.Posterior(few.assign_attrs(checks=json.dumps(checks), notes=json.dumps(["no <zero> statement"])))


@pytest.fixture(scope="module")
def rendered(
    hostile: rm.Study, failing: rm.Posterior, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, list[str]]:
    """The page, from hostile names and an under-sampled posterior, and the lines of progress."""
    said: list[str] = []
    folder = tmp_path_factory.mktemp("report") / "new"
    given = {"study": hostile, "posterior": failing, "progress": said.append, "allow_failing": True}
    place = report.render(folder, data=True, **given)
    left = sorted(p.name for p in place.parent.iterdir())
    assert left == [f"{place.stem}-data", report.NAME], "nothing half-written is left"
    return place.read_text(encoding="utf-8"), said


@pytest.fixture(scope="module")
def numbers(rendered: tuple[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the numbers behind the figures of that page."""
    return max(tmp_path_factory.getbasetemp().glob("report*/new/*-data"), key=lambda path: path.stat().st_mtime)


def test_every_figure_has_its_numbers(page: Page, numbers: Path) -> None:
    contents = pd.read_csv(numbers / export.CONTENTS, keep_default_na=False)
    captions = contents.drop_duplicates("file")["caption"].str.lstrip("'")
    assert [a["alt"] for a in page.all("img")] == captions.tolist()
    assert (numbers / export.WORKBOOK).stat().st_size > 10_000
    assert contents["source"].str.contains("posterior").all()
    assert (contents[export.RESTS] != "").all(), "every figure names its nodes of the ledger"
    risky = ("=", "+", "-", "@")
    for file in numbers.glob("figure-*.csv"):
        text = pd.read_csv(file).select_dtypes(exclude="number").fillna("").astype(str)
        assert not text.map(lambda cell: cell.startswith(risky)).any(axis=None), file.name


def test_every_figure_and_table_leads_to_the_ledger(rendered: tuple[str, list[str]], page: Page) -> None:
    """Two clicks from a number to its source: its trail, and a citation in the ledger."""
    assert two_clicks(rendered[0]) > len(page.all("figure")) > 15


@pytest.fixture(scope="module")
def page(rendered: tuple[str, list[str]]) -> Page:
    return Page(rendered[0])


def test_sections_and_setups_are_there(rendered: tuple[str, list[str]], page: Page) -> None:
    text, said = rendered
    assert [a["id"] for a in page.all("section")] == SECTIONS
    missing = [name for name in NAMED if name not in text]
    assert missing == []
    assert "not legal advice" in text
    for part in text.split("<section ")[1:]:
        assert "<img " in part, f"no figure in {part[:40]}"
    assert len(said) > len(SECTIONS)
    assert all("\n" not in line for line in said)


def test_every_setup_of_the_study_is_shown(rendered: tuple[str, list[str]], study: rm.Study) -> None:
    assert [s for s in study["setups"]["setup_id"] if f"<code>{s}</code>" not in rendered[0]] == []


def test_the_page_asks_nothing_of_the_network(rendered: tuple[str, list[str]], page: Page) -> None:
    text = rendered[0]
    assert page.all("script") == []
    assert page.all("iframe") == []
    assert all(a["src"].startswith("data:image/png") for _, a in page.tags if "src" in a)
    assert all(a["href"].startswith("data:") for a in page.all("link"))
    assert re.findall(r"url\(|@import", text) == []
    assert len(text) < 3e6


def test_every_picture_has_words(page: Page) -> None:
    alts = [a["alt"] for a in page.all("img")]
    assert len(alts) > 10
    assert min(map(len, alts)) >= 15
    assert alts == page.captions


def test_links_inside_the_page_arrive(page: Page) -> None:
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")} <= set(ids)
    assert sum(a.get("class") == "ref" for a in page.all("a")) > 100


def test_tables_have_captions_and_scopes(rendered: tuple[str, list[str]], page: Page) -> None:
    assert len(page.all("table")) == len(page.all("caption")) == rendered[0].count("<caption>") > 10
    assert {a.get("scope") for a in page.all("th")} - {"colgroup"} == {"col", "row"}
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == 1


def test_numbers_are_said_and_not_dumped(rendered: tuple[str, list[str]]) -> None:
    text = re.sub(r"<[^>]+>|https://\S+", " ", rendered[0])
    assert re.findall(r"\d\.0*[1-9]\d{4,}", text) == [], "digits that nobody meant; small numbers may begin with zeros"
    assert re.findall(r"(?<![\d.])0\s%(?!\w)", text) == []
    assert "nan" not in text.split()


def test_hostile_names_stay_text(rendered: tuple[str, list[str]], page: Page) -> None:
    assert "&lt;script&gt;alert(" in rendered[0]
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert not any("javascript:" in a.get("href", "") for a in page.all("a"))


def test_failing_checks_put_a_banner_at_the_top(rendered: tuple[str, list[str]]) -> None:
    text = rendered[0]
    assert 0 < text.index('class="banner"') < text.index("<nav ")
    assert re.search(r"bulk ESS, smallest is [\d.]+, must be &gt; 400; tail ESS, smallest is", text)
    assert "FAIL" in text


def test_what_the_study_lacks_is_said_at_the_top(rendered: tuple[str, list[str]], study: rm.Study) -> None:
    text = rendered[0]
    assert 0 < text.index("<li>no &lt;zero&gt; statement</li>") < text.index("<nav ")
    assert "lacks" not in str(tables.masthead(study, rm.load_posterior(), 5.0))


def test_an_under_sampled_fit_makes_no_report(failing: rm.Posterior, study: rm.Study, tmp_path: Path) -> None:
    old = tmp_path / report.NAME
    old.write_text("the report of yesterday", encoding="utf-8")
    for folder in (tmp_path, tmp_path / "new"):
        with pytest.raises(rm.StudyError, match=r"its checks fail.* bulk ESS, smallest \d+.* tail ESS, smallest"):
            report.render(folder, study=study, posterior=failing)
    assert old.read_text(encoding="utf-8") == "the report of yesterday"
    assert [p.name for p in tmp_path.iterdir()] == [report.NAME]


ROW = {"check": "SBC, coverage", "value": 0.5, "threshold": "0.86 to 0.94", "verdict": "fail", "meaning": "honest"}


def test_a_failing_validation_makes_no_report(study: rm.Study, tmp_path: Path) -> None:
    from riskmodel.validate import model_code

    posterior, folder = rm.load_posterior(), tmp_path / "validation"
    folder.mkdir()
    kept = {"design_hash": posterior.design_hash, "model_code": model_code(), "checks": [ROW]}
    (folder / "checks.json").write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(rm.StudyError, match=r"SBC, coverage 0\.5 \(must be 0\.86 to 0\.94\)"):
        report.render(tmp_path / "new", study=study, posterior=posterior, validation=folder)
    assert not (tmp_path / "new").exists()


def test_passing_checks_make_a_badge(study: rm.Study) -> None:
    posterior, good = rm.load_posterior(), ROW | {"verdict": "pass"}
    head = str(tables.masthead(study, posterior, 5.0))
    assert "badge good" in head and "banner" not in head
    assert f"all {len(posterior.checks)} checks of the fit pass; no validation of it is kept" in head
    head = str(tables.masthead(study, posterior, 5.0, [good]))
    assert f"all {len(posterior.checks) + 1} checks of the fit and its validation pass" in head
    assert 'class="banner"' in str(tables.masthead(study, posterior, 5.0, [ROW]))
    assert tables.checks_table(posterior, [good])["Check"].iloc[-1] == "SBC, coverage"


def notebook(path: Path, *cells: str) -> Path:
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    node.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(node, path)
    return path


def test_a_cell_that_fails_keeps_the_old_file(tmp_path: Path, study: rm.Study) -> None:
    old = tmp_path / report.NAME
    old.write_text("the report of yesterday", encoding="utf-8")
    bad = notebook(tmp_path / "bad.ipynb", "horizon_years = 5", "x = 1", "raise ValueError('no such\\nsetup')")
    with pytest.raises(rm.UsageError, match=r"^bad\.ipynb, cell 3: setup$"):
        report.render(tmp_path, study=study, notebook=bad)
    assert old.read_text(encoding="utf-8") == "the report of yesterday"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.ipynb", report.NAME]


def test_bad_use_is_one_sentence(tmp_path: Path, study: rm.Study) -> None:
    with pytest.raises(rm.UsageError, match="horizon_years: -1"):
        report.render(tmp_path, horizon_years=-1)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(rm.UsageError, match="cannot be made a folder"):
        report.render(tmp_path / "file" / "below", study=study)
    with pytest.raises(rm.UsageError, match="not a readable notebook"):
        report.render(tmp_path, study=study, notebook=tmp_path / "file")


def test_a_posterior_of_other_data_is_refused(tmp_path: Path, study: rm.Study) -> None:
    posterior = rm.load_posterior()
    other = rm.Posterior(posterior.data.assign_attrs(design_hash="0" * 64, data_hash="0" * 64))
    with pytest.raises(rm.StudyError, match="refit"):
        report.render(tmp_path, study=study, posterior=other)


def test_the_notebook_is_prose_calls_and_pictures(root: Path) -> None:
    node = nbformat.read(root / "riskmodel" / "reference" / report.NOTEBOOK, as_version=4)
    nbformat.validate(node)
    code = [c for c in node.cells if c.cell_type == "code"]
    assert all(not c.outputs and c.execution_count is None for c in code)
    assert not any(re.search(r"^\s*(def|class|lambda) |lambda ", c.source, flags=re.M) for c in code)
    prose = " ".join(c.source for c in node.cells if c.cell_type == "markdown")
    assert re.findall(r"\d+(?:\.\d+)? %", prose.replace("90 %", "")) == [], "results in prose are computed"


def test_a_table_escapes_all_but_its_own_markup() -> None:
    import pandas as pd

    frame = pd.DataFrame({"a<b": [HOSTILE], "n": [Markup("<b>x</b>")]})
    out = str(table(frame, f"caption {HOSTILE}", fold=HOSTILE))
    assert "<script" not in out
    assert "<img" not in out
    assert "<b>x</b>" in out
    assert esc(None) == esc(float("nan")) == ""


def test_the_back_test_is_said_as_it_is() -> None:
    """Sentence and table agree with the stored scores, figure by figure."""
    tested = checked.validation("backtest")
    better = int((tested["log_score"] > tested["naive_log_score"]).sum())
    said = tables.backtest_says(tested)
    assert said.startswith(f"Of {len(tested)} figures the model gives {better} a better log score")
    words = tables.backtest_words(tested).set_index("Figures")
    gain = (tested["log_score"] - tested["naive_log_score"]).mean()
    assert words.loc["all", "Gain (standard error)"].startswith(f"{gain:.2f} (")


def test_predicted_rulings_add_up_and_call_european_hosts_extrapolation(study: rm.Study) -> None:
    x = rm.exposure(rm.load_posterior(), study, by_regime=False)
    words = tables.acceptability_words(study, x, ["HDH_AZURE", "HDH_SCALEWAY"]).set_index("Setup")
    assert "extrapolation" in words.loc["Scaleway (selected)", "Comparable rulings"]
    assert words.loc["Azure (customer key)", "Comparable rulings"].isdigit()
    chances = words.loc["Azure (customer key)"].drop("Comparable rulings").str.split(" %").str[0].astype(float)
    assert chances.sum() == pytest.approx(100, abs=2)


def test_a_status_is_said_with_its_dates(study: rm.Study) -> None:
    rows = study["certifications"]
    rows = rows[rows["superseded_by"].isna()]

    def said(provider: str, scheme: str) -> str:
        mine = (rows["provider_id"] == provider) & (rows["scheme"] == scheme)
        return tables.status_dated(rows[mine], study.as_of)

    assert said("msft_azure", "HDS") == "qualified, last seen 2025-04-25"
    assert said("aphp_onprem", "HDS") == "qualified until 2026-09-07, renewal not seen"
    assert said("s3ns", "SecNumCloud") == "qualified until 2028-12-17 (computed)"
    assert said("outscale", "HDS") == "qualified, date not seen"
    assert said("msft_azure", "SecNumCloud") == "not seen"
    assert tables.status_dated(rows.iloc[:0], study.as_of) == "not seen"


def test_what_was_not_looked_up_is_named(study: rm.Study) -> None:
    x = rm.exposure(rm.load_posterior(), study)
    assert "None of the sources read gives a demand" in tables.silent(study, x)
    assert "Leviia, Oodrive, Atos" in tables.not_looked_up(study, x)
    assert "VMware (OVHcloud)" in tables.unplaced_licensors(study, x)
    one = x.sel(setup=["HDH_AZURE"])
    assert tables.not_looked_up(study, one) == tables.unplaced_licensors(study, one) == ""
    wanted = ["HDH_AZURE", "HDH_ALT_OVH", "HDH_ALT_S3NS"]
    degraded = tables.suspension_words(rm.load_posterior(), study, x, wanted).iloc[:, -1].tolist()
    assert degraded[:2] == ["no licensor recorded", "state of the licensor not recorded"]
    assert degraded[2].endswith("%")


def test_sources_are_dated_and_marked(study: rm.Study) -> None:
    refs = tables.References(study, setup_facts(study))
    lost, found = (refs.number[i] for i in ("SEED0", "csf_azure"))
    assert str(refs.cite("SEED0")) == (
        f'<a class="ref" href="#src-{lost}" title="not located: unverified">[{lost}?]</a>'
    )
    assert str(refs.cite("csf_azure")) == f'<a class="ref" href="#src-{found}">[{found}]</a>'
    english = str(refs.listing())
    assert "Apple; copy in krMaynard/transparency-report-api data/ @7d5315b7, 2013 H1 – 2025 H1." in english
    assert "French medical press, paper not recorded, 2026-02-06 (week of)." in english
    known = study["sources"].set_index("source_id").loc[list(refs.number)]
    undated = known["published"].isin(["unknown", "undated"]) | known["published"].isna()
    assert english.count(", undated.") == (undated & known["published_from"].isna()).sum()
    with speaking("fr"):
        french = str(refs.listing())
        said = [own_words(cell) for c in ("publisher", "published") for cell in study["sources"][c].dropna().unique()]
    assert "médicale française, titre non noté, 06/02/2026 (semaine de cette date)." in french
    assert "mars 2018 – juin 2021" in french
    own = r"\b(copy|mirror|recorded|identified|reprint|week|after|since|rewrit\w+|assessment|approximate|to|from)\b"
    assert [cell for cell in said if re.search(own, cell)] == []
    every = "\n".join(study["sources"][["publisher", "published"]].fillna("").agg(" ".join, axis=1))
    assert [words for words in OWN_WORDS if words not in every] == [], "said of no source"


def test_rows_are_said_as_exactly_as_they_are_known(study: rm.Study) -> None:
    facts = setup_facts(study)
    refs, posterior = tables.References(study, facts), rm.load_posterior()
    days = tables.decisions_words(rm.acceptability(study).table, refs)["Date"].map(str)
    assert ">2012<" in days[days.str.contains("NO-DT-2012")].item()
    assert ">2008-12<" in days[days.str.contains("BE-SWIFT-2008")].item()
    periods = tables.counts_words(study, facts, refs).set_index("Row")["Period"]
    assert periods.iloc[0] == "2018-01-01 to 2018-06-30 (assumed)"
    assert periods.iloc[4] == "2025-07-01 to 2025-12-31"
    row = {"check": "SBC, coverage of 90 % intervals", "value": 0.8983, "threshold": "0.86 to 0.94"}
    checks = tables.checks_table(posterior, [{**row, "verdict": "pass", "meaning": "honest"}]).iloc[-1]
    assert checks[["Value", "Must be"]].tolist() == ["89.8 %", "86 % to 94 %"]
