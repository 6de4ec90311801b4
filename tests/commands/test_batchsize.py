"""The size of a batch is looked for by real trials; what makes no sense is refused before any."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import cli
from workbench.records.run_folder import list_runs, read_comparison

pytestmark = pytest.mark.real

TRAINING = ("workload=rank_workloads:Linear", "mode=train", "device=cpu", "num_workers=0", "num_samples=8")


@pytest.fixture
def batchsize(tmp_path, monkeypatch, capsys):
    """Runs the command; gives its exit code and what it wrote."""

    def run(*arguments: str) -> tuple[int, str]:
        parameters = [part for setting in TRAINING for part in ("-p", setting)]
        command = ["workbench", "batchsize", "--out", str(tmp_path), *parameters, *arguments]
        monkeypatch.setattr("sys.argv", command)
        monkeypatch.setenv("COLUMNS", "400")
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))  # where the children find the workload
        with pytest.raises(SystemExit) as ended:
            cli.main()
        written = capsys.readouterr()
        return int(ended.value.code or 0), written.out + written.err

    return run


def test_memory_is_measured_first_and_then_each_size_against_half_of_it(batchsize, tmp_path):
    code, said = batchsize("--blocks", "2", "--samples", "16")
    assert code == 0, said
    assert "Memory, measured at 2, 4, 8: " in said and "Take batch_size=" in said
    sizes = [record.name for record in list_runs(tmp_path / "runs")]
    assert len(sizes) >= 3
    for folder in (tmp_path / "comparisons").iterdir():
        first, second = (variant.knobs.batch_size for variant in read_comparison(folder).variants)
        assert second == 2 * first


def test_a_size_that_is_given_is_refused(batchsize):
    code, said = batchsize("-p", "batch_size=4")
    assert code == cli.BAD_INPUT and "is what is looked for" in said
