"""What each step of evidence taught: answers and parameters under the stated priors, with the experts, with all.

Question answered: *how much of an answer is assumption, how much judgement, how much published data?* The same answers
are computed from draws of three stages. The result is small and kept in ``reference/learning.csv``, marked with the
Design (and, for acceptability, the rulings) it belongs to. To make it again, a few minutes:

    python -m riskmodel.learning
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel._files import atomic_write
from riskmodel.errors import Problem, StudyError, UsageError
from riskmodel.wording import INTERVAL

if TYPE_CHECKING:
    import pymc as pm

    from riskmodel.acceptance import Acceptability
    from riskmodel.fit import Posterior, SampleSettings
    from riskmodel.study import Study

__all__ = ["SETUPS", "STAGES", "learning", "load_learning"]

log = logging.getLogger(__name__)

FILE = "learning.csv"
STAGES = ("stated priors", "priors and experts", "all evidence")
SETUPS = ("HDH_AZURE", "HDH_ALT_S3NS", "HDH_SCALEWAY", "HDH_ALT_OVH")
"""Setups whose answers are kept: an American owner, an American licensor, two European hosts."""
KEPT = ("log_rate_criminal", "log_rate_intelligence", "content_given", "some_data_given", "abroad", "clear_text")
"""Quantities with a dimension that are kept; of the parameters, those that are one number."""
FUNNEL = ("google_all.collaboration", "google_all")
"""Place and reporter whose funnel is kept: it publishes search warrants and the share with some data."""


def learning(study: Study, settings: SampleSettings | None = None) -> pd.DataFrame:
    """Compute answers and parameters at every stage.

    Parameters
    ----------
    study
        The shipped posterior of acceptability must belong to it.
    settings
        Of each of the two samplings; the forward draws of the stated priors are as many.

    Returns
    -------
    pandas.DataFrame
        ``stage``, ``quantity``, ``of`` (id of a setup, label of a dimension, or ""), ``mean``, ``low``, ``median``,
        ``high`` (90 % equal-tailed; no median of acceptability), ``belongs_to`` (hash of Design or rulings).
        Quantities: ``reach``, ``probability``, ``suspension`` and four ``acceptability: OUTCOME`` of :data:`SETUPS`
        within five years; ``funnel`` (share of search warrants that get so far); parameters and rates, as in the model.
    """
    from riskmodel.acceptance import build_rulings, load_acceptability
    from riskmodel.design import build_design
    from riskmodel.fit import SampleSettings, posterior_of
    from riskmodel.model import build_model
    from riskmodel.priors import Priors
    from riskmodel.program import Program
    from riskmodel.simulate import believed

    settings = settings or SampleSettings()
    priors, design, rulings = Priors.from_study(study), build_design(study), build_rulings(study)
    judged = load_acceptability(study=study)
    log.info("compiling (about a minute), then sampling two stages")
    program = Program(build_model(design, priors))
    number = settings.draws * settings.chains
    single = [v.name for v in program.model.free_RVs if v.ndim == 0]
    drawn = (
        _forward(program.model, number, settings.seed),
        believed(program, settings),
        program.sample(settings)["posterior"].to_dataset(),
    )
    marks = {False: design.hash(priors), True: rulings.hash(priors)}
    rows: list[tuple[Any, ...]] = []
    for stage, draws in zip(STAGES, drawn, strict=True):
        posterior = posterior_of(xr.DataTree.from_dict({"posterior": draws}), design, priors, study, settings, [])
        result = judged if stage == STAGES[-1] else _unjudged(study, judged, number)
        every = [*_answers(posterior, result, study), *_funnel(draws), *_quantities(draws, [*single, *KEPT])]
        rows += [(stage, *row, marks[row[0].startswith("acceptability:")]) for row in every]
    return pd.DataFrame(rows, columns=["stage", "quantity", "of", "mean", "low", "median", "high", "belongs_to"])


def load_learning(study: Study | None = None) -> pd.DataFrame:
    """Read what ships with the package.

    Parameters
    ----------
    study
        When given, the file must belong to its Design and its rulings.

    Raises
    ------
    UsageError
        If the file is missing.
    StudyError
        If it belongs to other data or priors; the message names the command that makes it again.
    """
    try:
        with resources.as_file(resources.files("riskmodel") / "reference" / FILE) as file:
            table = pd.read_csv(file, keep_default_na=False, na_values={"median": [""]})
    except OSError as problem:
        raise UsageError(f"{FILE}: not there ({problem}); make it with `python -m riskmodel.learning`") from problem
    if study is not None:
        from riskmodel.acceptance import build_rulings
        from riskmodel.design import build_design
        from riskmodel.priors import Priors

        priors = Priors.from_study(study)
        own = {build_design(study).hash(priors), build_rulings(study).hash(priors)}
        other = sorted(set(table["belongs_to"]) - own)
        if other:
            rule = "belongs to other data or priors than this study: make it again with `python -m riskmodel.learning`"
            raise StudyError([Problem(FILE, None, "belongs_to", other[0][:12], rule)])
    return table


def _forward(model: pm.Model, number: int, seed: int, names: tuple[str, ...] = ()) -> xr.Dataset:
    """Draw the parameters from their stated priors, without any observation.

    The priors of judged quantities are so flat that a share is now and then 1 in floating point, and its log odds are
    infinite; these draws (about one in a thousand) are left out.
    """
    import pymc as pm

    logger = logging.getLogger("pymc.sampling.forward")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        tree = pm.sample_prior_predictive(
            number,
            model=model,
            var_names=list(names) or [v.name for v in [*model.free_RVs, *model.deterministics]],
            random_seed=seed,
            compile_kwargs={"mode": "FAST_COMPILE"},
        )
    finally:
        logger.setLevel(level)
    drawn = tree["prior"].to_dataset()
    finite = np.isfinite(drawn).all([dim for dim in drawn.dims if dim != "draw"]).to_dataarray("name").all("name")
    log.info("stated priors: %d of %d draws kept", int(finite.sum()), number)
    return drawn.isel(draw=np.flatnonzero(finite))


def _unjudged(study: Study, judged: Acceptability, number: int) -> Acceptability:
    """The model of acceptability before any ruling: draws of its priors, one for each draw of reach."""
    from riskmodel.acceptance import Acceptability, build_rulings
    from riskmodel.acceptance.posterior import KEPT as EFFECTS
    from riskmodel.model.acceptability import build_acceptability
    from riskmodel.priors import Priors

    model = build_acceptability(build_rulings(study), Priors.from_study(study))
    drawn = _forward(model, number, int(judged.data.attrs["seed"]), EFFECTS).rename(draw="imputation", chain="draw")
    drawn["sample"] = ("imputation", np.arange(drawn.sizes["imputation"]))
    drawn["reach_logit_median"] = judged.data["reach_logit_median"]
    return Acceptability(drawn.assign_attrs(judged.data.attrs))


Row = tuple[str, str, float, float, float, float]


def _row(quantity: str, of: str, values: np.ndarray) -> Row:
    tail = (1.0 - INTERVAL) / 2.0
    low, median, high = np.quantile(values, [tail, 0.5, 1.0 - tail])
    return quantity, of, float(values.mean()), float(low), float(median), float(high)


def _answers(posterior: Posterior, result: Acceptability, study: Study) -> Iterator[Row]:
    """The answers of a few setups from the draws of one stage."""
    from riskmodel.acceptance import acceptability_of
    from riskmodel.exposure import exposure
    from riskmodel.suspension import suspension

    setups = study["setups"]
    chosen = setups[setups["setup_id"].isin(SETUPS)]
    x = exposure(posterior, study, setups=chosen, by_regime=False)
    cut_off = suspension(posterior, study, setups=chosen)["probability"]
    for setup in SETUPS:
        for name, value in (("reach", x["reach_any"]), ("probability", x["probability"]), ("suspension", cut_off)):
            yield _row(name, setup, value.sel(setup=setup).values)
    table = acceptability_of(result, x, study, setups=chosen).table
    columns = ["outcome", "setup", "probability", "probability_low", "probability_high"]
    for outcome, setup, mean, low, high in table[columns].itertuples(index=False, name=None):
        yield f"acceptability: {outcome}", setup, mean, low, np.nan, high


def _funnel(draws: xr.Dataset) -> Iterator[Row]:
    """Share of the search warrants of one reporter that lead to some data, to content, to foreign content abroad."""
    place, reporter = FUNNEL
    some = draws["some_data_given"].sel(funnel_place=place).values.ravel()
    content = some / (1.0 + np.exp(-draws["content_share_of_warrant_disclosures_location"].values.ravel()))
    abroad = content * draws["abroad"].sel(reporter=reporter).values.ravel()
    for name, value in (("some data", some), ("content", content), ("content abroad", abroad)):
        yield _row("funnel", name, value)


def _quantities(draws: xr.Dataset, names: list[str]) -> Iterator[Row]:
    """Mean and interval of every entry of named quantities."""
    for name in names:
        value = draws[name].stack(sample=("chain", "draw"), create_index=False).transpose(..., "sample")
        if value.ndim == 1:
            yield _row(name, "", value.values)
        else:
            for label, mine in zip(value[value.dims[0]].values, value.values, strict=True):
                yield _row(name, str(label), mine)


def main() -> None:
    """Make the file that ships with the package."""
    from riskmodel.study import read_study

    logging.basicConfig(level=logging.INFO)
    made = learning(read_study())
    place = Path(__file__).resolve().parent / "reference" / FILE
    atomic_write(place, made.to_csv(index=False, float_format="%.5g", lineterminator="\n"))


if __name__ == "__main__":
    main()
