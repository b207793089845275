"""Prior values, each with its unit, reason and source; they live in ``data/priors.csv``.

Elicited quantiles are observations (:mod:`riskmodel.model.judgement`), never also priors: what stands here is what the
model assumes before any expert or count speaks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["Prior", "Priors"]

ELSEWHERE = ("acceptability_", "calibration_")


@dataclass(frozen=True)
class Prior:
    """One prior: a distribution with at most two numbers, and why.

    Attributes
    ----------
    distribution
        ``Normal`` (mean, sd), ``HalfNormal`` (sd), ``LogNormal`` (median, sd of the log), ``Beta`` (alpha, beta) or
        ``Constant`` (value).
    first, second
        Its numbers; ``second`` is ``nan`` where the distribution has one.
    unit, reason, source_ids
        What the parameter is measured in, why these numbers, and who says so.
    """

    prior_id: str
    distribution: str
    first: float
    second: float
    unit: str
    reason: str
    source_ids: str

    def create(self, name: str, **kwargs: Any) -> Any:
        """Add the parameter ``name`` to the PyMC model on the stack and return it.

        Raises
        ------
        ValueError
            If the distribution is not one of the five.
        """
        import pymc as pm

        if self.distribution == "Constant":
            return self.first
        if self.distribution == "Normal":
            return pm.Normal(name, self.first, self.second, **kwargs)
        if self.distribution == "HalfNormal":
            return pm.HalfNormal(name, self.first, **kwargs)
        if self.distribution == "LogNormal":
            return pm.LogNormal(name, math.log(self.first), self.second, **kwargs)
        if self.distribution == "Beta":
            return pm.Beta(name, self.first, self.second, **kwargs)
        raise ValueError(f"prior {self.prior_id}: unknown distribution {self.distribution!r}")


class Priors(Mapping[str, Prior]):
    """All priors of a study by ``prior_id``; a read-only mapping.

    Examples
    --------
    >>> import riskmodel as rm
    >>> rm.Priors.from_study(rm.read_study())["provider_spread"].distribution
    'LogNormal'
    """

    def __init__(self, priors: Mapping[str, Prior]) -> None:
        self._priors = dict(priors)

    @classmethod
    def from_study(cls, study: Study) -> Priors:
        """Read the table ``priors`` of a study."""
        rows = [Prior(*row) for row in study["priors"].itertuples(index=False)]
        return cls({row.prior_id: row for row in rows})

    def __getitem__(self, key: str) -> Prior:
        return self._priors[key]

    def __iter__(self) -> Any:
        return iter(self._priors)

    def __len__(self) -> int:
        return len(self._priors)

    def numbers(self) -> list[tuple[str, str, float, float]]:
        """What a posterior depends on: id, distribution and numbers, sorted (reasons and units left out).

        Priors of acceptability belong to a posterior of their own, cut off from this one; weights of experts are in
        the readings.
        """
        own = (p for p in self.values() if not p.prior_id.startswith(ELSEWHERE))
        return sorted((p.prior_id, p.distribution, p.first, p.second) for p in own)
