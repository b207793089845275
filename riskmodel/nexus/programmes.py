"""Whose law is foreign to a controller, and which fact opens which of its routes?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from riskmodel.codes import legal_space
from riskmodel.design import content_programmes
from riskmodel.errors import UsageError
from riskmodel.nexus._rows import records, split
from riskmodel.nexus.unknowns import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmodel.study import Study

__all__ = ["Programme", "foreign_programmes"]


@dataclass(frozen=True)
class Programme:
    """A hazard unit abroad: its state, its purpose, and which fact opens which route.

    ``reach_of`` is the regime of the posterior whose reach applies: its own, or the one that lends it.
    """

    regime_id: str
    reach_of: str
    name: str
    countries: frozenset[str]
    purpose: str
    route_of_fact: Mapping[str, frozenset[str]]

    def routes(self, facts: frozenset[Fact]) -> frozenset[str]:
        """Routes that the facts open for this programme."""
        opened = [self.route_of_fact.get(kind, frozenset()) for kind, country in facts if country in self.countries]
        return frozenset().union(*opened)


def foreign_programmes(study: Study, home: str, scope: str = "content") -> tuple[Programme, ...]:
    """Return the programmes of states outside ``home``, in order of their ids.

    Parameters
    ----------
    home
        Legal space of the data controller: ``"EU/EEA"`` or an ISO country code.
    scope
        ``model_scope`` of the regimes: ``"content"`` can compel it. No expert was asked how far regimes of another
        scope reach: sanctions (``"suspension"``) borrow the reach of their state's criminal content programme, through
        the routes that their own wordings open.

    Raises
    ------
    UsageError
        If no criminal programme of its state can lend its reach to a regime of another scope.
    """
    inside = legal_space(home)
    regimes, routes = study["regimes"], records(study["route_map"])
    content = content_programmes(study)
    table = content
    if scope != "content":
        wanted = regimes[regimes["model_scope"] == scope].assign(model_scope="content")
        table = content_programmes(replace(study, tables=MappingProxyType({**study.tables, "regimes": wanted})))
    lenders: dict[str, str] = {}
    for name, row in zip(content.index, records(content), strict=True):
        if row["purpose"] == "criminal":
            lenders.setdefault(row["countries"], name)
    found = []
    for name, row in zip(table.index, records(table), strict=True):
        countries = frozenset().union(*(_members(c) for c in split(row["countries"])))
        if countries & inside:
            continue
        wordings, opens = split(row["wordings"]), dict[str, frozenset[str]]()
        for way in routes:
            if way["wording"] in wordings:
                opens[way["fact"]] = opens.get(way["fact"], frozenset()) | {way["route"]}
        lender = name if scope == "content" else lenders.get(row["countries"])
        if lender is None:
            raise UsageError(f"regimes, {name}: no criminal programme of {row['countries']} lends its reach")
        found.append(Programme(name, lender, row["name"], countries, row["purpose"], opens))
    return tuple(found)


def _members(country: str) -> frozenset[str]:
    """A country, or the members of the Union for law that every one of them applies."""
    return legal_space("EU") - {"IS", "LI", "NO"} if country == "EU" else frozenset({country})
