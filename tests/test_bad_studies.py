"""Studies that lack something, or hold something wrong: a model that says what it lacks, or one clear refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from strategies import with_tables

from riskmodel.cli import main
from riskmodel.design import build_design, without_evidence
from riskmodel.errors import StudyError
from riskmodel.exposure import exposure
from riskmodel.fit import Posterior, SampleSettings, fit
from riskmodel.priors import Priors
from riskmodel.study import Study, read_study, shipped_data_dir

Edit = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    """Evaluate one point without compiling for speed."""
    import pytensor

    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def folder_with(place: Path, table: str, edit: Edit) -> Path:
    """A study that replaces one shipped table by an edited copy of it."""
    rows = pd.read_csv(shipped_data_dir() / f"{table}.csv", dtype=str, keep_default_na=False)
    edit(rows).to_csv(place / f"{table}.csv", index=False)
    return place


def set_at(where: dict[str, str], **cells: str) -> Edit:
    """An edit of the first row in which all of `where` holds."""

    def edit(rows: pd.DataFrame) -> pd.DataFrame:
        found = rows.index[(rows[list(where)] == pd.Series(where)).all(axis=1)][0]
        rows.loc[found, list(cells)] = list(cells.values())
        return rows

    return edit


# ── what is lacking is said ──────────────────────────────────────────────────────────────────────────────


def lacking(study: Study, *tables: str) -> Study:
    return with_tables(study, **{name: study[name].iloc[:0] for name in tables})


def bands_only(study: Study, number: int) -> Study:
    """The study with the first bands of one reporter instead of all."""
    rows = study["transparency"]
    band = (rows["regime_group"] == "us_fisa_content") & (rows["metric"] == "accounts")
    first = rows[band & (rows["reporter_id"] == "microsoft") & ~rows["is_duplicate"].astype(bool)]
    kept = first.sort_values("period_start").head(number)
    return with_tables(study, transparency=pd.concat([rows[~band], kept], ignore_index=True))


def reporter_only(study: Study) -> Study:
    rows = study["transparency"]
    rows = rows[rows["reporter_id"] == "microsoft"]
    roles, cells = study["count_roles"], study["funnel_cells"]
    roles, cells = roles[roles["row_id"].isin(rows["row_id"])], cells[cells["reporter_id"] == "microsoft"]
    return with_tables(study, transparency=rows, count_roles=roles, funnel_cells=cells)


def expert_only(study: Study) -> Study:
    rows = study["elicitation"]
    return with_tables(study, elicitation=rows[rows["expert_id"].isin(["desk-1", "modeller"])])


def row_only(table: str, column: str, value: str) -> Callable[[Study], Study]:
    """The study with one row of a table."""

    def change(study: Study) -> Study:
        rows = study[table]
        return with_tables(study, **{table: rows[rows[column] == value].head(1)})

    return change


def new_regime(study: Study) -> Study:
    """The study with a law of a state that nobody counted and no expert spoke of."""
    rows = study["regimes"]
    row = rows[rows["regime_id"] == "CN_NIL"].assign(regime_id="NG_NEW", programme_id="NG_NEW", countries="NG")
    return with_tables(study, regimes=pd.concat([rows, row], ignore_index=True))


POOR: dict[str, tuple[Callable[[Study], Study], set[str]]] = {
    "no counts at all": (
        lambda s: lacking(s, "transparency", "count_roles", "funnel_cells", "customers"),
        {"count", "zero statement", "band", "demand about", "demand by country", "published total"},
    ),
    "no extraterritorial count": (lambda s: lacking(s, "count_roles"), {"count", "zero statement"}),
    "no funnel": (lambda s: lacking(s, "funnel_cells"), {"demand about"}),
    "no total": (lambda s: lacking(s, "customers"), {"published total"}),
    "no band": (lambda s: bands_only(s, 0), {"band"}),
    "one band": (lambda s: bands_only(s, 1), set()),
    "one count": (row_only("count_roles", "role", "count"), {"zero statement"}),
    "one statement": (row_only("count_roles", "role", "statement"), {"count"}),
    "one share": (row_only("funnel_cells", "stage", "some_data"), {"demand about"}),
    "one reporter": (reporter_only, set()),
    "one expert": (expert_only, {"expert"}),
    "a regime without evidence": (new_regime, set()),
}
NOTES = {
    "count": "no extraterritorial count",
    "zero statement": "no zero statement",
    "band": "no national-security band",
    "demand about": "no demand about enterprise customers",
    "demand by country": "no demand by country",
    "published total": "no published total",
    "expert": "one expert at most",
}


@pytest.mark.parametrize("case", POOR)
def test_a_poor_study_builds_a_model_and_says_what_it_lacks(study: Study, case: str) -> None:
    from riskmodel.model import build_model

    change, lacks = POOR[case]
    design = build_design(change(study))
    notes = design.notes()
    assert len(notes) == len(lacks)
    assert all(any(note.startswith(NOTES[what]) for note in notes) for what in lacks), notes
    point = build_model(design, Priors.from_study(study)).point_logps()
    assert [name for name, value in point.items() if not np.isfinite(value)] == []


def test_a_regime_without_evidence_follows_its_prior(study: Study) -> None:
    """Its reach and transfer hang on pooled means alone: no reading and no count names it."""
    design = build_design(new_regime(study))
    place = design.coords["regime"].index("NG_NEW")
    assert not design.regime_country[place].any() or "NG" in design.coords["country"]
    assert not any(item.endswith("@NG_NEW") for item in design.coords["item"])
    assert "NG_NEW" in without_evidence(new_regime(study))


def test_a_study_of_one_provider_is_scored(study: Study, posterior: Posterior) -> None:
    setups, providers = study["setups"], study["providers"]
    setups = setups[setups["provider_id"] == "scaleway"].head(1)
    alone = with_tables(study, setups=setups, providers=providers[providers["provider_id"] == "scaleway"])
    assert build_design(alone).hash(Priors.from_study(alone)) == posterior.design_hash, "providers are no evidence"
    probability = exposure(posterior, alone)["probability"].sel(setup=setups["setup_id"].iloc[0])
    beside = exposure(posterior, study, setups=setups)["probability"].squeeze("setup")
    assert np.isfinite(probability).all() and float(probability.mean()) == pytest.approx(float(beside.mean()))


# ── what is wrong is refused ─────────────────────────────────────────────────────────────────────────────

REACH = {"elicitation_id": "EL001"}  # 0.88, 0.95, 0.98 in row 2
BAND = {"is_band": "true", "metric": "accounts"}
WRONG: dict[str, tuple[str, Edit, str]] = {
    "lower quantile above the median": (
        "elicitation",
        set_at(REACH, q10="0.96"),
        r"elicitation\.csv, row 2, column q10: 0\.96 - must not be above q50 \(0\.95\)",
    ),
    "median above the upper quantile": (
        "elicitation",
        set_at(REACH, q50="0.99"),
        r"elicitation\.csv, row 2, column q50: 0\.99 - must not be above q90 \(0\.98\)",
    ),
    "certainty of a probability": (
        "elicitation",
        set_at(REACH, q90="1"),
        r"elicitation\.csv, row 2, column q90: 1 - must be above 0 and below 1: reach is pooled as a logit",
    ),
    "probability above one": (
        "elicitation",
        set_at(REACH, q90="98"),
        r"elicitation\.csv, row 2, column q90: 98 - must be above 0 and below 1",
    ),
    "nothing but rounding": (
        "elicitation",
        set_at(REACH, q10="0", q50="0.5", q90="0.5"),
        r"elicitation\.csv, row 2, column q50: 0\.5 - must be below q90",
    ),
    "a constant beside beliefs": (
        "elicitation",
        set_at(REACH, q10="0.9", q50="0.9", q90="0.9"),
        r"elicitation\.csv, row 2, column q50: 0\.9 - must lie between different q10 and q90",
    ),
    "a reference that is not one": (
        "elicitation",
        set_at({"condition": "generic"}, q50="2", q90="3"),
        r"elicitation\.csv, row \d+, column q50: 2 - must be 1",
    ),
    "a quantity that nothing uses": (
        "elicitation",
        set_at(REACH, quantity="reech"),
        r"elicitation\.csv, row 2, column quantity: reech - is no quantity that the model uses.*did you mean reach\?",
    ),
    "a band upside down": (
        "transparency",
        set_at(BAND, value_low="900", value_high="499"),
        r"transparency\.csv, row \d+, column value_low: 900 - must not be above value_high \(499\)",
    ),
    "an outcome that does not exist": (
        "decisions",
        set_at({}, outcome="4"),
        r"decisions\.csv, row 2, column outcome: 4 - must be ",
    ),
    "a count without customers": (
        "count_roles",
        set_at({"role": "count"}, row_id="TR0595"),
        r"count_roles\.csv, row 2, column row_id: TR0595 - its reporter \w+ must be one whose customers are known",
    ),
    "a part of no count": (
        "count_roles",
        set_at({"role": "thinning"}, period_from="2011-01-01"),
        r"count_roles\.csv, row \d+, column row_id: TR\d+ - must have a count of the same reporter",
    ),
    "a table without rows": (
        "route_map",
        lambda rows: rows.iloc[:0],
        r"route_map\.csv, row 1: has column names but no rows",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_study_is_refused_in_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    table, edit, message = WRONG[case]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match=message) as refused:
        read_study(folder_with(Path(), table, edit))
    assert len({(p.file, p.row, p.column, p.value) for p in refused.value.problems}) == 1


def test_a_folder_without_counts_is_a_study(tmp_path: Path) -> None:
    """Tables of published figures may have no rows; the Design says what is lacking."""
    for table in ("transparency", "count_roles", "funnel_cells", "customers"):
        folder_with(tmp_path, table, lambda rows: rows.iloc[:0])
    notes = build_design(read_study(tmp_path)).notes()
    assert {what for what, start in NOTES.items() if any(n.startswith(start) for n in notes)} == set(NOTES) - {"expert"}


def test_the_constant_reference_is_accepted(study: Study) -> None:
    rows = study["elicitation"]
    generic = rows[rows["condition"] == "generic"]
    assert (generic["q10"] == generic["q90"]).all() and len(generic)
    assert "attractiveness.generic" not in build_design(study).coords["item"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda rows: rows[rows["condition"] != "no_nexus"], "has no row for 'reach.no_nexus'"),
        (set_at(REACH, condition="telepathy"), "elicited items that no submodel uses: reach.telepathy"),
    ],
)
def test_items_missing_or_unused_stop_a_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], edit: Edit, message: str
) -> None:
    folder = folder_with(tmp_path, "elicitation", edit)
    assert main(["fit", "--study", str(folder), "--out", str(tmp_path / "mine.nc")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "mine.nc").exists()


# ── slow: sampling for real ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_tiny_study_is_fitted_and_scored_without_a_gap(study: Study) -> None:
    """No count, one expert, a new regime: the prior answers, and the posterior says so."""
    import pytensor

    tiny = lacking(expert_only(new_regime(study)), "transparency", "count_roles", "funnel_cells", "customers")
    with pytensor.config.change_flags(mode="Mode"):
        found = fit(tiny, SampleSettings(draws=100, tune=300, chains=2, thin=1))
    assert found.notes == build_design(tiny).notes() != []
    assert all(np.isfinite(values).all() for values in found.arrays().values())
    x = exposure(found, tiny)
    for name in ("reach", "probability"):
        assert np.isfinite(x[name]).all() and (x[name] >= 0).all() and (x[name] <= 1).all()
