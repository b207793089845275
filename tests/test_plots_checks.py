"""Stored checks drawn and in words, on a small validation in the formats of the real one."""

import doctest
import json
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from test_plots import close_and_read

import riskmodel as rm
from riskmodel import plots
from riskmodel.acceptance import load_acceptability
from riskmodel.checks.predictive import predictive_table
from riskmodel.checks.rows import said
from riskmodel.checks.sensitivity import judgement_shifts, power_scaling
from riskmodel.design import build_design
from riskmodel.language import speaking
from riskmodel.tables import checks
from riskmodel.tables.reliability import readings

QUANTITIES = ("log probability, HDH_AZURE", "HDH_SCALEWAY below HDH_AZURE", "log_rate_criminal, collaboration")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    plots.style()
    yield
    close_and_read()


@pytest.fixture(scope="module")
def kept(study: rm.Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A validation that belongs to another Design: 60 studies, three parameters, one of them wrong."""
    rng, folder = np.random.default_rng(1), tmp_path_factory.mktemp("validation")
    rows = build_design(study).rows()
    drawn = {str(n): rng.poisson(5, (200, len(part))) for n, part in rows.groupby("likelihood")}
    drawn = {n: np.stack([d, d + 1], axis=-1) if n.startswith("band_") else d for n, d in drawn.items()}
    items = list(build_design(study).coords["item"])
    quantities = dict(zip(QUANTITIES, rng.normal(size=(3, 400)), strict=True))
    quantities[QUANTITIES[1]] = (quantities[QUANTITIES[1]] > 0).astype(float)
    components = dict(zip(("published data", "judgement", "priors"), rng.normal(size=(3, 400)), strict=True))
    shifts = judgement_shifts(quantities, rng.normal(size=(400, len(items))), items, np.ones(len(items)))
    ranks = rng.integers(0, 100, (60, 3))
    ranks[:, 1] //= 3
    forecast = rng.normal(-3, 1, (30, 2))
    low_50, low_90, observed = (rng.integers(k, k + 5, 30) for k in (5, 0, 4))
    tables = {
        "predictive": predictive_table({n: d[0] for n, d in drawn.items()}, drawn, rng),
        "leave_one_out": rows[["likelihood", "row"]].assign(elpd=-1.0, pareto_k=rng.normal(0.3, 0.3, len(rows))),
        "leave_reporter_out": pd.DataFrame(
            {"reporter": ["aws", "microsoft"], "rows": [7, 40], "inside_50": 0.5, "inside_90": 0.9, "log_score": -3.0}
        ),
        "backtest": pd.DataFrame(
            {
                "up_to": np.repeat([2021, 2022, 2023], 10),
                "likelihood": "demand_count",
                "kind": np.tile(["demands", "shares"], 15),
                "row": range(30),
                "observed": observed,
                "inside_50": rng.integers(0, 2, 30),
                "inside_90": 1.0,
                "naive_inside_50": 0.0,
                "naive_inside_90": 1.0,
                "brier": 0.4,
                "naive_brier": 0.5,
                "log_score": forecast[:, 0],
                "naive_log_score": forecast[:, 1],
                "low_90": low_90,
                "low_50": low_50,
                "high_50": low_50 + 3,
                "high_90": low_50 + 9,
            }
        ),
        "power_scaling": power_scaling(quantities, components, 4),
        "judgement_shifts": shifts.groupby("quantity", sort=False).head(10),
        "calibration_judgements": pd.DataFrame(ranks, columns=["good", "wrong", "log density of the published data"]),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    failed = {"check": "predictive check", "verdict": "fail"}
    mark = {"design_hash": "other", "model_code": "other", "simulations": 60, "checks": [failed]}
    (folder / "checks.json").write_text(json.dumps(mark))
    return folder


@pytest.fixture(autouse=True)
def _validation(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FOLDER", kept)


def labelled(study: rm.Study) -> pd.DataFrame:
    found = checks.validation("predictive")
    return found.assign(label=checks.likelihood_words(study, found["likelihood"]))


def tails(study: rm.Study) -> pd.DataFrame:
    found = checks.validation("leave_one_out")
    return found.assign(group=checks.likelihood_words(study, found["likelihood"]))


def moved(study: rm.Study) -> pd.DataFrame:
    found = checks.sensitivity(study, "judgement_shifts")
    found = found[found["kind"] == "probability"]
    return found.assign(item=checks.item_words(study, found["item"]))


def backtested() -> pd.DataFrame:
    found = checks.validation("backtest")
    return found.assign(when=found["up_to"] + 1)


DRAW = {
    "chains": lambda s, p: plots.chains({"bias all experts may share (sd)": p.data["common_bias"]}),
    "inside": lambda s, p: plots.inside(labelled(s), "the fitted model"),
    "forecasts": lambda s, p: plots.forecasts(backtested()),
    "gains": lambda s, p: plots.gains(backtested()),
    "pareto_k": lambda s, p: plots.pareto_k(tails(s)),
    "power_scaling": lambda s, p: plots.power_scaling(checks.sensitivity(s, "power_scaling")),
    "shifts": lambda s, p: plots.shifts(moved(s), "the probability"),
    "rank_curves": lambda s, p: plots.rank_curves(checks.validation("calibration_judgements"), 99),
    "foreseen": lambda s, p: plots.foreseen(checks.foreseen(s, load_acceptability())),
}


@pytest.mark.parametrize("name", DRAW)
def test_a_picture_is_axes_and_a_caption(name: str, study: rm.Study, posterior: rm.Posterior) -> None:
    what, caption = DRAW[name](study, posterior)
    assert isinstance(what, Axes | Figure)
    assert len(caption) > 60
    assert caption.endswith(".")
    assert "nan" not in caption
    figure = what if isinstance(what, Figure) else what.figure
    assert figure.axes[-1].get_xlabel(), "an axis says what it measures, with its unit"


def test_pictures_draw_where_they_are_told(study: rm.Study) -> None:
    _, ax = plt.subplots()
    assert plots.inside(labelled(study), "the model", ax=ax)[0] is ax


def test_a_wrong_parameter_is_named_and_a_good_one_is_not() -> None:
    _, caption = plots.rank_curves(checks.validation("calibration_judgements"), 99)
    assert caption.endswith("Outside it: wrong.")


def test_a_table_that_is_not_kept_is_asked_for() -> None:
    assert checks.has("predictive")
    assert not checks.has("weather")
    with pytest.raises(rm.UsageError, match="make validate"):
        checks.validation("weather")


def test_a_validation_of_another_design_is_said_to_be_one(study: rm.Study) -> None:
    said = checks.validation_says(study)
    assert said.startswith("Beware: the stored validation was made with other data or priors and other code")
    assert "60 simulated studies" in said
    assert "1 of its 1 checks fail (predictive check)" in said


def test_a_validation_of_this_design_is_said_to_be_one(study: rm.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskmodel.validate.model_code", lambda: "other")
    monkeypatch.setattr("riskmodel.design.Design.hash", lambda self, priors: "other")
    assert checks.validation_says(study).startswith("The stored validation belongs to this study")


def test_every_published_row_has_a_name_of_its_own(study: rm.Study) -> None:
    found = checks.published(study)
    assert len(found) == len(build_design(study).rows())
    assert not found["label"].str.contains("_|nan").any()
    assert found["label"].nunique() > 0.8 * len(found)


def test_every_item_has_words(study: rm.Study) -> None:
    items = build_design(study).coords["item"]
    words = checks.item_words(study, items)
    assert len(set(words)) == len(items)
    assert not any("_" in w or "@" in w for w in words)
    assert checks.item_words(study, ["clear_text.external_hyok"]) == ["clear text: keys held elsewhere"]


def test_quantities_have_kinds_and_words(study: rm.Study) -> None:
    found = checks.sensitivity(study, "power_scaling").set_index("quantity")
    label = study["setups"].set_index("setup_id")["label"]
    assert [found.loc[q, "kind"].iloc[0] for q in QUANTITIES] == ["probability", "order", "rate"]
    assert found.loc[QUANTITIES[1], "label"].iloc[0] == f"{label['HDH_SCALEWAY']} below {label['HDH_AZURE']}"


def test_rulings_are_predicted_with_probabilities(study: rm.Study) -> None:
    found = checks.foreseen(study, load_acceptability())
    whole = found[found["group"] == "all rulings"]
    assert whole[["predicted", "observed"]].sum().tolist() == pytest.approx([1, 1])
    assert (found["low"] <= found["high"]).all()
    assert found["predicted"].between(0, 1).all()


def test_coverage_names_who_is_below_nominal() -> None:
    found = pd.DataFrame({"label": ["A", "B"], "rows": [40, 9], "inside_50": [0.45, 1.0], "inside_90": [0.875, 1.0]})
    low = checks.below_nominal(found, 90)
    assert low["label"].tolist() == ["A"] and low["held"].tolist() == [35]
    assert low["chance"].iloc[0] == pytest.approx(0.3710, abs=1e-3)
    text = checks.coverage_says(found)
    assert "A (35 of 40, 37 %)" in text and "A (18 of 40, 32 %)" in text and "B (" not in text
    assert "for none fewer" in checks.coverage_says(found.assign(inside_90=1.0))
    assert doctest.testmod(checks).failed == 0


def test_checks_and_items_have_readable_names(study: rm.Study) -> None:
    assert said("predictive check, log_total") == "predictive check, published totals of customers"
    with speaking("fr"):
        assert "log_total" not in said("predictive check, log_total")
    assert checks.item_words(study, ["enterprise_customers.msft_azure"]) == ["enterprise customers: Microsoft Azure"]
    assert not readings(study)["item"].str.contains("msft|ibm cloud|: aws").any()
