"""Every benchmark can be started, and its knobs can be set; they run for minutes, so that no test runs them."""

from __future__ import annotations

import runpy
from importlib import import_module
from pathlib import Path

import pytest
from promise.naive_answers import share_of_time, smallest_ceiling
from promise.prediction_cells import BASELINE, UNCHANGED, Cell, cells
from record_factory import make_record
from run_factory import Run

from workbench.explain.prediction.predictor import Predictor
from workbench.knobs.joined import parse_knobs

SCRIPTS = (
    "attach", "attributed", "cuda", "diagnosis", "engines", "faults", "lab", "necks", "nodes", "overhead", "prediction",
    "profilers", "properties", "ranks", "resolution", "results", "soak", "strategies", "survey", "sweep", "tune",
    "verdicts",
)  # fmt: skip
BLOCK_MS = {"decode": 8.0, "targets": 7.0, "Normalize": 1.0, "collate": 20.0, "postprocess": 10.0}


def test_these_are_all(checkout: Path) -> None:
    assert {path.stem for path in (checkout / "benchmarks").glob("*.py")} == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_starts(checkout: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(checkout / "benchmarks" / f"{name}.py"), run_name="__main__")

    assert ended.value.code == 0
    assert "--out" in capsys.readouterr().out


def test_nvidias_package_of_the_same_name_as_a_script_is_still_found() -> None:
    pytest.importorskip("cuda.bindings", exc_type=ImportError)  # torch imports it
    assert import_module("cuda").__file__.endswith("benchmarks/cuda.py")


def test_the_knobs_of_all_cells_and_variants_can_be_set(tmp_path: Path) -> None:
    assert len(list(import_module("attributed").cells())) == 28
    diagnosis, strategies = import_module("diagnosis"), import_module("strategies")
    assert all(parse_knobs({**diagnosis.ORDINARY, **fault.knobs}) for fault in (*diagnosis.FAULTS, *diagnosis.DOUBLES))
    cells = import_module("engines").cells()
    assert next(iter(cells)) == "eager fp32"
    assert {"compiled int8", "onnx int8", "aoti bf16_weights", "torchscript fp32", "exported bf16"} <= set(cells)
    assert not {"eager int8", "onnx bf16", "tensorrt fp32"} & set(cells)
    assert next(iter(strategies.choose_variants(tmp_path, tmp_path))) == "reference"


def test_every_prediction_cell_really_does_what_is_predicted() -> None:
    todo = cells(BLOCK_MS)
    base = parse_knobs(BASELINE)

    assert todo[0].name == UNCHANGED
    assert len({cell.name for cell in todo}) == len(todo) == 29
    for cell in todo:
        knobs = base.changed(**cell.knobs)
        assert all(getattr(knobs, name) == value for name, value in cell.settings.items())
        assert {*knobs.knock_out, *knobs.slow_down} == set(cell.stages)
        assert all((factor == 0.0) == (stage in knobs.knock_out) for stage, factor in cell.stages.items())


def test_cells_are_what_a_predictor_can_be_asked() -> None:
    run = Run()
    predictor = Predictor(run.record(), run.spans())
    asked = [cell for cell in cells(BLOCK_MS) if set(cell.stages) <= {"decode", "collate", "postprocess"}]

    for cell in asked:
        assert predictor.predict(cell.changes(predictor)).samples_per_s.estimate > 0.0
    assert len(asked) > 15


@pytest.mark.parametrize("answer", [share_of_time, smallest_ceiling])
def test_naive_answers_gain_by_a_faster_loader(answer) -> None:
    record = make_record()
    unchanged, free = Cell({}), Cell({}, {}, {"decode": 0.0})

    assert share_of_time(record, unchanged) == pytest.approx(100.0)
    assert answer(record, free) > answer(record, unchanged)
