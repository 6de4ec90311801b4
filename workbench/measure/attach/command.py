"""The training command of a user: taken apart, looked at before it is started, and its environment."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import BadInput, Problem
from workbench.files import expanded
from workbench.knobs.observed import ObservedKnobs
from workbench.knobs.variables import variables_in
from workbench.observer.session import VARIABLE

#: What has to be first on PYTHONPATH: the folder with the observer's `sitecustomize.py`, and nothing else.
INJECTED = Path(__file__).resolve().parents[2] / "observer" / "injected"

#: Programs that start the command elsewhere, or without the environment that they are given.
_ELSEWHERE = {
    "docker": "run the workbench inside the container",
    "podman": "run the workbench inside the container",
    "srun": "start the workbench by srun instead: srun workbench attach -- ...",
    "sbatch": "put `workbench attach -- ...` into the batch script",
    "ssh": "run the workbench on that machine",
    "sudo": "run the workbench itself with sudo",
}

#: What can be replayed from memory in a script.
KNOCKED_OUT = ("loader", "decode")

#: Python leaves its environment out of account with these.
_WITHOUT_ENVIRONMENT = ("I", "E", "S")

#: Environment variables by which libraries take their number of threads.
_BLAS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def folder_of(knobs: ObservedKnobs) -> Path:
    """Where the command is started."""
    return expanded(knobs.folder).resolve() if knobs.folder else Path.cwd()


def words_of(knobs: ObservedKnobs) -> list[str]:
    """The command, word by word, with the arguments that are added.

    Raises:
        BadInput: Where a quote is left open.
    """
    words = []
    for name in ("command", "args"):
        try:
            words += shlex.split(getattr(knobs, name))
        except ValueError as error:
            problem = Problem(f"cannot be taken apart ({error})", f"{name}={getattr(knobs, name)}", "Close the quote")
            raise BadInput("the command", [problem]) from None
    return words


def environment_of(knobs: ObservedKnobs, folder: Path) -> dict[str, str]:
    """The environment in which the command is started.

    Args:
        knobs: Of the trial.
        folder: Where the observer leaves its files.
    """
    threads: Mapping[str, str] = {}
    if knobs.blas_threads is not None:
        threads = dict.fromkeys(_BLAS, str(knobs.blas_threads))
    environment = {**os.environ, **threads, **variables_in(knobs.env), VARIABLE: str(folder)}
    path = [str(INJECTED), *filter(None, [environment.get("PYTHONPATH")])]
    return environment | {"PYTHONPATH": os.pathsep.join(path)}


def check_command(knobs: ObservedKnobs) -> None:
    """Look at a command before it is started.

    Raises:
        BadInput: With everything that can be known to be wrong.
    """
    words = words_of(knobs)
    folder = folder_of(knobs)
    problems = []
    if not words:
        problems.append(Problem("there is none", remedy="Write it behind --: workbench attach -- python train.py"))
        raise BadInput("the command", problems)
    if not folder.is_dir():
        problems.append(Problem("there is no such folder", f"folder={knobs.folder}", "Name the one to start it in"))
    if knobs.device != "auto":
        remedy = "Leave device out; a switch of the script's own goes into args"
        problems.append(Problem("the script decides where its model runs", f"device={knobs.device}", remedy))
    if knobs.mode != "validate":
        remedy = "Leave mode out; a switch of the script's own goes into args"
        problems.append(Problem("the script decides whether it trains", f"mode={knobs.mode}", remedy))
    problems += [*_program_problems(words, folder), *_python_problems(words), *_argument_problems(words)]
    problems += _guard_problems(words, folder, knobs.start_method)
    wrong = [name for name in knobs.knock_out if name not in KNOCKED_OUT]
    if wrong:
        what = f"{', '.join(wrong)} cannot be replayed in a script of yours"
        problems.append(Problem(what, "knock_out", f"These can: {', '.join(KNOCKED_OUT)}"))
    if knobs.num_workers == 0 and (knobs.prefetch_factor is not None or knobs.persistent_workers):
        remedy = "Leave them out, or take workers"
        problems.append(Problem("without workers there is nothing to prefetch or keep", "num_workers=0", remedy))
    if problems:
        raise BadInput("the command", problems)


def _program_problems(words: list[str], folder: Path) -> list[Problem]:
    program = words[0]
    name = Path(program).name
    if name in _ELSEWHERE:
        what = "what it starts does not get the environment by which a script is observed"
        return [Problem(what, name, _ELSEWHERE[name][:1].upper() + _ELSEWHERE[name][1:])]
    path = folder / program if os.sep in program else Path(shutil.which(program) or "")
    if not path.is_file():
        if name.endswith(".py"):
            return [Problem("is no program", program, f"Write: python {program}")]
        return [Problem("there is no such program", program, "Check its name, or activate its environment first")]
    if name.endswith(".py") and not os.access(path, os.X_OK):
        return [Problem("is not executable", program, f"Write: python {program}")]
    return []


def _python_problems(words: list[str]) -> list[Problem]:
    """Switches of Python itself, before the script's name, that keep the observer out."""
    if not re.fullmatch(r"python[\d.]*t?", Path(words[0]).name):
        return []
    problems = []
    for word in words[1:]:
        if word == "-":
            what = "Python would read the script from its standard input, which a trial does not have"
            problems.append(Problem(what, word, "Name the script's file"))
        if not word.startswith("-") or word in ("-", "-m", "-c"):
            break
        if not word.startswith("--") and (found := [letter for letter in _WITHOUT_ENVIRONMENT if letter in word]):
            what = f"Python started with -{found[0]} does not look at its environment, so nothing can be observed"
            problems.append(Problem(what, word, f"Leave -{found[0]} out"))
    return problems


def _guard_problems(words: list[str], folder: Path, start_method: str | None) -> list[Problem]:
    """A script that would train anew in every worker that is started by importing it."""
    path = next((folder / word for word in words[1:] if word.endswith(".py")), None)
    if start_method not in ("spawn", "forkserver") or path is None or not path.is_file():
        return []
    try:
        body = ast.parse(path.read_bytes()).body
    except (SyntaxError, ValueError):  # which the script will say itself
        return []
    guards = [node for node in body if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)]
    works = (ast.For, ast.While, ast.With)
    does = [node for node in body if isinstance(node, works) or _is_call(node)]
    if guards or not does:
        return []
    what = f"it works when it is imported (line {does[0].lineno}), which {start_method} does in every worker"
    remedy = 'Put what it does under: if __name__ == "__main__":'
    return [Problem(what, path.name, remedy)]


def _is_call(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def _argument_problems(words: list[str]) -> list[Problem]:
    if "--multirun" in words:
        remedy = "Leave --multirun out, and give one set of values"
        return [Problem("hydra --multirun is several trainings in one", "--multirun", remedy)]
    return []
