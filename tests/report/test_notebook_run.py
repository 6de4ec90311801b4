from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from workbench.errors import BadInput, CannotWrite
from workbench.report.notebook_run import NotebookFailed, run_notebook
from workbench.report.outcome import RESULT_MIME

pytestmark = pytest.mark.real

PARAMETERS = 'cache: str = "none"  # what is kept in memory\nblocks: int = 5  # how often'


def notebook(folder: Path, *cells: str) -> Path:
    """A notebook with a parameters cell and these code cells."""
    parameters = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    made = nbformat.v4.new_notebook(cells=[parameters, *(nbformat.v4.new_code_cell(cell) for cell in cells)])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "study.ipynb"
    nbformat.write(made, path)
    return path


def children() -> set[int]:
    """The processes that this one has started itself, kernels among them; a browser's own come and go."""
    return {child.pid for child in psutil.Process().children()}


def outputs(path: Path) -> list:
    return [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]


def printed(path: Path) -> list[str]:
    """The lines that an executed notebook has printed."""
    return "".join(output.text for output in outputs(path) if output.output_type == "stream").splitlines()


def test_a_notebook_runs_with_its_parameters_and_leaves_results_and_html(tmp_path: Path) -> None:
    source = notebook(
        tmp_path,
        "from pathlib import Path\nimport sys\nfrom workbench.report.outcome import hand_over",
        "print(cache, blocks, num_workers)\nprint(sys.executable)",
        "hand_over(run_folder=Path('a') / cache)",
    )
    before = children()

    # A brace is no placeholder here; papermill would take it for one.
    done = run_notebook(
        source, {"cache": "prepared", "num_workers": 3}, tmp_path / "{out}" / "done.ipynb", cell_timeout_s=60,
        title="Study",
    )  # fmt: skip

    assert printed(done.notebook) == ["prepared 5 3", sys.executable]
    assert done.results == {"run_folder": Path("a/prepared")}
    assert done.notebook == tmp_path / "{out}" / "done.ipynb"
    assert "prepared 5 3" in done.html.read_text(encoding="utf-8")
    assert any(RESULT_MIME in output.get("data", {}) for output in outputs(done.notebook))
    assert children() == before


def test_the_kernel_is_the_one_of_this_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "other", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))

    done = run_notebook(
        notebook(tmp_path, "import sys", "print(sys.executable)"), {}, tmp_path / "done.ipynb", cell_timeout_s=60
    )

    assert printed(done.notebook) == [sys.executable]


def test_the_kernel_gets_the_variables_that_it_is_given_and_those_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN", "inherited")
    cell = "import os\nprint(os.environ['GIVEN'], os.environ['OWN'])"

    done = run_notebook(
        notebook(tmp_path, "1", cell),
        {},
        tmp_path / "done.ipynb",
        cell_timeout_s=60,
        environment={"GIVEN": "a ${OWN} $b"},
    )

    assert printed(done.notebook) == ["a ${OWN} $b inherited"]


def test_knobs_of_another_workload_are_not_the_notebooks(tmp_path: Path) -> None:
    module = tmp_path / "own_workload.py"
    module.write_text(
        "from pydantic import BaseModel\nclass Own:\n    class Knobs(BaseModel):\n        width: int = 3\n"
    )
    parameters = {"workload": "own_workload:Own", "width": 4, "image_decoder": "pil"}

    with pytest.MonkeyPatch.context() as patch, pytest.raises(BadInput) as error:
        patch.syspath_prepend(tmp_path)
        run_notebook(notebook(tmp_path, "1"), parameters, tmp_path / "done.ipynb", cell_timeout_s=60)

    assert "there is no parameter named 'image_decoder'" in str(error.value)
    assert "width" not in str(error.value).split("The parameters are")[0]


def test_parameters_that_the_notebook_does_not_have_are_refused_before_it_starts(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        run_notebook(notebook(tmp_path, "1"), {"cahce": 1, "blokcs": 2}, tmp_path / "done.ipynb", cell_timeout_s=60)

    assert "Did you mean 'cache'?" in str(error.value)
    assert "Did you mean 'blocks'?" in str(error.value)
    assert not (tmp_path / "done.ipynb").exists()


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, *arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr("papermill.execute.execute_notebook", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(CannotWrite, match=r"cannot write done\.ipynb in .*: read-only file system"):
        run_notebook(notebook(tmp_path, "1"), {}, tmp_path / "done.ipynb", cell_timeout_s=60)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("raise ValueError('no such page')", "ValueError: no such page"),
        ("import os\nos._exit(7)", "DeadKernelError"),
        ("import sys\nsys.exit(0)", "2 of 3 code cells were run"),
        ("import time\ntime.sleep(60)", "CellTimeoutError"),
    ],
    ids=["exception", "kernel died", "sys.exit(0)", "timeout"],
)
def test_a_notebook_that_does_not_get_to_its_end_has_failed(tmp_path: Path, cell: str, message: str) -> None:
    before = children()

    with pytest.raises(NotebookFailed) as error:
        run_notebook(notebook(tmp_path, cell, "print('end')"), {}, tmp_path / "done.ipynb", cell_timeout_s=2.5)

    assert message in str(error.value)
    assert str(tmp_path / "done.ipynb") in str(error.value)
    assert (tmp_path / "done.ipynb").is_file()
    assert not (tmp_path / "done.html").exists()
    assert children() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_notebook_and_no_kernel(tmp_path: Path, number: int) -> None:
    source = notebook(tmp_path, "1", f"open({str(tmp_path / 'begun')!r}, 'w').close()\nimport time\ntime.sleep(600)")
    code = (
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from workbench.cli import _end\n"
        "from workbench.report.notebook_run import run_notebook\n"
        f"signal.signal(signal.SIGINT, signal.{'default_int_handler' if number == signal.SIGINT else 'SIG_IGN'})\n"
        "signal.signal(signal.SIGTERM, lambda number, frame: _end([], number))\n"
        "run_notebook(Path(sys.argv[1]), {}, Path(sys.argv[2]) / 'done.ipynb', cell_timeout_s=600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, source, tmp_path / "out"], stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    try:
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()

    assert "KeyboardInterrupt" in stderr
    assert list((tmp_path / "out").iterdir()) == []
    assert psutil.wait_procs(family, timeout=30)[1] == []
