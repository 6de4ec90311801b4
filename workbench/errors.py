"""What can go wrong in a way that the user can put right.

`workbench.cli` catches `WorkbenchError` only: its message is printed without a traceback. Anything else is a bug
of ours and is shown as one.
"""

from __future__ import annotations

import difflib
import errno
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

#: As many names are listed where one is unknown and none is near.
_MOST_NAMES = 16


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    Attributes:
        what: What is wrong, as a sentence without a final stop ("image is truncated").
        where: Where it is: file, entry, line ("val.json, entry 'a.jpg', word '0003'"). Empty where it is obvious.
        remedy: What to do about it. Empty where `what` says it already.
    """

    what: str
    where: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        """The problem on one line: ``where: what. Remedy``."""
        # A name of a file may hold a line feed, and what follows would pass for a message of its own.
        text = "\\n".join(self.where.splitlines())
        text = f"{text}: {self.what}" if text else self.what
        return f"{text}. {self.remedy}" if self.remedy else text


def unknown_name(kind: str, name: str, known: Collection[str]) -> Problem:
    """The problem of a name that is none of the known ones, with the one that was probably meant.

    Args:
        kind: What it should be a name of ("knob", "parameter").
        name: The name.
        known: The names that there are.
    """
    close = difflib.get_close_matches(name, known, n=1)
    listed = f"The {kind}s are: {', '.join(list(known)[:_MOST_NAMES])}"
    if len(known) > _MOST_NAMES:
        listed = "`workbench knobs` lists them" if kind == "knob" else f"{listed}, ..."
    remedy = f"Did you mean '{close[0]}'?" if close else listed
    return Problem(f"there is no {kind} named '{name}'", remedy=remedy)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what led to it, what led to that, ...; where one led to another in a circle, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        is_new = error.__cause__ is not None and id(error.__cause__) not in seen
        error = error.__cause__ if is_new else error.__context__


class WorkbenchError(Exception):
    """A failure whose message tells a user what was wrong, where, and what to do."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows of it: the message alone."""
        return str(self).splitlines()


class ProcessDied(WorkbenchError):
    """A process of a trial ended that should not have; the message says how, and what to do.

    Attributes:
        was_killed: Whether it was killed from outside, as the kernel does where memory runs out.
    """

    def __init__(self, message: str, *, was_killed: bool) -> None:
        super().__init__(message)
        self.was_killed = was_killed


class BadInput(WorkbenchError):
    """All problems of one input, in one message.

    Attributes:
        problems: Every problem found, in the order of the input.
    """

    #: How many problems are spelled out before the rest is only counted.
    SHOWN = 20

    def __init__(self, subject: str, problems: Sequence[Problem]) -> None:
        self.subject = subject
        self.problems = tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        """The subject with its one problem; or with the number of problems, and a line each."""
        count = len(self.problems)
        if count == 1:
            # An option and what was given for it are read as one: "-p cache=foo: ...".
            is_option = self.subject.startswith("-") and self.problems[0].where
            return f"{self.subject}{' ' if is_option else ': '}{self.problems[0]}"
        head = f"{self.subject}: {count} problems"
        lines = [f"  - {problem}" for problem in self.problems[: self.SHOWN]]
        if count > self.SHOWN:
            lines.append(f"  - ... and {count - self.SHOWN} more")
        return "\n".join([head, *lines])

    def __reduce__(self) -> tuple[type[BadInput], tuple[str, tuple[Problem, ...]]]:
        """Pickle by subject and problems, so that the error crosses process borders whole."""
        return type(self), (self.subject, self.problems)


class CannotWrite(WorkbenchError):
    """A file cannot be written where it should go.

    Args:
        path: The file.
        reason: Why not, in the system's words.
        free_bytes: Free room where it should go; None: not known, or not the reason.
        needed_bytes: Its size; None: not known.

    Attributes:
        path: The file.
        folder: The folder that it should go to.
        free_bytes: As given.
        needed_bytes: As given.
    """

    #: Reasons that are the place's and not the program's: no room, no leave.
    ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)

    def __init__(
        self, path: str | Path, reason: str, *, free_bytes: int | None = None, needed_bytes: int | None = None
    ) -> None:
        self.path = Path(path)
        self.folder = self.path.parent
        self.reason = reason
        self.free_bytes = free_bytes
        self.needed_bytes = needed_bytes
        super().__init__(str(self))

    @classmethod
    def full(cls, path: str | Path, *, needed_bytes: int | None = None) -> CannotWrite:
        """No room for a file; how much there is now is read here."""
        free = shutil.disk_usage(_first_that_exists(Path(path))).free
        return cls(path, os.strerror(errno.ENOSPC), free_bytes=free, needed_bytes=needed_bytes)

    def __str__(self) -> str:
        """File, folder, sizes and what to do, on one line."""
        sizes = [
            f"{size / 1e6:.3f} MB {what}"
            for size, what in ((self.needed_bytes, "needed"), (self.free_bytes, "free"))
            if size is not None
        ]
        known = f" ({', '.join(sizes)})" if sizes else ""
        reason = f"{self.reason[:1].lower()}{self.reason[1:]}{known}"
        remedy = "Make room there, or name a folder elsewhere (--out)"
        return f"cannot write {self.path.name} in {self.folder}: {reason}. {remedy}"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with all that is known, so that the error crosses process borders whole."""
        return _rebuild_cannot_write, (str(self.path), self.reason, self.free_bytes, self.needed_bytes)


def _rebuild_cannot_write(path: str, reason: str, free_bytes: int | None, needed_bytes: int | None) -> CannotWrite:
    return CannotWrite(path, reason, free_bytes=free_bytes, needed_bytes=needed_bytes)


def _first_that_exists(path: Path) -> Path:
    return next((folder for folder in (path, *path.parents) if folder.exists()), Path.cwd())
