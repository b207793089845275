"""Pictures: axes and a caption come back, the caption says something, and nothing stays open."""

import base64
from collections.abc import Callable, Iterator

import matplotlib.pyplot as plt
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import riskmodel as rm
from riskmodel import plots, tables
from riskmodel.decide.rulings import OUTCOMES
from riskmodel.nexus import setup_facts

SOME = ["HDH_AZURE", "HDH_SCALEWAY", "HDH_TARGET_SECNUMCLOUD", "GEN_AWS"]


@pytest.fixture(scope="module")
def x(study: rm.Study, posterior: rm.Posterior) -> xr.Dataset:
    setups = study["setups"]
    return rm.exposure(posterior, study, setups=setups[setups["setup_id"].isin(SOME)])


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    plots.style()
    yield
    plt.close("all")


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
