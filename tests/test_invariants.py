"""What must hold of every answer, on generated hosts: orderings, limits, identities, and what must not matter.

Orderings and limits are checked in each of 100 posterior samples and in the world each carries; agreement of closed
form and worlds on all samples of the shipped posterior, with a bound on the Monte-Carlo error of any distribution.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from strategies import (
    BENEATH,
    HOLDERS,
    LICENSOR,
    MORE,
    PROVIDER,
    Host,
    added,
    hosts,
    ids_in,
    renamed,
    study_of,
    with_fewer_certificates,
    with_fewer_terms,
    with_more_nexus,
    with_tables,
    with_weaker_custody,
)

from riskmodel.exposure import exposure
from riskmodel.fit import Posterior
from riskmodel.study import Study
from riskmodel.wording import percent

ANSWERS = ("reach", "reach_any", "probability", "probability_regime", "world_reached", "world_probability")
SETTLED = ("reach", "reach_any", "rate", "probability", "probability_regime")
SURE = {"authority_used": 1.0}
ALIKE = {"provider_spread": 0.0, "custody_spread": 0.0}
Z = 4.5
HORIZONS = st.floats(0.1, 40.0).map(lambda years: round(years, 2))
few, some = settings(max_examples=8), settings(max_examples=12)

A, B, C, D = HOLDERS
OPEN, CONTROL = 3, 6  # steps of SHARES: 30 to 60 per cent, control


class Bench:
    """Study, shipped posterior and every fortieth of its draws (100 samples); says little of itself in a failure."""

    def __init__(self, posterior: Posterior, study: Study) -> None:
        self.full, self.study = posterior, study
        self.thin = Posterior(posterior.data.isel(draw=slice(None, None, 40)))

    def score(self, host: Host, years: float = 5.0, *, posterior: Posterior | None = None) -> xr.Dataset:
        study = study_of(self.study, host)
        return exposure(posterior or self.thin, study, home=host.home, horizon_years=years)


@pytest.fixture(scope="module")
def bench(posterior: Posterior, study: Study) -> Bench:
    return Bench(posterior, study)


def with_values(posterior: Posterior, *, shift: float = 0.0, **values: float) -> Posterior:
    """The posterior with every log rate shifted, and with some quantities at one value."""
    data = posterior.data.copy()
    for name in map(str, data.data_vars):
        if name.startswith("log_rate"):
            data[name] = data[name].astype(float) + shift
    for name, value in values.items():
        data[name] = xr.full_like(data[name], value, dtype=float)
    return Posterior(data)


def not_above(lower: xr.Dataset, upper: xr.Dataset) -> None:
    """No answer of the first is above the same answer of the second, in any sample, world or regime."""
    for name in ANSWERS:
        low, high = (np.asarray(x[name].values, dtype=float) for x in (lower, upper))
        assert (low <= high * (1 + 1e-9) + 1e-13).all(), f"{name}: lowered by up to {(low - high).max():.3g}"


def same(one: xr.Dataset, other: xr.Dataset, *, names: tuple[str, ...] = (*ANSWERS, "rate")) -> None:
    for name in names:
        np.testing.assert_allclose(one[name].values, other[name].values, rtol=1e-9, atol=1e-13, err_msg=name)


# -- 1. orderings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MORE)
def test_more_nexus_never_lowers_exposure(bench: Bench, kind: str) -> None:
    """One connection to a state more, or one that binds more, lowers no answer in any sample or world."""

    @few
    @given(pair=with_more_nexus(kind))
    def check(pair: tuple[Host, Host]) -> None:
        not_above(*(bench.score(host) for host in pair))

    check()


def two_ways(first: int, second: int, *, behind: int = CONTROL) -> Host:
    """A provider held by A and by B, both controlled by C, which is held from the United States."""
    owners = {(PROVIDER, A): first, (PROVIDER, B): second, (A, C): CONTROL, (B, C): CONTROL, (C, D): behind}
    return Host(countries=("FR", "FR", "FR", "US"), owners=owners)


def test_a_second_way_to_the_same_owner_never_lowers_exposure(bench: Bench) -> None:
    """Control for certain through one owner stays certain when a second way, less sure, leads to the same holder."""
    not_above(bench.score(two_ways(0, CONTROL)), bench.score(two_ways(OPEN, CONTROL)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({(PROVIDER, A): OPEN, (A, B): OPEN, (A, C): OPEN}, {(PROVIDER, A): CONTROL}),
        ({(PROVIDER, A): CONTROL, (A, C): OPEN}, {(A, B): OPEN}),
    ],
    ids=["a larger share below two owners", "an owner beside another"],
)
def test_one_more_link_of_a_chain_lowers_no_world(bench: Bench, before: dict, after: dict) -> None:
    """A world that one owner reached stays reached when the chain below binds more, or gets another end."""
    host = Host(countries=("FR", "CA", "US", "FR"), owners=before)
    not_above(bench.score(host), bench.score(replace(host, owners=before | after)))


def test_a_share_is_settled_once_for_all_ways_that_lead_through_it(bench: Bench) -> None:
    """One share known as an interval behind two certain ways is no more than behind one of them."""
    one, both = (bench.score(two_ways(first, CONTROL, behind=OPEN)) for first in (0, CONTROL))
    same(one, both, names=("reach", "reach_any", "probability"))


@few
@given(pair=with_fewer_certificates())
def test_fewer_certificates_never_lower_exposure(bench: Bench, pair: tuple[Host, Host]) -> None:
    """A label not asked for, held to a lesser degree, for a shorter time or not at all lowers no answer."""
    not_above(*(bench.score(host) for host in pair))


@few
@given(pair=with_weaker_custody())
def test_weaker_key_custody_never_lowers_exposure(bench: Bench, pair: tuple[Host, Host]) -> None:
    """Keys nearer to the provider lower no answer; custody not seen lies between the two ends."""
    not_above(*(bench.score(host) for host in pair))


@few
@given(pair=with_fewer_terms())
def test_fewer_terms_never_lower_exposure(bench: Bench, pair: tuple[Host, Host]) -> None:
    """A protective clause less lowers no answer; clauses not seen lie between all and none."""
    not_above(*(bench.score(host) for host in pair))


# -- 2. the probability and its horizon --------------------------------------------------------------------------


@some
@given(host=hosts(), horizons=st.tuples(HORIZONS, HORIZONS).map(sorted))
def test_probability_grows_with_the_horizon(bench: Bench, host: Host, horizons: list[float]) -> None:
    """P(T) does not decrease in T and lies in [0, 1], and so do reach and the worlds."""
    shorter, longer = (bench.score(host, years) for years in horizons)
    not_above(shorter, longer)
    for name in ANSWERS:
        assert (longer[name] >= 0).all()
        assert (longer[name] <= 1 + 1e-12).all()


@some
@given(host=hosts(), years=HORIZONS, shift=st.sampled_from([0.0, 5.0, 10.0]))
def test_probability_is_at_most_reach_times_hazard(bench: Bench, host: Host, years: float, shift: float) -> None:
    """P(T) <= min(reach, sum over regimes of reach x hazard), and lies between the largest regime and their sum."""
    x = bench.score(host, years, posterior=with_values(bench.thin, shift=shift))
    bound = (x["reach"] * x["rate"]).sum("regime") * years
    room = 1 + 1e-9
    assert (x["probability"] <= bound * room + 1e-13).all()
    assert (x["probability"] <= x["reach_any"] * room).all()
    assert (x["reach_any"] <= x["reach"].sum("regime") * room).all()
    assert (x["probability_regime"].max("regime") <= x["probability"] * room + 1e-13).all()
    assert (x["probability"] <= x["probability_regime"].sum("regime") * room + 1e-13).all()


@some
@given(host=hosts(), years=HORIZONS)
def test_small_probabilities_are_reach_times_hazard(bench: Bench, host: Host, years: float) -> None:
    """Without a change of law or label in the horizon, P(T) -> sum of reach x hazard as hazards become small."""
    steady = replace(host, certificates={k: (status, "2100-01-01") for k, (status, _) in host.certificates.items()})
    x = bench.score(steady, years, posterior=with_values(bench.thin, shift=-12.0, **SURE))
    small = (x["rate"].sum("regime") * years < 1e-3) & (x["probability"] > 1e-11)  # above that, rounding of 1 - P
    ratio = x["probability"] / ((x["reach"] * x["rate"]).sum("regime") * years)
    np.testing.assert_allclose(ratio.values[small.values], 1.0, rtol=2e-3)


@some
@given(host=hosts(), years=HORIZONS)
def test_reach_is_the_limit_of_probability(bench: Bench, host: Host, years: float) -> None:
    """As every hazard grows without bound, P(T) -> reach, and a disclosure happens in exactly the reached worlds."""
    x = bench.score(host, years, posterior=with_values(bench.thin, shift=70.0, **SURE))
    np.testing.assert_allclose(x["probability"], x["reach_any"], rtol=1e-9)
    np.testing.assert_allclose(x["probability_regime"], x["reach"], rtol=1e-9)
    np.testing.assert_array_equal(x["world_probability"], x["world_reached"])


@some
@given(host=hosts(), years=HORIZONS, cuts=st.lists(st.floats(0.02, 0.98), min_size=1, max_size=3))
def test_splitting_a_segment_changes_nothing(bench: Bench, host: Host, years: float, cuts: list[float]) -> None:
    """Days on which nothing changes (the end of a label not given or of a certified time) leave all answers."""
    whole = study_of(bench.study, host)
    days = [pd.Timestamp(bench.study.as_of) + timedelta(days=round(365.25 * years * cut)) for cut in cuts]
    label = {"provider_id": PROVIDER, "scheme": "HDS", "status": "none", "confidence": "low"}
    labels = [label | {"certification_id": f"cut{i}", "valid_to": day} for i, day in enumerate(days)]
    regimes = whole["regimes"].copy()
    for row in regimes.index[regimes["in_force_to"].isna()][: len(days)]:
        regimes.loc[row, "certified_to"] = days[-1] + timedelta(days=1)
    split = with_tables(whole, certifications=added(whole["certifications"], labels), regimes=regimes)
    same(*(exposure(bench.thin, s, home=host.home, horizon_years=years) for s in (whole, split)))


@pytest.mark.parametrize("precision", ["day", "month", "year"])
def test_splitting_the_time_in_which_a_label_ends_changes_nothing(bench: Bench, precision: str) -> None:
    """A day on which nothing changes may fall into the month or year in which a label ends."""
    held = {"SecNumCloud": ("qualified", "2028-01-01")}
    host = Host(licensor="US", certificates=held, asked=frozenset(held), precision=precision)
    whole = study_of(bench.study, host)
    regimes = whole["regimes"].copy()
    regimes.loc[regimes.index[regimes["in_force_to"].isna()][0], "certified_to"] = pd.Timestamp("2028-01-10")
    same(exposure(bench.thin, whole), exposure(bench.thin, with_tables(whole, regimes=regimes)))


# -- 3. identities between horizons ------------------------------------------------------------------------------


def rate(probability: np.ndarray, years: float) -> np.ndarray:
    """λ = -ln(1 - p) / T, per year."""
    return -np.log1p(-probability) / years


def years_to(target: float, probability: np.ndarray, years: float) -> np.ndarray:
    """N_q = T ln(1 - q) / ln(1 - p), years until the target."""
    return years * math.log1p(-target) / np.log1p(-probability)


def test_published_figures_convert_between_horizons() -> None:
    """A published 0.74 % in five years is 0.148 % (0.149 % before rounding) a year, and 90 % after 1,550 years."""
    published = np.array(0.0074)
    assert rate(published, 5.0) == pytest.approx(0.00148, rel=5e-3)
    assert years_to(0.9, published, 5.0) == pytest.approx(1550, abs=1)


@settings(max_examples=6)
@given(
    host=hosts(home="EU/EEA"),
    years=HORIZONS,
    target=st.floats(0.05, 0.95),
    sample=st.integers(0, 24),
    yearly=st.floats(0.001, 0.01),
)
def test_horizon_identities_hold_for_a_conditional_hazard_only(
    bench: Bench, host: Host, years: float, target: float, sample: int, yearly: float
) -> None:
    """Given reach, λ is the same over all horizons and P(N_q) = q; with reach below 1 the yearly rate falls with T."""
    settled = replace(
        host,
        seat="US",
        confidence="high",
        custody=host.custody or "provider",
        terms=host.terms or frozenset(),
        licensor="",
        establishments=frozenset(),
        owners={pair: step for pair, step in host.owners.items() if step in (1, 2, 5, 6)},  # more or less than half
    )
    one = Posterior(bench.thin.data.isel(chain=[0], draw=[sample]))
    certain = {"reach": 1.0, "leak": 0.0, "certification_removes": 0.0, "same_answer": 0.0, **SURE}
    plain = bench.score(settled, posterior=with_values(one, **certain))
    shift = math.log(yearly / float(plain["rate"].where(plain["reach"] > 0.5).max()))
    known = with_values(one, shift=shift, **certain)
    p, double = (bench.score(settled, t, posterior=known)["probability"].values for t in (years, 2 * years))
    np.testing.assert_allclose(rate(double, 2 * years), rate(p, years), rtol=1e-6)
    wait = float(years_to(target, p, years).item())
    np.testing.assert_allclose(bench.score(settled, wait, posterior=known)["probability"], target, rtol=1e-6)

    open_question = with_values(one, shift=shift, **{**certain, "reach": 0.3})
    near, far = (bench.score(settled, t, posterior=open_question) for t in (years, 2 * years))
    assert (rate(far["probability"].values, 2 * years) < rate(near["probability"].values, years)).all()
    late = bench.score(settled, wait, posterior=open_question)["probability"]
    assert (late < target).all()


def test_years_to_a_probability_above_reach_are_infinite(bench: Bench) -> None:
    """With one open question of 3 in 10 the probability stays below 0.3 however long and however frequent."""
    host = Host(seat="CN", terms=frozenset())  # one programme
    open_question = with_values(bench.thin, shift=20.0, reach=0.3, leak=0.0)
    assert (bench.score(host, 2000.0, posterior=open_question)["probability"] <= 0.3 + 1e-12).all()


# -- 5. nothing abroad -------------------------------------------------------------------------------------------


@some
@given(host=hosts(foreign=False), years=HORIZONS)
def test_a_setup_inside_home_has_the_leak_and_is_never_zero(bench: Bench, host: Host, years: float) -> None:
    """No foreign fact: reach of every regime, and of all, is the leak; P > 0 and is not printed as zero."""
    x = bench.score(host, years)
    leak = bench.thin.data["leak"].astype(float).values.ravel()
    np.testing.assert_allclose(x["reach_any"].sel(setup="GENERATED"), leak, rtol=1e-12)
    np.testing.assert_allclose(x["reach"].sel(setup="GENERATED"), np.repeat(leak[:, None], x.sizes["regime"], 1))
    assert (x["probability"] > 0).all()
    assert (x["probability"] <= leak[:, None]).all()
    assert percent(float(x["probability"].mean())).removeprefix("less than ") != "0 %"


# -- 8. order, names, neighbours ---------------------------------------------------------------------------------

SHUFFLED = ("providers", "entities", "ownership", "certifications", "contract_terms", "setups")
SHUFFLED += ("mixtures", "regimes", "route_map", "sources")


@pytest.mark.parametrize("table", SHUFFLED)
def test_order_of_rows_changes_nothing(bench: Bench, table: str) -> None:
    """The rows of a table in any order: the same answers for the shipped setups and a generated one."""

    @settings(max_examples=2, phases=(Phase.explicit, Phase.generate))
    @given(host=hosts(home="EU/EEA"), seed=st.integers(0, 2**32 - 1))
    def check(host: Host, seed: int) -> None:
        whole = study_of(bench.study, host, beside=True)
        mixed = with_tables(whole, **{table: whole[table].sample(frac=1, random_state=seed).reset_index(drop=True)})
        before, after = (exposure(bench.thin, s) for s in (whole, mixed))
        same(before, after.sel(setup=before["setup"].values, regime=before["regime"].values))

    check()


def test_order_of_contradicting_shares_changes_nothing(bench: Bench) -> None:
    """Two undated variants of one share are two rows in no order."""
    whole = study_of(bench.study, Host(countries=("US",) * 4, owners={(PROVIDER, A): 1}))
    variant = whole["ownership"].assign(ownership_id="variant", share_low_pct=60.0, share_high_pct=60.0)
    rows = pd.concat([whole["ownership"], variant], ignore_index=True)
    one, other = (with_tables(whole, ownership=r.reset_index(drop=True)) for r in (rows, rows[::-1]))
    same(exposure(bench.thin, one), exposure(bench.thin, other))


def test_names_of_setups_change_nothing(bench: Bench) -> None:
    """Shipped setups under other ids (wherever they are named) have bitwise the same answers."""
    ids = bench.study["setups"]["setup_id"].tolist()
    names = {name: f"{i:03d}_{name[::-1]}" for i, name in enumerate(reversed(ids))}
    before, after = exposure(bench.thin, bench.study), exposure(bench.thin, renamed(bench.study, names))
    assert after["setup"].values.tolist() == [names[name] for name in ids]
    for name in (*ANSWERS, "rate", "probability_reading"):
        np.testing.assert_array_equal(before[name], after[name])


def test_names_of_owners_change_nothing_when_two_ways_lead_to_one(bench: Bench) -> None:
    """Which of two owners comes first in the alphabet does not decide who controls."""
    before = study_of(bench.study, two_ways(OPEN, CONTROL))
    after = renamed(before, {A: B, B: A})
    same(exposure(bench.thin, before), exposure(bench.thin, after), names=SETTLED)


@settings(max_examples=6)
@given(host=hosts(), order=st.permutations((PROVIDER, BENEATH, LICENSOR, *HOLDERS)))
def test_names_of_providers_and_owners_change_nothing_but_the_draws(bench: Bench, host: Host, order: list[str]) -> None:
    """Other ids for provider, licensor and holders: the same answers where nothing is drawn by name.

    What no data tell of a provider is drawn afresh by its id. Without that spread reach, rate and P are the same in
    every sample; worlds, and rates with the spread, are the same up to Monte-Carlo error.
    """
    before = study_of(bench.study, host)
    after = renamed(before, {old: f"{i}_{old}" for i, old in enumerate(order)})
    alike = with_values(bench.thin, **ALIKE)
    same(*(exposure(alike, s, home=host.home) for s in (before, after)), names=SETTLED)

    one, other = (exposure(bench.full, s, home=host.home) for s in (before, after))
    gap = (np.log(one["rate"]) - np.log(other["rate"])).isel(regime=-1)
    assert abs(float(gap.mean())) < Z * float(gap.std()) / math.sqrt(gap.sizes["sample"])
    p = one["reach_any"]
    spread = math.sqrt(float((2 * p * (1 - p)).sum()))
    assert abs(float(one["world_reached"].sum() - other["world_reached"].sum())) < Z * spread


@settings(max_examples=5)
@given(host=hosts(home="EU/EEA"))
def test_an_unrelated_provider_changes_no_answer(bench: Bench, host: Host) -> None:
    """A provider without data, with its owners and a setup of its own, leaves all other answers bitwise as they are."""
    plain = replace(host, certificates={})
    before, after = exposure(bench.thin, bench.study), exposure(bench.thin, study_of(bench.study, plain, beside=True))
    assert set(ids_in(bench.study)).isdisjoint({PROVIDER, *HOLDERS})
    for name in (*ANSWERS, "rate"):
        np.testing.assert_array_equal(before[name], after[name].sel(setup=before["setup"].values))


# -- 9. repetition -----------------------------------------------------------------------------------------------


@few
@given(host=hosts(), other=hosts())
def test_same_input_gives_the_same_answer(bench: Bench, host: Host, other: Host) -> None:
    """Bitwise, whatever was scored in between and from a copy of the posterior."""
    first = bench.score(host)
    bench.score(other)
    xr.testing.assert_identical(bench.score(host, posterior=Posterior(bench.thin.data.copy(deep=True))), first)


# -- 11. closed form and worlds ----------------------------------------------------------------------------------


@some
@given(host=hosts(), years=HORIZONS, shift=st.sampled_from([0.0, 6.0, 12.0]))
def test_worlds_agree_with_the_closed_form(bench: Bench, host: Host, years: float, shift: float) -> None:
    """Reach and P(T) averaged over drawn worlds are those of the integral.

    Worlds are drawn once a sample; a number in [0, 1] with mean p has variance at most p (1 - p), which bounds the
    error of the mean whatever the distribution.
    """
    agree(bench.score(host, years, posterior=with_values(bench.full, shift=shift)))


def test_worlds_agree_where_two_open_ways_lead_to_one_owner(bench: Bench) -> None:
    """Two shares that may or may not be above one half, and one controller behind both."""
    host = replace(two_ways(OPEN, OPEN, behind=0), countries=("FR", "FR", "US", "FR"))
    agree(bench.score(host, posterior=with_values(bench.full, shift=12.0)))


def agree(x: xr.Dataset) -> None:
    """Means over worlds lie within the Monte-Carlo error of means over the integral."""
    for drawn, exact in (("world_reached", "reach_any"), ("world_probability", "probability")):
        p = x[exact]
        gap = float((x[drawn] - p).sum()) / math.sqrt(float((p * (1 - p)).sum()))
        assert abs(gap) < Z, f"{drawn}: {float(x[drawn].mean()):.4g}, but {exact} {float(p.mean()):.4g}"
