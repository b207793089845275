"""The ledger: from each figure and table to a node of the model, from there to rows, sources and judges."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType

import nbformat
import pytest
from test_fiche import page as fiche_parts

import riskmodel as rm
from riskmodel import report, tables
from riskmodel.design.judgements import QUANTITIES
from riskmodel.errors import UsageError
from riskmodel.fit import Posterior
from riskmodel.language import LANGUAGES, speaking, translated_study
from riskmodel.nexus import setup_facts
from riskmodel.report.notebooks import Job
from riskmodel.report.page import page
from riskmodel.study import Study
from riskmodel.tables.ledger import INPUTS, NODES, _runs

REFERENCE = Path(report.__file__).parent.parent / "reference"
MODEL = REFERENCE.parent / "model"
SUBMODELS = {
    "customers": {"criminal", "security"},
    "criminal": {"criminal"},
    "funnel": {"criminal"},
    "intelligence": {"security"},
    "countries": {"states"},
    "factors": {"reach", "unseen", "security", "keys", "attractiveness"},
    "reach": {"reach"},
    "suspension": {"suspension", "covert"},
    "judgement": {"experts"},
}
"""Submodel -> nodes that it belongs to."""
FACTORS = {
    "clear_text": {"keys"},
    "fleet_customer_managed_keys": {"keys"},
    "demand_defeated": {"keys"},
    "custody_spread": {"keys"},
    "attractiveness": {"attractiveness"},
    "attractiveness_purpose": {"attractiveness"},
    "authority_used": {"security"},
    "fact_true": {"unseen"},
    "same_law_across_setups": {"reach"},
    "same_answer_within_state": {"reach"},
    "suspension_rate": {"suspension"},
    "degradation_given_cutoff": {"suspension"},
    "covert_collection": {"covert"},
    "suspension_common": {"suspension"},
    "suspension_hit": {"suspension"},
    "order_gap": {"reach", "keys"},
    "provider_spread": {"criminal", "security"},
    "expert_location_log": {"experts"},
}
"""What of a submodel with several nodes is under which."""
TABLES = {
    "setups": {"reach", "keys", "attractiveness"},
    "providers": {"reach"},
    "ownership": {"reach"},
    "certifications": {"reach"},
    "contract_terms": {"keys"},
    "regimes": {"reach", "attractiveness"},
    "lapsing": {"security"},
    "sanctions": {"suspension"},
    "covert": {"covert"},
    "route_map": {"reach"},
    "count_roles": {"criminal"},
    "funnel_cells": {"criminal"},
    "bands": {"security"},
    "demands": {"states"},
    "customers": {"criminal", "security"},
    "mixtures": {"unseen"},
    "decisions": {"acceptability"},
    "decision_covariates": {"acceptability"},
    "adequacy": {"acceptability"},
}


def under(kind: str) -> dict[str, set[str]]:
    """Nodes of each input, quantity or prior."""
    found: dict[str, set[str]] = {}
    for name, node in NODES.items():
        for used in getattr(node, kind):
            found.setdefault(used, set()).add(name)
    return found


def uses(known: set[str]) -> dict[str, set[str]]:
    """Nodes of the submodels whose code names a quantity or prior."""
    found: dict[str, set[str]] = {}
    for submodel, nodes in SUBMODELS.items():
        code = (MODEL / f"{submodel}.py").read_text(encoding="utf-8")
        for name in known & set(re.findall(r'"(\w+)"', code)):
            found[name] = found.get(name, set()) | nodes
    return found | {name: nodes for name, nodes in FACTORS.items() if name in known}


def test_every_input_is_under_the_nodes_that_use_it(study: Study) -> None:
    assert under("inputs") == TABLES and set(TABLES) == set(INPUTS)
    assert under("quantities") == uses(set(QUANTITIES)) and set(under("quantities")) == set(QUANTITIES)
    priors, placed = set(study["priors"]["prior_id"]), under("priors")
    assert set(placed) == priors, "a prior that is nowhere, or a name that is no prior"
    wrong = {name: nodes for name, nodes in uses(priors).items() if placed[name] != nodes}
    assert wrong == {}


def test_every_row_of_the_model_is_in_the_ledger(study: Study) -> None:
    """A reader who follows a rate back finds the funnel, demands by state and published totals with their sources."""
    facts = setup_facts(study)
    text = str(tables.ledger(study, facts, tables.References(study, facts)))
    assert {*re.findall(r"data/(\w+)\.csv", text)} >= {"elicitation", "priors", "transparency", "customers"}
    for spec in INPUTS.values():
        assert f"<code>data/{spec.table}.csv" in text or not spec.table
    for setup in study["setups"]["setup_id"]:
        assert re.search(rf"\b{setup}\b", text)


def test_rows_and_origins_are_said_in_runs(study: Study) -> None:
    rows = study["elicitation"].head(6)
    origin = rows["expert_id"].where(rows.index < 4, "other")
    said = _runs(rows["elicitation_id"], origin, {"EL001", "EL004", "EL005"})
    first = '<a href="#row-EL001">EL001</a> to <a href="#row-EL004">EL004</a> desk-1'
    assert said == f'{first}; <a href="#row-EL005">EL005</a> to EL006 other'


class Links(HTMLParser):
    """Anchors, links, and each figure, table, card and row of the ledger with the links that belong to it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.hrefs: list[str] = []
        self.rows: list[list[str]] = []
        self._row: list[str] | None = None
        self._ledger = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids += [found["id"]] if "id" in found else []
        if tag == "div" and (self._ledger or found.get("id") == "ledger"):
            self._ledger += 1
        if tag == "tr" and self._ledger:
            self._row = []
        if tag == "td" and self._row == []:
            self.rows.append(self._row)
        if found.get("href", "").startswith("#"):
            self.hrefs.append(found["href"][1:])
            if self._row is not None:
                self._row.append(found["href"][1:])
        if self._ledger and found.get("id", "").startswith("expert-") and self._row is not None:
            self._row.append(found["id"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._ledger:
            self._ledger -= 1
        if tag == "tr":
            self._row = None


TRAIL = re.compile(r'<p class="trail">.*?</p>')


def two_clicks(text: str) -> int:
    """Check that every figure, table and card outside the ledger has a trail, and every row of the ledger an origin.

    Returns how many trails there are.
    """
    links = Links(text)
    assert len(links.ids) == len(set(links.ids))
    assert [target for target in links.hrefs if target not in set(links.ids)] == []
    start = text.index('id="ledger"')
    body, later = text[:start], text[start:]
    things = re.findall(r"<figure>.*?</figure>|<table.*?</table></div>\s*(?:<p.*?</p>)?", body, flags=re.S)
    things += re.findall(r'<div class="card">.*?</div>', body, flags=re.S)
    without = [thing[-300:] for thing in things if not TRAIL.search(thing)]
    assert without == []
    trails = TRAIL.findall(body)
    assert all(re.search(r'href="#ledger[-"]', trail) for trail in trails)
    assert not TRAIL.search(later.split("</section>")[0]), "the ledger does not rest on itself"
    assert len(links.rows) > 40
    assert [row for row in links.rows if not any(to.startswith(("src-", "expert-")) for to in row)] == []
    return len(trails)


def executed(*cells: tuple[str, list[str] | None]) -> nbformat.NotebookNode:
    """A notebook that has shown some HTML, each cell with the nodes that it names."""
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T\n\n## Checks")])
    for k, (text, trail) in enumerate(cells):
        cell = nbformat.v4.new_code_cell("x", id=f"made-{k}")
        cell.metadata |= {} if trail is None else {"trail": trail}
        cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": text})]
        node.cells.append(cell)
    return node


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_clicks_in_the_comparison(study: Study, language: str) -> None:
    with speaking(language):
        said = translated_study(study)
        facts = setup_facts(said)
        refs = tables.References(said, facts)
        rows = [
            str(tables.table(frame, "c"))
            for frame in (
                tables.counts_words(said, facts, refs),
                tables.elicitation_words(said),
                tables.priors_words(said, refs),
                tables.decisions_words(rm.acceptability(said).table, refs),
                *(frame for _, frame in tables.setups(said, refs)),
            )
        ]
        parts = (
            ("".join(rows[3:]), ["acceptability"]),
            (rows[0].replace("row-CC", "x"), None),
            ("<p>text</p>", ["keys", "reach"]),
        )
        whole = "".join([str(tables.ledger(said, facts, refs)), *rows[:3]])
        node = executed(*parts, (whole, None), (str(refs.listing()), None))
    node.cells[3].outputs.append(
        nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "a picture"})
    )
    text = page(node, Job(Path("x.ipynb"), "x.html", language=language))
    assert two_clicks(text) == 2 + len(rows[3:])
    assert 'href="#row-EL167"' in text and 'id="row-EL167"' in text
    words = {"en": "What this rests on: ", "fr": "Ce sur quoi cela repose\u00a0: "}[language]
    keys = {"en": "Keys and contract", "fr": "Clés et contrat"}[language]
    assert f'<p class="trail">{words}<a href="#ledger-keys">{keys}</a>' in text
    assert '<p class="trail"><a href="#ledger">' in text, "a cell that names no node leads to the whole ledger"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("setup", ["HDH_AZURE", "HDH_TARGET_SECNUMCLOUD"])
def test_two_clicks_in_the_fiche(study: Study, posterior: Posterior, setup: str, language: str) -> None:
    whole = fiche_parts(study, posterior, setup, language)
    cut = whole.index('<details class="screen"')
    listing = whole.rindex("<ol class", 0, cut)
    node = executed((whole[:listing], ["reach", "states"]), (whole[listing:], None))
    text = page(node, Job(Path("x.ipynb"), "x.html", language=language))
    assert two_clicks(text) > 6
    assert len(text) < 280_000
    printed = re.sub(r'<details class="screen".*</details>', "", whole, flags=re.S)
    cited, listed = (set(re.findall(pattern, printed)) for pattern in (r'href="#src-(\d+)"', r'id="src-(\d+)"'))
    assert cited == listed, "what is printed cites what is printed"


def test_a_fiche_shows_its_own_rows_alone(study: Study, posterior: Posterior) -> None:
    text = fiche_parts(study, posterior, "HDH_AZURE").split('<div id="ledger"')[1].split("</details>")[0]
    assert "HDH_AZURE" in text and "HDH_SCALEWAY" not in text and "ovhcloud" not in text
    assert "suspension_rate" not in text and 'id="ledger-suspension"' not in text


@pytest.mark.parametrize("name", ["report.ipynb", "fiche.ipynb"])
def test_every_cell_with_a_figure_or_table_names_its_nodes(name: str) -> None:
    for cell in nbformat.read(REFERENCE / name, as_version=4).cells:
        made = re.search(r"plots\.show\(|tables\.table\(|fiche\.(what|answers)\(|fiche_reasons\.c", cell.source)
        if cell.cell_type == "code" and made and "tables.ledger(" not in cell.source:
            assert cell.metadata.get("trail"), cell.id
            assert set(cell.metadata["trail"]) <= set(NODES), cell.id


def test_an_unknown_node_names_its_cell() -> None:
    whole = '<div id="ledger"><h4 id="ledger-keys">Keys</h4></div>'
    with pytest.raises(UsageError, match=r"cell made-0: trail: the ledger has no node lock; known: keys"):
        page(executed(("<p>x</p>", ["lock"]), (whole, None)), Job(Path("x.ipynb"), "x.html"))


def test_a_page_without_a_ledger_has_no_trails() -> None:
    text = page(executed(("<table><tr><td>1</td></tr></table>", ["anything"])), Job(Path("x.ipynb"), "x.html"))
    assert "trail" not in re.sub(r"<style>.*?</style>", "", text, flags=re.S)


def test_sources_have_a_date_or_say_that_they_have_none(study: Study) -> None:
    facts = setup_facts(study)
    items = re.findall(r"<li id.*?</li>", str(tables.References(study, facts).listing()))
    assert items and all(re.search(r"\b(19|20)\d\d\b|undated", re.sub(r"<a.*?</a>", "", item)) for item in items)


def test_a_study_without_known_experts_has_a_ledger(study: Study) -> None:
    few = dataclasses.replace(
        study, tables=MappingProxyType(dict(study.tables) | {"experts": study["experts"].iloc[:4]})
    )
    facts = setup_facts(few)
    assert "authors of riskmodel" in str(tables.ledger(few, facts, tables.References(few, facts)))
