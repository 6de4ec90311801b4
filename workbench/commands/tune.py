"""`workbench tune`: the best set of knobs, searched and proven; the headless face of tune.ipynb."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.commands.attach import observed_settings
from workbench.commands.options import DataFolder, Nodes, NodesTls, OutFolder, Parameters
from workbench.visible import say

#: Exit code where there was no time for an answer.
CANNOT_TELL = 3

_MINUTES = 20.0


def tune(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND ...]", help="A training command of your own, to be observed.", show_default=False
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.0, help="How long it may take.", show_default="20; with --resume what was left"),
    ] = None,
    knobs: Annotated[
        str | None,
        typer.Option(
            metavar="KNOB,KNOB",
            help="Knobs to search, with their usual values.",
            show_default="all whose usual values are known",
        ),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="KNOB=VALUE,VALUE", help="A knob to search, with values of your own; may be repeated."),
    ] = None,
    memory: Annotated[
        str, typer.Option(metavar="SIZE", help="The most that all processes may take: 4GB.", show_default="no limit")
    ] = "",
    start_up: Annotated[
        str, typer.Option("--start-up", metavar="TIME", help="The longest start-up: 30s.", show_default="no limit")
    ] = "",
    result: Annotated[
        str, typer.Option(metavar="same|within_tolerance", help="What the result must be, beside the baseline's.")
    ] = "within_tolerance",
    sampler: Annotated[
        str, typer.Option(metavar="model|optuna", help="What proposes settings: predictions, or Optuna.")
    ] = "model",
    parameter: Parameters = None,
    data: DataFolder = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An environment variable of the command.")
    ] = None,
    nodes: Nodes = "",
    nodes_tls: NodesTls = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Go on with a search: interrupted, or to have more --minutes. It runs the programs and the code that "
            "its folder names.",
        ),
    ] = None,
    out: OutFolder = None,
) -> None:
    """Search the best set of knobs, and prove what it gains.

    Short trials say what single values do; every combination is predicted; the best are compared in blocks with the
    baseline; a fresh comparison says what the winner gains. "Nothing to gain" is an answer.

    Exit code 3: there was no time for an answer.

    Example: workbench tune --minutes 10 --knobs num_workers,cache --memory 4GB
    """
    from workbench.commands.options import read_parameters
    from workbench.errors import BadInput, Problem

    is_new = bool(command or knobs or grid or memory or start_up or parameter or data or env)
    if resume is not None and (is_new or result != "within_tolerance" or sampler != "model"):
        problem = Problem(
            "a search that goes on keeps all but its time", remedy="Give --resume with --minutes, --nodes and --out"
        )
        raise BadInput("search", [problem])
    observed = ["workload=observed"] if command else []
    common = read_parameters([*observed, *(parameter or ())], data=data)
    if command:
        common = {**common, **observed_settings(command, env or ())}
    limits = {"memory": memory, "start_up": start_up, "result": result}
    how = {
        "knobs": [name.strip() for name in (knobs or "").split(",") if name.strip()],
        "grid": list(grid or ()),
        "minutes": (0.0 if resume is not None else _MINUTES) if minutes is None else minutes,
        "limits": " ".join(f"{name}:{text.replace(' ', '')}" for name, text in limits.items() if text),
        "sampler": sampler,
        "nodes": " ".join([nodes, *([str(nodes_tls.absolute())] if nodes_tls else [])]),
        "resume": str(resume) if resume is not None else "",
    }
    raise typer.Exit(_tune(common, how, out))


def _tune(common: Mapping[str, Any], how: Mapping[str, Any], out: Path | None) -> int:
    from workbench.commands.console import print_sentences, print_table, show_counted
    from workbench.commands.headless import run_headless
    from workbench.explain.figures.tuning import trades_table
    from workbench.explain.words import tuning as words
    from workbench.files import expanded
    from workbench.measure.nodes.run import check_nodes, runner_for
    from workbench.records.run_folder import read_tuning
    from workbench.report.outcome import results_folder
    from workbench.report.tuning.open_search import check_baseline, read_limits, read_sampler, read_space
    from workbench.report.tuning.state import read_to_go_on

    runner_for(how["nodes"])  # what is wrong with them is said before all else
    if how["resume"]:
        folder = expanded(how["resume"])
        baseline = read_to_go_on(folder).baseline
        out = out or folder.resolve().parent.parent
    else:
        baseline = read_space(common, how["knobs"], how["grid"]).baseline
        read_limits(how["limits"])
        read_sampler(how["sampler"], how["minutes"])
    with show_counted(f"{baseline.item}s looked over") as on_sample:
        check_baseline(baseline, on_sample)
    check_nodes(how["nodes"], {"baseline": baseline})
    results = results_folder(out)
    # What the search may take, and once more the last block and a comparison of three blocks beyond it.
    trials_s = how["minutes"] * 60.0 + 20 * baseline.timeout_s
    with _say_how_to_go_on(results):
        done = run_headless("tune", {**common, **how}, results, trials_s=trials_s, title="The best set of knobs")
    folder = done.results["tuning_folder"]
    tuning = read_tuning(folder)
    print_sentences([words.tuning_headline(tuning)])
    if tuning.trades:
        print_table(trades_table(tuning))
    print_sentences([words.limits_sentence(tuning), *words.what_was_not_tried(tuning)])
    say(f"Time: {words.where_the_time_went(tuning)}")
    print_sentences(f"Note: {note}" for note in tuning.notes)
    if tuning.stop != "failed":
        say(f"It runs with: {words.command_of(tuning)}")
    if snippet := words.snippet_of(tuning):
        say(f"In your own code:\n{snippet}")
    if tuning.stop == "no_time":
        minutes = words.minutes_to_go_on(tuning) or "N"
        say(f"For more time: workbench tune --resume {shlex.quote(str(folder))} --minutes {minutes}")
    say(f"Search: {folder}\nReport: {done.html}")
    return {"no_time": CANNOT_TELL, "failed": 1}.get(tuning.stop or "failed", 0)


@contextmanager
def _say_how_to_go_on(results: Path) -> Iterator[None]:
    """Where the search is interrupted, or its notebook dies, nothing that has run is lost: say so."""
    from workbench.report.notebook_run import NotebookFailed
    from workbench.report.tuning.state import interrupted_tunings

    before: Sequence[Path] = interrupted_tunings(results)
    try:
        yield
    except (KeyboardInterrupt, NotebookFailed):
        for folder in interrupted_tunings(results):
            if folder not in before:
                go_on = f"workbench tune --resume {shlex.quote(str(folder))}"
                say(f"What has run is kept. Go on with: {go_on}", file=sys.stderr)
        raise
