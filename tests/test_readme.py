"""The README says what the package does: examples are run, table and tree compared, the picture redrawn.

``python tests/test_readme.py`` writes outputs and picture again, after a new fit or a change of the data.
"""

import contextlib
import csv
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import riskmodel as rm
from riskmodel.cli import main
from riskmodel.decide import summarise
from riskmodel.exposure import exposure
from riskmodel.wording import percent

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "result.png"
EXAMPLE = re.compile(r"^```(python|sh)\n(?P<code>[^`]+)```\n+```text\n(?P<output>.*?)^```\n", re.M | re.S)
"""A block of code with the block of its output right after it."""
FILE = re.compile(r"`(?P<name>\w+\.csv)`:\n+```csv\n(?P<content>[^`]+)```\n")
"""A file that a reader is shown, with its name before it."""
CAPTION = re.compile(r"!\[(?P<alt>[^]]+)\]\(docs/result\.png\)\n\n(?P<text>[^\n]+)\n")


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text(encoding="utf-8")


@pytest.fixture
def analyst(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds the files of the README, and in which its commands are run."""
    files_of(text, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_of(text: str, folder: Path) -> None:
    """Write the files that the README shows."""
    for found in FILE.finditer(text):
        (folder / found["name"]).write_text(found["content"], encoding="utf-8")


def printed(code: str, language: str) -> str:
    """Run an example as a reader would and return what it prints."""
    out = ""
    for words in [["-c", code]] if language == "python" else commands_of(code):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        done = subprocess.run(
            [sys.executable, "-W", "error", *words],
            env=environment | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        out += done.stdout
    return "".join(f"{line.rstrip()}\n" for line in out.splitlines())


def commands_of(code: str) -> list[list[str]]:
    """The commands of a shell example, for this Python."""
    lines = [shlex.split(line) for line in code.strip().splitlines()]
    assert all(words[0] == "riskmodel" for words in lines)
    return [["-m", *words] for words in lines]


def draw(path: Path) -> tuple[str, dict[str, str]]:
    """Draw the picture; return its caption and what is written into the file."""
    import matplotlib.pyplot as plt

    from riskmodel import plots

    study = rm.read_study()
    posterior = rm.load_posterior(study=study)
    hub = study["setups"].query("system == 'HDH' and variant_of.isna()")
    x = exposure(posterior, study, horizon_years=5, setups=rm.equal_terms(hub))
    table = summarise(x).table.sort_values("probability", kind="stable", ignore_index=True)
    plots.style()
    ax, _ = plots.intervals(table, horizon_years=5)
    first, last = table.iloc[0], table.iloc[-1]
    caption = (
        f"Probability of at least one disclosure within 5 years for {len(table)} setups, on a log scale: "
        f"from {percent(first['probability'])} for {first['label']} to {percent(last['probability'])} for "
        f"{last['label']}; the 90 % intervals span several orders of magnitude and overlap."
    )
    numbers = "; ".join(
        f"{row.setup} {row.probability_low:.2e} {row.probability:.2e} {row.probability_high:.2e}"
        for row in table.itertuples()
    )
    facts = {"Title": "riskmodel", "Description": caption, "Comment": numbers, "Software": ""}
    ax.figure.savefig(path, dpi=160, bbox_inches="tight", pad_inches=0.08, metadata=facts)
    plt.close(ax.figure)
    return caption, facts


def written_into(path: Path) -> dict[str, str]:
    """The texts in a PNG file."""
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        return {str(k): str(v) for k, v in image.info.items() if isinstance(v, str)}


# ── the tests ────────────────────────────────────────────────────────────────────────────────────────────


def test_examples_print_what_the_readme_shows(text: str, analyst: Path) -> None:
    found = list(EXAMPLE.finditer(text))
    assert {match[1] for match in found} == {"python", "sh"}, "one example in Python, one on the command line"
    assert len(found) == text.count("```text\n"), "every output that is shown is compared"
    for match in found:
        assert printed(match["code"], match[1]) == match["output"], f"`python tests/{Path(__file__).name}`"


def test_an_analyst_can_follow_the_files(text: str, analyst: Path, capsys: pytest.CaptureFixture) -> None:
    assert {path.name for path in analyst.iterdir()} >= {"my_setups.csv", "providers.csv", "sources.csv"}
    assert main(["score", "my_setups.csv", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert named == list(rows[0]), "the table of output columns"


def test_the_picture_shows_the_computed_numbers(text: str, tmp_path: Path) -> None:
    caption, facts = draw(tmp_path / "result.png")
    match = CAPTION.search(text)
    assert match is not None
    assert match["alt"] == caption, f"`python tests/{Path(__file__).name}`"
    kept = written_into(PICTURE)
    assert {name: kept[name] for name in ("Description", "Comment")} == {
        name: facts[name] for name in ("Description", "Comment")
    }, f"`python tests/{Path(__file__).name}`"
    assert PICTURE.stat().st_size < 200_000


def test_every_path_and_link_is_there(text: str) -> None:
    tree = re.search(r"```\n(data/[^`]+)```", text)
    assert tree is not None
    for line in tree[1].splitlines():
        for name in re.split(r"\s{2,}", line)[0].split():
            assert (ROOT / name).exists(), name
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), target


def test_it_opens_with_what_for_whom_and_the_two_commands(text: str) -> None:
    head = text.split("\n## ")[0].strip().splitlines()
    assert head[0] == "# riskmodel" and len([line for line in head[1:] if line]) <= 5
    assert "make report" in text and "make test" in text
    assert "not legal advice" in text.lower()


if __name__ == "__main__":
    import tempfile

    os.environ["MPLBACKEND"] = "Agg"
    words = README.read_text(encoding="utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    said, _ = draw(PICTURE)
    words = CAPTION.sub(lambda m: f"![{said}](docs/result.png)\n\n{m['text']}\n", words)
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        files_of(words, Path(place))
        words = EXAMPLE.sub(lambda m: f"```{m[1]}\n{m['code']}```\n\n```text\n{printed(m['code'], m[1])}```\n", words)
    README.write_text(words, encoding="utf-8")
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", "-q", __file__], cwd=ROOT))
