"""The answers in words: reach, likelihood, comparisons, tolerance, influence.

Question answered: *how is each number said to a reader?*
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.decide import compare, drivers, summarise
from riskmodel.exposure import exposure
from riskmodel.language import localised, mark, tr
from riskmodel.schema import split
from riskmodel.tables.endpoints import likely_ruling
from riskmodel.tables.page import Markup
from riskmodel.tables.setups import CUSTODY, country
from riskmodel.wording import (
    between,
    digits,
    factor,
    in_words,
    one_in,
    percent,
    ratios_between,
    share_text,
    words_table,
    years_text,
)

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study
    from riskmodel.tables.evidence import References

__all__ = [
    "by_regime",
    "headline",
    "in_short",
    "influences",
    "likelihood_words",
    "order_against",
    "pairs",
    "rank_words",
    "reach_says",
    "reach_words",
    "readings",
    "readings_words",
    "scale_of_words",
    "three_answers",
    "tolerance_source",
    "tolerance_words",
    "what_if",
    "what_if_says",
]


MIXTURE = mark("stated mixture")
"""Custody under which the mixture of all readings stands."""


def _labels(x: xr.Dataset) -> dict[str, str]:
    return dict(zip(x["setup"].values, x["label"].values, strict=True))


def _between(low: Iterable[float], high: Iterable[float]) -> list[str]:
    return [between(a, b) for a, b in zip(low, high, strict=True)]


def _ends(found: pd.DataFrame, name: str) -> list[tuple[float, float]]:
    """The 90 % interval of a column, row by row."""
    return list(zip(found[f"{name}_low"], found[f"{name}_high"], strict=True))


def _chances(found: pd.DataFrame, name: str, shown: str = "") -> list[str]:
    """A column of probabilities, or another one beside its interval, with the digits that the interval warrants."""
    return [percent(p, ends) for p, ends in zip(found[shown or name], _ends(found, name), strict=True)]


def _likelihood(x: xr.Dataset, a: str, b: str) -> pd.DataFrame:
    """Rows ``predictive``, ``over parameters`` and ``over worlds`` of a comparison by likelihood."""
    found = compare(x, a, b).table
    return found[found["answer"] == "likelihood"].set_index("comparison")


def reach_words(summary: pd.DataFrame) -> pd.DataFrame:
    """Reach of each setup: predictive probability and 90 % interval over parameters."""
    return pd.DataFrame(
        {
            tr("Setup"): summary["label"],
            tr("Group"): summary["group"],
            tr("In words"): summary["reach"].map(in_words),
            tr("Probability of reach"): _chances(summary, "reach"),
            tr("90 % interval over parameters"): _between(summary["reach_low"], summary["reach_high"]),
        }
    )


def likelihood_words(summary: pd.DataFrame) -> pd.DataFrame:
    """The three labelled numbers of each setup."""
    return pd.DataFrame(
        {
            tr("Setup"): summary["label"],
            tr("In words"): summary["probability"].map(in_words),
            tr("1. Predictive probability"): [
                f"{percent(p, ends)} ({one_in(p)})"
                for p, ends in zip(summary["probability"], _ends(summary, "probability"), strict=True)
            ],
            tr("2. 90 % interval over parameters"): _between(summary["probability_low"], summary["probability_high"]),
            tr("Median over parameters"): _chances(summary, "probability", "probability_median"),
            tr("3. Worlds in which it is reached"): summary["worlds_reached"].map(share_text),
            tr("… and probability if reached"): summary["probability_if_reached"].map(percent),
        }
    )


def readings(x: xr.Dataset) -> pd.DataFrame:
    """Probability of each setup under each reading of its key custody, where custody is not known.

    Returns
    -------
    pandas.DataFrame
        ``setup``, ``label``, ``custody``, ``probability``; the mixture has custody :data:`MIXTURE`.
    """
    rows = []
    for setup, label in _labels(x).items():
        mine = x.isel(reading=np.flatnonzero(x["reading_setup"] == setup))
        known = [c for c in CUSTODY if c in mine["reading_custody"]]
        for name in known if len(known) > 1 else ():
            one = mine.isel(reading=np.flatnonzero(mine["reading_custody"] == name))
            p = one["probability_reading"].mean("sample").weighted(one["reading_weight"]).mean()
            rows.append((setup, label, name, float(p)))
        if len(known) > 1:
            rows.append((setup, label, MIXTURE, float(x["probability"].sel(setup=setup).mean())))
    return pd.DataFrame(rows, columns=["setup", "label", "custody", "probability"])


def readings_words(found: pd.DataFrame) -> pd.DataFrame:
    """One row a setup, one column a reading."""
    wide = found.pivot_table(index="label", columns="custody", values="probability").loc[found["label"].unique()]
    words = {name: tr(CUSTODY.get(name, name)).capitalize() for name in (*CUSTODY, MIXTURE) if name in wide}
    return wide[list(words)].map(percent).rename(columns=words).rename_axis(tr("Setup")).reset_index()


def order_against(x: xr.Dataset, reference: str) -> pd.DataFrame:
    """Each setup against one: probability of being lower, equal, higher, over parameters and over worlds."""
    parts = []
    for setup, label in _labels(x).items():
        if setup != reference:
            found: Any = _likelihood(x, setup, reference)
            by = found.loc["over parameters", "ratio"]
            parts.append(found.drop("predictive").assign(label=label, by=by).reset_index())
    return pd.concat(parts).sort_values("by", kind="stable", ignore_index=True)


def pairs(found: Mapping[str, xr.Dataset], wanted: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Pairs of setups compared on several bases (as described, at equal terms), in words."""
    rows = []
    for a, b in wanted:
        for basis, x in found.items():
            label = _labels(x)
            if not {a, b} <= set(label):
                continue
            got: Any = _likelihood(x, a, b)
            over = got.loc["over parameters"]
            ends = over["ratio_low"], over["ratio_high"]
            shares = got.drop("predictive")[["lower", "equal", "higher"]].map(share_text)
            rows.append(
                (
                    tr("{first} against {second}", first=label[a], second=label[b]),
                    basis,
                    factor(got.loc["predictive", "ratio"], ends),
                    ratios_between(*ends),
                    *shares.loc["over parameters"],
                    *shares.loc["over worlds"],
                )
            )
    first = [tr("First against second"), tr("Basis"), tr("Ratio of predictive probabilities")]
    heads = [("", name) for name in (*first, tr("90 % interval of the ratio over parameters"))]
    heads += [(tr("Over parameters"), name) for name in (tr("lower"), tr("equal"), tr("higher"))]
    heads += [(tr("Over worlds"), name) for name in (tr("lower"), tr("tied"), tr("higher"))]
    return pd.DataFrame(rows, columns=pd.MultiIndex.from_tuples(heads))


def rank_words(ranked: pd.DataFrame) -> pd.DataFrame:
    """Rank table in words."""
    return pd.DataFrame(
        {
            tr("Host"): ranked["label"],
            tr("Expected rank (1 = least exposed)"): ranked["expected_rank"].map("{:.1f}".format).map(localised),
            tr("90 % of ranks"): [
                tr("{low} to {high}", low=f"{low:.0f}", high=f"{high:.0f}")
                for low, high in zip(ranked["rank_low"], ranked["rank_high"], strict=True)
            ],
            tr("Lowest or tied, over parameters"): ranked["lowest"].map(share_text),
            tr("Lowest or tied, over worlds"): ranked["lowest_in_worlds"].map(share_text),
            tr("Predictive probability"): ranked["probability"].map(percent),
        }
    )


def tolerance_words(found: pd.DataFrame) -> pd.DataFrame:
    """Tolerance table in words, most doubtful first."""
    rows = found.sort_values("exceeds", ascending=False)
    return pd.DataFrame(
        {
            tr("Setup"): rows["label"],
            tr("Predictive probability above it"): np.where(rows["predictive_exceeds"], tr("yes"), tr("no")),
            tr("Probability, over parameters, of being above"): rows["exceeds"].map(share_text),
            tr("Share of worlds above"): rows["exceeds_in_worlds"].map(share_text),
        }
    )


def by_regime(study: Study, x: xr.Dataset, wanted: Sequence[str]) -> pd.DataFrame:
    """Predictive probability of each setup through one regime alone, and its share of the sum."""
    states = study["regimes"].set_index("regime_id")["countries"].map(split)
    names = {
        regime: tr("{what}: {said}", what=", ".join(map(country, states[regime])), said=name)
        for regime, name in zip(x["regime"].values, x["regime_name"].values, strict=True)
    }
    p = x["probability_regime"].sel(setup=list(wanted)).mean("sample").transpose("setup", "regime")
    out = p.to_series().rename("probability").reset_index()
    share = out["probability"] / out.groupby("setup")["probability"].transform("sum")
    return out.assign(label=out["setup"].map(_labels(x)), name=out["regime"].map(names), share=share)


WHAT_IF = {
    mark("as described"): {},
    mark("keys with the provider"): {"key_custody": "provider"},
    mark("customer-managed keys"): {"key_custody": "customer_managed"},
    mark("keys held elsewhere"): {"key_custody": "external_hyok"},
    mark("encrypted by the client"): {"key_custody": "client_side"},
    mark("administered from the United States too"): {"operator_countries": "FR;US"},
    mark("a copy in the United States"): {"data_countries": "FR;US"},
}
"""Changes to one setup whose effect is shown; keys as a reader would say them."""


def what_if(
    study: Study, posterior: Posterior, setup: str, horizon_years: float, changes: Iterable[str] = tuple(WHAT_IF)
) -> pd.DataFrame:
    """Score variants of one setup, of :data:`WHAT_IF`: what a fact would change if it were known to be so."""
    base = study["setups"].query("setup_id == @setup")
    variants = [base.assign(setup_id=f"{setup}:{k}", label=tr(n), **WHAT_IF[n]) for k, n in enumerate(changes)]
    setups = pd.concat(variants, ignore_index=True)
    return summarise(exposure(posterior, study, setups=setups, horizon_years=horizon_years)).table


def what_if_says(found: pd.DataFrame, label: str, horizon_years: float) -> str:
    """Return what the largest change would be."""
    base, most = found.iloc[0], found.iloc[int(found["probability"].to_numpy().argmax())]
    return tr(
        "Facts that a source could settle would move the answer. For {label} the predictive probability within {years} "
        "is {chance}; the change that would raise it most of those tried ({change}) would make it {more}, {times} "
        "times as much.",
        label=label,
        years=years_text(horizon_years),
        chance=_chances(found, "probability")[0],
        change=most["label"],
        more=percent(most["probability"], (most["probability_low"], most["probability_high"])),
        times=factor(most["probability"] / base["probability"]),
    )


def three_answers(study: Study, x: xr.Dataset, wanted: Sequence[str]) -> pd.DataFrame:
    """The three answers of some setups side by side, each in a calibrated word, a number and its 90 % interval."""
    found, years = summarise(x.sel(setup=list(wanted))).table, years_text(x.attrs["horizon_years"])
    ruled = likely_ruling(study, x, wanted)
    columns = {
        name: [
            tr("{word}: {chance} ({ends})", word=in_words(p).capitalize(), chance=percent(p, ends), ends=between(*ends))
            for p, ends in zip(found[answer], _ends(found, answer), strict=True)
        ]
        for name, answer in (
            (tr("1. Reach of some foreign law"), "reach"),
            (tr("2. Likelihood: at least one disclosure within {years}", years=years), "probability"),
        )
    }
    judged = tr("3. Acceptability: most probable ruling of a regulator")
    return pd.DataFrame({tr("Setup"): found["label"], **columns} | ({judged: ruled} if ruled else {}))


def headline(x: xr.Dataset, focus: Sequence[str]) -> str:
    """Return the comparison of the setup in use with the selected one, for a reader who stops after one sentence."""
    old, new = _use_and_choice(focus)
    level: Any = summarise(x.sel(setup=list(dict.fromkeys([old, new])))).table.set_index("setup")
    values: dict[str, str] = {"years": years_text(x.attrs["horizon_years"])}
    for name, row in (("old", level.loc[old]), ("new", level.loc[new])):
        ends = row["probability_low"], row["probability_high"]
        values |= {name: row["label"], f"{name}_chance": percent(row["probability"], ends)}
        values |= {f"{name}_odds": one_in(row["probability"])}
    if old == new:
        return tr("With {old}, a disclosure within {years} has a probability of {old_chance} ({old_odds}).", **values)
    over: Any = _likelihood(x, new, old).loc["over parameters"]
    return tr(
        "As far as the assumptions of the model hold, it is {word} ({share}) that a disclosure within {years} is less "
        "probable with {new} than with {old}: {new_chance} ({new_odds}) with {new}, {old_chance} ({old_odds}) with "
        "{old}.",
        word=in_words(over["lower"]),
        share=share_text(over["lower"]),
        **values,
    )


def _use_and_choice(focus: Sequence[str]) -> tuple[str, str]:
    """The setup in use, and the one selected or else the last of those shown."""
    return focus[0], "HDH_SCALEWAY" if "HDH_SCALEWAY" in focus else focus[-1]


def scale_of_words() -> pd.DataFrame:
    """The published scale from probabilities to calibrated words, which every page keeps to."""
    return pd.DataFrame(words_table(), columns=[tr("Word"), tr("Probability")])


def in_short(x: xr.Dataset, posterior: Posterior, focus: Sequence[str]) -> list[str]:
    """Return the main results in sentences: setup in use against the selected one, how sure, how much is judgement."""
    summary: Any = summarise(x).table.set_index("setup")
    old, new = _use_and_choice(focus)
    a, out = summary.loc[old], []
    if old != new:
        over: Any = _likelihood(x, new, old).loc["over parameters"]
        out = [
            tr(
                "Read comparisons with more trust than levels: the interval of {label} spans a factor of about "
                "{level}, that of the ratio between the two a factor of about {ratio}.",
                label=a["label"],
                level=digits(a["probability_high"] / a["probability_low"], 1),
                ratio=factor(over["ratio_high"] / over["ratio_low"]),
            ),
        ]
    return [
        *out,
        tr(
            "The level is mostly judgement. For {label}: {said}",
            label=a["label"],
            said=drivers(x, posterior, old).text,
        ),
        tr(
            "None of the {count} setups has a probability of zero: a link that nobody has seen may exist everywhere.",
            count=len(summary),
        ),
    ]


def reach_says(summary: pd.DataFrame) -> list[str]:
    """Return how the setups divide by reach."""
    high, low = int((summary["reach"] > 0.5).sum()), int((summary["reach"] < 0.05).sum())
    least = percent(summary["reach"].min())
    return [
        tr(
            "{high} of {count} setups are within the reach of some foreign law with a probability above one half; "
            "{low} have no foreign connection that was seen, and keep the probability of an unseen one, {least}.",
            high=high,
            count=len(summary),
            low=low,
            least=least,
        ),
        tr(
            "The {count} between them turn on a fact that was not seen, such as the separation of a foreign "
            "subsidiary, the access of a licensor or the choice of the host.",
            count=len(summary) - high - low,
        ),
    ]


def tolerance_source(refs: References, horizon_years: float) -> Markup:
    """Return where the tolerated probability of 10 % in 5 years comes from."""
    known = [i for i in refs.number if "ZH-RRB542" in i]
    said = tr(
        "The threshold is that of the canton of Zurich, which in decision RRB 542 of 2022 held foreign access to its "
        "cloud data tolerable below this probability over five years {sources}; it is an example, not a norm.",
        sources=refs.cite(";".join(known)),
    )
    if horizon_years != 5.0:
        said = f"{said} {tr('The threshold was set for 5 years, another horizon is shown here.')}"
    return Markup(said)


def influences(x: xr.Dataset, moved: Mapping[str, Any]) -> pd.DataFrame:
    """Join the influence of inputs on several setups, largest for the first one on top."""
    out = next(iter(moved.values())).table[["input", "informed_by"]]
    for setup, found in moved.items():
        out = out.merge(
            found.table[["input", "influence"]].rename(columns={"influence": _labels(x)[setup]}), on="input"
        )
    return out
