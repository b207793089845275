"""Stored checks in words: the tables of the validation, and what their rows and quantities are called.

Question answered: *does the posterior mean what it says, and which figure or judgement does a check speak of?* Nothing
is fitted here: :func:`riskmodel.validate.validate` makes the tables, which travel with the package.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.acceptance.posterior import Acceptability, probabilities
from riskmodel.acceptance.rulings import build_rulings
from riskmodel.checks.rows import LIKELIHOODS, said
from riskmodel.decide.rulings import OUTCOMES
from riskmodel.errors import UsageError
from riskmodel.language import tr
from riskmodel.tables.page import plain
from riskmodel.tables.setups import CUSTODY, country, names
from riskmodel.wording import share_text

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["foreseen", "has", "item_words", "likelihood_words", "number_of", "published", "sensitivity"]
__all__ += ["below_nominal", "coverage_says", "validation", "validation_says"]

FOLDER = Path(str(resources.files("riskmodel") / "reference" / "validation"))
"""Where the validation of the shipped posterior is kept."""
REMEDY = "make validate"
SERVICES = {"all": "", "mixed": "", "infrastructure": ", infrastructure", "collaboration": ", collaboration"}


def has(name: str) -> bool:
    """Whether the table ``name`` of the validation is kept."""
    return (FOLDER / f"{name}.csv").is_file()


def validation(name: str) -> pd.DataFrame:
    """Return a table of the stored validation, for example ``"predictive"`` or ``"backtest"``.

    Raises
    ------
    UsageError
        If it is not kept; the message names the command that makes it.
    """
    if not has(name):
        raise UsageError(f"{FOLDER / name}.csv: no such table of the validation; `{REMEDY}` makes it")
    return pd.read_csv(FOLDER / f"{name}.csv")


def validation_says(study: Study) -> str:
    """Say whether the stored validation belongs to this study and this model, how large it is and what it found.

    Raises
    ------
    UsageError
        If no validation is kept.
    """
    from riskmodel.design import build_design
    from riskmodel.priors import Priors
    from riskmodel.validate import model_code

    file = FOLDER / "checks.json"
    if not file.is_file():
        raise UsageError(f"{file}: no validation is kept; `{REMEDY}` makes it")
    found = json.loads(file.read_text(encoding="utf-8"))
    others = [
        words
        for words, same in (
            ("other data or priors", found["design_hash"] == build_design(study).hash(Priors.from_study(study))),
            ("other code of the model", found["model_code"] == model_code()),
        )
        if not same
    ]
    failed = [said(row["check"]) for row in found["checks"] if row["verdict"] != "pass"]
    verdict = f"{len(failed)} of its {len(found['checks'])} checks fail ({'; '.join(failed)})."
    return (
        (
            f"Beware: the stored validation was made with {' and '.join(others)} than the study and the package have "
            f"now. What follows speaks of that version; `{REMEDY}` makes it again. "
            if others
            else "The stored validation belongs to this study and to this version of the model. "
        )
        + f"It rests on up to {found['simulations']} simulated studies of a kind, and "
        + (verdict if failed else f"all of its {len(found['checks'])} checks pass.")
    )


def likelihood_words(study: Study, likelihoods: Iterable[str]) -> list[str]:
    """Say what the rows of each likelihood are."""
    reporter = names(study, "reporters")
    return [
        LIKELIHOODS.get(name) or f"accounts in a band: {reporter.get(name.removeprefix('band_'), name)}"
        for name in likelihoods
    ]


def number_of(share: float, of: float) -> str:
    """Say an observed share of things counted, as a count and never as an open end.

    >>> number_of(1.0, 9), number_of(0.0, 5), number_of(0.875, 40)
    ('9 of 9', '0 of 5', '35 of 40')
    """
    return tr("{part} of {all}", part=round(share * of), all=round(of))


def below_nominal(found: pd.DataFrame, share: int) -> pd.DataFrame:
    """Rows of a table of coverage whose intervals hold fewer figures than they promise.

    Parameters
    ----------
    found
        ``rows`` and ``inside_50``, ``inside_90``.
    share
        Promise of the interval in per cent, 50 or 90.

    Returns
    -------
    pandas.DataFrame
        The rows, most figures short first, with ``chance``: how probable so few or fewer would be if the intervals
        held what they promise and figures were independent.
    """
    held = (found[f"inside_{share}"] * found["rows"]).round().astype(int)
    short = found["rows"] * share / 100 - held
    low = found[short > 1e-9].assign(short=short[short > 1e-9], held=held[short > 1e-9])
    low["chance"] = [_at_most(k, n, share / 100) for k, n in zip(low["held"], low["rows"], strict=True)]
    return low.sort_values("short", ascending=False, ignore_index=True)


def _at_most(held: int, rows: int, share: float) -> float:
    """Probability of so many successes or fewer in ``rows`` independent trials."""
    return sum(math.comb(rows, k) * share**k * (1 - share) ** (rows - k) for k in range(held + 1))


def coverage_says(found: pd.DataFrame) -> str:
    """Say where intervals hold fewer of the figures than they promise: by name, not only in sum.

    ``found``: ``label``, ``rows``, ``inside_50``, ``inside_90``, one row a group of figures.
    """
    said_of = []
    for share in (90, 50):
        low, mean = below_nominal(found, share), np.average(found[f"inside_{share}"], weights=found["rows"])
        named = [
            f"{row['label']} ({row['held']} of {row['rows']}, {share_text(row['chance'])})"
            for row in low.to_dict("records")
        ]
        every = f"Of all {int(found['rows'].sum())} figures the {share} % intervals hold {100 * mean:.0f} %"
        said_of.append(
            f"{every}; they hold fewer than they promise for {'; '.join(named)}."
            if named
            else f"{every}, and for none fewer than they promise."
        )
    return " ".join(said_of) + (
        " In brackets, beside the count: how probable so few or fewer would be if each interval held what it promises "
        "and figures were independent, which those of one reporter are not."
    )


def published(study: Study) -> pd.DataFrame:
    """Every published figure that the model is fitted to, in words.

    Returns
    -------
    pandas.DataFrame
        ``likelihood``, ``row``, ``reporter``, ``period_end`` and ``label``: what, by whom, until when.
    """
    from riskmodel.design import build_design

    design = build_design(study)
    rows = design.rows()
    known = pd.concat([names(study, "providers"), names(study, "reporters")])
    who = rows["reporter"].map(known[~known.index.duplicated(keep="last")]).fillna(rows["reporter"].map(plain))
    when = rows["period_end"].dt.strftime(", to %B %Y").fillna("")
    states = [
        f", {country(design.coords['country'][design.countries.country_idx[n]])}" if name == "country_demands" else ""
        for name, n in zip(rows["likelihood"], rows["row"], strict=True)
    ]
    what = [words.split(":")[0] for words in likelihood_words(study, rows["likelihood"])]
    label = pd.Series(what, rows.index) + ": " + who + rows["service"].map(SERVICES).fillna("") + states + when
    return rows.assign(label=label)[["likelihood", "row", "reporter", "period_end", "label"]]


def item_words(study: Study, items: Iterable[str]) -> list[str]:
    """Say which quantity each elicited item (``quantity.condition@where``) is."""
    law = study["regimes"].set_index("regime_id")["name"].str.split(",").str[0]
    words = CUSTODY | names(study, "providers").to_dict()
    out = []
    for item in items:
        (quantity, _, condition), where = item.split("@")[0].partition("."), item.split("@")[1:]
        about = [] if condition in ("", "any") else [words.get(condition, plain(condition))]
        about += [str(law.get(name, plain(name))) for name in where]
        out.append(plain(quantity) + (f": {', '.join(about)}" if about else ""))
    return out


def sensitivity(study: Study, name: str) -> pd.DataFrame:
    """A stored table of sensitivity with ``label`` (the quantity in words) and ``kind`` of each quantity.

    Parameters
    ----------
    name
        ``"power_scaling"`` or ``"judgement_shifts"``.

    Returns
    -------
    pandas.DataFrame
        ``kind`` is ``probability`` (its logarithm), ``order`` (of two setups: 0 or 1) or ``rate`` (its logarithm).
    """
    found = validation(name)
    label = study["setups"].set_index("setup_id")["label"]
    said = {}
    for quantity in found["quantity"].unique():
        first, _, last = quantity.partition(" below ")
        what, _, which = quantity.partition(", ")
        if last:
            said[quantity] = ("order", f"{label.get(first, first)} below {label.get(last, last)}")
        elif what == "log probability":
            said[quantity] = ("probability", str(label.get(which, which)))
        else:
            said[quantity] = ("rate", f"{plain(what.removeprefix('log_rate_'))}, {which}")
    return found.assign(
        **{part: found["quantity"].map(lambda q, k=k: said[q][k]) for k, part in enumerate(["kind", "label"])}
    )


def foreseen(study: Study, result: Acceptability) -> pd.DataFrame:
    """How often did each outcome of a ruling come, and how often does the model of rulings expect it?

    Predicted for every ruling as for a system not judged before, from draws that have seen the ruling; groups are
    thirds of the rulings by the predicted probability of the two harsher outcomes.

    Returns
    -------
    pandas.DataFrame
        ``group``, ``outcome``, ``rulings`` (number), ``predicted`` (mean probability), ``low`` and ``high`` (5 and
        95 % of the share if the predictions are right and rulings independent), ``observed`` (share).
    """
    rulings, draws = build_rulings(study), result.draws()
    rng = np.random.default_rng(int(result.data.attrs["seed"]))
    facts = np.where(rulings.unknown, np.nan, rulings.stated)
    reach = np.repeat(result.data["reach_logit"].values, result.data.sizes["draw"], axis=0).T.astype(float)
    system = rng.standard_normal((reach.shape[1],))
    chance = np.stack(
        [
            probabilities(draws, reach[k], facts[k], float(rulings.court[k]), system).mean(axis=0)
            for k in range(len(rulings.decision))
        ]
    )
    came = np.eye(len(OUTCOMES))[rulings.outcome]
    harsh = chance[:, :2].sum(axis=1)
    lines = [("all rulings", name, chance[:, k], came[:, k]) for k, name in enumerate(OUTCOMES)]
    for words, part in zip(("mildest", "middle", "harshest"), np.array_split(harsh.argsort(), 3), strict=True):
        said = "prohibited or changes ordered"
        lines.append((f"{words} third expected", said, harsh[part], came[part, :2].sum(axis=1)))
    rows = []
    for group, outcome, expected, seen in lines:
        shares = (rng.random((4000, len(expected))) < expected).mean(axis=1)
        low, high = np.quantile(shares, [0.05, 0.95])
        rows.append((group, outcome, len(expected), expected.mean(), low, high, seen.mean()))
    return pd.DataFrame(rows, columns=["group", "outcome", "rulings", "predicted", "low", "high", "observed"])
