"""Facts: chains of ownership, how sure each recorded fact is, dates known to the month, sources that differ."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise, product
from math import prod

import numpy as np
import pandas as pd
import pytest
from test_exposure import hdh, provider_study, shipped, with_table, with_values

from riskmodel.draws import Draws, chance, fact_cells, openings, stretches
from riskmodel.errors import UsageError
from riskmodel.exposure import exposure
from riskmodel.fit import Posterior
from riskmodel.nexus import Option, SetupFacts, foreign_programmes, setup_facts
from riskmodel.nexus.setups import Book
from riskmodel.study import Study

TRUE = {"high": 1.0, "medium": 0.8, "low": 0.5}


def true(name: str) -> float:
    """Stated probability that a fact of this confidence is true, at least as high as a name such as low:0.7 says."""
    confidence, _, at_least = name.partition(":")
    return max(TRUE[confidence], float(at_least or 0))


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return shipped(every=10)


def truths(posterior: Posterior) -> dict[str, np.ndarray]:
    return dict(zip(posterior.coords()["confidence"], posterior.arrays()["fact_true"], strict=True))


def one(study: Study, setup: str) -> pd.DataFrame:
    return study["setups"][lambda t: t["setup_id"] == setup]


def owned_by(study: Study, provider: str, *rows: dict) -> Study:
    """The study with other rows of ownership for a provider."""
    table = study["ownership"]
    blank = dict.fromkeys(table.columns) | {"status": "current", "kind": "control", "confidence": "high"}
    new = pd.DataFrame([{**blank, "owned_id": provider, **row} for row in rows]).astype({"as_of": "datetime64[us]"})
    kept = table[table["owned_id"] != provider].astype(object)
    return with_table(study, "ownership", pd.concat([kept, new.astype(object)], ignore_index=True))


def likely(study: Study, provider: str) -> dict[frozenset[tuple[str, str]], float]:
    """Probability of each set of uncertain facts of a provider, with stated probabilities that facts are true."""
    _, unknowns = Book(study).provider(provider)
    found: dict[frozenset[tuple[str, str]], float] = {}
    for ways in product(*(u.alternatives for u in unknowns)):
        given = [true(name) if holds else 1 - true(name) for way in ways for name, holds in way.learnt]
        facts = frozenset().union(*(way.facts for way in ways))
        found[facts] = found.get(facts, 0.0) + prod(given) * prod(way.probability for way in ways)
    assert sum(found.values()) == pytest.approx(1)
    return found


def of(facts: dict[frozenset[tuple[str, str]], float], *fact: tuple[str, str]) -> float:
    """Probability that all of some facts hold."""
    return sum(p for found, p in facts.items() if set(fact) <= found)


# -- ownership ---------------------------------------------------------------------------------------------------


def test_a_link_of_high_confidence_is_certain_and_others_are_not(study: Study) -> None:
    facts, unknowns = Book(study).provider("msft_azure")
    assert ("control", "US") in facts
    doubted = owned_by(study, "aws_esc", {"holder_id": "amazon", "confidence": "low"})
    facts, unknowns = Book(doubted).provider("aws_esc")
    assert ("control", "US") not in facts
    assert [u.name for u in unknowns] == ["ownership:aws_esc:amazon"]
    assert of(likely(doubted, "aws_esc"), ("control", "US")) == TRUE["low"]


def test_doubt_scales_reach(posterior: Posterior, study: Study) -> None:
    """One foreign fact, one low row: reach beyond the leak is that of the certain fact times fact_true."""
    rows, leak = one(study, "GEN_AWS_ESC_HOSP"), posterior.arrays()["leak"]
    sure, doubtful = (
        exposure(posterior, owned_by(study, "aws_esc", {"holder_id": "amazon", "confidence": c}), setups=rows)
        for c in ("high", "low")
    )
    sure, doubtful = (x["reach_any"].values[:, 0] for x in (sure, doubtful))
    expected = leak + (1 - leak) * truths(posterior)["low"] * (sure - leak) / (1 - leak)
    np.testing.assert_allclose(doubtful, expected)


def test_a_chain_holds_as_far_as_its_links_do(study: Study) -> None:
    chain = owned_by(study, "bleu", {"holder_id": "otc", "confidence": "medium"})
    chain = owned_by(chain, "otc", {"holder_id": "amazon", "confidence": "low"})
    facts = likely(provider_study(chain, "bleu", licensor_id=None), "bleu")
    assert of(facts, ("control", "DE")) == pytest.approx(TRUE["medium"])
    assert of(facts, ("control", "US")) == pytest.approx(TRUE["medium"] * TRUE["low"])
    assert of(facts, ("control", "DE"), ("control", "US")) == pytest.approx(TRUE["medium"] * TRUE["low"])


def test_a_link_is_one_question_for_every_way_through_it(study: Study) -> None:
    """Two certain owners with one doubtful holder, who is also behind the licensor: three ways, one answer."""
    doubted = owned_by(study, "orange", {"holder_id": "amazon", "confidence": "low"})
    for owned, holder in (("capgemini", "orange"), ("thales", "orange"), ("bleu", "capgemini"), ("s3ns", "bleu")):
        doubted = owned_by(doubted, owned, {"holder_id": holder})
    both = owned_by(doubted, "bleu", {"holder_id": "capgemini"}, {"holder_id": "thales"})
    row = {"licensor_id": "orange", "licensor_access": "remote", "confidence": "high"}
    found = likely(provider_study(both, "bleu", **row), "bleu")
    together = (("control", "US"), ("licensor_with_access", "US"))
    assert of(found, *together) == of(found, together[0]) == of(found, together[1]) == TRUE["low"]
    (unknown,) = Book(provider_study(both, "bleu", **row)).provider("bleu")[1]
    assert [question.name for question in unknown.questions] == ["ownership:orange:amazon"]


def test_two_companies_that_own_each_other_end_the_walk(study: Study) -> None:
    ring = owned_by(study, "amazon", {"holder_id": "alphabet"})
    ring = owned_by(ring, "alphabet", {"holder_id": "amazon"})
    assert ("control", "US") in Book(owned_by(ring, "bleu", {"holder_id": "amazon"})).provider("bleu")[0]


@pytest.mark.parametrize(
    ("rows", "control", "minority"),
    [
        ([("control", "medium", None), ("votes", "medium", 60)], 0.8, 0.0),  # says the same again
        ([("control", "low", None), ("votes", "high", 10)], 0.5, 0.5),  # a better source for less
        ([("control", "low", None), ("votes", "medium", 60)], 0.5 + 0.5 * 0.8, 0.0),
        ([("control", "high", None), ("votes", "low", 10)], 1.0, 0.0),
        ([("votes", "medium", 10), ("capital", "high", 60)], 0.2, 0.8),
        ([("votes", "medium", 0)], 0.0, 0.0),
    ],
)
def test_the_first_true_row_on_a_holder_counts(
    study: Study, rows: list[tuple[str, str, float | None]], control: float, minority: float
) -> None:
    said = [
        {"holder_id": "amazon", "kind": k, "confidence": c, "share_low_pct": s, "share_high_pct": s} for k, c, s in rows
    ]
    changed = provider_study(owned_by(study, "bleu", *said), "bleu", licensor_id=None)
    found, certain = likely(changed, "bleu"), Book(changed).provider("bleu")[0]
    for kind, expected in (("control", control), ("minority", minority)):
        assert of(found, (kind, "US")) + ((kind, "US") in certain) == pytest.approx(expected)


def shares(*rows: tuple[float, str, str, str, str]) -> list[dict]:
    names = ("as_of", "as_of_precision", "confidence", "status")
    return [
        {"holder_id": "amazon", "kind": "votes", "share_low_pct": r[0], "share_high_pct": r[0]}
        | {name: pd.Timestamp(v) if name == "as_of" and v else v or None for name, v in zip(names, r[1:], strict=True)}
        for r in rows
    ]


@pytest.mark.parametrize(
    ("rows", "control"),
    [
        # a later row replaces an earlier one
        ([(40, "2025-01-10", "day", "high", "current"), (60, "2025-02-10", "day", "high", "current")], 1.0),
        # of two on one day neither does: anywhere from 40 to 60
        ([(40, "2025-02-10", "day", "high", "current"), (60, "2025-02-10", "day", "high", "current")], 0.5),
        # nor of a year and a month within it
        ([(40, "2025-01-01", "year", "high", "current"), (60, "2025-02-01", "month", "high", "current")], 0.5),
        # nor where one is undated
        ([(40, "", "", "high", "current"), (60, "2025-02-10", "day", "high", "current")], 0.5),
        # a contested reading stays whatever its date, a superseded one does not
        ([(40, "2020-01-10", "day", "high", "contested"), (60, "2025-02-10", "day", "high", "current")], 0.5),
        ([(40, "2025-02-10", "day", "high", "superseded"), (60, "2025-02-10", "day", "high", "current")], 1.0),
        # the hull holds if either row does: best confidence
        ([(40, "2025-02-10", "day", "medium", "current"), (60, "2025-02-10", "day", "low", "current")], 0.4),
    ],
)
def test_rows_that_contradict_each_other_give_the_hull(
    study: Study, rows: list[tuple[float, str, str, str, str]], control: float
) -> None:
    changed = provider_study(owned_by(study, "bleu", *shares(*rows)), "bleu", licensor_id=None)
    certain = Book(changed).provider("bleu")[0]
    assert of(likely(changed, "bleu"), ("control", "US")) + (("control", "US") in certain) == pytest.approx(control)
    backwards = provider_study(owned_by(study, "bleu", *shares(*rows[::-1])), "bleu", licensor_id=None)
    assert likely(backwards, "bleu") == pytest.approx(likely(changed, "bleu"))


# -- facts of a provider -----------------------------------------------------------------------------------------


def test_a_doubtful_provider_row_makes_its_facts_doubtful(study: Study) -> None:
    row = {"licensor_id": "google", "licensor_access": "remote", "staff_countries": "US", "confidence": "medium"}
    found = likely(provider_study(study, "bleu", **row), "bleu")
    for fact in ("licensor_with_access", "remote_staff"):
        assert of(found, (fact, "US")) == pytest.approx(TRUE["medium"])
    assert of(found, ("licensor_with_access", "US"), ("remote_staff", "US")) == pytest.approx(TRUE["medium"] ** 2)
    assert ("seat", "FR") in Book(provider_study(study, "bleu", **row)).provider("bleu")[0]


@pytest.mark.parametrize(("presence", "expected"), [("seen", 0.5), ("doubtful", 0.5), ("not_looked_up", 0.7)])
def test_an_establishment_is_doubted_once(study: Study, presence: str, expected: float) -> None:
    """What a source names is as sure as the row; the judgements on the others say it all."""
    assert present(study, presence, "low") == pytest.approx(expected)


def present(study: Study, presence: str, confidence: str) -> float:
    """Probability that an establishment is there."""
    row = {"establishment_countries": "US", "establishment_presence": presence, "confidence": confidence}
    changed = provider_study(study, "bleu", licensor_id=None, establishment_separation="separated", **row)
    found, certain = likely(changed, "bleu"), Book(changed).provider("bleu")[0]
    assert not any(kind.startswith("establishment") for kind, _ in certain)
    return sum(p for facts, p in found.items() if facts)


@pytest.mark.parametrize("confidence", ["high", "medium", "low"])
def test_an_establishment_that_was_seen_is_at_least_as_sure_as_a_doubtful_one(
    study: Study, confidence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TRUE, "low", 0.2)
    assert present(study, "seen", confidence) == max(TRUE[confidence], 0.5)
    assert present(study, "doubtful", confidence) == 0.5


# -- certificates ------------------------------------------------------------------------------------------------


def certified(study: Study, *rows: dict) -> Book:
    table = study["certifications"]
    blank = dict.fromkeys(table.columns) | {"provider_id": "bleu", "scheme": "SecNumCloud", "confidence": "high"}
    dated = [{k: pd.Timestamp(v) if k in ("date", "valid_to") else v for k, v in row.items()} for row in rows]
    new = pd.DataFrame([{**blank, **row} for row in dated])
    kept = table[table["provider_id"] != "bleu"].astype(object)
    return Book(with_table(study, "certifications", pd.concat([kept, new.astype(object)], ignore_index=True)))


def status(book: Book, day: str, *, asked: bool = True, pending: bool = False) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, learnt in book.certificates.status("bleu", "SecNumCloud", asked, pending, dt.date.fromisoformat(day)):
        found[name] = found.get(name, 0.0) + prod(TRUE[c] if holds else 1 - TRUE[c] for c, holds in learnt)
    assert sum(found.values()) == pytest.approx(1)
    return found


def test_a_certificate_holds_with_its_confidence(study: Study) -> None:
    held, trying = {"status": "qualified", "confidence": "medium"}, {"status": "in_progress", "confidence": "low"}
    day = "2026-11-22"
    assert status(certified(study, held), day) == pytest.approx({"qualified": 0.8, "none": 0.2})
    assert status(certified(study, trying), day) == pytest.approx({"in_progress": 0.5, "none": 0.5})
    both = status(certified(study, trying, held), day)
    assert both == pytest.approx({"qualified": 0.8, "in_progress": 0.1, "none": 0.1})
    assert status(certified(study, held), day, pending=True) == pytest.approx({"qualified": 0.8, "in_progress": 0.2})
    repeated = status(certified(study, held, held | {"confidence": "low"}), day)
    assert repeated == pytest.approx({"qualified": 0.8, "none": 0.2}), "rows repeat each other: the best one decides"
    assert status(certified(study, held | {"confidence": "high"}, held), day) == {"qualified": 1.0}
    assert status(certified(study, held), day, asked=False) == {"none": 1.0}


@pytest.mark.parametrize(
    ("precision", "first"),
    [
        ("day", "2026-06-01"),
        ("month", "2026-06-16"),
        ("quarter", "2026-07-17"),
        ("half", "2026-08-31"),
        ("year", "2026-11-30"),
    ],
)
def test_a_certificate_begins_and_ends_in_the_middle_of_what_is_known(study: Study, precision: str, first: str) -> None:
    before, after = (str((pd.Timestamp(first) + pd.Timedelta(days=d)).date()) for d in (-1, 1))
    begins = certified(study, {"status": "qualified", "date": "2026-06-01", "date_precision": precision})
    assert [status(begins, day) for day in (before, first)] == [{"none": 1.0}, {"qualified": 1.0}]
    ends = certified(study, {"status": "qualified", "valid_to": "2026-06-01", "valid_to_precision": precision})
    assert [status(ends, day) for day in (first, after)] == [{"qualified": 1.0}, {"in_progress": 1.0}]


def test_a_certificate_of_the_last_day_of_the_horizon_is_still_held(study: Study) -> None:
    book = certified(study, {"status": "qualified", "valid_to": "2026-06-01", "valid_to_precision": "day"})
    assert status(book, "2026-06-01") == {"qualified": 1.0}
    assert status(book, "2026-06-02") == {"in_progress": 1.0}


def test_the_horizon_is_cut_where_a_certificate_and_a_law_change(study: Study) -> None:
    rows = [{"status": "qualified", "date": "2027-03-05", "date_precision": "day", "confidence": "low"}]
    rows += [{"status": "qualified", "valid_to": "2027-06-01", "valid_to_precision": "month"}]
    book = certified(study, *rows)
    regime = dict.fromkeys(("in_force_from", "in_force_to", "certified_to"))
    book.regimes = [regime | {"regime_id": "R", "in_force_from": pd.Timestamp("2028-05-01")}]
    segments = book._segments(dt.date(2026, 11, 22), dt.date(2029, 1, 1), 2.1, {"bleu"})
    assert [str(s.start) for s in segments] == ["2026-11-22", "2027-03-05", "2027-06-17", "2028-05-01"]
    assert [s.authority["R"] for s in segments] == [*["not_yet"] * 3, "in_force"]
    assert sum(s.years for s in segments) == pytest.approx(2.1)


# -- what the integral and the worlds make of it -------------------------------------------------------------------


def doubtful(study: Study) -> Study:
    """Everything of low confidence, and certificates that end in some month or year of the horizon."""
    changed = study
    for name in ("ownership", "providers", "certifications"):
        changed = with_table(changed, name, changed[name].assign(confidence="low"))
    table = changed["certifications"].copy()
    mine = (table["provider_id"] == "s3ns") & (table["status"] == "qualified")
    table.loc[mine, "valid_to"] = pd.Timestamp("2028-01-01")
    table.loc[mine, "valid_to_precision"] = "year"
    return with_table(changed, "certifications", table)


@pytest.fixture(scope="module")
def uncertain(study: Study) -> Study:
    return doubtful(study)


def test_cells_are_those_of_full_enumeration(posterior: Posterior, uncertain: Study) -> None:
    """Folding the facts one by one and adding equal states up gives the joint distribution."""
    for home in ("EU/EEA", "CH"):
        programmes = foreign_programmes(uncertain, home)
        draws = Draws(posterior, programmes)
        for option in setup_facts(uncertain, hdh(uncertain))[0].options:
            full: dict[object, np.ndarray] = {}
            for ways in product(*(u.alternatives for u in option.unknowns)):
                facts = option.facts.union(*(way.facts for way in ways))
                weight = np.prod([chance(w.probability, w.learnt, draws) for w in ways], axis=0)
                key = openings(facts, programmes)
                full[key] = full.get(key, 0.0) + weight
            found = {key: weight for (key,), weight in fact_cells([option], programmes, draws).items()}
            assert {k for k, w in full.items() if np.any(w)} == set(found)
            for key, weight in found.items():
                np.testing.assert_allclose(weight, full[key], rtol=1e-9)


def test_facts_that_change_nothing_cost_nothing(posterior: Posterior, study: Study) -> None:
    """Ten doubtful holders in one state are two cells, and a doubtful one at home none."""
    names = study["entities"][lambda t: t["country"] == "US"]["entity_id"].tolist()[:10]
    rows = [{"holder_id": name, "confidence": "medium"} for name in [*names, "orange"]]
    changed = provider_study(owned_by(study, "bleu", *rows), "bleu", licensor_id=None)
    programmes = foreign_programmes(changed, "EU/EEA")
    (facts,) = setup_facts(changed, one(changed, "HDH_ALT_BLEU"))
    draws = Draws(posterior, programmes)
    cells = fact_cells(facts.options[:1], programmes, draws)
    assert len(cells) == 2
    none = next(weight for routes, weight in cells.items() if not any(routes[0]))
    np.testing.assert_allclose(none, (1 - truths(posterior)["medium"]) ** len(names), rtol=1e-9)


def test_worlds_agree_with_the_integral_where_every_fact_is_doubtful(uncertain: Study) -> None:
    x = exposure(shipped(), uncertain, by_regime=False)
    rate, n = x["reach_any"].mean("sample"), x.sizes["sample"]
    gap = abs(x["world_reached"].mean("sample") - rate)
    assert (gap < 4.5 * np.sqrt(rate * (1 - rate) / n)).all()
    difference = x["world_probability"] - x["probability"]
    assert (abs(difference.mean("sample")) < 4.5 * difference.std("sample") / np.sqrt(n)).all()


def test_an_end_within_the_horizon_makes_two_stretches(uncertain: Study) -> None:
    option = _s3ns(uncertain).options[0]
    assert len(stretches(option)) == 2, "held, ended"


def test_surer_facts_never_lower_exposure(posterior: Posterior, uncertain: Study) -> None:
    """In every sample and world; certificates apart, whose truth protects."""
    alike = with_table(uncertain, "certifications", uncertain["certifications"].iloc[:0])
    setups = hdh(uncertain)[lambda t: t["provider_id"].notna()]
    results = [exposure(with_values(posterior, fact_true=p), alike, setups=setups) for p in (0.1, 0.5, 0.9, 1.0)]
    for less, more in pairwise(results):
        for name in ("reach_any", "probability", "world_probability"):
            assert (less[name].values <= more[name].values + 1e-12).all(), name


def test_surer_certificates_never_raise_exposure(posterior: Posterior, study: Study) -> None:
    """In every sample and world, all other facts being certain."""
    sure = study
    for name, confidence in (("ownership", "high"), ("providers", "high"), ("certifications", "low")):
        sure = with_table(sure, name, sure[name].assign(confidence=confidence))
    setups = hdh(study, certifications_required="SecNumCloud;HDS", certifications_pending="")
    setups = setups[setups["provider_id"].notna()]
    results = [exposure(with_values(posterior, fact_true=p), sure, setups=setups) for p in (1.0, 0.7, 0.2)]
    for less, more in pairwise(results):
        for name in ("reach_any", "probability", "world_probability"):
            assert (less[name].values <= more[name].values + 1e-12).all(), name


def test_an_old_posterior_is_refused_in_words(posterior: Posterior, study: Study) -> None:
    old = Posterior(posterior.data.drop_vars("fact_true"))
    doubted = owned_by(study, "aws_esc", {"holder_id": "amazon", "confidence": "low"})
    with pytest.raises(UsageError, match="lacks fact_true"):
        exposure(old, doubted, setups=one(study, "GEN_AWS_ESC_HOSP"))


def _s3ns(study: Study) -> SetupFacts:
    (facts,) = setup_facts(study, one(study, "HDH_ALT_S3NS"))
    return facts


def test_options_are_plain_values(study: Study) -> None:
    assert isinstance(_s3ns(study).options[0], Option)
    assert _s3ns(study) == _s3ns(study)
