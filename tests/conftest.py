"""What every test gets: no screen, fixed seeds, the same hypothesis examples at each run."""

import dataclasses
import importlib
import io
import os
import random
import sys
from collections.abc import Callable
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


@dataclasses.dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(
    study: Study,
    posterior: Posterior,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Run:
    """Run a command in this process and in an empty folder; the shipped study and posterior are read once."""
    from riskmodel.cli import main

    reading, fitting = (importlib.import_module(f"riskmodel.{name}") for name in ("study", "fit"))
    read, load, shipped = reading.read_study, fitting.load_posterior, study
    monkeypatch.setattr(reading, "read_study", lambda path=None: shipped if path is None else read(path))
    monkeypatch.setattr(
        fitting,
        "load_posterior",
        lambda path=None, study=None: posterior if path is None and study is shipped else load(path, study),
    )
    monkeypatch.chdir(tmp_path)

    def command(*words: str, stdin: bytes | None = None) -> Done:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = main(words)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Done(code, out, err)

    return command
