"""The Design: what the posterior depends on, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from riskmodel.design import build_design, content_programmes, item_key, link
from riskmodel.design.judgements import _rotation, read_judgements, widening
from riskmodel.priors import Priors
from riskmodel.study import Study


def changed(study: Study, **tables: pd.DataFrame) -> Study:
    return replace(study, tables=MappingProxyType({**study.tables, **tables}))


def own_hash(study: Study) -> str:
    return build_design(study).hash(Priors.from_study(study))


def test_shuffled_rows_give_the_same_design(study: Study) -> None:
    shuffled = {
        name: study[name].sample(frac=1, random_state=1).reset_index(drop=True)
        for name in ("elicitation", "transparency", "customers", "count_roles", "regimes", "priors")
    }
    assert own_hash(changed(study, **shuffled)) == own_hash(study)


def test_setups_notes_and_names_need_no_refit(study: Study) -> None:
    setups = study["setups"].assign(label="other", summary="other", key_custody="provider").iloc[:3]
    elicitation = study["elicitation"].assign(basis="corrected typo")
    priors = study["priors"].assign(reason="said better")
    assert own_hash(changed(study, setups=setups, elicitation=elicitation, priors=priors)) == own_hash(study)


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [("elicitation", "q50", 3), ("priors", "first", 2), ("count_roles", "role", 0)],
)
def test_a_number_of_the_likelihood_changes_the_hash(study: Study, table: str, column: str, row: int) -> None:
    frame = study[table].copy()
    frame.loc[row, column] = "nested" if column == "role" else frame.loc[row, column] * 1.01
    assert own_hash(changed(study, **{table: frame})) != own_hash(study)


@pytest.mark.parametrize("n", [1, 2, 4, 7])
def test_rotation_is_orthonormal_and_starts_along_the_weights(n: int) -> None:
    weights = np.arange(1.0, n + 1)
    turn = _rotation(weights)
    np.testing.assert_allclose(turn @ turn.T, np.eye(n), atol=1e-12)
    np.testing.assert_allclose(turn[0], weights / np.linalg.norm(weights), atol=1e-12)


def test_rotated_likelihood_is_the_correlated_one() -> None:
    """Density of the rotated entries equals that of experts with a shared and an own error."""
    from scipy import stats

    reading, scale, phi, theta = np.array([-1.0, 0.3, 0.9]), np.array([0.5, 1.0, 2.0]), 0.7, 0.2
    precise, turn = 1 / scale, _rotation(1 / scale)
    common = np.array([scale.mean() ** 2 * precise @ precise, 0, 0])
    variance = 1 - phi + phi * common
    rotated = stats.norm.logpdf(turn @ (reading / scale), turn @ precise * theta, np.sqrt(variance)).sum()
    joint = phi * scale.mean() ** 2 + (1 - phi) * np.diag(scale**2)
    direct = stats.multivariate_normal.logpdf(reading, np.full(3, theta), joint)
    assert rotated - np.log(scale).sum() == pytest.approx(direct)


def test_pool_is_never_narrower_than_half_of_a_reading_and_stays_inside_the_experts(study: Study) -> None:
    """Wide and narrow experts together: precision weights are positive, so the pool lies between the readings."""
    design = build_design(study)
    judged = design.judgements
    common = judged.common > 0
    pooled = judged.rotated[common] / judged.loading[common]
    table = study["elicitation"]
    for position, key in enumerate(design.coords["item"]):
        if key.startswith("enterprise_customers"):
            rows = table[(table["quantity"] == "enterprise_customers") & (table["condition"] == key.split(".")[1])]
            assert np.log(rows["q50"].min()) <= pooled[position] <= np.log(rows["q50"].max())


def test_counts_and_statements_do_not_overlap(study: Study) -> None:
    design = build_design(study)
    counts, said = design.counts, design.statements
    assert counts.event_count.sum() == 7
    for k, reporter in enumerate(said.reporter_idx):
        same = (counts.reporter_idx == reporter) & (counts.covers @ said.covers[k] > 0)
        if same.any():
            assert not ((counts.years[same].sum(axis=0) > 0.4) & (said.years[k] > 0.4)).any()
    assert (said.counted @ counts.event_count).sum() == 4, "the sworn zero speaks of the four counted warrants"


def test_bands_follow_each_other_half_year_by_half_year(study: Study) -> None:
    bands = build_design(study).bands
    assert (bands.high >= bands.low).all()
    for name in set(bands.reporter):
        assert (np.diff(bands.step[bands.reporter == name]) == 1).all()


def test_the_funnel_counts_what_its_cells_name(study: Study) -> None:
    """Search warrants with some data: 721 of 1,147 for collaboration, none of 22 for infrastructure."""
    funnel = build_design(study).funnel
    for place, some, asked in (("google_all.collaboration", 721, 1147), ("google_all.infrastructure", 0, 22)):
        mine = funnel.some_data_place == place
        assert abs(funnel.some_data_count[mine].sum() - some) <= 1
        assert funnel.some_data_trials[mine].sum() == asked
    linked = funnel.content_demand >= 0
    assert (funnel.content_trials[linked] == funnel.demand_count[funnel.content_demand[linked]]).all()
    assert (funnel.content_place[linked] == funnel.demand_place[funnel.content_demand[linked]]).all()


def test_every_row_has_a_mask_of_its_own(study: Study) -> None:
    design = build_design(study)
    rows = design.rows()
    assert not rows.duplicated(["likelihood", "row"]).any()
    masks = design.keep((rows["reporter"] != "microsoft").to_numpy())
    assert masks["event_count"].sum() == 0
    assert (
        masks["demand_count"].sum() == (rows["likelihood"].eq("demand_count") & rows["reporter"].ne("microsoft")).sum()
    )


def test_doubled_design_holds_every_row_twice(study: Study) -> None:
    from riskmodel.simulate import doubled

    design = build_design(study)
    twice = doubled(design)
    assert len(twice.rows()) == 2 * len(design.rows())
    n = len(design.funnel.content_count)
    shift = twice.funnel.content_demand[n:] - design.funnel.content_demand
    assert set(shift[design.funnel.content_demand >= 0]) == {len(design.funnel.demand_count)}
    assert twice.coords["item"] == design.coords["item"]


def test_programmes_join_instruments_of_one_hazard(study: Study) -> None:
    table = content_programmes(study)
    assert "US_RISAA_ECSP" not in table.index
    assert "technology_supplier" in table.loc["US_FISA702", "wordings"]
    assert not {"US_NSL", "US_EO12333", "US_SANCTIONS_IEEPA", "FR_BLOCKING", "UK_US_DAA"} & set(table.index)


def test_links_and_keys() -> None:
    assert link(np.array([0.5]), "logit")[0] == 0
    assert link(np.array([2.0]), "log_excess")[0] == 0
    assert item_key("reach", "any", "X", "HDS") == "reach.any@X@HDS"


def test_experts_who_erred_on_known_answers_weigh_less_and_never_more(study: Study) -> None:
    experts = study["experts"].assign(
        calibration_questions=[10, 10, None, None, None], calibration_rms=[3, 0.2, None, None, None]
    )
    wider = widening(experts, 10.0)
    assert wider.iloc[0] == pytest.approx(np.sqrt((10 + 10 * 9) / 20))
    assert (wider.iloc[1:] == 1.0).all()
    plain = read_judgements(study["elicitation"], study["experts"], 10.0)[1]
    judged = read_judgements(study["elicitation"], experts, 10.0)[1]
    assert (judged.spread >= plain.spread).all()
    assert (judged.spread > plain.spread).any()
