"""Calendars: the integral along a path of hosts, and what each date adds."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from riskmodel.decide.time import calendar, delay, plan_of
from riskmodel.errors import UsageError
from riskmodel.exposure import exposure
from riskmodel.fit import Posterior
from riskmodel.integral import nothing_opens
from riskmodel.paths import Paths
from riskmodel.study import Study

START, END = dt.date(2026, 11, 22), dt.date(2030, 11, 22)
YEARS = (END - START).days / 365.25


def plan(*legs: tuple[str, str, str], name: str = "mine") -> pd.DataFrame:
    return pd.DataFrame([(name, *leg) for leg in legs], columns=["plan", "setup_id", "from_date", "to_date"])


@pytest.mark.parametrize("setup", ["HDH_AZURE", "HDH_SCALEWAY", "HDH_ALT_S3NS", "HDH_ALT_OVH"])
def test_one_leg_is_the_setup_itself(study: Study, posterior: Posterior, setup: str) -> None:
    rows = study["setups"].query("setup_id == @setup")
    x = exposure(posterior, study, setups=rows, start=START, horizon_years=YEARS, by_regime=False)
    y = Paths(posterior, study).exposure(plan((setup, str(START), str(END))))
    for name in ("probability", "world_probability"):
        np.testing.assert_allclose(y[name].values[:, 0], x[name].values[:, 0], rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(y["reach_any"].values, x["reach_any"].values[:, 0], rtol=1e-9)


def test_cutting_a_leg_changes_nothing(study: Study, posterior: Posterior) -> None:
    """A question is settled once: survival of the two parts is not multiplied."""
    whole = Paths(posterior, study).exposure(plan(("HDH_AZURE", "2026-11-22", "2030-11-22")))
    parts = Paths(posterior, study).exposure(
        plan(("HDH_AZURE", "2026-11-22", "2028-01-01"), ("HDH_AZURE", "2028-01-01", "2030-11-22"))
    )
    for name in ("probability", "world_probability", "reach_any"):
        np.testing.assert_allclose(parts[name].values, whole[name].values, rtol=1e-9, atol=1e-15)
    first = exposure(
        posterior, study, setups=study["setups"].query("setup_id == 'HDH_AZURE'"), start=START, horizon_years=YEARS / 2
    )["probability"]
    late = exposure(
        posterior,
        study,
        setups=study["setups"].query("setup_id == 'HDH_AZURE'"),
        start=dt.date(2028, 11, 21),
        horizon_years=YEARS / 2,
    )["probability"]
    apart = 1 - (1 - first) * (1 - late)
    assert float(apart.mean()) > float(whole["probability"].mean()), "settled anew each time, more worlds are hit"


@pytest.mark.parametrize("legs", [("HDH_AZURE", "HDH_ALT_OVH"), ("HDH_AZURE_PROVIDERKEY", "HDH_AZURE")])
def test_a_migration_agrees_with_its_worlds(study: Study, posterior: Posterior, legs: tuple[str, str]) -> None:
    one, other = legs
    x = Paths(posterior, study).exposure(plan((one, "2020-11-22", "2025-01-01"), (other, "2025-01-01", "2030-11-22")))
    gap = (x["world_probability"] - x["probability"]).values[:, 0]
    assert abs(gap.mean()) < 4 * gap.std() / np.sqrt(len(gap))
    ends = [
        exposure(
            posterior,
            study,
            setups=study["setups"].query("setup_id == @name"),
            start=start,
            horizon_years=(stop - start).days / 365.25,
            by_regime=False,
        )["probability"].values[:, 0]
        for name, start, stop in (
            (one, dt.date(2020, 11, 22), dt.date(2025, 1, 1)),
            (other, dt.date(2025, 1, 1), dt.date(2030, 11, 22)),
        )
    ]
    both = x["probability"].values[:, 0]
    assert (both >= np.maximum(*ends) - 1e-12).all()
    assert (both <= ends[0] + ends[1] + 1e-12).all()


@pytest.mark.parametrize("law", [0.0, 0.6, 1.0])
def test_hosts_share_law_but_not_facts(law: float, rng: np.random.Generator) -> None:
    """Two regimes, two hosts, two questions: settle them 400,000 times."""
    chance, same, n = rng.random((2, 2, 2)) * 0.7, 0.4, 400_000
    shared = rng.random((n, 2)) < same
    of_law = np.where(shared[:, None], (rng.random((n, 2)) < law)[:, None], rng.random((n, 2, 2)) < law)
    common = np.where(shared[:, None], rng.random((n, 2))[:, None], rng.random((n, 2, 2)))  # (world, regime, question)
    own = np.where(shared[:, None, None], rng.random((n, 1, 2, 2)), rng.random((n, 2, 2, 2)))
    answer = np.where(of_law[:, :, None], common[:, :, None], own)  # (world, regime, host, question)
    shut = (answer >= chance[None]).all(axis=(1, 2, 3))
    members = [(j, m) for j in range(2) for m in range(2)]
    found = nothing_opens(chance[..., None], members, np.array([same]), np.array([law]), ["a", "b"])
    assert float(found[0]) == pytest.approx(shut.mean(), abs=5 * shut.std() / np.sqrt(n))


def test_the_curve_adds_up_and_never_falls(study: Study, posterior: Posterior) -> None:
    found = calendar(posterior, study, study["plans"].query("plan in ['hub_end_2022', 'hub_stays']"), every_months=24)
    assert found.detail is not None
    for name, curve in found.detail.groupby("plan"):
        assert (curve["added"] >= 0).all()
        assert curve["added"].sum() == pytest.approx(curve["probability"].iloc[-1])
        end = found.table.set_index("plan").loc[name]
        assert curve["probability"].iloc[-1] == pytest.approx(end["probability"])
        assert curve["years"].sum() == pytest.approx(end["horizon_years"])
    early, stays = found.table["probability"]
    assert early < stays
    assert found.table["extra"].tolist() == pytest.approx([0.0, stays - early])
    assert "over 11 years" in found.text


def test_delay_is_the_difference_of_two_calendars(study: Study, posterior: Posterior) -> None:
    dates = ["2022-12-31", "2023-12-31", "2026-12-31"]
    found = delay(posterior, study, "hub_end_2022", dates).table
    assert (found["added"].dropna() > 0).all()
    whole = calendar(
        posterior, study, study["plans"].query("plan in ['hub_end_2022', 'hub_end_2026']"), every_months=200
    )
    assert found["added"].sum() == pytest.approx(whole.table["extra"].iloc[1])
    assert (found["worlds_higher"].dropna() < 1).all(), "where no law reaches, delay costs nothing"


def test_every_shipped_plan_ends_on_one_day_and_names_its_source(study: Study) -> None:
    plans = study["plans"]
    assert len(set(plans.groupby("plan")["to_date"].max())) == 1
    assert plans["source_ids"].notna().all()
    assert len(plan_of(study, "hub_stays")) == 2


@pytest.mark.parametrize(
    ("legs", "says"),
    [
        ([("NOPE", "2020-01-01", "2021-01-01")], "unknown setup NOPE"),
        ([("HDH_AZUR", "2020-01-01", "2021-01-01")], "did you mean HDH_AZURE"),
        ([("HDH_AZURE", "2020-01-01", "2019-01-01")], "not after its beginning"),
        ([("HDH_AZURE", "2020-01-01", "soon")], "not a date"),
        ([("HDH_AZURE", "2020-01-01", "2021-01-01"), ("HDH_SCALEWAY", "2020-06-01", "2022-01-01")], "overlaps"),
        ([("HDH_AZURE", "2020-01-01", "2021-01-01"), ("HDH_SCALEWAY", "2021-06-01", "2022-01-01")], "leaves a gap"),
        ([], "has no rows"),
    ],
)
def test_wrong_calendars_get_one_message(
    study: Study, posterior: Posterior, legs: list[tuple[str, str, str]], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        Paths(posterior, study).exposure(plan(*legs))


def test_other_wrong_questions(study: Study, posterior: Posterior) -> None:
    one = plan(("HDH_AZURE", "2020-01-01", "2021-01-01"))
    with pytest.raises(UsageError, match="lacks column to_date"):
        Paths(posterior, study).exposure(one.drop(columns="to_date"))
    with pytest.raises(UsageError, match="must be after 2020-01-01 and up to 2021-01-01"):
        Paths(posterior, study).exposure(one, [dt.date(2022, 1, 1)])
    with pytest.raises(UsageError, match="every_months"):
        calendar(posterior, study, one, every_months=0)
    with pytest.raises(UsageError, match="has one leg"):
        delay(posterior, study, one, ["2020-06-01"])
    with pytest.raises(UsageError, match="must be after"):
        delay(posterior, study, "hub_end_2022", ["2019-06-01"])
    with pytest.raises(UsageError, match="in order"):
        delay(posterior, study, "hub_end_2022", ["2024-06-01", "2023-06-01"])
    with pytest.raises(UsageError, match="unknown plan hub_end_2023"):
        delay(posterior, study, "hub_end_2023", ["2024-06-01"])
