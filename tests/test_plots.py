"""Pictures: axes and a caption come back, the caption says something, and nothing stays open."""

import base64
from collections.abc import Callable, Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import riskmodel as rm
from riskmodel import plots, tables
from riskmodel.decide.rulings import OUTCOMES
from riskmodel.learning import STAGES
from riskmodel.nexus import setup_facts
from riskmodel.plots import house, model

SOME = ["HDH_AZURE", "HDH_SCALEWAY", "HDH_TARGET_SECNUMCLOUD", "GEN_AWS"]


def close_and_read() -> None:
    """Close all pictures; none of them printed a formula where a number is meant."""
    figures = [plt.figure(number) for number in plt.get_fignums()]
    axes = [axis for figure in figures for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    words = [tick.get_text() for axis in axes for minor in (False, True) for tick in axis.get_ticklabels(minor)]
    plt.close("all")
    assert not [word for word in words if "$" in word]


@pytest.fixture(scope="module")
def x(study: rm.Study, posterior: rm.Posterior) -> xr.Dataset:
    setups = study["setups"]
    return rm.exposure(posterior, study, setups=setups[setups["setup_id"].isin(SOME)])


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    plots.style()
    yield
    close_and_read()


def draw(name: str, study: rm.Study, posterior: rm.Posterior, x: xr.Dataset) -> plots.Drawn:
    summary = tables.grouped(study, rm.summarise(x).table)
    facts = setup_facts(study)
    every = tables.grouped(study, study["setups"].assign(setup=study["setups"]["setup_id"]))
    return {
        "reach": lambda: plots.intervals(summary, "reach"),
        "probability": lambda: plots.intervals(summary),
        "worlds": lambda: plots.worlds(x, SOME[:2]),
        "nexus": lambda: plots.nexus(tables.nexus(study, facts), every),
        "readings": lambda: plots.readings(tables.readings(x), 5.0),
        "order": lambda: plots.order_bars(tables.order_against(x, SOME[0]), "Azure"),
        "tolerance": lambda: plots.tolerance(rm.tolerance(x, 0.1).table),
        "influence": lambda: plots.influence(tables.influences(x, {s: rm.drivers(x, posterior, s) for s in SOME[:2]})),
        "regimes": lambda: plots.by_regime(tables.by_regime(study, x, SOME[:2]), 5.0),
        "judgements": lambda: plots.judgements(tables.judgements(study, posterior, "clear_text"), "share"),
        "log": lambda: plots.judgements(tables.judgements(study, posterior, "attractiveness"), "multiple", log=True),
        "decisions": lambda: plots.decisions(
            rm.acceptability(study).table,
            study["decisions"].set_index("decision_id")["authority_type"],
            OUTCOMES,
        ),
        "bands": lambda: plots.bands(tables.bands(study), study["reporters"].set_index("reporter_id")["name"]),
        "what_if": lambda: plots.what_if(tables.what_if(study, posterior, "HDH_SCALEWAY", 5.0), 5.0),
    }[name]()


NAMES = [
    *("reach", "probability", "worlds", "nexus", "readings", "order", "tolerance", "influence", "regimes"),
    *("judgements", "log", "decisions", "bands", "what_if"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_axes_and_a_caption(name: str, study: rm.Study, posterior: rm.Posterior, x: xr.Dataset) -> None:
    what, caption = draw(name, study, posterior, x)
    assert isinstance(what, Axes | Figure)
    assert len(caption) > 60
    assert caption.rstrip().endswith(".")
    assert "nan" not in caption
    if isinstance(what, Axes) and name != "influence":
        assert what.get_xlabel() or name == "nexus", "an axis says what it measures, with its unit"


def test_a_picture_draws_where_it_is_told(x: xr.Dataset) -> None:
    _, ax = plt.subplots()
    assert plots.intervals(rm.summarise(x).table, ax=ax)[0] is ax


def test_odds_are_written_out(x: xr.Dataset) -> None:
    ax, _ = plots.intervals(rm.summarise(x).table)
    assert isinstance(ax, Axes)
    words = [t.get_text() for t in ax.get_xticklabels()]
    assert "1 in\n10,000" in words
    assert not any("^" in w or "e-" in w for w in words)


def test_a_quantity_over_many_powers_of_ten_has_plain_numbers() -> None:
    rows = {"stage": STAGES, "of": "a", "median": np.log(1e-5), "high": np.log([1.0, 1e-3, 1e-4])}
    low = np.log([1e-12, 1e-7, 1e-6])
    ax, caption = model.stages(pd.DataFrame(rows | {"low": low}), {"a": "A"}, "disclosures per year", axis="log")
    assert isinstance(ax, Axes)
    said = [tick.get_text() for tick in ax.get_xticklabels()]
    assert said == ["1 in\n100\nmillion", "1 in\n1\nmillion", "1 in\n10,000", "0.01"]
    assert "goes below the axis" in caption
    assert "beyond the right edge" in caption


def test_what_lies_below_the_floor_is_an_arrow_that_the_caption_explains(study: rm.Study, x: xr.Dataset) -> None:
    found = tables.by_regime(study, x, SOME[:1])
    found.loc[found.index[1:], "probability"] = 1e-9
    other = found.assign(label="other", probability=1e-4)
    ax, caption = plots.by_regime(pd.concat([found, other]), 5.0)
    arrows = sum(np.size(line.get_xdata()) for line in ax.lines if line.get_marker() == "<")
    assert arrows == len(found) - 1
    assert caption.endswith("Arrow at the left edge: below 1 in 1 million.")


def test_setups_that_are_equal_are_counted_and_not_named(x: xr.Dataset) -> None:
    summary = rm.summarise(x).table.assign(probability=[0.01, 0.01, 0.02, 0.03])
    _, caption = plots.intervals(summary)
    assert "Lowest: 2 setups, 1.0 %" in caption or "Lowest: 2 setups, 1 %" in caption
    assert f"highest: {summary['label'].iloc[3]}, 3" in caption


def test_an_expert_looks_the_same_in_every_picture(study: rm.Study, posterior: rm.Posterior) -> None:
    for quantities in (("clear_text",), ("newly_tasked_fraction", "unreported_share")):
        ax, caption = plots.judgements(tables.judgements(study, posterior, *quantities), "share")
        assert isinstance(ax, Axes)
        looks = {line.get_label(): line.get_color() for line in ax.lines}
        assert [looks[f"Desk reading {k + 1}"] for k in range(4)] == list(house.COLOURS[:4])
    assert "2 items, judged by 1 to 4 readers each" in caption
    assert caption.endswith("No pooled posterior is drawn.")


def test_experts_without_a_number_differ() -> None:
    assert house.readers(["Bob", "Desk 2", "Ann", "Desk 1"]) == {"Desk 1": 0, "Desk 2": 1, "Ann": 4, "Bob": 5}


def test_show_gives_the_caption_as_alt_text_and_closes(x: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[dict, dict]] = []
    display: Callable[..., None] = lambda data, metadata, raw: seen.append((data, metadata))  # noqa: E731
    monkeypatch.setattr("IPython.display.display", display)
    plots.show(plots.intervals(rm.summarise(x).table))
    ((data, metadata),) = seen
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == data["text/plain"]
    assert plt.get_fignums() == []


def test_show_refuses_a_picture_without_words() -> None:
    with pytest.raises(ValueError, match="caption"):
        plots.show((plt.subplots()[1], "a plot"))
