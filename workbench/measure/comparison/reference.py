"""What a change is compared with: another workbench, or other knobs, measured on this very machine.

A stored figure is no reference: it was taken on another machine, or on this one in another state.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.knobs.joined import knobs_of
from workbench.knobs.knobs import Knobs, read_settings
from workbench.measure.devices.parse_here import parse_here
from workbench.measure.trial import worker
from workbench.measure.trial.inputs import check_inputs
from workbench.records import Program

_SUBJECT = "--against"


@dataclass(frozen=True)
class Reference:
    """What a change is compared with.

    Attributes:
        name: What a person calls it.
        knobs: Its knobs.
        program: Which workbench measures it; None: this one.
    """

    name: str
    knobs: Knobs
    program: Program | None


def check_reference(text: str, common: Mapping[str, Any], checkout: Path) -> None:
    """See whether a reference is one, without putting it anywhere or starting it.

    Args:
        text: As for `open_reference`.
        common: Likewise; a data set that the reference names itself is looked at, and no other.
        checkout: Likewise.

    Raises:
        BadInput: Where it is none.
    """
    if "=" in text:
        knobs, own = _knobs(text, common)
        if "dataset" in own:
            check_inputs(knobs)
    elif _commit(checkout, text) is None and not shutil.which(text):
        remedy = "Give a git revision that is here, the path of a Python interpreter, or knobs (num_workers=0)"
        raise BadInput(_SUBJECT, [Problem(f"'{text}' is nothing to compare with", remedy=remedy)])


@contextmanager
def open_reference(text: str, common: Mapping[str, Any], checkout: Path, scratch: Path) -> Iterator[Reference]:
    """A reference that is there as long as the ``with`` block lasts.

    Args:
        text: Knobs (``"num_workers=2 batch_size=8"``), the path of a Python interpreter that has another workbench
            installed, or a git revision of the checkout.
        common: Values by knob name that reference and change share.
        checkout: Folder of the git checkout.
        scratch: Where the source tree of a revision is put.

    Raises:
        BadInput: Where it is none of these, or its workbench cannot be used.
    """
    check_reference(text, common, checkout)
    if "=" in text:
        yield Reference(text, _knobs(text, common)[0], None)
        return
    knobs = parse_here(common)
    source = scratch / "source"
    # Revisions first: some systems have a program named HEAD, and branches have slashes in their names.
    commit = _commit(checkout, text)
    if commit is None:
        yield Reference(text, knobs, _installed(text))
        return
    if _git(checkout, "worktree", "add", "--detach", "--force", str(source), commit) is None:
        raise BadInput(_SUBJECT, [Problem(f"the source tree of '{text}' could not be put at {source}")])
    try:
        program = Program(name=text, python=sys.executable, source=str(source))
        _check(program)
        yield Reference(f"{text} ({commit[:9]})" if not commit.startswith(text) else text, knobs, program)
    finally:
        _git(checkout, "worktree", "remove", "--force", str(source))


def _knobs(text: str, common: Mapping[str, Any]) -> tuple[Knobs, dict[str, Any]]:
    """The knobs of a reference that is knobs, and those that it names itself."""
    own = read_settings(text.split(), knobs_of(common), subject=_SUBJECT)
    return parse_here({**common, **own}, subject=_SUBJECT), own


def _commit(checkout: Path, text: str) -> str | None:
    """The commit of a revision; None where it is none."""
    return _git(checkout, "rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")


def _installed(text: str) -> Program:
    program = Program(name=text, python=str(Path(shutil.which(text) or text).absolute()))
    _check(program)
    return program


def _check(program: Program) -> None:
    """See whether the other workbench can be started at all, and is another one."""
    environment = {**os.environ, **program.environment()}
    command = [program.python, "-c", "import workbench.measure.trial.worker as it; print(it.__file__)"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        why = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise BadInput(_SUBJECT, [Problem(f"the workbench of '{program.name}' does not start ({why[0]})")])
    found = Path(done.stdout.strip().splitlines()[-1]).resolve()
    if found == Path(worker.__file__).resolve():
        remedy = "Install the other version without --editable, in an environment of its own"
        problem = Problem(f"the workbench of '{program.name}' is this very one", str(found.parents[1]), remedy)
        raise BadInput(_SUBJECT, [problem])


def _git(checkout: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails."""
    try:
        done = subprocess.run(  # the user's own git, wherever it is  # nosec B607
            ["git", *arguments], cwd=checkout, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
