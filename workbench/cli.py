"""The `workbench` command: arguments in, exit code out.

Exit codes: 0 done, 1 a trial failed (check: slower than allowed), 2 bad input, 3 cannot tell (check, selftest), 130
interrupted, 143 terminated, 129 hung up (the terminal was closed).
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import signal
import sys
from typing import Annotated, NoReturn

import typer

from workbench.commands.attach import attach
from workbench.commands.batchsize import batchsize
from workbench.commands.check import check
from workbench.commands.clean import clean
from workbench.commands.compare import compare
from workbench.commands.doctor import doctor
from workbench.commands.history import history
from workbench.commands.home import place_for_settings
from workbench.commands.knobs import knobs
from workbench.commands.lab import lab
from workbench.commands.pages import pages
from workbench.commands.report import report
from workbench.commands.run import run
from workbench.commands.selftest import selftest
from workbench.commands.study import study
from workbench.commands.transforms import transforms
from workbench.commands.tune import tune
from workbench.commands.whatif import whatif
from workbench.errors import BadInput, WorkbenchError
from workbench.visible import say

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130

#: How a command is ended from outside as by Ctrl-C: what it says then; its exit code is 128 and the signal.
_ENDINGS = {signal.SIGTERM: "Terminated.", signal.SIGHUP: "Hung up."}

app = typer.Typer(
    name="workbench",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    run,
    attach,
    whatif,
    compare,
    tune,
    report,
    study,
    batchsize,
    check,
    history,
    clean,
    knobs,
    selftest,
    transforms,
    pages,
    doctor,
):
    app.command()(command)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(lab)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"workbench {version('workbench')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Find what bounds a PyTorch input pipeline, predict what a change gains, and measure whether it does."""


def main() -> NoReturn:
    """Run the command that the arguments name, and exit with its code."""
    terminated: list[int] = []
    atexit.register(gc.freeze)  # else the interpreter looks for garbage in all that was imported, for a second
    with contextlib.suppress(ValueError):  # in another thread than the main one there are no signals
        for number in _ENDINGS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                signal.signal(number, lambda number, frame: _end(terminated, number))
    try:
        with place_for_settings():
            app()
    except WorkbenchError as error:
        say(f"Error: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT if isinstance(error, BadInput) else FAILED)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is ending: one more Ctrl-C changes nothing
            with contextlib.suppress(OSError):  # the terminal may be gone
                print(_ENDINGS[signal.Signals(terminated[0])] if terminated else "Interrupted.", file=sys.stderr)
            sys.exit(128 + terminated[0] if terminated else INTERRUPTED)
        raise
    sys.exit()


def _end(terminated: list[int], number: int) -> None:
    """What `kill`, a job's time limit or a closed terminal sends ends a command as Ctrl-C does: nothing half done."""
    terminated.append(number)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job that a script has put into the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)
