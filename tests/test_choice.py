"""Regret, dominance and trade-offs: made-up cases with known answers, and the setups of the study."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import riskmodel as rm
from riskmodel.decide import choice
from riskmodel.decide.choice import regret, tradeoff
from riskmodel.errors import UsageError

HDH = ["HDH_AZURE", "HDH_SCALEWAY", "HDH_ALT_OVH", "HDH_ALT_S3NS"]


@pytest.fixture(scope="module")
def x(study: rm.Study, posterior: rm.Posterior) -> xr.Dataset:
    return rm.exposure(posterior, study, by_regime=False)


def made_up(**losses: list[float]) -> xr.Dataset:
    """A dataset of so many samples, the same over parameters and worlds."""
    p = (("sample", "setup"), np.array(list(losses.values())).T)
    coords = {"setup": list(losses), "label": ("setup", [name.title() for name in losses])}
    return xr.Dataset({"probability": p, "world_probability": p}, coords, {"horizon_years": 5.0})


def table_of(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["setup", "criterion", "low", "high", "better"])


def test_regret_by_hand() -> None:
    finding = regret(made_up(a=[0.1, 0.1, 0.4, 0.1], b=[0.2, 0.2, 0.2, 0.1]))
    table = finding.table.set_index("setup")
    assert table.loc["a", "regret"] == pytest.approx(0.05)
    assert table.loc["b", "regret"] == pytest.approx(0.05)
    assert table.loc["a", "regret_worst_decile"] == pytest.approx(0.2)
    assert table.loc["b", "regret_worst_decile"] == pytest.approx(0.1)
    assert table["best"].to_dict() == {"a": 0.625, "b": 0.375}, "a tie is shared"
    assert (table["dominated_by"] == "").all()


def test_dominance_is_of_distributions_not_of_samples() -> None:
    finding = regret(made_up(a=[0.1, 0.4, 0.2], b=[0.3, 0.1, 0.4], c=[0.5, 0.5, 0.1]))
    assert finding.detail is not None
    pairs = finding.detail[finding.detail["over"] == "parameters"].set_index(["setup", "other"])
    assert pairs.loc[("a", "b"), "dominates"], "sorted, 0.1 0.2 0.4 is nowhere above 0.1 0.3 0.4"
    assert pairs.loc[("a", "b"), "largest_violation"] == 0
    assert pairs.loc[("a", "b"), "never_worse"] == pytest.approx(2 / 3)
    assert not pairs.loc[("b", "a"), "dominates"]
    assert pairs.loc[("b", "a"), "largest_violation"] == pytest.approx(1 / 3)
    assert not pairs["dominates"].get(("a", "a"), False)
    assert finding.table.set_index("setup").loc["c", "dominated_by"] == "a; b"


def test_equal_setups_do_not_dominate_each_other() -> None:
    finding = regret(made_up(a=[0.1, 0.2], b=[0.2, 0.1]))
    assert finding.detail is not None
    assert not finding.detail["dominates"].any()


def test_choices_that_are_practically_equal_are_all_named() -> None:
    text = regret(made_up(a=[0.1, 0.1, 0.4, 0.1], b=[0.2, 0.2, 0.2, 0.1])).text
    assert text.startswith("By mean regret ") and "Most often the best choice is" in text
    text = regret(made_up(a=[0.1, 0.2], b=[0.2, 0.1])).text
    assert "Most often the best choice are, practically equal," in text and text.count("(50 %)") == 2


def test_regret_of_the_study(x: xr.Dataset) -> None:
    finding = regret(x, HDH)
    table = finding.table.set_index("setup")
    assert table.index[0] == "HDH_SCALEWAY"
    assert table["best"].sum() == pytest.approx(1)
    assert table["best_in_worlds"].sum() == pytest.approx(1)
    loss = x["probability"].sel(setup=HDH).values
    assert table.loc["HDH_AZURE", "regret"] == pytest.approx((loss[:, 0] - loss.min(axis=1)).mean())
    assert "HDH_SCALEWAY" in table.loc["HDH_AZURE", "dominated_by"]
    assert "over 5 years" in finding.text
    dear = regret(x, HDH, costs={"HDH_SCALEWAY": 0.5}).table
    assert dear["setup"].iloc[-1] == "HDH_SCALEWAY"


def test_front_and_best_by_hand() -> None:
    data = made_up(a=[0.1] * 50, b=[0.2] * 50, c=[0.3] * 50)
    rows = [("a", "cost", 3, 3, "lower"), ("b", "cost", 1, 1, "lower"), ("c", "cost", 2, 2, "lower")]
    finding = tradeoff(data, table_of(*rows), draws=20_000)
    table = finding.table.set_index("setup")
    assert table["on_front"].to_dict() == {"a": 1.0, "b": 1.0, "c": 0.0}
    # a and b differ by half of the swing of exposure and by the whole swing of cost: a is best above weight 2/3
    assert table.loc["a", "best"] == pytest.approx(1 / 3, abs=0.02)
    assert table.loc["c", "best"] == 0
    assert tradeoff(data, table_of(*rows), weights={"exposure": 0.7, "cost": 0.3}).table["setup"][0] == "a"
    assert tradeoff(data, table_of(*rows), weights={"exposure": 0.6, "cost": 0.4}).table["setup"][0] == "b"
    detail = finding.detail
    assert detail is not None
    weight = detail.set_index(["setup", "criterion"])["weight_when_best"]
    assert weight["a", "exposure"] == pytest.approx(5 / 6, abs=0.02)
    assert np.isnan(weight["c", "cost"])
    assert not any("score" in name for name in [*finding.table.columns, *detail.columns])


def test_direction_and_intervals() -> None:
    data = made_up(a=[0.1] * 50, b=[0.1] * 50)
    rows = [("a", "uptime", 1, 2, "higher"), ("b", "uptime", 1.5, 2.5, "higher")]
    table = tradeoff(data, table_of(*rows), draws=20_000).table.set_index("setup")
    assert table.loc["a", "on_front"] == pytest.approx(0.125, abs=0.01), "chance that a is above b"
    triangle = table_of(*rows).assign(mid=[2.0, 1.5])
    assert tradeoff(data, triangle, draws=20_000).table.set_index("setup").loc["a", "on_front"] > 0.3


def test_same_seed_same_table_whatever_the_order_of_criteria_rows(x: xr.Dataset) -> None:
    rows = [(s, c, k, k + 1, "lower") for k, s in enumerate(HDH) for c in ("cost", "effort")]
    forth = tradeoff(x, table_of(*rows))
    # criteria in another order, setups in the same
    back = tradeoff(x, table_of(*sorted(rows, key=lambda r: (HDH.index(r[0]), r[1]))))
    pd.testing.assert_frame_equal(forth.table, back.table)
    assert "HDH" not in forth.text
    assert "over 5 years" in forth.text


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ([("HDH_AZUR", "cost", 1, 2, "lower"), ("HDH_SCALEWAY", "cost", 1, 2, "lower")], {}, "HDH_AZURE"),
        ([("HDH_AZURE", "cost", 1, 2, "lower")], {}, "two setups or more"),
        ([("HDH_AZURE", "cost", 2, 1, "lower"), ("HDH_SCALEWAY", "cost", 1, 2, "lower")], {}, "row 0: 2 to 1"),
        ([("HDH_AZURE", "cost", "x", 1, "lower"), ("HDH_SCALEWAY", "cost", 1, 2, "lower")], {}, "row 0: x to 1"),
        ([("HDH_AZURE", "cost", 1, 2, "less"), ("HDH_SCALEWAY", "cost", 1, 2, "less")], {}, "lower or higher"),
        ([("HDH_AZURE", "exposure", 1, 2, "lower"), ("HDH_SCALEWAY", "exposure", 1, 2, "lower")], {}, "from the model"),
        (
            [
                ("HDH_AZURE", "cost", 1, 2, "lower"),
                ("HDH_SCALEWAY", "cost", 1, 2, "lower"),
                ("HDH_AZURE", "effort", 1, 2, "lower"),
            ],
            {},
            "effort: HDH_SCALEWAY",
        ),
        (None, {"weights": {"exposure": 0.5, "cost": 0.4}}, "add up to 1"),
        (None, {"weights": {"exposure": 1.5, "cost": -0.5}}, "0 or more"),
        (None, {"weights": {"exposure": 1.0}}, "cost"),
        (None, {"weights": {"exposure": 0.5, "costs": 0.5}}, "cost"),
        (None, {"concentration": 0}, "concentration"),
        (None, {"draws": 0}, "draws"),
    ],
)
def test_wrong_trade_offs(x: xr.Dataset, rows, options, said: str) -> None:
    good = [("HDH_AZURE", "cost", 1, 2, "lower"), ("HDH_SCALEWAY", "cost", 1, 2, "lower")]
    with pytest.raises(UsageError, match=said):
        tradeoff(x, table_of(*(rows or good)), **options)


def test_wrong_regrets(x: xr.Dataset) -> None:
    with pytest.raises(UsageError, match="HDH_AZURE"):
        regret(x, ["HDH_AZUR", "HDH_SCALEWAY"])
    with pytest.raises(UsageError, match="two or more"):
        regret(x, ["HDH_AZURE"])
    with pytest.raises(UsageError, match="finite"):
        regret(x, HDH, costs={"HDH_AZURE": float("inf")})
    with pytest.raises(UsageError, match="lacks the column better"):
        tradeoff(x, table_of(("HDH_AZURE", "cost", 1, 2, "lower")).drop(columns="better"))


def test_examples_run() -> None:
    assert doctest.testmod(choice).failed == 0
