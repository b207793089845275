"""The project installs as promised: wheel, lock, conda file, lazy import, no trace of any machine."""

import ast
import csv
import importlib.metadata
import io
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Declared without being imported by our code, and why.
USED_UNSEEN = {
    "h5netcdf": "xarray opens the posterior with it",
    "ipykernel": "runs the notebooks",
    "jupyterlab": "make lab",
    "nutpie": "the sampler that PyMC is told to use by name",
}
# Imported without being declared, and why.
PROVIDED = {
    "h5py": "asked for by the extra of h5netcdf",
    "ipython": "ipykernel is made of it; only display() is used",
}
ON_CONDA_FORGE: dict[str, str] = {}  # named otherwise there


@pytest.fixture(scope="module")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dependencies(project: dict) -> dict[str, Requirement]:
    found = [Requirement(text) for text in project["project"]["dependencies"]]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def run(*command: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would, without what this test run put into the environment."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "MAKE", "MFLAGS"))}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


# ── dependencies, lock, conda ─────────────────────────────────────────────────────────────────────────────


def imported_names(root: Path) -> Iterator[str]:
    """Top-level names imported by the package and by the notebooks."""
    sources = [path.read_text(encoding="utf-8") for path in (root / "riskmodel").rglob("*.py")]
    for path in [*(root / "riskmodel").rglob("*.ipynb"), *(root / "notebooks").glob("*.ipynb")]:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = "".join("".join(cell["source"]) + "\n" for cell in cells if cell["cell_type"] == "code")
        sources.append(re.sub(r"^\s*[%!].*$", "", code, flags=re.M))
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.split(".")[0]


def test_every_import_is_declared_and_every_dependency_used(root: Path, dependencies: dict) -> None:
    distributions = importlib.metadata.packages_distributions()
    names = set(imported_names(root)) - set(sys.stdlib_module_names) - {"riskmodel"}
    imported = {canonicalize_name(distributions.get(name, [name])[0]) for name in names}
    assert imported - set(dependencies) - set(PROVIDED) == set(), "imported, but missing from pyproject.toml"
    assert set(dependencies) - imported - set(USED_UNSEEN) == set(), "in pyproject.toml, but never imported"


def test_environment_yml_agrees_with_pyproject(root: Path, dependencies: dict) -> None:
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge"]
    assert environment["dependencies"][-1] == {"pip": ["-e ."]}
    entries = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    wanted_python = (root / ".python-version").read_text(encoding="utf-8").strip()
    assert entries[:2] == [f"python={wanted_python}", "pip"]
    conda = {}
    for entry in entries[2:]:
        requirement = Requirement(entry)
        name = ON_CONDA_FORGE.get(requirement.name, requirement.name)
        conda[canonicalize_name(name)] = requirement.specifier
    expected = {name: requirement.specifier for name, requirement in dependencies.items()}
    for requirement in dependencies.values():
        expected |= {canonicalize_name(extra): Requirement(extra).specifier for extra in requirement.extras}
    assert conda == expected


def test_lock_holds_every_requirement_with_hashes(root: Path, project: dict, dependencies: dict) -> None:
    text = (root / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    pins: dict[str, set[str]] = {}
    for block in blocks:
        requirement = Requirement(block.split("\\")[0].strip())
        (pin,) = requirement.specifier
        assert pin.operator == "==", block
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), f"{requirement.name} has no hash"
        pins.setdefault(canonicalize_name(requirement.name), set()).add(pin.version)
    asked = [*dependencies.values(), *map(Requirement, project["dependency-groups"]["dev"])]
    asked += [Requirement(text) for text in project["build-system"]["requires"]]
    for requirement in asked:
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in requirements.lock: run `make lock`"
        assert all(map(requirement.specifier.contains, versions)), f"{requirement}: locked {versions}; run `make lock`"


def test_versions_agree(root: Path, project: dict) -> None:
    version = project["project"]["version"]
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert str(citation["version"]) == version
    assert re.findall(r"^## \[(\d[^]]*)\]", changelog, re.M)[0] == version
    assert importlib.metadata.version("riskmodel") == version, "an old install: run `make env`"


# ── the wheel ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=root)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_carries_tables_works_template_posterior_and_report(root: Path, wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tables = {f"riskmodel/data/{path.name}" for path in (root / "data").glob("*.csv")}
    assert len(tables) > 10
    assert tables | {"riskmodel/data/datapackage.json", "riskmodel/references.bib"} <= names
    assert {"riskmodel/reference/posterior.nc", "riskmodel/reference/report.ipynb"} <= names
    assert any(name.startswith("riskmodel/templates/") and name.endswith(".j2") for name in names)
    modules = {path.relative_to(root).as_posix() for path in (root / "riskmodel").rglob("*.py")}
    assert modules <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    others = {name.split("/")[0] for name in names} - {"riskmodel"}
    assert all(name.endswith(".dist-info") for name in others), f"what does this do in the wheel: {others}"
    assert wheel.stat().st_size < 10e6


def test_sdist_carries_what_a_rebuild_and_the_tests_need(root: Path, tmp_path: Path) -> None:
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, cwd=root)
    assert done.returncode == 0, done.stderr
    (built,) = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(built, tmp_path, filter="data")
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    for name in (
        "pyproject.toml",
        "LICENSE",
        "README.md",
        "data/datapackage.json",
        "references.bib",
        "tests/test_packaging.py",
    ):
        assert (unpacked / name).is_file(), name


def test_wheel_scores_and_lists_works_in_an_empty_environment(root: Path, wheel: Path, tmp_path: Path) -> None:
    # A .pth file lends the dependencies; .pth files in the lent folder (our editable install) are not read.
    home, elsewhere = tmp_path / "env", tmp_path / "elsewhere"
    elsewhere.mkdir()
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    install = [
        "install",
        "--quiet",
        "--isolated",
        "--no-index",
        "--no-deps",
        "--disable-pip-version-check",
        wheel,
    ]
    done = run(sys.executable, "-m", "pip", "--python", python, *install, cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    places = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)}, scheme="venv")
    lent = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (Path(places["purelib"]) / "lent.pth").write_text("\n".join(lent) + "\n", encoding="utf-8")

    where = run(python, "-c", "import riskmodel, sys; print(riskmodel.__file__, *sys.path, sep='\\n')", cwd=elsewhere)
    assert where.returncode == 0, where.stderr
    found, *path = where.stdout.splitlines()
    assert Path(found).is_relative_to(places["purelib"])
    assert str(root) not in path

    scored = run(scripts / "riskmodel", "score", "--format", "csv", cwd=elsewhere)
    assert scored.returncode == 0, scored.stderr
    rows = list(csv.reader(io.StringIO(scored.stdout)))
    assert len({len(row) for row in rows}) == 1, "not a rectangular table"
    assert any("HDH_AZURE" in row for row in rows)

    listed = run(python, "-c", "from riskmodel.tables import works; print(works())", cwd=elsewhere)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.count("<li>") == (root / "references.bib").read_text(encoding="utf-8").count("\n@")
    assert list(elsewhere.iterdir()) == []


# ── lazy import ───────────────────────────────────────────────────────────────────────────────────────────


def test_import_riskmodel_imports_no_numerical_library(tmp_path: Path) -> None:
    heavy = [
        "arviz",
        "matplotlib",
        "numpy",
        "nutpie",
        "pandas",
        "pymc",
        "pytensor",
        "scipy",
        "seaborn",
        "xarray",
    ]
    code = f"import riskmodel, sys; print(*[name for name in {heavy} if name in sys.modules])"
    done = run(sys.executable, "-W", "error", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_every_public_name_is_there() -> None:
    import riskmodel

    assert riskmodel.__all__, "no public names"
    assert set(riskmodel.__all__) <= set(dir(riskmodel))
    for name in riskmodel.__all__:
        assert getattr(riskmodel, name) is not None, name
    with pytest.raises(AttributeError):
        riskmodel.no_such_name  # noqa: B018


# ── traces of a machine ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def kept_files(root: Path) -> list[Path]:
    """The files that git keeps or would keep."""
    listing = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if shutil.which("git") is None or (done := run("git", *listing, cwd=root)).returncode:
        pytest.skip("not a git checkout")
    return [root / name for name in done.stdout.split("\0") if name and (root / name).is_file()]


def test_no_file_names_a_registry_or_a_machine(root: Path, kept_files: list[Path]) -> None:
    # The words are put together here, so that this file does not contain them.
    hosts = [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("anaconda", "org"),
        ("npmjs", "org"),
        ("debian", "org"),
    ]
    words = [re.escape(".".join(host)) for host in hosts]
    words += ["--(extra-)?index" + "-url", "file:" + "///"]
    words += [r"(?<![\w.~$})/:-])/" + f"({'|'.join(['root', 'home', 'Users', 'work', 'opt'])})" + r"/\w"]
    pattern = re.compile("|".join(words))
    found = []
    for path in kept_files:
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), start=1):
            if match := pattern.search(line):
                found.append(f"{path.relative_to(root)}:{number}: {match.group()}")
    assert found == []


def test_no_uv_lock(root: Path, kept_files: list[Path]) -> None:
    name = "uv" + ".lock"
    assert not any(path.name == name for path in kept_files)
    assert not (root / name).exists(), "uv.lock records registry addresses: use `make lock`"


# ── make ──────────────────────────────────────────────────────────────────────────────────────────────────

needs_make = pytest.mark.skipif(os.name == "nt" or shutil.which("make") is None, reason="no make here")


@needs_make
def test_make_alone_explains_itself(root: Path) -> None:
    done = run("make", cwd=root)
    assert done.returncode == 0, done.stderr
    targets = {line.split()[0] for line in done.stdout.splitlines()[1:] if line.strip()}
    assert {"report", "test", "test-slow", "lint", "lab", "fit", "lock", "clean", "bench"} <= targets


@needs_make
def test_missing_interpreter_is_one_sentence(root: Path, tmp_path: Path) -> None:
    # A uv that works, on a machine where neither it nor pyenv has a fitting Python.
    for name in ("Makefile", "pyproject.toml", "requirements.lock", ".python-version"):
        shutil.copy(root / name, tmp_path)
    fake = tmp_path / "bin" / "uv"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\ncase "$*" in *--help*) exit 0;; esac\necho "error: no" >&2\nexit 2\n', encoding="utf-8")
    fake.chmod(0o755)
    path = os.pathsep.join([str(fake.parent), os.environ["PATH"]])
    done = run("make", "test", cwd=tmp_path, PATH=path, HOME=str(tmp_path), PYENV_ROOT=str(tmp_path))
    assert done.returncode != 0
    assert done.stderr.count("riskmodel needs Python 3.12 or newer: install Python 3.13") == 1
    assert "error: no" not in done.stderr
    assert not (tmp_path / ".venv").exists()


@needs_make
def test_ci_run_is_executable_and_calls_tests_and_lint(root: Path) -> None:
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert "make test" in text and "lint" in text
