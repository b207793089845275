"""Fit the model, keep a posterior with its provenance, and refuse one that belongs to other data.

A posterior belongs to a Design: the file records the hash of likelihood arrays and priors, package version, sampler,
seed and diagnostics. New setups, notes and corrected typos need no refit.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from riskmodel._files import replacing
from riskmodel.errors import Problem, StudyError, UsageError

if TYPE_CHECKING:
    from riskmodel.design import Design
    from riskmodel.priors import Priors
    from riskmodel.study import Study

__all__ = ["Posterior", "SampleSettings", "fit", "load_posterior"]

log = logging.getLogger(__name__)

SCORING = (
    "reach",
    "leak",
    "separated_when_unknown",
    "certification_removes",
    "certification_in_place",
    "clear_text",
    "clear_text_fleet",
    "custody_spread",
    "demand_defeated",
    "attractiveness",
    "authority_used",
    "same_law",
    "same_answer",
    "log_rate_criminal",
    "log_rate_criminal_reporter",
    "provider_spread",
    "log_rate_intelligence",
    "log_rate_intelligence_reporter",
    "band_level_now",
    "log_transfer",
    "fact_true",
    "suspension_rate",
    "suspension_common",
    "suspension_hit",
    "degradation_given_cutoff",
    "covert_yearly",
    "content_given",
    "some_data_given",
    "log_customers",
    "common_bias",
    "expert_dependence",
)
"""Posterior quantities that scoring and reports use; the file keeps these."""


@dataclass(frozen=True)
class SampleSettings:
    """How to sample.

    Attributes
    ----------
    draws, tune, chains
        Kept and tuning draws per chain; tuning draws are discarded.
    thin
        Every how many draws one is kept.
    target_accept
        NUTS step-size target; high, because pooling scales have narrow necks.
    seed
        Same seed, versions and platform give the same draws.
    cores
        Chains sampled at the same time.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.98
    seed: int = 20261122
    cores: int = 2
    thin: int = 3
    sampler: str = "nutpie"


@dataclass(frozen=True)
class Posterior:
    """Draws of the quantities that scoring needs, with provenance in ``data.attrs``."""

    data: xr.Dataset

    @property
    def design_hash(self) -> str:
        """Hash of the Design the posterior belongs to."""
        return str(self.data.attrs["design_hash"])

    @property
    def posterior_id(self) -> str:
        """Short name: first characters of the design hash, and the seed."""
        return f"{self.design_hash[:10]}-{self.seed}"

    @property
    def seed(self) -> int:
        """Seed of the sampler; scoring derives its own draws from it."""
        return int(self.data.attrs["seed"])

    @property
    def checks(self) -> list[dict[str, Any]]:
        """Rows (check, value, threshold, verdict, meaning) computed on the full draws when it was fitted."""
        return list(json.loads(self.data.attrs["checks"]))

    @property
    def notes(self) -> list[str]:
        """What the study lacked, so that the posterior follows priors or judgement there; empty when nothing."""
        return list(json.loads(self.data.attrs.get("notes", "[]")))

    def arrays(self) -> dict[str, np.ndarray]:
        """Every quantity as float64 with the sample (chains joined) last."""
        size = self.data.sizes["chain"] * self.data.sizes["draw"]
        last = {str(k): v.transpose(..., "chain", "draw").values for k, v in self.data.data_vars.items()}
        return {k: np.asarray(v, dtype=float).reshape(*v.shape[:-2], size) for k, v in last.items()}

    def coords(self) -> dict[str, list[str]]:
        """Labels of every dimension except chain and draw."""
        return {str(k): [str(x) for x in v.values] for k, v in self.data.coords.items() if k not in ("chain", "draw")}

    def save(self, path: Path | str) -> None:
        """Write a compressed netCDF file; an older file stays until the new one is complete."""
        packing = {name: {"zlib": True, "complevel": 9, "shuffle": True} for name in self.data.data_vars}
        with replacing(Path(path)) as temporary:
            self.data.to_netcdf(temporary, engine="h5netcdf", encoding=packing)


def fit(study: Study, settings: SampleSettings | None = None) -> Posterior:
    """Sample the posterior of a study (about a minute to compile, half a minute to sample).

    Parameters
    ----------
    study
        From :func:`riskmodel.read_study`.
    settings
        Default :class:`SampleSettings`.

    Returns
    -------
    Posterior
        Whether or not its checks pass; :meth:`Posterior.checks` says which, and reports show it.
    """
    from riskmodel.checks import convergence
    from riskmodel.design import build_design
    from riskmodel.model import build_model
    from riskmodel.priors import Priors
    from riskmodel.program import Program

    settings = settings or SampleSettings()
    priors = Priors.from_study(study)
    design = build_design(study)
    log.info("compiling (about a minute), then sampling %d chains", settings.chains)
    tree = Program(build_model(design, priors)).sample(settings)
    checks = convergence(tree, SCORING)
    return posterior_of(tree, design, priors, study, settings, checks)


def posterior_of(
    tree: xr.DataTree, design: Design, priors: Priors, study: Study, settings: SampleSettings, checks: list[Any]
) -> Posterior:
    """Keep what scoring needs of a sampler's output, with its provenance."""
    from riskmodel import __version__

    kept = tree["posterior"].to_dataset()[list(SCORING)].astype("float32")
    # every coordinate that a kept quantity uses, and nothing of the sampler
    kept = kept.drop_vars([c for c in kept.coords if c not in {d for v in kept.data_vars.values() for d in v.dims}])
    kept.attrs = {
        "design_hash": design.hash(priors),
        "data_hash": study.data_hash,
        "package_version": __version__,
        "created": study.as_of.isoformat(),
        "checks": json.dumps(checks),
        "notes": json.dumps(design.notes()),
        **asdict(settings),
    }
    return Posterior(kept)


def load_posterior(path: Path | str | None = None, study: Study | None = None) -> Posterior:
    """Read a posterior: the shipped one, or a file written by ``riskmodel fit --out``.

    Parameters
    ----------
    study
        When given, the posterior must belong to its Design.

    Raises
    ------
    UsageError
        If the file is missing or not a posterior of this package.
    StudyError
        If it was fitted to other data or priors; the message names the command that refits.
    """
    place = resources.files("riskmodel") / "reference" / "posterior.nc" if path is None else Path(path)
    try:
        with resources.as_file(place) if path is None else _given(Path(path)) as file:
            data = xr.load_dataset(file, engine="h5netcdf")
    except (OSError, ValueError) as problem:
        raise UsageError(
            f"{place}: not a readable posterior file ({problem}); fit one with `riskmodel fit`"
        ) from problem
    missing = [name for name in SCORING if name not in data] + [
        a for a in ("design_hash", "seed", "checks") if a not in data.attrs
    ]
    if missing:
        raise UsageError(
            f"{place}: not a posterior of riskmodel, lacks {', '.join(missing)}; fit one with `riskmodel fit`"
        )
    posterior = Posterior(data)
    if study is not None:
        require_match(posterior, study)
    return posterior


def require_match(posterior: Posterior, study: Study) -> None:
    """Refuse a posterior that belongs to another Design.

    Raises
    ------
    StudyError
        Naming both hashes and the command that refits.
    """
    from riskmodel.design import build_design
    from riskmodel.priors import Priors

    own = build_design(study).hash(Priors.from_study(study))
    if own != posterior.design_hash:
        rule = (
            f"belongs to other likelihood data or priors than this study ({own[:12]}): "
            "refit with `riskmodel fit --study DIR --out FILE`"
        )
        raise StudyError([Problem("posterior", None, "design_hash", posterior.design_hash[:12], rule)])


def _given(path: Path) -> Any:
    """A context manager around a plain path."""
    from contextlib import nullcontext

    if not path.is_file():
        raise UsageError(f"{path}: no such posterior file; fit one with `riskmodel fit --out {path}`")
    return nullcontext(path)
