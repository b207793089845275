"""Decisions drawn from small made-up tables: axes and a caption, and what is drawn is what the table says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from test_plots import close_and_read

from riskmodel import plots
from riskmodel.plots import choices, consequences, house

YEARS = {"horizon_years": 5.0}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    plots.style()
    yield
    close_and_read()


def places(count: int) -> pd.DataFrame:
    """Each setup mostly on its own place."""
    share = np.full((count, count), 0.4 / max(count - 1, 1))
    np.fill_diagonal(share, 0.6)
    row, column = np.divmod(np.arange(count**2), count)
    return pd.DataFrame(
        {"label": [f"Host {k}" for k in row], "rank": column + 1, "probability": share.ravel()}
        | {"probability_in_worlds": share[::-1].ravel()}
    )


def interventions() -> pd.DataFrame:
    after = np.array([0.002, 0.01, 0.02, 0.03])
    return pd.DataFrame(
        {
            "label": [
                "Keys held outside the provider and a label long enough for two lines",
                "Clause",
                "Nothing",
                "Worse",
            ],
            "probability_before": 0.02,
            "probability_after": after,
            "probability_after_low": after / 1e4,
            "probability_after_high": np.minimum(after * 4, 1),
            "ratio": after / 0.02,
            **YEARS,
        }
    )


def information(top: float = 0.002) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rank": [0, 1, 2, 3, 4],
            "item": [
                "everything",
                "opinion on the licensor",
                "who holds the keys",
                "number of customers",
                "nothing new",
            ],
            "kind": ["bound", "legal opinion", "audit", "figure", "judgement"],
            "value": np.array([2.0, 1.0, 0.5, 0.1, 0.0]) * top,
            "value_error": 0.05 * top,
            **YEARS,
        }
    )


def settled() -> pd.DataFrame:
    rows = [
        ("q", yes, name, p)
        for name, no, y in (("A", 0.01, 0.1), ("B", 0.02, 0.02))
        for yes, p in ((True, y), (False, no))
    ]
    return pd.DataFrame(rows, columns=["question", "settled", "label", "probability"])


def curves(names: tuple[str, ...]) -> pd.DataFrame:
    days = pd.date_range("2020-12-31", "2029-12-31", freq="YE")
    parts = [
        pd.DataFrame({"label": name, "date": days, "probability": 0.01 * (k + 1) * np.arange(1, len(days) + 1) / 10})
        for k, name in enumerate(names)
    ]
    table = pd.concat(parts).assign(years=1.0)
    return table.assign(probability_low=table["probability"] / 100, probability_high=table["probability"] * 5)


def dates(label: bool = False) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "date": pd.to_datetime(["2022-12-31", "2026-07-01", "2027-03-31"]),
            "probability": [0.028, 0.037, 0.038],
            "added": [np.nan, 0.009, 0.001],
            "added_low": [np.nan, 0.0, 0.0],
            "added_high": [np.nan, 0.05, 0.006],
        }
    )
    return table.assign(label=["promised in 2020", "interim", "chosen host"]) if label else table


def exceeding() -> pd.DataFrame:
    rows = [(n, k, (k + 1) * 1e-3 / (1 + np.log10(n))) for k in range(2) for n in (1.0, 1e2, 1e4, 1e6)]
    table = pd.DataFrame(
        {"label": [f"Host {k}" for _, k, _ in rows], "persons": [n for n, _, _ in rows]}
        | {"probability": [p for _, _, p in rows], **YEARS}
    )
    table.loc[7, "probability"] = 0.0  # more persons than there are
    return table.assign(probability_low=table["probability"] / 1e5, probability_high=table["probability"] * 4)


def fronts() -> pd.DataFrame:
    return pd.DataFrame(
        {"setup": ["A", "B"], "label": ["Host A", "Host B"], "on_front": [0.4, 1.0], "best": [0.0, 1.0]}
    )


def steps() -> pd.DataFrame:
    table = pd.DataFrame(
        {"factor": ["ownership", "keys", "contract", "all"], "contribution": [-1.6, 0.4, 0.0, -1.2], **YEARS}
    )
    return pd.concat([table.assign(answer="likelihood"), table.iloc[[-1]].assign(answer="reach", contribution=0.0)])


def portfolios() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "portfolio": ["100 at one host", "10 at each of ten"],
            "institutions": 100,
            "hosts": [1, 10],
            "probability_any": [0.04, 0.12],
            "any_if_independent": [0.9, 0.9],
            "number_if_any": [55.0, 9.0],
            **YEARS,
        }
    )


DRAW: dict[str, Callable[..., house.Drawn]] = {
    "rank": lambda **more: choices.rank_heatmap(places(4), **more),
    "rank over worlds": lambda **more: choices.rank_heatmap(places(14), "worlds", **more),
    "tornado": lambda **more: choices.tornado(interventions(), **more),
    "contributions": lambda **more: choices.contributions(steps(), "Host A", "Host B", **more),
    "contributions that differ in nothing": lambda **more: choices.contributions(steps(), "A", "B", "reach", **more),
    "value": lambda **more: choices.value(information(), **more),
    "world_split": lambda **more: choices.world_split(settled(), "q", "the law reaches", **more),
    "front": lambda **more: choices.front(fronts(), ["exposure", "cost"], **more),
    "calendar": lambda **more: consequences.calendar(curves(("early", "late", "never")), **more),
    "calendar of two": lambda **more: consequences.calendar(curves(("early", "late")), **more),
    "log calendar": lambda **more: consequences.calendar(curves(("early", "late")), log=True, **more),
    "delay": lambda **more: consequences.delay(dates(), **more),
    "named delay": lambda **more: consequences.delay(dates(label=True), **more),
    "exceedance": lambda **more: consequences.exceedance(exceeding(), **more),
    "concentration": lambda **more: consequences.concentration(portfolios(), **more),
}


@pytest.mark.parametrize("name", DRAW)
def test_a_picture_is_axes_and_a_caption(name: str) -> None:
    ax, caption = DRAW[name]()
    assert isinstance(ax, Axes)
    assert len(caption) > 60
    assert caption.endswith(".")
    assert "nan" not in caption
    assert ax.get_xlabel(), "an axis says what it measures, with its unit"


@pytest.mark.parametrize("name", DRAW)
def test_pictures_draw_where_they_are_told(name: str) -> None:
    _, ax = plt.subplots()
    assert DRAW[name](ax=ax)[0] is ax


@pytest.mark.parametrize("name", DRAW)
def test_no_label_lies_outside_the_picture_or_on_its_neighbour(name: str) -> None:
    ax, _ = DRAW[name]()
    figure = house._figure(ax)
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.get_yticklabels() if t.get_text() and t.get_visible()]
    low, high = sorted(ax.get_window_extent().intervaly)
    inside = sorted((b for b in boxes if low - 9 <= (b.y0 + b.y1) / 2 <= high + 9), key=lambda b: b.y0)
    assert all(a.y1 <= b.y0 + 1 for a, b in pairwise(inside))
    legend, label = ax.get_legend(), ax.xaxis.label.get_window_extent()
    assert legend is None or not legend.get_window_extent().overlaps(label)


def heights(ax: Axes) -> list[float]:
    return [float(patch.get_width()) for patch in ax.patches]  # type: ignore[attr-defined]


def test_contributions_end_where_the_whole_ends() -> None:
    ax, caption = choices.contributions(steps(), "Host A", "Host B")
    ends = sorted(patch.get_x() + patch.get_width() for patch in ax.patches)  # type: ignore[attr-defined]
    assert ends[0] == pytest.approx(np.exp(-1.6))
    assert [round(v, 9) for v in ends].count(round(float(np.exp(-1.2)), 9)) >= 1
    assert "0.301 times (last row)" in caption, "three digits, so that the factors multiply to it"
    assert "The largest is ownership" in caption


def test_bars_that_raise_are_hatched() -> None:
    ax, caption = choices.tornado(interventions())
    hatched = [patch.get_hatch() for patch in ax.patches]
    assert hatched.count("////") == 1
    assert caption.endswith("1 of them raises it.")


def test_worthless_items_are_counted_and_not_drawn() -> None:
    ax, caption = choices.value(information())
    assert len(ax.get_yticklabels()) == 3
    assert sorted(heights(ax)) == pytest.approx([0.02, 0.1, 0.2])
    assert caption.endswith("Worth less or nothing: 1 more.")
    assert choices.value(information(0.0))[1].startswith("Nothing that can be found out")


def test_only_setups_that_a_question_touches_are_drawn() -> None:
    ax, caption = choices.world_split(settled(), "q")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["A"]
    assert caption.endswith("do not change: 1.")
    same = settled().query("label == 'B'")
    assert "touches none" in choices.world_split(same, "q")[1]


def test_bands_are_drawn_where_they_can_be_told_apart() -> None:
    assert len(consequences.calendar(curves(("early", "late")))[0].collections) == 2
    ax, caption = consequences.calendar(curves(("early", "late", "never")))
    assert len(ax.collections) == 0
    assert "in brackets" in caption
    assert "from January 2020 on" in caption
    assert all(line.get_ydata()[0] == 0 for line in ax.lines)
    legend: Any = ax.get_legend()
    assert "never: 3.0 % (0.030 % to 15 %)" in [t.get_text() for t in legend.get_texts()]


def test_plans_that_end_far_apart_get_a_log_axis() -> None:
    table = curves(("early", "late"))
    table.loc[table["label"] == "late", ["probability", "probability_high"]] *= 10
    assert consequences.calendar(table)[0].get_yscale() == "log"
    assert consequences.calendar(curves(("early", "late")))[0].get_yscale() == "linear"


def test_no_name_is_taken_twice() -> None:
    modules = [
        vars(plots)[m]
        for m in ("checks", "comparisons", "facts", "house", "judgement", "levels", "record", "reliability")
    ]
    names = [name for module in [*modules, choices, consequences] for name in module.__all__]
    assert len(names) == len(set(names))


def test_plans_that_end_close_together_are_told_apart() -> None:
    table = curves(("early", "late"))
    table.loc[table["label"] == "late", ["probability", "probability_low", "probability_high"]] *= 0.55
    legend: Any = consequences.calendar(table)[0].get_legend()
    assert [t.get_text().split(" (")[0] for t in legend.get_texts()] == ["early: 1.0 %", "late: 1.1 %"]
