"""The Cloud Sovereignty Framework of the European Commission: providers by score and gate, and our reach beside them.

Question answered: *what does the framework say of a provider, how much of that is the choice of weights, and which
level of its legal objective would our posterior give?* Two sets of weights circulate (``data/csf_weights.csv``);
published cards are community assessments (``data/csf_cards.csv``). Its rules are in
:mod:`riskmodel.frameworks.csf_rules`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError, did_you_mean
from riskmodel.frameworks.csf_rules import SEALS, overall_seal, total_score
from riskmodel.wording import share_text

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["cards", "csf", "reversals", "seal_of", "weight_uncertainty", "weights"]

VERSION = "2026-06"
"""The weights that the published totals were computed with."""
PRINTED = 0.05
"""Half a unit of the last digit of a published total."""


def weights(study: Study, version: str = VERSION) -> pd.Series:
    """What does each objective weigh in a version of the framework, in per cent?

    Raises
    ------
    UsageError
        If the study has no such version.
    """
    table = study["csf_weights"]
    versions = list(dict.fromkeys(table["version"]))
    if version not in versions:
        raise UsageError(f"version: {version} - must be one of {', '.join(versions)}{did_you_mean(version, versions)}")
    return table[table["version"] == version].set_index("objective")["weight_pct"]


def cards(study: Study) -> pd.DataFrame:
    """What do the published cards say, one row a card?

    Returns
    -------
    pandas.DataFrame
        Index ``card_id``; ``provider_name``, ``provider_id`` (of the study, where it is one), one column of scores (per
        cent, missing where a card shows levels only) for each objective, one of levels named ``seal_`` with it,
        ``published_total_pct``, ``published_overall_seal``, ``source_ids``.
    """
    rows = study["csf_cards"]
    scores, levels = (
        rows.pivot_table(value, "card_id", "objective", aggfunc="first", dropna=False)
        for value in ("score_pct", "seal")
    )
    levels = levels.add_prefix("seal_")
    wide = study["csf_totals"].set_index("card_id").join([scores, levels])
    last = ["published_total_pct", "published_overall_seal", "source_ids"]
    return wide[["provider_name", "provider_id", *scores, *levels, *last]].rename_axis(columns=None)


def _scored(study: Study) -> pd.DataFrame:
    """Scores by objective of the cards that print them, (card, objective)."""
    wide = cards(study)
    scores = wide[weights(study).index]
    return scores[scores.notna().any(axis=1)]


def csf(study: Study, version: str = VERSION) -> Finding:
    """How do providers stand by score and by gate, and do the weights give the published totals?

    Parameters
    ----------
    version
        Version of the weights by which cards are ranked.

    Returns
    -------
    Finding
        One row a card, best score first, cards without scores last: ``card_id``, ``provider_name``, ``provider_id``,
        one column ``score_`` with the name of each version and ``score_unweighted`` (per cent), ``published_total``,
        ``difference`` (score by ``version`` less published), ``fits`` (the versions whose score rounds to the published
        total), ``gate`` (lowest level), ``published_gate``, ``rank_score``, ``rank_gate`` (1 = best, ties share the
        better rank), ``source_ids``. ``detail``: :func:`cards`.

    Raises
    ------
    UsageError
        If the study has no such version.
    """
    weights(study, version)
    wide = cards(study)
    scores = _scored(study)
    sets = {v: weights(study, v) for v in dict.fromkeys(study["csf_weights"]["version"])}
    names = list(sets[version].index)
    table = wide[["provider_name", "provider_id"]].copy()
    for name, weight in sets.items():
        table[f"score_{name}"] = scores.apply(lambda row, w=weight: total_score(row, w), axis=1)
    table["score_unweighted"] = scores.mean(axis=1)
    table["published_total"] = wide["published_total_pct"]
    table["difference"] = table[f"score_{version}"] - table["published_total"]
    table["fits"] = [
        ";".join(v for v in sets if abs(table[f"score_{v}"][card] - table["published_total"][card]) < PRINTED)
        for card in table.index
    ]
    table["gate"] = [overall_seal(row) for row in wide[[f"seal_{name}" for name in names]].to_numpy(float).tolist()]
    table["published_gate"] = wide["published_overall_seal"]
    table["rank_score"] = table[f"score_{version}"].rank(ascending=False, method="min")
    table["rank_gate"] = table["gate"].rank(ascending=False, method="min")
    table["source_ids"] = wide["source_ids"]
    table = table.sort_values([f"score_{version}", "gate"], ascending=False).reset_index()
    totals = table[table["published_total"].notna()]
    fitting = totals["fits"].str.split(";").map(lambda found: version in found)
    text = (
        f"The weights of version {version} give {int(fitting.sum())} of {len(totals)} published totals to the printed "
        f"decimal (largest difference {totals['difference'].abs().max():.3f} points), and the lowest level of the "
        f"objectives is the published overall level on {int((table['gate'] == table['published_gate']).sum())} of "
        f"{len(table)} cards. {_contradiction(table, f'score_{version}')}"
    )
    return Finding(table, text, wide.reset_index())


def _contradiction(table: pd.DataFrame, score: str) -> str:
    """The widest reversal between score and gate in a sentence."""
    pairs = _reversed(table, score)
    if pairs.empty:
        return "Score and gate order no pair of cards against each other."
    worst: dict[str, Any] = pairs.sort_values("gate_difference").to_dict("records")[-1]  # type: ignore[assignment]
    return (
        f"Score and gate disagree on {len(pairs)} of {math.comb(int(table[score].notna().sum()), 2)} pairs: "
        f"{worst['higher_score']} has {worst['score_higher']:.1f} against {worst['score_lower']:.1f} for "
        f"{worst['higher_gate']}, yet passes level {worst['gate_lower']} and not {worst['gate_higher']}."
    )


def _reversed(table: pd.DataFrame, score: str) -> pd.DataFrame:
    """Pairs of cards of which one has the higher score and the other the higher gate."""
    rows = []
    scored: list[dict[str, Any]] = table[table[score].notna()].to_dict("records")  # type: ignore[assignment]
    for a, b in combinations(scored, 2):
        top, other = (a, b) if a[score] > b[score] else (b, a)
        if top[score] > other[score] and (apart := other["gate"] - top["gate"]) > 0:
            said = top["provider_name"], other["provider_name"], top[score], other[score], other["gate"], top["gate"]
            rows.append((*said, apart, top["card_id"], other["card_id"]))
    columns = ["higher_score", "higher_gate", "score_higher", "score_lower", "gate_higher", "gate_lower"]
    return pd.DataFrame(rows, columns=[*columns, "gate_difference", "higher_score_id", "higher_gate_id"])


def reversals(study: Study, version: str = VERSION) -> Finding:
    """Which pairs of providers do score and gate order against each other?

    Returns
    -------
    Finding
        One row a pair of cards with scores: ``higher_score`` and ``higher_gate`` (providers), ``score_higher``,
        ``score_lower`` (their totals), ``gate_higher``, ``gate_lower`` (their overall levels; the provider with the
        higher score has the lower), ``gate_difference``, ``higher_score_id``, ``higher_gate_id``.

    Raises
    ------
    UsageError
        If the study has no such version.
    """
    table = csf(study, version).table
    return Finding(_reversed(table, f"score_{version}"), _contradiction(table, f"score_{version}"))


def weight_uncertainty(
    study: Study,
    pairs: Sequence[tuple[str, str]] | None = None,
    concentration: float = 1.0,
    draws: int = 200_000,
    seed: int = 0,
) -> Finding:
    """How often would one provider score above another if nobody knew the weights?

    Parameters
    ----------
    pairs
        Card ids (a, b); default: every pair of cards with scores.
    concentration
        Of the symmetric Dirichlet over the weights: 1 makes every set of weights equally likely, large values come near
        equal weights.
    draws, seed
        Number of weight sets drawn, and the seed.

    Returns
    -------
    Finding
        One row a pair: ``a``, ``b`` (card ids), ``a_name``, ``b_name``, ``higher`` (probability that a scores above b),
        ``error`` (Monte-Carlo standard error). ``detail``: ``card_id``, ``provider_name``, ``rank`` (1 = highest among
        the cards with scores), ``probability``.

    Raises
    ------
    UsageError
        If a card has no scores or does not exist, concentration is not positive, or draws are below 1.
    """
    if not (math.isfinite(concentration) and concentration > 0):
        raise UsageError(f"concentration: {concentration} - must be more than 0")
    if draws < 1:
        raise UsageError(f"draws: {draws} - must be 1 or more")
    scores = _scored(study)
    known = list(scores.index)
    pairs = list(combinations(known, 2)) if pairs is None else list(pairs)
    for card in (name for pair in pairs for name in pair):
        if card not in known:
            hint = did_you_mean(card, known)
            raise UsageError(f"pairs: {card} - must be a card with scores: {', '.join(known)}{hint}")
    drawn = np.random.default_rng(seed).dirichlet(np.full(scores.shape[1], concentration), draws)
    present = scores.notna().to_numpy()
    totals = (drawn @ scores.fillna(0.0).to_numpy().T) / (drawn @ present.T)
    column = {card: totals[:, known.index(card)] for card in known}
    names = cards(study)["provider_name"]
    rows = []
    for a, b in pairs:
        p = float((column[a] > column[b]).mean())
        error = math.sqrt(p * (1 - p) / draws)
        rows.append({"a": a, "b": b, "a_name": names[a], "b_name": names[b], "higher": p, "error": error})
    table = pd.DataFrame(rows, columns=["a", "b", "a_name", "b_name", "higher", "error"])
    places = (-totals).argsort(axis=1).argsort(axis=1)
    detail = pd.DataFrame(
        [
            {"card_id": card, "provider_name": names[card], "rank": r + 1, "probability": (places[:, i] == r).mean()}
            for i, card in enumerate(known)
            for r in range(len(known))
        ]
    )
    return Finding(table, _unsure(table), detail)


def _unsure(table: pd.DataFrame) -> str:
    """The order that depends most on the weights, and the surest, in a sentence."""
    if table.empty:
        return "No pair of cards was asked for."
    ordered: list[dict[str, Any]] = table.iloc[(table["higher"] - 0.5).abs().argsort()].to_dict("records")  # type: ignore[assignment]
    said = [f"{r['a_name']} scores above {r['b_name']} with probability {share_text(r['higher'])}" for r in ordered]
    if len(said) == 1:
        return f"With unknown weights, {said[0]}."
    return f"With unknown weights, the order that depends most on them: {said[0]}; the surest: {said[-1]}."


def seal_of(
    x: xr.Dataset,
    study: Study,
    objective: str = "SOV-2",
    mapping: Mapping[int, float] | pd.DataFrame | None = None,
    *,
    setups: pd.DataFrame | None = None,
) -> Finding:
    """Which level of the legal objective would our posterior give each setup, and what does the provider's card say?

    The framework knows no probabilities: a level is given where the probability that any foreign law reaches is at most
    the bound of that level. Cards speak of a provider, the posterior of a setup with its place, staff and certificates.

    Parameters
    ----------
    x
        From :func:`riskmodel.exposure`.
    objective
        Objective of ``data/csf_seal_map.csv``.
    mapping
        Level 1 to 4 -> largest probability of reach, or a table like that one; default: the modeller's judgement.
    setups
        Rows like those of ``study["setups"]``, if others were scored.

    Returns
    -------
    Finding
        One row a setup: ``setup``, ``label``, ``objective``, ``at_least_1`` to ``at_least_4`` (probability over
        parameters that the level is reached), ``seal`` (median level), ``published_seal`` and ``card_id`` of its
        provider (missing where there is no card), ``agrees`` (probability of exactly the published level).
        ``detail``: the bounds used.

    Raises
    ------
    UsageError
        If there is no bound for each level of the objective, bounds are no probabilities, or a higher level has the
        laxer bound.
    """
    bounds = _bounds(study, objective, mapping)
    reach = x["reach_any"].transpose("sample", "setup").values
    passed = reach[:, :, None] <= np.array([bounds[k] for k in SEALS[1:]])
    level = passed.sum(axis=2)  # bounds fall with the level: what passes one passes those below
    table = pd.DataFrame({"setup": x["setup"].values, "label": x["label"].values, "objective": objective})
    for i, k in enumerate(SEALS[1:]):
        table[f"at_least_{k}"] = passed[:, :, i].mean(axis=0)
    table["seal"] = np.quantile(level, 0.5, axis=0, method="inverted_cdf").astype(int)
    rows = study["setups"] if setups is None else setups
    provider = rows.set_index("setup_id")["provider_id"]
    card = study["csf_cards"]
    card = card[(card["objective"] == objective) & card["provider_id"].notna()]
    card = card.drop_duplicates("provider_id").set_index("provider_id")
    ours = table["setup"].map(provider)
    table["published_seal"] = ours.map(card["seal"]).astype(float)
    table["card_id"] = ours.map(card["card_id"])
    exact = (level == table["published_seal"].to_numpy()[None]).mean(axis=0)
    table["agrees"] = np.where(table["published_seal"].notna(), exact, np.nan)
    detail = pd.DataFrame({"objective": objective, "seal": list(bounds), "reach_at_most": list(bounds.values())})
    compared = table[table["published_seal"].notna()]
    text = (
        f"By a stated mapping of reach to levels of {objective}, {int((table['at_least_2'] > 0.5).sum())} of "
        f"{len(table)} setups are at SEAL-2 or higher with more than even probability."
    )
    if not compared.empty:
        same = int((compared["seal"] == compared["published_seal"]).sum())
        text += (
            f" Of {len(compared)} whose provider has a published card, {same} "
            f"{'has' if same == 1 else 'have'} the level of the card, as median. A card speaks of the provider, and of "
            "more than foreign reach."
        )
    return Finding(table, text, detail)


def _bounds(study: Study, objective: str, mapping: Mapping[int, float] | pd.DataFrame | None) -> dict[int, float]:
    """Checked bounds by level."""
    source = study["csf_seal_map"] if mapping is None else mapping
    if isinstance(source, pd.DataFrame):
        rows = source[source["objective"] == objective]
        source = dict(zip(rows["seal"].astype(int), rows["reach_at_most"].astype(float), strict=True))
    if set(source) != set(SEALS[1:]):
        raise UsageError(f"mapping: levels {sorted(source)} of {objective} - must be 1, 2, 3 and 4, one bound each")
    bounds = {k: float(source[k]) for k in SEALS[1:]}
    for k, bound in bounds.items():
        if not 0 <= bound <= 1:
            raise UsageError(f"mapping: {bound} for level {k} - must be between 0 and 1")
        if k > 1 and bound > bounds[k - 1]:
            raise UsageError(f"mapping: {bound} for level {k} - must not be above that of level {k - 1}")
    return bounds
