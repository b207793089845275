"""A model compiled once: sample it, exchange its published data, leave rows out, simulate studies from it.

Question answered: *what would the posterior have been with other data, or with fewer?* Compiling takes half a minute,
sampling seconds; calibration, leave-one-out and back-tests therefore share one program and change its data only.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    import pymc as pm

    from riskmodel.fit import SampleSettings

__all__ = ["Program"]

Arrays = Mapping[str, np.ndarray]


class Program:
    """A compiled model whose published data can be exchanged.

    Parameters
    ----------
    model
        Every likelihood ``name`` of it that can be exchanged reads ``name_data``; rows can be left out where there is
        ``name_kept`` (:mod:`riskmodel.model.likelihood`). Other observed variables (expert readings) stay as they are.
    inputs
        Names of containers ``name_data`` that are no likelihood and may be exchanged too (a covariate that is imputed).

    Attributes
    ----------
    published
        Name of every likelihood whose data can be exchanged -> its values.
    masks
        Name of every likelihood whose rows can be left out -> number of rows.
    """

    def __init__(self, model: pm.Model, inputs: Sequence[str] = ()) -> None:
        import nutpie

        self.model = model
        self.published: dict[str, np.ndarray] = {}
        self.masks: dict[str, int] = {}
        for variable in model.observed_RVs:
            if f"{variable.name}_data" in model.named_vars:
                self.published[variable.name] = model[f"{variable.name}_data"].get_value()
            if f"{variable.name}_kept" in model.named_vars:
                self.masks[variable.name] = len(model[f"{variable.name}_kept"].get_value())
        self.published |= {name: model[f"{name}_data"].get_value() for name in inputs}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Numba will use object mode", category=UserWarning)
            self._compiled = nutpie.compile_pymc_model(model)

    def sample(
        self, settings: SampleSettings, *, data: Arrays | None = None, keep: Arrays | None = None
    ) -> xr.DataTree:
        """Sample the posterior, of exchanged ``data`` or of the rows to ``keep`` only where these are given.

        Parameters
        ----------
        data
            Name of a likelihood -> values in the place of the published ones.
        keep
            Name of a likelihood -> (row,) whether the row speaks; likelihoods not named keep all rows.

        Returns
        -------
        xarray.DataTree
            Groups ``posterior`` (thinned) and ``sample_stats`` (every draw), dims ``chain`` and ``draw`` first.

        Raises
        ------
        KeyError
            If a likelihood does not exist or cannot be exchanged.
        """
        import nutpie

        tree = nutpie.sample(
            self._compiled.with_data(**self.containers(data, keep)),
            draws=settings.draws * settings.thin,
            tune=settings.tune,
            chains=settings.chains,
            cores=settings.cores,
            seed=settings.seed,
            target_accept=settings.target_accept,
            progress_bar=False,
            save_warmup=False,
        )
        kept = tree["posterior"].to_dataset().isel(draw=slice(None, None, settings.thin))
        return xr.DataTree.from_dict({"posterior": kept, "sample_stats": tree["sample_stats"].to_dataset()})

    def containers(self, data: Arrays | None = None, keep: Arrays | None = None) -> dict[str, np.ndarray]:
        """Values of every data container of the model for exchanged ``data`` and kept rows."""
        data, keep = dict(data or {}), dict(keep or {})
        unknown = sorted((set(data) - set(self.published)) | (set(keep) - set(self.masks)))
        if unknown:
            raise KeyError(f"no exchangeable likelihood {', '.join(unknown)}; there are {', '.join(self.published)}")
        values: dict[str, np.ndarray] = {}
        for name, published in self.published.items():
            now = np.asarray(data.get(name, published), dtype=published.dtype)
            if name in self.masks:
                mask = np.asarray(keep.get(name, np.ones(self.masks[name])), dtype=float)
                values[f"{name}_kept"] = mask
                if np.issubdtype(now.dtype, np.integer):  # a count that is left out is a zero of no expectation
                    now = (now * mask.reshape(-1, *[1] * (now.ndim - 1)).astype(now.dtype)).astype(published.dtype)
            values[f"{name}_data"] = now
        return values

    def log_densities(self, posterior: xr.Dataset, data: Arrays | None = None) -> dict[str, np.ndarray]:
        """Log density of every row of every likelihood at each parameter draw, of the data kept and exchanged.

        Parameters
        ----------
        posterior
            Draws with dims ``chain`` and ``draw`` first, all free parameters in it.
        data
            Values in the place of the published ones; all rows are kept.

        Returns
        -------
        dict
            Name of observed variable -> (sample, row) with chains joined; and ``prior`` (sample, 1), the log density of
            the stated priors.
        """
        function, inputs = self._densities
        for name, value in self.containers(data).items():
            self.model[name].set_value(value)
        points = [posterior[name].stack(sample=("chain", "draw")).transpose("sample", ...).values for name in inputs]
        rows = [function(*point) for point in zip(*points, strict=True)]
        names = [*(v.name for v in self.model.observed_RVs), "prior"]
        return {name: np.stack([np.atleast_1d(r[k]) for r in rows]) for k, name in enumerate(names)}

    @cached_property
    def _densities(self) -> tuple[Any, list[str]]:
        """Compiled densities as a function of the free parameters on their natural scale."""
        import pymc as pm
        from pytensor.graph.replace import graph_replace

        model, inputs, swap = self.model, [], {}
        for variable in model.free_RVs:
            natural = variable.type(name=variable.name)
            transform = model.rvs_to_transforms[variable]
            value = natural if transform is None else transform.forward(natural, *variable.owner.inputs)
            swap[model.rvs_to_values[variable]] = value
            inputs.append(natural)
        rows = model.logp(vars=model.observed_RVs, sum=False)
        stated = model.logp(vars=model.free_RVs, jacobian=False, sum=True)
        outputs = graph_replace([*rows, stated], swap, strict=False)
        return pm.compile(inputs, outputs, on_unused_input="ignore"), [v.name for v in model.free_RVs]

    def simulate(self, posterior: xr.Dataset, seed: int, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Draw the published data from each parameter draw: the data that the model would have seen.

        Parameters
        ----------
        posterior
            Draws with dims ``chain`` and ``draw`` first, all free parameters in it.
        names
            Likelihoods to draw; default all that can be exchanged.

        Returns
        -------
        dict
            Name of likelihood -> (sample, ...) with chains joined.
        """
        import pymc as pm

        seen = {variable.name for variable in self.model.observed_RVs}
        wanted = list(names or (name for name in self.published if name in seen))
        logger = logging.getLogger("pymc.sampling.forward")
        level = logger.level
        logger.setLevel(logging.WARNING)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Numba will use object mode", category=UserWarning)
                drawn = pm.sample_posterior_predictive(
                    xr.DataTree.from_dict({"posterior": posterior}),
                    model=self.model,
                    var_names=wanted,
                    random_seed=seed,
                    progressbar=False,
                )
        finally:
            logger.setLevel(level)
        group: Any = drawn["posterior_predictive"]
        return {name: group[name].stack(sample=("chain", "draw")).transpose("sample", ...).values for name in wanted}
