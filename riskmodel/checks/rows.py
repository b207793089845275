"""Rows of a checks table: (check, value, threshold, verdict, meaning), for reports and tests alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from riskmodel.language import localised, mark, tr

__all__ = ["LIKELIHOODS", "Row", "message_of", "passed", "row", "said"]

Row = dict[str, Any]

TEXTS = (
    mark("{check}, around the judgements"),
    mark("{check}, around the posterior"),
    mark("R-hat, largest"),
    mark("bulk ESS, smallest"),
    mark("tail ESS, smallest"),
    mark("divergences"),
    mark("E-BFMI, smallest"),
    mark("predictive check, {name}"),
    mark("back-test, coverage of {level} % intervals"),
    mark("back-test, log score against naive, bands"),
    mark("back-test, log score against naive, demands"),
    mark("back-test, log score against naive, shares"),
    mark("back-test, log score against naive, all"),
    mark("back-test, log score against base rates, rulings"),
    mark("SBC, parameters outside the {level} % band"),
    mark("SBC, coverage of {level} % intervals"),
    mark("> {number} standard errors"),
    mark("chains agree with one another"),
    mark("enough independent draws for means"),
    mark("enough independent draws for interval ends"),
    mark("no region that the sampler could not follow"),
    mark("energy levels were all visited"),
    mark("share of published rows inside the {level} % interval that the fitted model predicts for them"),
    mark("share of the following year's figures inside the interval predicted from the past"),
    mark("mean gain a prediction over the naive forecast, standard error {number}"),
    mark("mean gain a ruling over base rates up to then, standard error between years {number}"),
    mark("true values rank evenly among the draws fitted to their data"),
    mark("intervals hold the true value as often as they say"),
    mark("{low} to {high}"),
)
"""What stored rows say, for other languages; the first that fits counts."""
LIKELIHOODS = {
    "event_count": mark("disclosures of content stored abroad"),
    "eu_event_count": mark("of these, customers in the EU or EFTA"),
    "statement_holds": mark("statements of zero"),
    "demand_count": mark("requests about enterprise customers"),
    "content_count": mark("requests after which content was given"),
    "some_data_count": mark("requests after which some data were given"),
    "country_demands": mark("requests by one state"),
    "log_total": mark("published totals of customers"),
    "band_microsoft": mark("accounts in a band: Microsoft"),
    "band_google_all": mark("accounts in a band: Google"),
}
"""Likelihood of the model -> what its rows are."""
PLACE = re.compile(r"\\{(\w+)\\}")
"""A place for a value in an escaped text."""


def row(check: str, value: float, threshold: str, good: bool, meaning: str) -> Row:
    """Return one line of a checks table."""
    return {
        "check": check,
        "value": value,
        "threshold": threshold,
        "verdict": "pass" if good else "fail",
        "meaning": meaning,
    }


def passed(rows: Iterable[Row]) -> bool:
    """Whether every check passes."""
    return all(r["verdict"] == "pass" for r in rows)


def said(text: str) -> str:
    """Say the name, threshold or meaning of a stored check in the current language.

    >>> said("R-hat, largest")
    'R-hat, largest'
    """
    if text in LIKELIHOODS:
        return tr(LIKELIHOODS[text])
    known = message_of(text)
    if known is None:
        return localised(text)
    return tr(known[0], **{name: said(part) for name, part in known[1].items()})


def message_of(text: str) -> tuple[str, dict[str, str]] | None:
    """Which of :data:`TEXTS` did a stored text come from, and with which values? None: from none of them.

    >>> message_of("0.86 to 0.94")
    ('{low} to {high}', {'low': '0.86', 'high': '0.94'})
    """
    for known in TEXTS:
        found = re.fullmatch(PLACE.sub(_place, re.escape(known)), text)
        if found:
            return known, found.groupdict()
    return None


def _place(found: re.Match[str]) -> str:
    """What fits a place: anything where words stand, else a number."""
    return f"(?P<{found[1]}>{'.+' if found[1] in ('check', 'name') else '[-.0-9]+'})"
