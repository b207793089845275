"""Pictures of other methods from small made-up tables: what is drawn is what the table says; and their words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from test_plots import close_and_read

import riskmodel as rm
from riskmodel import frameworks, plots
from riskmodel.plots import house, methods
from riskmodel.tables import decisions_methods as words


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    plots.style()
    yield
    close_and_read()


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def assumptions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "calculation": ["point", "independent", "fully dependent", "independent", "fully dependent"],
            "concentration": [math.inf, 20.0, 20.0, 3.0, 3.0],
            "mean": [0.01, 0.01, 0.02, 0.01, 0.05],
            "q05": [0.01, 0.002, 0.001, 1e-9, 0.0],
            "q50": [0.01, 0.008, 0.009, 0.001, 0.002],
            "q95": [0.01, 0.03, 0.06, 0.06, 0.3],
            "above_0.05": [0.0, 0.001, 0.1, 0.02, 0.2],
            "ratio": [1.0, 1.0, 2.0, 1.0, 5.0],
        }
    )


def cards() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "card_id": ["a", "b", "c"],
            "provider_name": ["Alpha", "Beta", "Gamma"],
            "score_old": [70.0, 60.0, np.nan],
            "score_new": [72.0, 65.0, np.nan],
            "published_total": [72.0, 66.0, np.nan],
            "fits": ["new", "", ""],
            "gate": [1, 3, 2],
        }
    )


def levels() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": ["Host A", "Host B"],
            "objective": "SOV-2",
            "at_least_1": [1.0, 1.0],
            "at_least_2": [0.1, 1.0],
            "at_least_3": [0.0, 0.9],
            "at_least_4": [0.0, 0.6],
            "seal": [1, 4],
            "published_seal": [4.0, np.nan],
        }
    )


def waits() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": ["Host A", "Host B"],
            "quantile": 0.9,
            "years_method": [500.0, 4000.0],
            "years_given_reach": [2e6, 6e4],
            "years_low": [90.0, 10.0],
            "years_high": [1e7, 1e12],
            "years_setup": [3e6, math.inf],
        }
    )


def test_dependence_puts_means_by_assumption() -> None:
    ax, caption = methods.dependence(assumptions())
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == "one number in each cell"
    means = [np.asarray(line.get_xdata()) for line in ax.lines if line.get_label() == "mean"]
    np.testing.assert_allclose(np.concatenate(means)[-2:], [0.02, 0.05])
    assert "5 ×" in texts(ax)
    assert "uncertain (concentration 3)" in names
    assert "up to 5 times" in caption


def test_gate_and_score_names_every_card() -> None:
    ax, caption = methods.gate_and_score(cards(), "new", "old")
    assert {"Alpha", "Beta", "Gamma"} <= {label.get_text() for label in ax.get_yticklabels()}
    assert {"72.0", "65.0", "levels only"} <= set(texts(ax))
    assert "Alpha, 72.0 per cent at SEAL-1" in caption
    assert "Beta, 65.0 per cent at SEAL-3" in caption


def test_bars_of_levels_fill_the_row() -> None:
    ax, caption = methods.seals(levels())
    widths = np.array([bar.get_width() for bar in ax.patches if isinstance(bar, Rectangle)]).reshape(5, 2)
    np.testing.assert_allclose(widths.sum(axis=0), 1.0)
    np.testing.assert_allclose(widths[:, 1], [0.0, 0.0, 0.1, 0.3, 0.6], atol=1e-12)
    assert "no card" in texts(ax)
    assert "differ for 1 of 1: Host A SEAL-1 here, SEAL-4 on the card" in caption


def test_clauses_have_a_sign_each() -> None:
    grid = pd.DataFrame({"A (x)": ["met", "not met", "unknown"], "B": ["probable", "doubtful", "unknown"]}, list("abc"))
    ax, caption = methods.clauses(grid)
    assert texts(ax) == ["✓", "✗", "?", "(✓)", "(✗)", "?"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["A", "B"]
    assert "B 1 probable, 1 unknown, 1 doubtful" in caption


def test_two_setups_of_a_provider_keep_their_names() -> None:
    ax, _ = methods.clauses(pd.DataFrame({"A (x)": ["met"], "A (y)": ["met"]}, ["a"]))
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["A\n(x)", "A\n(y)"]


def test_a_verdict_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="must be among"):
        methods.clauses(pd.DataFrame({"A": ["perhaps"]}, ["a"]))


def test_never_is_said_and_not_drawn() -> None:
    ax, caption = methods.years_until(waits())
    assert "never" in texts(ax)
    whole = [line for line in ax.lines if line.get_label() == "the setup as a whole"]
    assert np.asarray(whole[0].get_xdata()).tolist() == [3e6]
    assert "as a whole never" in caption
    assert "3.0 million years" in caption


@pytest.mark.parametrize("draw", [lambda: methods.dependence(assumptions()), lambda: methods.seals(levels())])
def test_all_fit_the_width_of_the_house(draw: Callable[[], house.Drawn]) -> None:
    ax, caption = draw()
    assert house._figure(ax).get_figwidth() == house.WIDTH
    assert len(caption) > 40


def test_words_of_dependence_are_in_the_order_of_the_figure() -> None:
    found = words.dependence_words(assumptions())
    assert list(found["Cells"].str.split(",").str[0]) == ["points", *["independent"] * 2, *["fully dependent"] * 2]
    assert list(found["Above 5 %"]) == ["no", "under 1 %", "2 %", "10 %", "20 %"]


def test_words_of_cards_say_which_weights_fit() -> None:
    found = words.card_words(cards())
    assert list(found["Which weights give it"]) == ["new", "neither", ""]
    assert list(found["Weights old"]) == ["70.0", "60.0", "no scores"]


def test_words_of_the_study(study: rm.Study) -> None:
    known = words.published_words(frameworks.published(study).table).set_index("What")
    assert known["Second statement"]["Suva, Microsoft 365"].endswith("does not agree, 2.0 times as long")
    assert (known["Second statement"].drop("Suva, Microsoft 365") == "none given").all()
    weights = words.weight_words(study)
    assert list(weights) == ["Objective", "Weights 1.2.1", "Weights 2026-06"]
    assert len(words.step_words(frameworks.steps(study).table)) == 13
    scored, unsure = frameworks.csf(study).table, frameworks.weight_uncertainty(study, draws=2000).table
    pairs = words.pair_words(unsure, scored).set_index("First against second")["Higher by gate"]
    assert pairs["OVHcloud against Safespring"] == "OVHcloud"


def test_unknown_stays_unknown_in_words(study: rm.Study) -> None:
    found = {name: frameworks.secnumcloud(study, name) for name in ("msft_azure", "ovhcloud", "scaleway")}
    caps = words.cap_words(found).set_index("Setup")
    assert list(caps["Cap for one holder"]) == ["not met", "unknown: 38 % to over 99 %", "unknown: any probability"]
    assert "Microsoft" in caps["What is seen"]["msft_azure"]
    grid = words.clause_grid(found)
    assert "limits" not in " ".join(grid.index)
    assert len(grid) == len(words.CLAUSES)
    for name, one in found.items():
        assert f"of {len(grid)} clauses" in one.text, f"{name}: the table has as many clauses as the sentence"
    assert "unknown (any probability)" in found["scaleway"].text and "0.00 to" not in found["scaleway"].text
    assert all(words.OBJECTIVES[i.split()[0]] in i for i in words.weight_words(study)["Objective"])
    assert (grid == "unknown").to_numpy().any()


def test_words_of_a_setup(study: rm.Study, posterior: rm.Posterior) -> None:
    one = study["setups"].query("setup_id == 'HDH_ALT_OVH'")
    x = rm.exposure(posterior, study, setups=one)
    found = frameworks.rosenthal(posterior, study, "HDH_ALT_OVH")
    chain = words.chain_words({"OVHcloud": found})
    assert list(chain) == ["Calculation", "OVHcloud, within 5 years", "OVHcloud, restated as 90 % after"]
    assert len(words.sheet_words(found)) == 5
    assert len(words.reach_by_law(study, x, "HDH_ALT_OVH", most=3)) == 3
    level = frameworks.seal_of(x, study, setups=one)
    assert list(words.seal_words(level.table)["Card of the provider"]) == ["SEAL-4"]
    assert level.detail is not None
    assert list(words.mapping_words(level.detail)["Level"]) == ["SEAL-1", "SEAL-2", "SEAL-3", "SEAL-4"]
    side = words.bridge_words({"OVHcloud": frameworks.bridge(posterior, study, "HDH_ALT_OVH")})
    assert list(side) == ["Method", "OVHcloud", "Why it differs"]


def test_every_public_name_of_frameworks_is_there() -> None:
    assert {"sren_of", "sren", "secnumcloud"} <= set(frameworks.__all__)
    assert callable(frameworks.sren_of)
