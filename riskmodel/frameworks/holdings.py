"""Who holds a company, directly and through chains, and do capital and votes from outside the Union stay under a cap?

Two bounds go with every share, because the record is never complete. The *low* one gives all that was not seen (what is
missing to 100 %, a free float, holders of a company that nobody looked up) to the largest holder from outside, and
multiplies minority shares down a chain. The *high* one gives none of it to anybody outside, and lets a parent's only
controlling holder stand for the parent, as thresholds are counted in company law. In both, a company controlled from
outside the Union counts in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from riskmodel.codes import EU, EU_EEA, country_code
from riskmodel.errors import UsageError
from riskmodel.nexus._rows import Record, records
from riskmodel.nexus.ownership import MAJORITY_PCT, _widest

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["CAPS_PCT", "EU_MEMBERS", "SHARES", "Bounds", "Caps", "Chain", "caps", "holdings"]

EU_MEMBERS = EU_EEA - {"IS", "LI", "NO"} | {EU}
"""Member states of the Union; the three other states of the European Economic Area are outside for this scheme."""
CAPS_PCT = (24.0, 39.0)
"""Caps of SecNumCloud for one holder and for all together; a share of exactly the cap meets it."""
ENDS = ("person", "state", "public_body", "foundation")
"""Kinds of entity behind which no further owner is looked for."""
SHARES = ("capital", "votes")
COLUMNS = ("holder", "country", "low", "high", "kind", "via")
ROUNDING_PCT = 0.05
"""Holdings of one company may add up to this much above 100."""
DRAWS = 4096

Array = np.ndarray


class Bounds(NamedTuple):
    """Probability that a rule is met: as low and as high as what was not seen allows."""

    low: float
    high: float


class Caps(NamedTuple):
    """Both caps of clause 19.6.b."""

    single: Bounds
    joint: Bounds


def caps(
    holdings: pd.DataFrame,
    *,
    caps_pct: tuple[float, float] = CAPS_PCT,
    indirect: bool = True,
    draws: int = DRAWS,
    seed: int = 0,
) -> Caps:
    """How probable is it that capital and votes held from outside the Union stay within both caps?

    Parameters
    ----------
    holdings
        One row a holding: ``holder``, ``country`` of its seat (empty: not known), ``low`` and ``high`` in per cent
        (both empty: not seen), ``kind`` (capital, votes, control) and ``via``, the company that is held (empty: the
        provider itself). What is missing to 100 % was not seen. A holder from the Union without rows of its own ends
        the chain. Control without a share counts as just over half, the rest as not seen.
    caps_pct
        Per cent for one holder and for all together.
    indirect
        False: direct holdings only, by the seat of the holder.
    draws, seed
        Shares are uniform in their interval, one stratified draw for each holding; combinations in which a company is
        held to more than 100 % are left out. Shares known exactly give exact results.

    Returns
    -------
    Caps
        ``single`` and ``joint``, each with ``low`` and ``high``.

    Raises
    ------
    UsageError
        If a column is missing, a share is not between 0 and 100, a kind or country is unknown, a row is there twice,
        a company held is no holder itself, or the holdings of a company cannot add up to 100 % or less.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("Fund", "US", 24, 24, "capital", ""), ("Family", "FR", 76, 76, "capital", "")]
    >>> caps(pd.DataFrame(rows, columns=["holder", "country", "low", "high", "kind", "via"]))
    Caps(single=Bounds(low=1.0, high=1.0), joint=Bounds(low=1.0, high=1.0))
    """
    chain = Chain(holdings, draws, seed)
    worst, best = (chain.outside(strict, indirect) for strict in (True, False))
    bounds = []
    for place, cap in enumerate(caps_pct):
        low, high = (np.all([pair[place] <= cap + 1e-9 for pair in pairs], axis=0) for pairs in (worst, best))
        bounds.append(Bounds(float(low.mean()), float(high.mean())))
    return Caps(*bounds)


class Chain:
    """Holdings drawn once, and the walk up through them."""

    def __init__(self, table: pd.DataFrame, draws: int = DRAWS, seed: int = 0) -> None:
        rows = _checked(table)
        self.country = {row["holder"]: row["country"] for row in rows}
        self.rows: dict[str, dict[str, dict[str, Record]]] = {}
        for row in rows:
            self.rows.setdefault(row["via"], {}).setdefault(row["holder"], {})[row["kind"]] = row
        rng = np.random.default_rng(seed)
        strata = np.arange(draws)
        uniform = {
            (via, holder): (rng.permutation(strata) + rng.random(draws)) / draws
            for via, holders in self.rows.items()
            for holder in holders
        }
        self.size = draws
        self.shares = {
            (via, kind): {holder: _drawn(row, uniform[via, holder]) for holder, row in self._of(via, kind).items()}
            for via in self.rows
            for kind in SHARES
        }
        possible = np.ones(draws, bool)
        for (via, _), found in self.shares.items():
            possible &= sum(found.values(), np.zeros(draws)) <= 100 + ROUNDING_PCT
            if not possible.any():
                raise UsageError(f"holdings: those of {via or 'the provider'} - must not add up to more than 100 %")
        self.possible = possible

    def _of(self, via: str, kind: str) -> dict[str, Record]:
        """Holdings of one company that speak of capital or votes; the other kind where this one was not seen at all."""
        known = [k for k in (kind, *SHARES) if any(k in by_kind for by_kind in self.rows[via].values())]
        use = known[0] if known else kind
        found = {holder: by_kind.get(use, by_kind.get("control")) for holder, by_kind in self.rows[via].items()}
        return {holder: row for holder, row in found.items() if row is not None}

    def controls(self, via: str) -> dict[str, Array]:
        """In which draws does each holder control the company, by a stated right or over half of the votes?"""
        votes = self.shares[via, "votes"]
        return {
            holder: np.full(self.size, "control" in by_kind) | (votes.get(holder, np.zeros(self.size)) > MAJORITY_PCT)
            for holder, by_kind in self.rows[via].items()
        }

    def side(self, holder: str) -> str:
        """``inside``, ``outside`` or ``not seen``."""
        country = self.country.get(holder)
        return "not seen" if not country else "inside" if country in EU_MEMBERS else "outside"

    def root(self, holder: str, path: frozenset[str] = frozenset()) -> str:
        """Who stands behind a holder for certain: companies of one group are one holder."""
        if holder in path or holder not in self.rows:
            return holder
        sole = [parent for parent, control in self.controls(holder).items() if control.all()]
        return self.root(sole[0], path | {holder}) if len(sole) == 1 else holder

    def outside(self, strict: bool, indirect: bool = True) -> list[tuple[Array, Array]]:
        """For capital and for votes: largest share of one holder from outside, and share of all, in per cent."""
        found = []
        for kind in SHARES:
            parts = self.parts(kind, strict, indirect)
            held: dict[str, Array] = {}
            unseen = np.zeros(self.size)
            for holder, side, _, share in parts:
                if side == "outside":
                    held[self.root(holder)] = held.get(self.root(holder), 0.0) + share
                elif side == "not seen" and strict:
                    unseen = unseen + share
            shares = list(held.values()) or [np.zeros(self.size)]
            largest, together = np.max(shares, axis=0) + unseen, np.sum(shares, axis=0) + unseen
            found.append((largest[self.possible], together[self.possible]))
        return found

    def unseen_pct(self) -> float:
        """Largest part of capital or votes, in per cent, that may be held by somebody whose seat nobody has seen."""
        found = [[part for _, side, _, part in self.parts(kind, True) if side == "not seen"] for kind in SHARES]
        totals = [np.sum(parts, axis=0)[self.possible].max() for parts in found if parts]
        return float(min(max(totals, default=0.0), 100.0))

    def parts(self, kind: str, strict: bool, indirect: bool = True) -> list[tuple[str, str, str, Array]]:
        """Who holds the provider in the end: holder, side, company held, and per cent of the provider."""
        return self._up("", np.full(self.size, 100.0), kind, strict, indirect, frozenset())

    def _up(
        self, company: str, weight: Array, kind: str, strict: bool, indirect: bool, path: frozenset[str]
    ) -> list[tuple[str, str, str, Array]]:
        shares = {h: s / 100 for h, s in self.shares.get((company, kind), {}).items()}
        rest = np.clip(1.0 - sum(shares.values(), np.zeros(self.size)), 0.0, None)
        if company:  # its only controlling holder stands for it: always from outside, from inside in the mild reading
            control = self.controls(company)
            sole = sum(control.values(), np.zeros(self.size)) == 1
            for holder, has in control.items():
                alone = sole & has
                if strict and self.side(holder) != "outside":
                    alone = alone & self.foreign(holder)
                shares = {h: np.where(alone, float(h == holder), s) for h, s in shares.items()}
                rest = np.where(alone, 0.0, rest)
        found = [("not seen", "not seen", company, weight * rest)]
        for holder, share in shares.items():
            side, part = self.side(holder), weight * share
            if side == "inside" and indirect and holder in self.rows and holder not in path:
                found += self._up(holder, part, kind, strict, indirect, path | {holder})
            else:
                found.append((holder, side, company, part))
        return [one for one in found if one[3].any()]

    def foreign(self, company: str, path: frozenset[str] = frozenset()) -> Array:
        """In which draws is a company controlled from outside the Union?"""
        found = np.zeros(self.size, bool)
        if company in path or company not in self.rows:
            return found
        for holder, has in self.controls(company).items():
            outside = self.side(holder) == "outside"
            found |= has & (True if outside else self.foreign(holder, path | {company}))
        return found

    def control(self) -> tuple[float, float]:
        """Probability that the provider is controlled from outside the Union, and that it is only from inside."""
        foreign = self.foreign("")
        inside = np.zeros(self.size, bool)
        for holder, has in self.controls("").items() if "" in self.rows else ():
            inside |= has & (self.side(holder) == "inside")
        return float(foreign[self.possible].mean()), float((inside & ~foreign)[self.possible].mean())


def _checked(table: pd.DataFrame) -> list[Record]:
    """Rows of a table of holdings, or one message about what is wrong with it."""
    if missing := [column for column in COLUMNS if column not in table.columns]:
        raise UsageError(f"holdings: column {', '.join(missing)} - must be there; columns are {', '.join(COLUMNS)}")
    rows = records(table[list(COLUMNS)].reset_index(drop=True))
    seen: set[tuple[str, str, str]] = set()
    for row in rows:
        low, high, kind, country = row["low"], row["high"], row["kind"], row["country"]
        row["via"] = row["via"] or ""
        if kind not in (*SHARES, "control"):
            raise UsageError(f"holdings: kind {kind} of {row['holder']} - must be capital, votes or control")
        if (low is None) != (high is None) or (low is not None and not 0 <= low <= high <= 100):
            raise UsageError(f"holdings: share {low} to {high} of {row['holder']} - must lie between 0 and 100 %")
        if (key := (row["via"], row["holder"], kind)) in seen:
            raise UsageError(f"holdings: {kind} of {row['holder']} - must have one row for each company held")
        seen.add(key)
        if country and country not in EU_MEMBERS:
            try:
                row["country"] = country_code(country)
            except ValueError as error:
                raise UsageError(f"holdings: country of {row['holder']}: {error}") from None
    if lost := {row["via"] for row in rows} - {row["holder"] for row in rows} - {""}:
        raise UsageError(f"holdings: via {', '.join(sorted(lost))} - must be a holder in another row, or empty")
    return rows


def _drawn(row: Record, uniform: Array) -> Array:
    """Share in per cent; unseen control is half, and an unseen share nothing: the rest is among what was not seen."""
    if row["low"] is None:
        return np.full(uniform.size, MAJORITY_PCT + 1e-6 if row["kind"] == "control" else 0.0)
    return np.asarray(row["low"] + (row["high"] - row["low"]) * uniform)


def holdings(study: Study, provider: str) -> pd.DataFrame:
    """Who holds a provider, and who holds its holders, as far as it is recorded?

    Current and contested rows only, one a holder and kind (the latest, widened by those that it does not settle).
    Promised ceilings are no holdings, a free float is what was not seen, and a joint figure takes the place of its
    members (``data/joint_holders.csv``).

    Returns
    -------
    pandas.DataFrame
        Columns of :func:`caps`, and ``name``, ``confidence``, ``ownership_ids``, ``source_ids``. A company whose
        holders were not looked up has one row without a country.
    """
    entities = {row["entity_id"]: row for row in records(study["entities"])}
    groups: dict[str, set[str]] = {}
    for row in records(study["joint_holders"]):
        groups.setdefault(row["group_id"], set()).add(row["member_id"])
    said: dict[str, dict[tuple[str, str], list[Record]]] = {}
    for row in records(study["ownership"]):
        now = row["status"] in ("current", "contested") and row["as_of_meaning"] != "planned"
        if now and entities[row["holder_id"]]["kind"] != "public_float":
            said.setdefault(row["owned_id"], {}).setdefault((row["holder_id"], row["kind"]), []).append(row)

    def ends(entity: str) -> bool:
        members = groups.get(entity, {entity})
        return all(entities.get(member, {}).get("kind") in ENDS for member in members)

    rows: list[Record] = []
    queue = [provider]
    for owned in queue:  # grows on the way
        via = "" if owned == provider else owned
        found = _once(said.get(owned, {}), groups)
        if not found and not (via and ends(owned)):
            rows.append({"holder": f"holders of {owned}", "low": 100.0, "high": 100.0, "kind": "capital", "via": via})
        for (holder, kind), several in found.items():
            row = _widest(several)
            whole = 100.0 if kind == "control" and row["share_low_pct"] is None and ends(owned) else None
            rows.append(
                {
                    "holder": holder,
                    "country": entities[holder]["country"],
                    "low": row["share_low_pct"] if whole is None else whole,
                    "high": row["share_high_pct"] if whole is None else whole,
                    "kind": kind,
                    "via": via,
                    "name": entities[holder]["name"],
                    "confidence": row["confidence"],
                    "ownership_ids": ";".join(r["ownership_id"] for r in several),
                    "source_ids": row["source_ids"],
                }
            )
            if holder not in queue and not ends(holder):
                queue.append(holder)
    return pd.DataFrame(rows, columns=[*COLUMNS, "name", "confidence", "ownership_ids", "source_ids"])


def _once(
    found: Mapping[tuple[str, str], list[Record]], groups: Mapping[str, set[str]]
) -> dict[tuple[str, str], list[Record]]:
    """Count nobody twice: a joint figure replaces its members', control stated of a group yields to their shares."""
    kept = dict(found)
    for holder, kind in found:
        for member in groups.get(holder, set()) if kind in SHARES else ():
            kept.pop((member, kind), None)
    for holder, kind in found:
        if kind == "control" and any((member, share) in kept for member in groups.get(holder, ()) for share in SHARES):
            kept.pop((holder, kind), None)
    return kept
