"""The notebooks run from top to bottom without a warning, hold no outputs and define no functions."""

import ast
import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Path:
    return request.param


def code_of(path: Path) -> list[dict[str, Any]]:
    """The cells of code of a notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_there_is_a_quickstart() -> None:
    assert NOTEBOOKS[0].name == "00_quickstart.ipynb"


def test_no_outputs_are_kept(notebook: Path) -> None:
    assert [cell["outputs"] for cell in code_of(notebook) if cell["outputs"]] == [], "run nbstripout"
    assert {cell["execution_count"] for cell in code_of(notebook)} == {None}
    metadata = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"


def test_no_functions_are_defined(notebook: Path) -> None:
    defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    for cell in code_of(notebook):
        source = "".join(cell["source"])
        assert not source.lstrip().startswith(("%", "!")), "plain Python only"
        found = [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, defined)]
        assert found == [], f"move this to the package:\n{source}"


def test_it_runs_without_error_or_warning(notebook: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    node = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        node, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(notebook.parent)}}
    )
    client.execute(env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"})
    outputs = [output for cell in node.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert pictures, "a notebook shows something"
    for picture in pictures:
        assert len(picture.metadata["image/png"]["alt"]) > 15, "a picture has its caption as alt text"
