"""What every test gets: no screen, fixed seeds, the same hypothesis examples at each run."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from riskmodel.fit import Posterior, load_posterior
from riskmodel.study import Study, read_study

os.environ["MPLBACKEND"] = "Agg"  # before anything imports matplotlib; subprocesses and kernels inherit it

SEED = 20261122

settings.register_profile("riskmodel", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("riskmodel")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that starts from the same seed in every test."""
    return np.random.default_rng(SEED)


@pytest.fixture(autouse=True)
def _seeds() -> None:
    """Fix the two global generators that libraries may reach for."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - ours use `rng`; this one is for code that is not ours


@pytest.fixture(scope="session")
def study() -> Study:
    """The shipped study."""
    return read_study()


@pytest.fixture(scope="session")
def posterior() -> Posterior:
    """The shipped posterior."""
    return load_posterior()
