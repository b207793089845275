"""Tables of a page: written by great-tables, named, scoped, and inert."""

import re

import pandas as pd

from riskmodel.language import speaking
from riskmodel.tables.page import Markup, dated, table

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', '=HYPERLINK("x")', "a‮b", "x" * 300]


def rows(made: Markup) -> list[str]:
    return re.findall(r"<tr>.*?</tr>", made.html)


def test_a_table_has_caption_scopes_and_a_box() -> None:
    made = table(
        pd.DataFrame({"Setup": ["A", "B"], "Chance": ["2.3 %", "10 %"], "Why": ["xx " * 30, None]}), "What it says"
    )
    assert made.html.startswith('<div class="table" role="region" tabindex="0" aria-label="What it says">')
    assert "<caption><span>What it says</span></caption><thead>" in made.html
    assert (
        rows(made)[0]
        == '<tr><th scope="col">Setup</th><th scope="col" class=r>Chance</th><th scope="col">Why</th></tr>'
    )
    assert rows(made)[
        1
    ] == f'<tr><th scope="row">A</th><td class=r>2.3 %</td><td class=w>{"xx " * 30}</td></tr>'.replace(
        " %", "\N{NO-BREAK SPACE}%"
    )
    assert rows(made)[2].endswith("<td class=w></td></tr>"), "missing is empty, not nan"
    assert not re.search(r"gt_|<style|\bid=|headers=", made.html)


def test_two_levels_of_columns_and_a_note() -> None:
    frame = pd.DataFrame(
        [["A", "94 %", "3 %", "96 %"]],
        columns=pd.MultiIndex.from_tuples(
            [("", "Pair"), ("Over p", "lower"), ("Over p", "higher"), ("Over w", "lower")]
        ),
    )
    made = table(frame, "Pairs", note="A <note>")
    assert '<th rowspan="2" scope="col">Pair</th><th colspan="2" scope="colgroup"><span>Over p</span></th>' in made.html
    assert made.html.count('<th scope="col" class=r>lower</th>') == 2
    assert '<tfoot><tr><td colspan="4"><span>A &lt;note&gt;</span></td></tr></tfoot>' in made.html


def test_hostile_cells_names_and_captions_stay_text() -> None:
    for text in HOSTILE:
        made = table(pd.DataFrame({text: [text, "1"], "b": [text, text]}), text, fold=text, note=text)
        assert not re.search(r"<(script|img)", made.html)
        assert "\u202e" not in made.html
        assert made.html.count("<td") == 3, "no cell is split"


def test_markup_passes_once_and_lines_keep_their_spaces() -> None:
    made = table(pd.DataFrame({"a": [Markup('<span id="row-1">R1</span>')], "b": [Markup("one<br>\ntwo\nthree")]}), "c")
    assert '<th scope="row"><span id="row-1">R1</span></th><td>one<br>\ntwo\nthree</td>' in made.html


def test_an_empty_table_has_its_heads() -> None:
    made = table(pd.DataFrame({"a": [], "b": []}), "Nothing")
    assert rows(made) == ['<tr><th scope="col">a</th><th scope="col">b</th></tr>']


def test_a_word_longer_than_any_column_may_break_and_stays_the_same() -> None:
    made = table(pd.DataFrame({"a": ["W" * 300], "b": [Markup(f'<a href="#{"x" * 90}">{"y" * 90}</a>')]}), "c")
    assert made.html.count("<wbr>") == 24 + 7
    assert f'href="#{"x" * 90}"' in made.html
    assert "W" * 300 in made.html.replace("<wbr>", "")
    quotes = table(pd.DataFrame({"a": ['"' * 30], "b": ["x"]}), "c").html
    assert f"{'&quot;' * 12}<wbr>{'&quot;' * 12}<wbr>{'&quot;' * 6}<" in quotes, "no entity is cut"


def test_a_date_is_said_as_exactly_as_it_is_known() -> None:
    day = pd.Timestamp("2025-01-13")
    assert [dated(day, how) for how in ("day", "month", "quarter", "year")] == ["2025-01-13", "2025-01", "2025", "2025"]
    assert dated(pd.NaT) == ""
    with speaking("fr"):
        assert [dated(day, how) for how in ("day", "month", "year")] == ["13/01/2025", "01/2025", "2025"]
        assert dated(day, "month", spelled=True) == "janvier 2025"
