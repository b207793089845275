"""The PyMC model: dims, finite density, and likelihoods that can be drawn from as well as scored."""

from __future__ import annotations

import warnings

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from riskmodel.design import Design, build_design
from riskmodel.errors import UsageError
from riskmodel.model import build_model
from riskmodel.model.intelligence import _band_dist, _band_logp
from riskmodel.model.joint import PARTS
from riskmodel.priors import Prior, Priors
from riskmodel.study import read_study


@pytest.fixture(scope="module")
def design() -> Design:
    return build_design(read_study())


@pytest.fixture(scope="module")
def model(design: Design) -> pm.Model:
    return build_model(design, Priors.from_study(read_study()))


def test_every_likelihood_has_a_finite_density_at_the_start(model: pm.Model) -> None:
    values = model.point_logps()
    assert {"event_count", "eu_event_count", "statement_holds", "expert_reading"} <= set(values)
    assert {"band_microsoft", "band_google_all", "demand_count", "content_count", "some_data_count"} <= set(values)
    assert {"country_demands", "log_total"} <= set(values)
    assert all(np.isfinite(v) for v in values.values())


def test_no_bare_potential_and_everything_observed_can_be_drawn(model: pm.Model) -> None:
    assert not model.potentials
    with model, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Numba will use object mode", category=UserWarning)
        drawn = pm.sample_prior_predictive(draws=3, random_seed=1, var_names=[v.name for v in model.observed_RVs])
    for variable in model.observed_RVs:
        assert drawn["prior_predictive"][variable.name].notnull().all()


def test_dims_are_named(model: pm.Model, design: Design) -> None:
    dims = model.named_vars_to_dims
    assert dims["reach"] == ("regime", "route")
    assert dims["attractiveness"] == ("data_class", "purpose")
    assert dims["log_rate_intelligence_reporter"] == ("band_reporter", "service")
    assert model.coords["regime"] == design.coords["regime"]


@pytest.mark.parametrize(
    "parts",
    [
        ("criminal",),
        ("criminal", "funnel"),
        ("intelligence",),
        ("countries",),
        ("factors",),
        ("reach",),
        ("suspension",),
        tuple(part for part in PARTS if part != "funnel"),
        tuple(part for part in PARTS if part != "intelligence"),
    ],
)
def test_each_submodel_stands_alone_and_can_be_switched_off(design: Design, parts: tuple[str, ...]) -> None:
    part = build_model(design, Priors.from_study(read_study()), parts)
    assert all(np.isfinite(value) for value in part.point_logps().values())
    assert ("demand_count" in part.named_vars) == ("funnel" in parts)
    assert ("band_microsoft" in part.named_vars) == ("intelligence" in parts)


def test_parts_that_do_not_exist_or_do_not_fit_are_refused(design: Design) -> None:
    priors = Priors.from_study(read_study())
    with pytest.raises(UsageError, match="severity"):
        build_model(design, priors, ("severity",))
    with pytest.raises(UsageError, match="needs criminal"):
        build_model(design, priors, ("funnel",))


def test_building_is_pure(design: Design) -> None:
    priors = Priors.from_study(read_study())
    first, second = build_model(design, priors), build_model(design, priors)
    assert first is not second
    assert sorted(v.name for v in first.free_RVs) == sorted(v.name for v in second.free_RVs)


def test_an_item_that_no_submodel_uses_is_an_error(design: Design) -> None:
    from dataclasses import replace

    items = ("clear_text.unheard_of", *design.coords["item"][1:])
    with pytest.raises((KeyError, ValueError), match=r"unheard_of|no row"):
        build_model(replace(design, coords={**design.coords, "item": items}), Priors.from_study(read_study()))


@pytest.mark.parametrize("level", [np.log(100.0), np.log(15700.0), np.log(15740.0), np.log(90000.0)])
def test_band_probability_is_exact_in_both_tails(level: float) -> None:
    """Against SciPy in the tail that does not cancel, far above and far below the band too."""
    band = np.array([[15500.0, 15999.0]])
    value = float(_band_logp(band, level, 0.01, np.ones(1)).eval()[0])
    low, high = (np.log(band[0, 0]) - level) / 0.01, (np.log(band[0, 1] + 1) - level) / 0.01
    if abs(low) < 30:
        exact = (
            np.log(stats.norm.cdf(high) - stats.norm.cdf(low))
            if low < 0
            else np.log(stats.norm.sf(low) - stats.norm.sf(high))
        )
        assert value == pytest.approx(exact, rel=1e-6, abs=1e-9)
    else:
        assert np.isfinite(value)
        assert value < -400


def test_bands_are_drawn_on_the_published_grid() -> None:
    drawn = pm.draw(_band_dist(np.full(500, np.log(15750.0)), 0.01, np.ones(500), size=None), random_seed=1)
    assert (drawn[:, 1] - drawn[:, 0] == 499).all()
    assert (drawn[:, 0] % 500 == 0).all()
    assert (drawn[:, 0] == 15500).mean() > 0.7


def test_a_prior_says_what_it_is() -> None:
    priors = Priors.from_study(read_study())
    assert all(p.unit and p.reason and p.source_ids for p in priors.values())
    with pytest.raises(ValueError, match="unknown distribution"):
        Prior("x", "Cauchy", 0, 1, "", "", "").create("x")
