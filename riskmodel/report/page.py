"""From an executed notebook to one HTML page that asks nothing of the network.

Question answered: *how does a notebook become a page?* :class:`ReportPage` prepares the cells; the template
``riskmodel/templates/report`` names it in its ``conf.json``, so that plain ``jupyter nbconvert`` uses it as well.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor

from riskmodel.errors import UsageError
from riskmodel.language import current, speaking, tr
from riskmodel.report.notebooks import Job

__all__ = ["ReportPage", "figure_nodes", "page"]

LEDGER = 'id="ledger"'
"""Mark of the part that says what each input rests on."""
_NODE = re.compile(r'<h\d id="ledger-([\w-]+)">(.*?)</h\d>')
WRAPPED = 120
"""Printed lines longer than this are prose, and are wrapped."""
_DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.S)
_INLINE = re.compile(r"(?<![\\$`\w])\$(?=\S)([^$\n`]+?)(?<=\S)\$(?![\w$])")


class ReportPage(Preprocessor):
    """Cells made ready for the template: sections, formulas in MathML, tables with captions and scopes.

    Parameters
    ----------
    with_code
        "yes" shows the code (``--ReportPage.with_code=yes`` of ``jupyter nbconvert``); :func:`page` gives it in the
        resources.
    """

    def __init__(self, with_code: str = "no", **more: Any) -> None:
        super().__init__(**more)
        self.with_code = str(with_code).lower() in ("yes", "true", "1")

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Return the notebook, its cells cut at second-level headings, and what the template needs beside it."""
        sections: list[dict[str, str]] = []
        cells, found = [], 0
        for cell in nb.cells:
            for part in _cut(cell):
                if part.cell_type == "markdown":
                    _read_markdown(part, sections)
                elif part.cell_type == "code":
                    for output in part.outputs:
                        found = _tidy(output, found, sections[-1]["title"] if sections else "")
                cells.append(part)
        nb.cells = cells
        whole = "".join(_html(output) for cell in cells for output in cell.get("outputs", ()))
        nodes = {name: html.unescape(title) for name, title in _NODE.findall(whole)}
        for cell in cells if LEDGER in whole else ():
            _trail(cell, nodes)
        first = next((c.source for c in cells if c.cell_type == "markdown"), "")
        heading = re.match(r"# (.+)", first)
        own = nb.metadata.get("title") if current() == "en" else None
        resources["page"] = {
            "language": current(),
            "title": resources.get("title") or own or (heading.group(1) if heading else "riskmodel"),
            "kind": nb.metadata.get("page", ""),
            "contents": nb.metadata.get("contents", True),
            "sections": sections,
            "with_code": resources.get("with_code", self.with_code),
            "links": resources.get("links", {}),
            "words": _words(),
        }
        return nb, resources


def page(node: Any, job: Job, *, with_code: bool = False) -> str:
    """Render an executed notebook.

    Parameters
    ----------
    node
        The notebook with its outputs, its prose already in the language of the job.
    job
        Says language, title and links.
    with_code
        Show the code of the cells.

    Returns
    -------
    str
        A whole HTML document.
    """
    from riskmodel import __version__

    base = str(resources.files("riskmodel") / "templates")
    exporter = HTMLExporter(template_name="report", extra_template_basedirs=[base])
    given = {"with_code": with_code, "links": dict(job.links), "title": job.title, "version": __version__}
    with speaking(job.language):
        body, _ = exporter.from_notebook_node(node, given)
    return str(body)


def figure_nodes(node: Any) -> dict[str, str]:
    """Nodes of the ledger that each figure of an executed notebook names, by its caption."""
    shown = ((cell.metadata.get("trail", ()), out) for cell in node.cells for out in cell.get("outputs", ()))
    pictures = ((nodes, out.get("metadata", {}).get("image/png", {}).get("alt")) for nodes, out in shown)
    return {alt: "; ".join(nodes) for nodes, alt in pictures if alt}


def _words() -> dict[str, str]:
    """The template's own words in the current language."""
    return {
        "skip": tr("Skip to the content"),
        "contents": tr("Contents"),
        "pages": tr("Pages"),
        "code": tr("Code"),
        "foot": tr("Made by riskmodel. Not legal advice."),
    }


def _cut(cell: Any) -> Iterator[Any]:
    """Cut a cell of prose before each second-level heading."""
    from nbformat import from_dict

    parts = re.split(r"(?m)^(?=## )", cell.source) if cell.cell_type == "markdown" else [cell.source]
    if len(parts) == 1:
        yield cell
        return
    for k, source in enumerate(parts):
        if source.strip():
            yield from_dict({**cell, "source": source, "id": f"{cell.get('id', 'cell')}-{k}"})


def _read_markdown(cell: Any, sections: list[dict[str, str]]) -> None:
    """Turn prose into HTML, and note the section that it begins."""
    source = cell.source
    wanted = cell.metadata.pop("section", "")
    if heading := re.match(r"## (.+)\n*", source):
        title = heading.group(1).strip()
        name = wanted or re.sub(r"\W+", "-", title.lower()).strip("-")
        taken = {section["id"] for section in sections}
        sections.append({"id": f"{name}-{len(sections)}" if name in taken else name, "title": title})
        cell.metadata["section"] = sections[-1]
        source = source[heading.end() :]
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    cell.metadata["html"] = _reachable(MarkdownWithMath(renderer=renderer).render(_mathml(source)))


def _mathml(source: str) -> str:
    """Replace ``$$…$$`` and ``$…$`` by MathML, which browsers show without a script."""
    from latex2mathml.converter import convert

    def block(match: re.Match[str]) -> str:
        formula = convert(match.group(1).strip(), display="block")
        return f'\n\n<div class="formula" tabindex="0">{formula}</div>\n\n'

    source = _DISPLAY.sub(block, source)
    return _INLINE.sub(lambda m: convert(m.group(1)), source)


def _reachable(text: str) -> str:
    """Let the keyboard scroll boxes of fixed text."""
    return text.replace("<pre>", '<pre tabindex="0">')


def _tidy(output: Any, found: int, section: str) -> int:
    """Give tables that the package did not make caption, scopes and a box; return how many there are so far."""
    if output.output_type == "stream":
        output["wrap"] = max(map(len, output.text.splitlines()), default=0) > WRAPPED
    text = output.get("data", {}).get("text/html")
    if text is None:
        return found
    text = _reachable("".join(text))
    if 'class="table"' not in text:
        for table in re.findall(r"<table.*?</table>", text, flags=re.S):
            found += "<caption>" not in table
            text = text.replace(table, _boxed(table, tr("Table {number}: {section}", number=found, section=section)))
    output.data["text/html"] = re.sub(r"<style scoped>.*?</style>", "", text, flags=re.S)
    return found


def _html(output: Any) -> str:
    return "".join(output.get("data", {}).get("text/html", ""))


def _trail(cell: Any, nodes: Mapping[str, str]) -> None:
    """Lead from each figure and table to the nodes of the ledger that its cell names; not from the ledger itself.

    A cell names them in its metadata, ``{"trail": ["reach", "keys"]}``; one without leads to the whole ledger. Where a
    cell that names nodes shows neither figure nor table, the links stand below its text.

    Raises
    ------
    UsageError
        If the ledger has no such node.
    """
    from riskmodel.tables import trail

    outputs = cell.get("outputs", ())
    if any(LEDGER in _html(output) for output in outputs):
        return
    named = cell.metadata.get("trail", [])
    if unknown := [name for name in named if name not in nodes]:
        raise UsageError(
            f"cell {cell.get('id', '')}: trail: the ledger has no node {', '.join(map(str, unknown))}; "
            f"known: {', '.join(nodes)}"
        )
    link, led = str(trail(named, nodes)), False
    for output in outputs:
        if text := _html(output):
            output.data["text/html"] = text.replace("</table></div>", f"</table></div>{link}")
            led |= "</table></div>" in text
        elif "image/png" in output.get("data", {}):
            output.metadata["trail"], led = link, True
    if named and not led:
        for output in [output for output in outputs if _html(output)][-1:]:
            output.data["text/html"] += link


def _boxed(table: str, name: str) -> str:
    """Return a table of pandas as the package writes its own: a caption, scopes, and a box of its own to scroll in."""
    table = re.sub(r"<table[^>]*>", "<table>", table)
    table = re.sub(r'<tr style="[^"]*">', "<tr>", table).replace("<th></th>", "<td></td>")
    head, _, body = table.partition("<tbody>")
    table = f"{re.sub(r'<th(?=[ >])(?![^>]*scope)', '<th scope=col', head)}<tbody>"
    table += re.sub(r"<th(?=[ >])(?![^>]*scope)", "<th scope=row", body)
    if caption := re.search(r"<caption>(.*?)</caption>", table, flags=re.S):
        name = html.unescape(re.sub(r"<[^>]+>", "", caption.group(1)))
        table = table.replace(caption.group(), f"<caption><span>{caption.group(1)}</span></caption>", 1)
    else:
        table = table.replace("<table>", f"<table><caption><span>{html.escape(name)}</span></caption>", 1)
    label = html.escape(name, quote=True)
    return f'<div class="table" role="region" tabindex="0" aria-label="{label}">{table}</div>'
