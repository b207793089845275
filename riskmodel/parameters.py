"""What every parameter of a model is: read from the model itself, from the tables of its modules and from the priors.

Question answered: *what does this name stand for, in which unit, how many numbers is it, what is assumed of it and
why?* Name, dims, size and distribution come from the built model, meaning and unit from the tables in the docstrings
of :mod:`riskmodel.model`, numbers and reasons from ``data/priors.csv``. A test keeps the three together.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import pymc as pm

    from riskmodel.priors import Prior
    from riskmodel.study import Study

__all__ = ["ANSWERS", "deterministics", "documented", "joint_model", "likelihood_at", "links", "parameters"]
__all__ += ["prior_words"]

WORDS = {
    "Normal": "Normal: mean {}, sd {}",
    "HalfNormal": "half Normal: sd {}",
    "LogNormal": "log-normal: median {}, sd of the log {}",
    "Beta": "Beta: {}, {}",
    "Constant": "constant: {}",
}
STARTS = ("RandomWalk",)
"""Distributions of which the stated prior is only the start."""
REACH = ("reach", "leak", "separated_when_unknown", "certification_removes", "certification_in_place", "fact_true")
RATES = ("log_rate_criminal", "log_rate_intelligence")
ANSWERS = {
    "reach": (*REACH, "same_answer"),
    "likelihood": (
        *(*RATES, *(f"{rate}_reporter" for rate in RATES), "provider_spread", "log_transfer"),
        *("clear_text", "clear_text_fleet", "custody_spread", "demand_defeated", "attractiveness"),
        *("authority_used", "same_law"),
    ),
    "suspension": ("suspension_rate", "suspension_common", "suspension_hit", "degradation_given_cutoff"),
}
"""Answer -> quantities of the model that scoring reads for it; likelihood and suspension read those of reach too."""


def joint_model(study: Study) -> pm.Model:
    """Build the joint model of a study (half a second; nothing is compiled or sampled)."""
    from riskmodel.design import build_design
    from riskmodel.model import build_model
    from riskmodel.priors import Priors

    return build_model(build_design(study), Priors.from_study(study))


def documented() -> pd.DataFrame:
    """Rows of every table of parameters and deterministics in the docstrings of :mod:`riskmodel.model`.

    Returns
    -------
    pandas.DataFrame
        ``submodel``, ``kind`` (parameter or deterministic), ``name`` (may hold ``*``), ``meaning``, ``unit``, ``dims``
        ("" for one number; in brackets where the model does not name the dimension), ``prior`` (a prior id in
        backticks, or words).
    """
    import riskmodel.model as package

    rows = []
    for module in pkgutil.iter_modules(package.__path__):
        kind = ""
        for line in (importlib.import_module(f"{package.__name__}.{module.name}").__doc__ or "").splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not line.startswith("|"):
                kind = ""
            elif cells[0] in ("parameter", "deterministic"):
                kind = cells[0]
            elif kind and not cells[0].startswith("-"):
                names, meaning, unit, dims, *prior = cells
                own = "" if dims == "-" else dims
                rows += [(module.name, kind, n.strip(), meaning, unit, own, *(prior or [""])) for n in names.split(",")]
    return pd.DataFrame(rows, columns=["submodel", "kind", "name", "meaning", "unit", "dims", "prior"])


def prior_words(prior: Prior) -> str:
    """Distribution of a prior and its numbers, in words."""
    return WORDS[prior.distribution].format(*(f"{n:g}" for n in (prior.first, prior.second)))


def parameters(model: pm.Model, priors: Mapping[str, Prior]) -> pd.DataFrame:
    """What is every free parameter of a model?

    Parameters
    ----------
    model
        Any model of this package, :func:`joint_model` for one.
    priors
        From :meth:`riskmodel.priors.Priors.from_study`.

    Returns
    -------
    pandas.DataFrame
        One row a parameter: ``parameter``, ``submodel``, ``meaning``, ``unit``, ``dims``, ``size`` (how many numbers),
        ``prior`` (distribution and numbers), ``reason``, ``prior_id`` ("" where a spread multiplies a standard Normal).

    Raises
    ------
    KeyError
        If a parameter stands in no table of the model's modules, or in several.
    """
    out = _described(model, model.free_RVs, "parameter")
    named = out["prior"].str.extract(r"^`(\w+)`$", expand=False)
    rows = [priors[name] if isinstance(name, str) else None for name in named]
    starts = [model[name].owner.op._print_name[0] in STARTS for name in out["name"]]
    words = [prior_words(row) if row else own for row, own in zip(rows, out["prior"], strict=True)]
    return out.assign(
        prior=["random walk from " * walk + said for walk, said in zip(starts, words, strict=True)],
        reason=[row.reason if row else "" for row in rows],
        prior_id=named.fillna(""),
    ).rename(columns={"name": "parameter"})


def deterministics(model: pm.Model) -> pd.DataFrame:
    """What is every quantity that a model computes from its parameters?

    Returns
    -------
    pandas.DataFrame
        As of :func:`parameters`, without prior and reason; ``deterministic`` is the name.

    Raises
    ------
    KeyError
        As for :func:`parameters`.
    """
    out = _described(model, model.deterministics, "deterministic")
    return out.drop(columns="prior").rename(columns={"name": "deterministic"})


def links(model: pm.Model, names: Sequence[str]) -> pd.DataFrame:
    """Which free parameters does each of some quantities or likelihoods of a model depend on?

    Returns
    -------
    pandas.DataFrame
        ``name``, ``parameter``, ``submodel``: one row a dependence, through any number of steps but not through other
        likelihoods. The carried bias is left out of likelihoods: there it stands multiplied by zero, as
        :func:`likelihood_at` shows.
    """
    from pytensor.graph.traversal import ancestors

    submodel = _described(model, model.free_RVs, "parameter").set_index("name")["submodel"]
    free, seen = set(model.free_RVs), set(model.observed_RVs)
    rows = [
        (name, str(found.name), submodel[str(found.name)])
        for name in names
        for found in ancestors([model[name]], blockers=seen - {model[name]})
        if found in free and not (model[name] in seen and found.name == "common_bias")
    ]
    return pd.DataFrame(rows, columns=["name", "parameter", "submodel"])


def likelihood_at(model: pm.Model, parameter: str, values: Sequence[float]) -> list[float]:
    """Log density of all evidence, experts included, with one parameter moved and the others at their start.

    Raises
    ------
    KeyError
        If the model has no such parameter on its natural scale.
    """
    density = model.compile_logp(vars=model.observed_RVs, mode="FAST_COMPILE")
    start = model.initial_point()
    if parameter not in start:
        raise KeyError(f"{parameter}: not a parameter that is sampled on its natural scale")
    return [float(density(start | {parameter: np.asarray(value, dtype=float)})) for value in values]


def _described(model: pm.Model, variables: Sequence[Any], kind: str) -> pd.DataFrame:
    """Rows of the documentation that belong to variables of a model, with the model's own dims and sizes."""
    table = documented()
    table = table[table["kind"] == kind]
    rows = []
    for variable in variables:
        name = str(variable.name)
        found = table[[fnmatchcase(name, pattern) for pattern in table["name"]]]
        if len(found) != 1:
            raise KeyError(f"{name}: in {len(found)} tables of {kind}s in riskmodel.model, must be in one")
        row = found.iloc[0]
        dims = [str(dim) for dim in model.named_vars_to_dims.get(name, ()) if dim]
        lengths = [len(model.coords[dim]) for dim in dims]
        if variable.ndim and not dims:
            lengths = list(variable.shape.eval(mode="FAST_COMPILE"))
        own = ", ".join(dims) or (row["dims"] if variable.ndim else "")
        rows.append((name, row["submodel"], row["meaning"], row["unit"], own, int(np.prod(lengths)), row["prior"]))
    return pd.DataFrame(rows, columns=["name", "submodel", "meaning", "unit", "dims", "size", "prior"])
