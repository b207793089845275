"""Comparisons in words: short tables whose numbers a reader can read."""

import re

import pandas as pd
import xarray as xr

import riskmodel as rm
from riskmodel.tables import decisions_compare as words

PAIR = ["HDH_AZURE", "HDH_SCALEWAY"]
LONG = re.compile(r"\d\.\d{4,}|nan|inf")


def readable(table: pd.DataFrame) -> None:
    assert len(table) and table.shape[1] <= 6
    assert not [cell for cell in table.to_numpy().ravel() if LONG.search(str(cell))]


def test_tables_are_short_and_readable(study: rm.Study, posterior: rm.Posterior) -> None:
    rows = study["setups"].query("setup_id in @PAIR")
    x: xr.Dataset = rm.exposure(posterior, study, setups=rows)
    suspended = rm.suspension(posterior, study, setups=rows)
    judged = rm.acceptability_of(rm.load_acceptability(study=study), x, study, setups=rows)
    found = rm.compare(x, *PAIR, suspended=suspended, judged=judged)
    answers = words.answers_words(found.table, "a", "b")
    assert list(answers["Answer"]) == list(words.ANSWERS.values())
    criteria = pd.DataFrame({"setup": PAIR, "criterion": "cost", "low": [1.0, 2.0], "high": [1.0, 3.0]})
    readable(answers)
    readable(words.factors_words(rm.contributions(posterior, study, *PAIR).table))
    readable(words.questions_words(rm.worlds(posterior, study, setups=rows)))
    readable(words.regret_words(rm.regret(x).table))
    readable(words.criteria_words(rm.tradeoff(x, criteria.assign(better="lower"))))
    readable(words.portfolio_words(rm.aggregate(x, {"one": {PAIR[0]: 100}}).table))
    readable(words.severity_words(rm.severity(posterior, study, setups=rows).table))
    assert "is the lower one (" in words.levels_and_order(x, PAIR[1], PAIR[0])


def test_what_is_no_prediction_of_the_model_says_so(study: rm.Study, posterior: rm.Posterior) -> None:
    rows = study["setups"].query("setup_id in @PAIR")
    x = rm.exposure(posterior, study, setups=rows)
    judged = rm.acceptability_of(rm.load_acceptability(study=study), x, study, setups=rows)
    finding = rm.compare(x, *PAIR, judged=judged)
    assert "For Scaleway (selected) this is extrapolation" in finding.text
    last = words.answers_words(finding.table, "a", "b").iloc[-1]
    assert (last.iloc[-2:] == words.NOT_KNOWN).all()
