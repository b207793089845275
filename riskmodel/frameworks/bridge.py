"""One setup through every method: the answers side by side, and why they differ.

Question answered: *my ministry has a score, my lawyer a percentage, the agency a list of clauses: what do they say of
the same setup, and why not the same?* No answer is converted into another, and none is averaged.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.acceptance import acceptability_of, load_acceptability
from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError, did_you_mean
from riskmodel.exposure import exposure
from riskmodel.frameworks.csf import csf, seal_of
from riskmodel.frameworks.rosenthal import rosenthal
from riskmodel.frameworks.secnumcloud import secnumcloud
from riskmodel.frameworks.sren import sren_of
from riskmodel.wording import Probability, digits, factor, percent, share_text

if TYPE_CHECKING:
    from riskmodel.acceptance import Acceptability
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["bridge"]

WHY = {
    "reach": "Asks whether a law can, not how often it does: a short horizon makes it little smaller.",
    "likelihood": "Reach times how often demands come and succeed, with open questions settled one way or the other.",
    "acceptability": "Follows how authorities have ruled, on law and circumstances and not on frequencies; for hosts "
    "unlike those they judged it is extrapolation.",
    "points": "Multiplies one figure a step; a product of medians forgets that the steps are wide and move together.",
    "chain": "Same inputs and their spread, but reach counts as one more yearly chance instead of a settled question.",
    "score": "Averages eight objectives of a provider; the legal one weighs a tenth, and no frequency enters.",
    "gate": "The lowest objective decides: one missing paper counts as much as a foreign parent.",
    "seal": "Our reach cut into levels by a stated mapping; the card cuts a list of criteria.",
    "secnumcloud": "Conditions on owners, place and third parties: one that fails is enough, chances do not count.",
    "sren": "Law on who has to use a qualified service; it asks for the certificate, not for the exposure.",
}
"""Why a method's answer is not that of the others."""
NOT_CHOSEN = "no host chosen yet"

Row = dict[str, Any]


def bridge(
    posterior: Posterior,
    study: Study,
    setup: str,
    *,
    horizon_years: float = 5.0,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
    start: dt.date | None = None,
    rulings: Acceptability | None = None,
) -> Finding:
    """What does each method say of this setup, and why do they differ?

    Parameters
    ----------
    posterior, study, horizon_years, setups, home, start
        As for :func:`riskmodel.exposure`.
    setup
        Setup id.
    rulings
        Fitted rulings; default the shipped ones.

    Returns
    -------
    Finding
        One row an answer: ``method``, ``question``, ``answer`` in words, ``value`` with its ``unit`` (probability, per
        cent, level; missing where the method gives a verdict), ``horizon_years`` (missing where the method has none)
        and ``why_it_differs``. Methods: this model (reach, likelihood, acceptability), the factor chain of Rosenthal
        (product of medians; posterior in the chain), the Cloud Sovereignty Framework (score by each set of weights,
        gate, and the level our reach would give), SecNumCloud 19.6, article 31 SREN.

    Raises
    ------
    UsageError
        If there is no such setup, or the horizon is impossible.
    """
    table = study["setups"] if setups is None else setups
    chosen = table[table["setup_id"] == setup]
    if chosen.empty:
        raise UsageError(f"unknown setup {setup}{did_you_mean(setup, table['setup_id'], 0.5)}")
    where: dict[str, Any] = {"horizon_years": horizon_years, "setups": chosen, "home": home, "start": start}
    x = exposure(posterior, study, by_regime=False, **where)
    provider = chosen["provider_id"].iloc[0]
    provider = None if provider != provider else provider
    label = str(x["label"].values[0])
    reach, probability = (float(x[name].mean()) for name in ("reach_any", "probability"))
    accepted = acceptability_of(rulings or load_acceptability(), x, study, setups=chosen).table
    tolerated = float(accepted.set_index("outcome")["probability"].iloc[2:].sum())
    chain = rosenthal(posterior, study, setup, **where).table.set_index("calculation")
    points = float(chain["probability"]["product of medians"])
    spread = float(chain["probability"]["posterior in the chain"])
    sealed = seal_of(x, study, setups=chosen).table.iloc[0]
    rows = [
        _row("this model", "reach", "Can a foreign law bind someone who can produce the data?", reach, horizon_years),
        _row("this model", "likelihood", "Will content be disclosed within the horizon?", probability, horizon_years),
        {
            **_row("this model", "acceptability", "Would a regulator tolerate or accept it?", tolerated, None),
            "answer": share_text(tolerated),
        },
        _row("factor chain, medians", "points", "The same, by a sheet of single figures?", points, horizon_years),
        _row("factor chain, posterior", "chain", "The same, with our spread in each cell?", spread, horizon_years),
        *_card_rows(study, provider),
        {
            **_row(
                "Cloud Sovereignty Framework, by our reach", "seal", "Legal objective at SEAL-2 or more?", 0.0, None
            ),
            "value": float(sealed["at_least_2"]),
            "answer": f"{share_text(float(sealed['at_least_2']))}, median level SEAL-{int(sealed['seal'])}",
        },
        _clauses(study, setup, provider, chosen, start),
        _duty(study, setup, chosen, start),
    ]
    found = pd.DataFrame(rows).drop(columns="key")
    return Finding(found, _text(label, pd.DataFrame(rows).set_index("key"), horizon_years))


def _row(method: str, key: str, question: str, value: float, horizon_years: float | None) -> Row:
    """An answer that is a probability; its words follow from it."""
    return {
        "key": key,
        "method": method,
        "question": question,
        "answer": str(Probability(value, horizon_years)) if horizon_years else percent(value),
        "value": value,
        "unit": "probability",
        "horizon_years": np.nan if horizon_years is None else float(horizon_years),
        "why_it_differs": WHY[key],
    }


def _verdict(method: str, key: str, question: str, answer: str, value: float = np.nan, unit: str = "") -> Row:
    """An answer that is a word, a score or a level."""
    return {
        "key": key,
        "method": method,
        "question": question,
        "answer": answer,
        "value": value,
        "unit": unit,
        "horizon_years": np.nan,
        "why_it_differs": WHY[key],
    }


def _card_rows(study: Study, provider: str | None) -> list[Row]:
    """Score by each set of weights, and gate, from the card of the provider."""
    cards = csf(study).table
    name = "Cloud Sovereignty Framework"
    versions = list(dict.fromkeys(study["csf_weights"]["version"]))
    mine = cards[cards["provider_id"] == provider] if provider else cards.iloc[:0]
    missing = NOT_CHOSEN if provider is None else "no card of the provider"
    rows = []
    for version in versions:
        score = float(mine[f"score_{version}"].iloc[0]) if len(mine) else np.nan
        answer = missing if mine.empty else "no scores on the card" if np.isnan(score) else f"{digits(score, 3)} %"
        rows.append(_verdict(f"{name}, weights {version}", "score", "How sovereign?", answer, score, "per cent"))
    gate = float(mine["gate"].iloc[0]) if len(mine) else np.nan
    answer = missing if mine.empty else f"SEAL-{gate:g}"
    return [*rows, _verdict(f"{name}, gate", "gate", "Which level do all objectives reach?", answer, gate, "level")]


def _clauses(study: Study, setup: str, provider: str | None, chosen: pd.DataFrame, start: dt.date | None) -> Row:
    question = "Does it meet the clauses on foreign law?"
    if provider is None:
        return _verdict("SecNumCloud 19", "secnumcloud", question, NOT_CHOSEN)
    table = secnumcloud(study, setup, day=start, setups=chosen).table.set_index("clause")["verdict"]
    rules = table.drop(["scope", "limits"], errors="ignore")
    failed = list(rules.index[rules == "not met"])
    if failed:
        return _verdict("SecNumCloud 19", "secnumcloud", question, f"no: {', '.join(failed)} not met")
    settled = int(rules.isin(("met", "probable")).sum())
    qualified = "; a service is named as qualified" if table.get("scope") == "probable" else "; not qualified"
    answer = f"not ruled out: {settled} of {len(rules)} clauses met or probable, the others not shown{qualified}"
    return _verdict("SecNumCloud 19", "secnumcloud", question, answer)


def _duty(study: Study, setup: str, chosen: pd.DataFrame, start: dt.date | None) -> Row:
    found = sren_of(study, setup, day=start, setups=chosen).table.set_index("question")["answer"]
    unknown = [str(q).replace("_", " ") for q in ("bound", "sensitive", "provider_qualified") if found[q] == "unknown"]
    answer = str(found["outcome"])
    if unknown and found["outcome_if_bound"] != answer:
        answer += f" (not known: {', '.join(unknown)}; if bound: {found['outcome_if_bound']})"
    return _verdict("Article 31 SREN", "sren", "Must the body use a qualified service?", answer)


def _text(label: str, rows: pd.DataFrame, horizon_years: float) -> str:
    """The disagreement in a few sentences."""
    value, answer = rows["value"], rows["answer"]
    likely, points, spread = (float(value[key]) for key in ("likelihood", "points", "chain"))
    scores = [text for text in rows.loc[["score"], "answer"] if text.endswith("%")]
    card = f"{' or '.join(scores)} by the framework's two sets of weights, " if scores else ""
    card += f"gate {answer['gate']}" if answer["gate"].startswith("SEAL") else "no card of the framework"
    return (
        f"{label}: {Probability(likely, horizon_years)} in this model; a sheet of medians would give "
        f"{factor(points / likely)} times that, the same sheet with our spread {factor(spread / likely)} times; "
        f"{card}; SecNumCloud: {answer['secnumcloud']}; article 31: {answer['sren']}. They differ because medians "
        "forget how wide the steps are, a chain takes a legal question that is settled once for a chance that comes "
        "again, scores average what is no exposure, and clauses and duty ask for owners and papers, not for chances."
    )
