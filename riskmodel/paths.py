"""Setups that follow one another -> probability of an event up to any date, settled unknowns common to the whole path.

Question answered: *how probable is at least one disclosure along a dated sequence of setups?* A legal question, a
fact, the quality of certificates and the reading of keys and terms are settled once, also across a migration: survival
of the parts must not be multiplied as if they were drawn anew (:mod:`riskmodel.integral`). A leak belongs to a host.

Hazards are those of today, applied to every year of the path; law and certificates change at their dates.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, pairwise, product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.draws import Draws, authority_cells, contract_cells, custody_factor, openings, rates, require_same
from riskmodel.errors import UsageError, did_you_mean
from riskmodel.integral import Settled
from riskmodel.nexus import Option, Programme, SetupFacts, foreign_programmes
from riskmodel.nexus._rows import Record, records
from riskmodel.nexus.setups import Book
from riskmodel.worlds import world

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["Paths", "legs_of"]

DAYS = 365.25


@dataclass(frozen=True)
class _Path:
    """Facts of each leg, and its segments in the time since the path began."""

    legs: tuple[SetupFacts, ...]
    begins: np.ndarray  # (segment,) years since the beginning
    years: np.ndarray  # (segment,)
    leg: np.ndarray  # (segment,) place of its leg

    def used(self, elapsed: np.ndarray) -> np.ndarray:
        """Years of each segment that have passed at some times since the beginning: (time, segment)."""
        return np.clip(elapsed[:, None] - self.begins, 0.0, self.years)


def legs_of(plan: pd.DataFrame, known: Iterable[str], name: str = "plan") -> list[tuple[str, dt.date, dt.date]]:
    """Check one dated sequence of setups: setup, first day, and the day on which the next one takes over.

    Parameters
    ----------
    plan
        Columns ``setup_id``, ``from_date``, ``to_date`` (that day is the next leg's first).
    known
        Ids that may be named.
    name
        How messages call it.

    Raises
    ------
    UsageError
        If a column or a date is missing, a setup unknown, a leg ends before it begins, or legs overlap or leave a gap:
        every such fault at once.
    """
    missing = [c for c in ("setup_id", "from_date", "to_date") if c not in plan]
    if missing or plan.empty:
        raise UsageError(f"{name}: {'has no rows' if not missing else 'lacks column ' + ', '.join(missing)}")
    ids, faults, legs = list(known), [], []
    for row in plan.to_dict("records"):
        setup = str(row["setup_id"])
        days = [pd.to_datetime(row[c], errors="coerce", format="ISO8601") for c in ("from_date", "to_date")]
        if setup not in ids:
            faults.append(f"unknown setup {setup}{did_you_mean(setup, ids)}")
        wrong = [c for c, day in zip(("from_date", "to_date"), days, strict=True) if pd.isna(day)]
        faults += [f"{setup}, {c}: {row[c]!r} is not a date such as 2026-12-31" for c in wrong]
        if not wrong:
            first, last = (day.date() for day in days)
            if last <= first:
                faults.append(f"{setup}: ends {last}, which is not after its beginning {first}")
            legs.append((setup, first, last))
    for (one, _, ends), (other, begins, _) in pairwise(sorted(legs, key=lambda leg: leg[1])):
        if ends != begins:
            faults.append(f"{one} {'overlaps' if ends > begins else 'leaves a gap before'} {other}: {ends}, {begins}")
    if faults:
        raise UsageError(f"{name}: {'; '.join(faults)}")
    return sorted(legs, key=lambda leg: leg[1])


class Paths:
    """What all paths over the same posterior and study share, prepared once.

    Parameters
    ----------
    posterior, study, setups, home
        As for :func:`riskmodel.exposure`.
    """

    def __init__(
        self, posterior: Posterior, study: Study, setups: pd.DataFrame | None = None, home: str | None = None
    ) -> None:
        require_same(posterior, study)
        table = study["setups"] if setups is None else setups
        self.rows = {str(row["setup_id"]): row for row in records(table)}
        self.home = home or study.home
        self._design_hash = posterior.design_hash
        self._book = Book(study)
        self._programmes = foreign_programmes(study, self.home)
        self._draws = Draws(posterior, self._programmes)

    def exposure(self, plan: pd.DataFrame, dates: Sequence[dt.date] | None = None) -> xr.Dataset:
        """Score a dated sequence of setups.

        Parameters
        ----------
        plan
            One row a leg, as for :func:`legs_of`.
        dates
            Days up to which the probability is wanted, within the plan; default: its last day.

        Returns
        -------
        xarray.Dataset
            dims ``sample``, ``date``: ``probability`` (at least one disclosure from the plan's first day up to the
            date, settled unknowns integrated out) and ``world_probability`` (in the sample's own world); ``reach_any``
            (sample): some foreign law reaches at some time of the plan. Attributes ``start``, ``home``,
            ``design_hash``.

        Raises
        ------
        UsageError
            If the plan is not one, or a date lies outside it.
        """
        legs = legs_of(plan, self.rows)
        first, last = legs[0][1], legs[-1][2]
        wanted = [last] if dates is None else list(dates)
        outside = [str(day) for day in wanted if not first < day <= last]
        if outside:
            raise UsageError(f"dates: {', '.join(outside)} - must be after {first} and up to {last}")
        programmes, draws = self._programmes, self._draws
        path = _path(self._book, [(self.rows[setup], a, b) for setup, a, b in legs])
        used = path.used(np.array([(day - first).days / DAYS for day in wanted]))
        windows = _windows(path, programmes, draws)
        survival, reach = np.zeros((len(wanted), draws.size)), np.zeros(draws.size)
        for weight, options in _choices(path.legs):
            lasting, reached = _survival(path, options, programmes, draws, windows, used)
            survival += weight * lasting
            reach += weight * reached
        return xr.Dataset(
            {
                "probability": (("date", "sample"), 1.0 - survival),
                "world_probability": (("date", "sample"), -np.expm1(-_world(path, programmes, draws, windows, used))),
                "reach_any": ("sample", reach),
            },
            coords={"date": pd.to_datetime(wanted)},
            attrs={"start": first.isoformat(), "home": self.home, "design_hash": self._design_hash},
        ).transpose("sample", "date")


def _path(book: Book, legs: Sequence[tuple[Record, dt.date, dt.date]]) -> _Path:
    facts, begins, years, place = [], [], [], []
    for k, (row, first, last) in enumerate(legs):
        found = book.setup(row, first, (last - first).days / DAYS)
        facts.append(found)
        at = (first - legs[0][1]).days / DAYS
        for segment in found.segments:
            begins.append(at)
            years.append(segment.years)
            place.append(k)
            at += segment.years
    return _Path(tuple(facts), np.array(begins), np.array(years), np.array(place))


def _windows(path: _Path, programmes: Sequence[Programme], draws: Draws) -> list[tuple[np.ndarray, np.ndarray]]:
    """Joint states of lapsed authorities over the whole path: weight, factor (regime, segment, 1 or sample)."""
    whole = replace(path.legs[0], segments=tuple(chain.from_iterable(leg.segments for leg in path.legs)))
    return [(w, f if f.ndim == 3 else f[:, :, None]) for w, f in authority_cells(whole, programmes, draws)]


def _choices(legs: Sequence[SetupFacts]) -> list[tuple[float, list[Option]]]:
    """Each way in which open choices of a host may end; legs with the same choice end it in the same way."""
    pools = [tuple(sorted(option.provider_id for option in leg.options)) for leg in legs]
    found = []
    for picked in product(*dict.fromkeys(pools)):
        hosts = dict(zip(dict.fromkeys(pools), picked, strict=True))
        options = [
            next(option for option in leg.options if option.provider_id == hosts[pool])
            for leg, pool in zip(legs, pools, strict=True)
        ]
        weights = {pool: option.weight for pool, option in zip(pools, options, strict=True)}
        found.append((float(np.prod(list(weights.values()))), options))
    return found


def _readings(legs: Sequence[SetupFacts], options: Sequence[Option], draws: Draws) -> list[tuple[float, np.ndarray]]:
    """Readings of keys and terms at one host, one uniform each for all its legs: weight, scale (leg, sample)."""
    custody = _coupled([list(leg.custody.values()) for leg in legs])
    clauses = [contract_cells(leg, draws) for leg in legs]
    terms = _coupled([[weight for weight, _ in cells] for cells in clauses])
    found = []
    for (held, keys), (kept, parts) in product(custody, terms):
        scale = [
            custody_factor(option, list(leg.custody)[key], draws) * cells[part][1]
            for leg, option, key, part, cells in zip(legs, options, keys, parts, clauses, strict=True)
        ]
        found.append((held * kept, np.stack(scale)))
    return found


def _coupled(weights: Sequence[Sequence[float]]) -> list[tuple[float, list[int]]]:
    """Joint distribution of several choices that are all made by the same uniform."""
    edges = [np.cumsum(w) / np.sum(w) for w in weights]
    cuts = np.unique(np.round(np.concatenate([[0.0], *edges]), 12))
    return [(high - low, [int(np.searchsorted(e, (low + high) / 2)) for e in edges]) for low, high in pairwise(cuts)]


def _survival(
    path: _Path,
    options: Sequence[Option],
    programmes: Sequence[Programme],
    draws: Draws,
    windows: Sequence[tuple[np.ndarray, np.ndarray]],
    used: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Probability that nothing happens up to each time (time, sample), and that some law reaches (sample,)."""
    places, parts = _places(path, options, programmes)
    settled, leak = Settled(places, programmes, draws), draws.get("leak")
    legs: dict[str, list[int]] = {}
    for k, option in enumerate(options):
        legs.setdefault(option.provider_id, []).append(k)
    readings = {
        host: _readings([path.legs[k] for k in mine], [options[k] for k in mine], draws) for host, mine in legs.items()
    }
    hosts = [places[place].provider_id for place, _ in settled.stretches]
    reached = {hosts[m] for pairs in settled.pairs.values() for _, m in pairs}
    rate = np.stack([rates(leg, option, programmes, draws) for leg, option in zip(path.legs, options, strict=True)])
    segments = [[parts[place][m] for m in members] for place, members in settled.stretches]

    regimes = settled.reached

    def spent(factor: np.ndarray, used: np.ndarray, scale: Mapping[int, np.ndarray]) -> np.ndarray:
        """Integrated hazard of the legs that have a scale, where some law reaches: (time, regime, stretch, sample)."""
        found = np.zeros((len(used), len(programmes), len(segments), draws.size))
        for m, members in enumerate(segments):
            for k in scale:
                mine = [at for at in members if path.leg[at] == k]
                if mine and used[:, mine].any():
                    years = np.einsum("jms,tm->tjs", factor[np.ix_(regimes, mine)], used[:, mine])
                    found[:, regimes, m] += rate[k][regimes] * scale[k] * years
        return found

    def lasting(factor: np.ndarray, used: np.ndarray, active: Sequence[str]) -> np.ndarray:
        """Probability that nothing happens at these hosts, none of which leaks: (time, sample)."""
        if not active:
            return np.ones((len(used), draws.size))
        ways = list(product(*(readings[host] for host in active)))
        hazards = []
        for chosen in ways:
            scale = zip(active, chosen, strict=True)
            of_leg = {k: own for host, (_, scales) in scale for k, own in zip(legs[host], scales, strict=True)}
            hazards.append(spent(factor, used, of_leg))
        through, _ = settled.through([(np.ones(draws.size), np.concatenate(hazards))], np.ones((1, draws.size)))
        weights = np.array([np.prod([weight for weight, _ in chosen]) for chosen in ways])
        return np.asarray(np.tensordot(weights, 1.0 - through.reshape(len(ways), len(used), draws.size), 1))

    def leaking(factor: np.ndarray, used: np.ndarray, host: str) -> np.ndarray:
        """Probability that nothing happens at a host through which every regime reaches: (time, sample)."""
        hazards = []
        for k in legs[host]:
            mine = np.flatnonzero(path.leg == k)
            hazards.append(used[:, mine] @ (rate[k][:, None] * factor[:, mine]).sum(axis=0))
        lasting = (
            weight * np.exp(-sum(own * part for own, part in zip(scales, hazards, strict=True)))
            for weight, scales in readings[host]
        )
        return np.asarray(sum(lasting))

    total = np.zeros((len(used), draws.size))
    differ = np.any([np.any(factor != windows[0][1], axis=(0, 2)) for _, factor in windows], axis=0)
    late = (used[:, differ] > 0).any(axis=1)  # a lapsed authority matters only once it has lapsed
    for times, states in ((~late, [(np.ones(draws.size), windows[0][1])]), (late, windows)):
        for weight, factor in states if times.any() else ():
            gone = {host: leaking(factor, used[times], host) for host in legs}
            held: dict[tuple[str, ...], np.ndarray] = {}
            for out in chain.from_iterable(combinations(legs, n) for n in range(len(legs) + 1)):
                active = tuple(sorted(reached - set(out)))
                if active not in held:
                    held[active] = lasting(factor, used[times], active)
                chance = leak ** len(out) * (1.0 - leak) ** (len(legs) - len(out))
                total[times] += (
                    weight * chance * held[active] * math.prod((gone[host] for host in out), start=np.ones(1))
                )
    return total, 1.0 - (1.0 - leak) ** len(legs) * (1.0 - settled.reach_any)


def _places(
    path: _Path, options: Sequence[Option], programmes: Sequence[Programme]
) -> tuple[list[Option], list[list[int]]]:
    """Options that differ in host or routes, with the segments of the path spent at each: legs that agree are one."""
    keys = [(o.provider_id, openings(o.facts, programmes), tuple(u.name for u in o.unknowns)) for o in options]
    merged: dict[object, tuple[Option, list[int]]] = {}
    for k, (key, option) in enumerate(zip(keys, options, strict=True)):
        mine = [int(at) for at in np.flatnonzero(path.leg == k)]
        known, before = merged.get(key, (replace(option, status=()), []))
        merged[key] = (replace(known, status=known.status + option.status), before + mine)
    return [option for option, _ in merged.values()], [segments for _, segments in merged.values()]


def _world(
    path: _Path,
    programmes: Sequence[Programme],
    draws: Draws,
    windows: Sequence[tuple[np.ndarray, np.ndarray]],
    used: np.ndarray,
) -> np.ndarray:
    """Hazard up to each time in the one world of each sample: (time, sample)."""
    total = np.zeros((len(used), draws.size))
    for k, leg in enumerate(path.legs):
        mine = np.flatnonzero(path.leg == k)
        own = [(w, np.broadcast_to(f[:, mine], (len(programmes), len(mine), draws.size))) for w, f in windows]
        _, spent = world(leg, programmes, draws, own, contract_cells(leg, draws))
        total += (used[:, mine] / path.years[mine]) @ spent
    return total
