"""Every parameter is documented once, as the model has it, with the prior that made it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

from riskmodel.acceptance import build_rulings
from riskmodel.design import build_design
from riskmodel.exposure import exposure
from riskmodel.fit import Posterior
from riskmodel.learning import KEPT, SETUPS, STAGES, load_learning
from riskmodel.model import build_model
from riskmodel.model.acceptability import build_acceptability
from riskmodel.parameters import ANSWERS, deterministics, documented, likelihood_at, links, parameters, prior_words
from riskmodel.priors import Prior, Priors
from riskmodel.study import Study
from riskmodel.suspension import suspension


class Noted(Prior):
    """A prior that notes which parameters it makes."""

    made: dict[str, str]

    def create(self, name: str, **kwargs: Any) -> Any:
        self.made[name] = self.prior_id
        return super().create(name, **kwargs)


@pytest.fixture(scope="module")
def made(study: Study) -> tuple[dict[str, pm.Model], dict[str, str]]:
    """Both models, and which prior made each parameter."""
    found: dict[str, str] = {}
    rows = {}
    for name, prior in Priors.from_study(study).items():
        rows[name] = Noted(**vars(prior))
        object.__setattr__(rows[name], "made", found)
    priors = Priors(rows)
    models = {
        "joint": build_model(build_design(study), priors),
        "acceptability": build_acceptability(build_rulings(study), priors),
    }
    return models, found


@pytest.fixture(scope="module")
def table(study: Study, made: tuple[dict[str, pm.Model], dict[str, str]]) -> pd.DataFrame:
    return pd.concat([parameters(model, Priors.from_study(study)) for model in made[0].values()])


def test_every_parameter_of_a_model_is_documented_once(table: pd.DataFrame) -> None:
    assert table["parameter"].is_unique
    assert table[["meaning", "unit", "prior"]].ne("").all(axis=None)
    assert (table["size"] > 0).all()


def test_nothing_is_documented_that_no_model_has(made: tuple[dict[str, pm.Model], dict[str, str]]) -> None:
    rows = documented()
    for kind, attribute in (("parameter", "free_RVs"), ("deterministic", "deterministics")):
        names = [v.name for model in made[0].values() for v in getattr(model, attribute)]
        told = rows.loc[rows["kind"] == kind, "name"]
        assert [p for p in told if not any(fnmatchcase(n, p) for n in names)] == []


def test_documented_dims_are_those_of_the_model(made: tuple[dict[str, pm.Model], dict[str, str]]) -> None:
    for model in made[0].values():
        for kind, variables in (("parameter", model.free_RVs), ("deterministic", model.deterministics)):
            rows = documented().set_index("kind").loc[kind]
            for variable in variables:
                row = rows[[fnmatchcase(str(variable.name), pattern) for pattern in rows["name"]]].iloc[0]
                dims = [str(dim) for dim in model.named_vars_to_dims.get(str(variable.name), ()) if dim]
                if row["dims"].startswith("("):  # the model does not name it
                    assert (dims, variable.ndim) == ([], 1), variable.name
                else:
                    assert (row["dims"], variable.ndim) == (", ".join(dims), len(dims)), variable.name


def test_the_prior_in_a_docstring_is_the_one_that_made_the_parameter(
    study: Study, made: tuple[dict[str, pm.Model], dict[str, str]]
) -> None:
    rows = documented()
    priors = Priors.from_study(study)
    told = rows[rows["prior"].str.startswith("`")]
    assert set(told["prior"].str.strip("`")) <= set(priors)
    for name, prior_id in made[1].items():
        row = rows[[fnmatchcase(name, pattern) for pattern in rows["name"]]].iloc[0]
        assert row["prior"] == f"`{prior_id}`", name
    used = set(told["prior"].str.strip("`")) | {n for n, p in priors.items() if p.distribution == "Constant"}
    assert used == set(priors), "a prior that no parameter is made of"


def test_numbers_and_distributions_are_those_of_the_model(table: pd.DataFrame, study: Study) -> None:
    row = table.set_index("parameter")
    assert row.loc["provider_spread", "prior"] == "log-normal: median 0.5, sd of the log 0.6"
    assert row.loc["band_level_microsoft", "prior"].startswith("random walk from Normal: mean")
    assert row.loc["reach_regime_offset", "size"] == len(build_design(study).coords["regime"]) * 7
    assert prior_words(Prior("x", "Constant", 2.0, np.nan, "", "", "")) == "constant: 2"


def test_deterministics_are_documented(made: tuple[dict[str, pm.Model], dict[str, str]]) -> None:
    found = deterministics(made[0]["joint"]).set_index("deterministic")
    assert found.loc["reach", "dims"] == "regime, route"
    assert found.loc["leak", "size"] == 1


def test_a_parameter_without_documentation_is_an_error(study: Study) -> None:
    with pm.Model() as model:
        pm.Normal("unheard_of")
    with pytest.raises(KeyError, match="unheard_of: in 0 tables"):
        parameters(model, Priors.from_study(study))


def test_the_carried_bias_reaches_every_answer_and_no_likelihood(
    made: tuple[dict[str, pm.Model], dict[str, str]],
) -> None:
    model = made[0]["joint"]
    for answer, names in ANSWERS.items():
        assert "common_bias" in set(links(model, names)["parameter"]), answer
    assert len(set(likelihood_at(model, "common_bias", [-2.0, 0.0, 2.0]))) == 1
    assert len(set(likelihood_at(model, "log_content_level", [0.0, 2.0]))) == 2
    with pytest.raises(KeyError, match="natural scale"):
        likelihood_at(model, "provider_spread", [1.0])


def test_scoring_reads_what_the_answers_are_said_to_rest_on(
    study: Study, posterior: Posterior, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: set[str] = set()

    class Watched(dict[str, np.ndarray]):
        def __getitem__(self, key: str) -> np.ndarray:
            read.add(key)
            return super().__getitem__(key)

    original = Posterior.arrays
    monkeypatch.setattr(Posterior, "arrays", lambda self: Watched(original(self)))
    setups = study["setups"]
    exposure(posterior, study, setups=setups)
    suspension(posterior, study, setups=setups.head(3))
    assert read == {name for names in ANSWERS.values() for name in names}


def test_stored_stages_belong_to_the_study_and_agree_with_the_posterior(study: Study, posterior: Posterior) -> None:
    found = load_learning(study)
    assert set(found["stage"]) == set(STAGES)
    assert set(SETUPS) <= set(found["of"])
    assert (found["low"] <= found["high"]).all()
    last = found[found["stage"] == STAGES[-1]].set_index(["quantity", "of"])
    for name in KEPT:
        if name not in posterior.data:
            continue
        value = posterior.data[name]
        for label in value[value.dims[-1]].values:
            mine = value.sel({value.dims[-1]: label}).values
            assert last.loc[(name, label), "mean"] == pytest.approx(float(mine.mean()), abs=0.1 * float(mine.std())), (
                name,
                label,
            )
    bias = found[found["quantity"] == "common_bias"].set_index("stage")
    assert bias["high"].to_numpy() == pytest.approx(1.645 * 0.5, abs=0.06)
