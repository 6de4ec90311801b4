"""The notebooks, run headless on a few pages: by papermill as they stand, and by the commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from workbench import cli
from workbench.explain.words.headline import run_headline
from workbench.records.run_folder import list_runs, read_comparison, read_record, read_tuning
from workbench.report.html import export_html

pytestmark = pytest.mark.real

#: The replay device, a few small batches, and no worker processes: a trial takes little more than its imports.
QUICK = (
    "device=replay", "replay_ms_per_sample=0.1", "num_pages=4", "num_workers=0", "batch_size=2", "num_steps=2",
    "image_size=160", "isolated_samples=2",
)  # fmt: skip


@pytest.fixture
def notebooks(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of the notebooks that at their end take their parameters once more, as on being run again."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for path in (checkout / "notebooks").glob("*.ipynb"):
        content = nbformat.read(path, as_version=4)
        code = [cell for cell in content.cells if cell.cell_type == "code"]
        content.cells.append(nbformat.v4.new_code_cell(code[2].source))
        nbformat.write(content, folder / path.name)
    monkeypatch.setattr("workbench.commands.headless.notebooks_dir", lambda: folder)
    return folder


def invoke(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Runs the command with these arguments and the quick knobs, and gives its exit code."""
    knobs = [argument for knob in QUICK for argument in ("-p", knob)]
    monkeypatch.setattr(sys, "argv", ["workbench", arguments[0], *knobs, *arguments[1:]])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def papermill(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "papermill", "--execution-timeout", "120", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=folder)


def outline_of(page: Path) -> list[str]:
    """The headings and the figures of a page, in their order."""
    parts = re.findall(r'<h[12][^>]*>(.*?)</h[12]>|<span class="wb-title">(.*?)</span>', page.read_text("utf-8"))
    return [f"figure: {title}" if title else heading for heading, title in parts]


def test_papermill_runs_the_profile_as_it_stands(checkout: Path, tmp_path: Path) -> None:
    knobs = [argument for knob in QUICK for argument in ("-p", *knob.split("="))]

    done = papermill(
        str(checkout / "notebooks" / "profile.ipynb"), str(tmp_path / "out.ipynb"), *knobs,
        "-p", "cache", "prepared", "-p", "reports", str(tmp_path / "reports"), folder=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    (run,) = list_runs(tmp_path / "reports" / "runs")
    record = read_record(run)
    assert record.status == "ok"
    assert record.knobs.cache == "prepared"
    assert record.steady is not None and record.steady.num_steps == 2
    text = (tmp_path / "out.ipynb").read_text(encoding="utf-8")
    assert "pages/s (on a simulated device)" in text
    assert text.count('"application/vnd.plotly.v1+json"') == 5
    assert text.count('"image/svg+xml"') == 5, "nbconvert and previews show these"
    (page,) = (tmp_path / "reports").glob("profile-*.html")
    assert f"Report: {page}" in text
    from_the_file = export_html(tmp_path / "out.ipynb", tmp_path / "out.html")
    outline = outline_of(page)
    assert outline == outline_of(from_the_file), "each figure below its own heading"
    assert sum(part.startswith("figure") for part in outline) == 5
    assert page.stat().st_size < 3_000_000
    assert (tmp_path / "out.ipynb").stat().st_size < 1_000_000


def test_papermill_refuses_a_mistyped_parameter(checkout: Path, tmp_path: Path) -> None:
    done = papermill(
        str(checkout / "notebooks" / "profile.ipynb"), str(tmp_path / "out.ipynb"),
        "-p", "cahce", "prepared", "-p", "reports", str(tmp_path / "reports"),
    )  # fmt: skip

    assert done.returncode != 0
    assert "there is no parameter named 'cahce'. Did you mean 'cache'?" in done.stderr
    assert not (tmp_path / "reports").exists()


def test_a_trial_that_fails_is_said_without_a_traceback(
    notebooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert invoke(monkeypatch, "run", "-p", "timeout_s=0.3", "--out", str(tmp_path / "reports")) == 1

    captured = capfd.readouterr()
    assert "took longer than timeout_s = 300 ms" in captured.out
    assert "Traceback" not in captured.out + captured.err
    (run,) = list_runs(tmp_path / "reports" / "runs")
    assert f"Run folder: {run}" in captured.out
    (html,) = (tmp_path / "reports").glob("profile-*.html")
    assert f"Report: {html}" in captured.out
    assert html.read_text(encoding="utf-8").count("took longer than timeout_s") == 1
    _, answer, *sections = outline_of(html)
    assert "took longer than timeout_s" in answer
    assert sections == ["How it was measured"], "what it did not come to is not there"


def test_a_comparison_leaves_verdicts_and_a_page(
    notebooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reports = tmp_path / "reports"
    variants = ("--variant", "ram: cache=decoded", "--variant", "late: timeout_s=0.3")

    assert invoke(monkeypatch, "compare", *variants, "--blocks", "2", "--seed", "3", "--out", str(reports)) == 1

    (comparison_folder,) = (reports / "comparisons").iterdir()
    comparison = read_comparison(comparison_folder)
    results = {variant.name: variant for variant in comparison.variants}
    assert list(results) == ["baseline", "ram", "late"]
    assert comparison.seed == 3
    assert len(results["baseline"].run_ids) == len(results["ram"].run_ids) == 2
    assert results["late"].verdict == "failed"
    assert results["ram"].checks is not None and results["ram"].checks.status == "same"
    captured = capfd.readouterr()
    assert "'late': The trial failed" in captured.out
    # Two blocks are too few for a verdict; how many more it needs depends on what the machine does meanwhile.
    assert "not enough data" in captured.out
    assert f"Comparison: {comparison_folder}" in captured.out
    assert "[5/6]" in captured.err or "[6/6]" in captured.err
    (html,) = reports.glob("compare-*.html")
    assert f"Report: {html}" in captured.out
    page = html.read_text(encoding="utf-8")
    assert page.count('class="wb-plot"') >= 5
    assert "ram" in page and "took longer than timeout_s" in page


def test_a_search_leaves_its_answer_and_a_page(
    notebooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A minute is short: whether it comes to a verdict depends on the machine, and it says so where it does not."""
    reports = tmp_path / "reports"
    space = ("--grid", "cache=none,decoded", "--grid", "num_workers=0,1", "--minutes", "1", "--memory", "8GB")

    code = invoke(monkeypatch, "tune", *space, "--out", str(reports))

    (folder,) = (reports / "tunings").iterdir()
    tuning = read_tuning(folder)
    captured = capfd.readouterr()
    assert code == {"done": 0, "no_time": 3}[tuning.stop or ""], captured.out + captured.err
    assert tuning.values[0].settings == {} and tuning.values[0].samples_per_s
    assert tuning.num_settings == 4 and sum(tuning.fates.values()) + tuning.num_impossible + tuning.num_same == 3
    assert "It runs with: workbench run" in captured.out and f"Search: {folder}" in captured.out
    assert "warm-up" in captured.err and "baseline" in captured.err
    (html,) = reports.glob("tune-*.html")
    outline = outline_of(html)
    assert "How to set it" in outline and "figure: Predicted against measured" in outline
    for name in tuning.comparisons:
        assert read_comparison(reports / "comparisons" / name).variants[0].run_ids


def test_the_transforms_notebook_runs_from_the_command(notebooks: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    assert invoke(monkeypatch, "transforms", "--out", str(tmp_path)) == 0
    assert "of the measured chain" in capsys.readouterr().out
    assert len(list(tmp_path.glob("transforms-*.html"))) == 1


def test_a_run_through_profilers_shows_what_they_saw_and_cost(
    notebooks: Path, tmp_path: Path, monkeypatch, capfd
) -> None:
    knobs = [argument for knob in QUICK if not knob.startswith("num_steps") for argument in ("-p", knob)]
    profilers = ("-p", "profilers=torch,lines,stacks,memory", "-p", "num_steps=4")
    monkeypatch.setattr(sys, "argv", ["workbench", "run", *knobs, *profilers, "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert int(end.value.code or 0) == 0
    (html,) = tmp_path.glob("profile-*.html")
    text = html.read_text(encoding="utf-8")
    assert "the time of the same run without" in text
    assert "Lines, in every process" in text
    assert "What bounds the run: the share of its time that would be saved" in text
    assert "memory.parquet" in text
    assert len(text) < 6_000_000
    printed = capfd.readouterr()
    assert "Diagnosis: " in printed.out
    before, with_profilers, _ = (read_record(folder) for folder in sorted((tmp_path / "runs").iterdir()))
    assert printed.out.startswith(run_headline(before)), "the clean run answers"
    assert f"Run folder: {tmp_path / 'runs' / before.run_id}\n" in printed.out
    assert f"Run folder, with profilers: {tmp_path / 'runs' / with_profilers.run_id}\n" in printed.out
    assert "profilers" in {row.name for row in with_profilers.stages} - {row.name for row in before.stages}
    assert "in 'profilers'" not in text
    assert "with profilers: imports" in printed.err and "clean run after: imports" in printed.err
