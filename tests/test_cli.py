from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import CliRunner

from workbench import cli
from workbench.commands.options import read_parameters
from workbench.errors import BadInput

pytestmark = pytest.mark.real

Invoke = Callable[..., int]

TOY = "examples.toy_workload:Toy"

VERBS = (
    "run", "attach", "whatif", "compare", "tune", "report", "study", "batchsize", "check",
    "history", "clean", "knobs", "selftest", "transforms", "pages", "doctor", "lab",
)  # fmt: skip


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs the command with these arguments, and gives its exit code."""

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["workbench", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0)

    return run


def no_notebook(*arguments: Any, **options: Any) -> None:
    raise AssertionError("a notebook was started")


def test_help_is_there_and_needs_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys\n"
        "sys.argv = ['workbench', '--help']\n"
        "from workbench.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'pandas', 'plotly', 'papermill', 'numpy', 'pydantic', 'IPython'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    for verb in VERBS:
        assert f" {verb} " in done.stdout
    assert " train " not in done.stdout, "the shipped weights are made by a script"


def test_every_command_says_what_it_does_in_one_line() -> None:
    texts = [(command.callback.__doc__ or "").split("\n\n")[0].strip() for command in cli.app.registered_commands]
    assert len(texts) == len(VERBS)
    for text in texts:
        assert 20 < len(text) <= 64 and "\n" not in text, text  # what a list of commands has room for


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "no-such-verb"], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 2
    assert "no-such-verb" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "-p", "cahce=prepared"),
        ("compare", "-p", "cahce=none", "--variant", "ram: cache=decoded"),
        ("compare", "--variant", "ram: cahce=decoded"),
        ("compare", "--grid", "cahce=none,decoded"),
        ("report", "-p", "cahce=none"),
        ("check", "--against", "cache=decoded", "-p", "cahce=none"),
        ("selftest", "-p", "cahce=none"),
        ("transforms", "-p", "cahce=none"),
        ("study", "-p", "cahce=none"),
    ],
    ids=" ".join,
)
def test_a_mistyped_knob_is_bad_input_with_the_one_that_was_meant(
    invoke: Invoke, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.commands.headless.run_notebook", no_notebook)

    assert invoke(*arguments) == 2

    err = capsys.readouterr().err
    assert "there is no knob named 'cahce'. Did you mean 'cache'?" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "-p", "num_workers=many", "-p", "cache=decodd"), "2 problems"),
        (("run", "-p", "cache=prepared", "-p", "mode=train"), "Take cache=decoded, or mode=validate"),
        (("run", "-p", "cache"), "Write knob=value"),
        (("run", "-p", "dataset=no/such/folder"), "no/such/folder"),
        (("compare",), "there is nothing to compare the baseline with"),
        (("compare", "--variant", "a: cache=decoded", "--grid", "cache=none,decoded"), "both variants and a grid"),
        (("compare", "--variant", "a: cache=decoded", "-p", "seed=1", "--seed", "2"), "'seed' is set twice"),
        (("compare", "--variant", "a: dataset=no/such/folder"), "no/such/folder"),
        (("compare", "--resume", "no/such/folder"), "there is no state.json"),
        (("compare", "--resume", ".", "--variant", "a: cache=decoded"), "keeps its variants and knobs"),
        (("compare", "--resume", ".", "--cold-cache"), "keeps its variants and knobs"),
        (("compare", "--variant", "a: cache=decoded", "--blocks", "0"), "blocks"),
        (("report", "--data", "no/such/folder"), "no/such/folder"),
        (("run", "--out", __file__), "cannot be used as a folder"),
        (("run", "-p", "workload=nothing"), "there is no workload named 'nothing'"),
        (("run", "-p", f"workload={TOY}", "-p", "num_pages=4"), "Did you mean 'num_images'?"),
        (("run", "-p", f"workload={TOY}", "-p", "image_side=4"), "the model needs 8 pixels"),
        (("compare", "-p", f"workload={TOY}", "--variant", "kept: keep_image=true"), "Did you mean 'keep_images'?"),
        (("report", "-p", f"workload={TOY}", "--data", "."), "has no knob for the folder of a data set"),
        (("report", "-p", "dataset=data_samples", "--data", "."), "the data set is named twice"),
        (("transforms", "-p", f"workload={TOY}"), "cannot time its transforms one by one"),
        (("transforms", "-p", "cache=decoded"), "Take cache=none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_reported_before_anything_starts(
    invoke: Invoke,
    arguments: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workbench.commands.headless.run_notebook", no_notebook)

    assert invoke(*arguments) == 2

    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def test_other_failures_that_a_user_can_act_on_are_not_bad_input(
    invoke: Invoke, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.report.notebook_run import NotebookFailed

    def fail(*arguments: Any, **options: Any) -> None:
        raise NotebookFailed("the kernel died")

    monkeypatch.setattr("workbench.commands.headless.run_notebook", fail)

    assert invoke("run") == 1
    assert capsys.readouterr().err == "Error: the kernel died\n"


def test_an_interrupt_is_one_clean_line(
    invoke: Invoke, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("workbench.commands.headless.run_notebook", interrupt)

    assert invoke("run") == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_bug_is_shown_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*arguments: Any, **options: Any) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("workbench.commands.headless.run_notebook", stumble)
    monkeypatch.setattr(sys, "argv", ["workbench", "run"])

    with pytest.raises(ZeroDivisionError, match="ours"):
        cli.main()


def test_lab_passes_its_options_on(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda command, env: called.append(command) or 3)

    assert invoke("lab", "--port", "9999", "--no-browser") == 3

    root = f"--ServerApp.root_dir={checkout / 'notebooks'}"
    first = "--LabApp.default_url=/lab/tree/explore.ipynb"
    closed = ["--ServerApp.ip=localhost", "--ServerApp.disable_check_xsrf=False"]
    assert called == [[sys.executable, "-m", "jupyterlab", root, *closed, first, "--port", "9999", "--no-browser"]]


def test_an_interrupted_comparison_says_how_to_go_on(
    invoke: Invoke, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from workbench.measure.comparison.journal import Journal
    from workbench.workloads.ocr.knobs import OcrKnobs

    def begin(*arguments: Any, **options: Any) -> None:
        Journal.begin(tmp_path / "comparisons" / "1", {"a": OcrKnobs()}, runs=tmp_path / "runs", seed=0, num_blocks=1)
        raise KeyboardInterrupt

    monkeypatch.setattr("workbench.commands.headless.run_notebook", begin)

    assert invoke("compare", "--variant", "ram: cache=decoded", "--out", str(tmp_path)) == 130
    assert f"workbench compare --resume {tmp_path / 'comparisons' / '1'}" in capsys.readouterr().err


@pytest.fixture
def resumed(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Resumes a comparison of three blocks that lies in `mine/comparisons/1`; gives what its notebook is given."""
    from workbench.measure.comparison.journal import Journal
    from workbench.workloads.ocr.knobs import OcrKnobs

    knobs = OcrKnobs(dataset=str(Path(__file__).parents[1] / "data_samples"))
    folder = tmp_path / "mine" / "comparisons" / "1"
    (tmp_path / "runs").mkdir()
    variants = {"a": knobs, "b": knobs.changed(cache="decoded")}
    Journal.begin(folder, variants, runs=tmp_path / "runs", seed=0, num_blocks=3)

    def resume(*arguments: str) -> dict[str, Any]:
        given: dict[str, Any] = {}

        def note(notebook: Path, parameters: dict[str, Any], *arguments: Any, **options: Any) -> None:
            given.update(parameters)
            raise KeyboardInterrupt

        monkeypatch.setattr("workbench.commands.headless.run_notebook", note)
        invoke("compare", "--resume", str(folder), *arguments)
        return given

    return resume


@pytest.mark.parametrize(("asked", "blocks"), [((), 3), (("--blocks", "3"), 3), (("--blocks", "9"), 9)])
def test_a_comparison_goes_on_to_as_many_blocks_as_it_was_to_have_or_more(
    resumed: Callable[..., dict[str, Any]], asked: tuple[str, ...], blocks: int
) -> None:
    assert resumed(*asked)["blocks"] == blocks


def test_a_comparison_that_goes_on_reports_beside_itself_or_where_it_is_told_to(
    resumed: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    assert resumed()["reports"] == str(tmp_path / "mine")
    assert resumed("--out", str(tmp_path / "other"))["reports"] == str(tmp_path / "other")


@pytest.mark.parametrize("command", cli.app.registered_commands, ids=lambda command: command.callback.__name__)
def test_every_help_has_an_example_that_can_be_parsed(command, monkeypatch) -> None:
    name = command.callback.__name__
    (example,) = re.findall(r"Example: workbench (.*)", command.callback.__doc__ or "")
    arguments = shlex.split(example)
    assert arguments[0] == name
    group = typer.main.get_command(cli.app)
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(group, [name, "--help"], terminal_width=80).output
    assert f" Example: workbench {example}" in [line.rstrip() for line in shown.splitlines()], "it can be copied"
    if name == "lab":  # what it does not know goes to JupyterLab
        return
    parsed = group.commands[name].make_context(name, arguments[1:])  # type: ignore[attr-defined]
    assert parsed.info_name == name


@pytest.mark.parametrize("name", ["data", "out"])
def test_an_option_that_is_given_as_a_knob_is_named(name) -> None:
    with pytest.raises(BadInput, match=f"Write --{name} DIR"):
        read_parameters([f"{name}=somewhere"])


def test_the_message_begins_with_what_is_wrong() -> None:
    with pytest.raises(BadInput, match=r"^-p cache=foo: is not a value of it. Choices: none, encoded, "):
        read_parameters(["cache=foo"])
    with pytest.raises(BadInput, match=r"^-p: 2 problems\n  - cache=foo: is not .*\n  - num_workers=x: is not "):
        read_parameters(["cache=foo", "num_workers=x"])


def test_the_data_set_has_one_name_everywhere(tmp_path) -> None:
    assert read_parameters(["cache=decoded"], data=tmp_path)["dataset"] == str(tmp_path)
    with pytest.raises(BadInput, match="the data set is named twice"):
        read_parameters(["dataset=here"], data=tmp_path)
    takes_data = {
        c.callback.__name__ for c in cli.app.registered_commands if "data" in signature(c.callback).parameters
    }
    assert takes_data == {
        "run", "batchsize", "compare", "tune", "report", "study", "check", "selftest", "transforms", "pages",
    }  # fmt: skip


def test_a_comparison_does_not_go_on_to_fewer_blocks_than_it_is_laid_out_for(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from workbench.measure.comparison.journal import Journal
    from workbench.workloads.ocr.knobs import OcrKnobs

    (tmp_path / "runs").mkdir()
    Journal.begin(tmp_path / "comparison", {"a": OcrKnobs()}, runs=tmp_path / "runs", seed=0, num_blocks=3)
    monkeypatch.setattr("workbench.commands.headless.run_notebook", no_notebook)

    assert invoke("compare", "--resume", str(tmp_path / "comparison"), "--blocks", "1", "--out", str(tmp_path)) == 2
    err = capsys.readouterr().err
    assert "it is laid out for 3 blocks already, and 1 would be fewer. Leave --blocks out" in err


@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGTERM, 143, "Terminated.\n"), (signal.SIGHUP, 129, "Hung up.\n")]
)
def test_what_ends_a_command_from_outside_is_an_interrupt_with_a_code_of_its_own(
    number: signal.Signals,
    code: int,
    said: str,
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def end(*arguments: Any, **options: Any) -> None:
        signal.raise_signal(number)

    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = [signal.getsignal(one) for one in numbers]
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr("workbench.commands.headless.run_notebook", end)
    try:
        assert invoke("run") == code
    finally:
        for one, handler in zip(numbers, before, strict=True):
            signal.signal(one, handler)
    assert capsys.readouterr().err == said


def test_a_report_is_refused_before_pages_are_drawn(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def draw(*arguments: Any, **options: Any) -> None:
        raise AssertionError("pages were drawn")

    monkeypatch.setattr("workbench.workloads.ocr.tools.OcrTools.draw", draw)

    assert invoke("report", "-p", "mode=train", "--out", str(tmp_path)) == 2
    assert "Take cache=decoded, or mode=validate" in capsys.readouterr().err


def test_a_self_test_without_time_for_a_result_cannot_tell(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from workbench.report.block_time import TooShort

    def too_short(*arguments: Any, **options: Any) -> None:
        raise TooShort(["1 block was run."], "a self-test needs 3 blocks. Take --minutes 2")

    monkeypatch.setattr("workbench.report.self_test.run_selftest", too_short)

    assert invoke("selftest", "--minutes", "1", "--out", str(tmp_path)) == 3
    captured = capsys.readouterr()
    assert captured.out.startswith("1 block was run.\nCannot tell: a self-test needs 3 blocks. Take --minutes 2.\n")
    assert "Error" not in captured.err
