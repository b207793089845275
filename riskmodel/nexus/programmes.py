"""Whose law is foreign to a controller, and which fact opens which of its routes?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from riskmodel.codes import legal_space
from riskmodel.design import content_programmes
from riskmodel.errors import UsageError
from riskmodel.nexus._rows import split
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
    routes, regimes = study["route_map"], study["regimes"]
    content = content_programmes(study)
    wanted = regimes[regimes["model_scope"] == scope].assign(model_scope="content")
    table = content_programmes(replace(study, tables=MappingProxyType({**study.tables, "regimes": wanted})))
    found = []
    for regime_id, row in table.iterrows():
        countries = frozenset().union(*(_members(c) for c in split(row["countries"])))
        if countries & inside:
            continue
        mine = routes[routes["wording"].isin(split(row["wordings"]))]
        opens = {str(fact): frozenset(part["route"]) for fact, part in mine.groupby("fact")}
        same = (content["countries"] == row["countries"]) & (content["purpose"] == "criminal")
        lenders = [regime_id] if scope == "content" else content.index[same].tolist()
        if not lenders:
            raise UsageError(f"regimes, {regime_id}: no criminal programme of {row['countries']} lends its reach")
        name, purpose = str(row["name"]), str(row["purpose"])
        found.append(Programme(str(regime_id), str(lenders[0]), name, countries, purpose, opens))
    return tuple(found)


def _members(country: str) -> frozenset[str]:
    """A country, or the members of the Union for law that every one of them applies."""
    return legal_space("EU") - {"IS", "LI", "NO"} if country == "EU" else frozenset({country})
