"""Text as a terminal may be given it: whatever a name holds, it moves no cursor, changes no title and fakes no colour.

Names of files, variants and stages, messages of libraries and the records of others are all printed, and a terminal
obeys the control characters in them. They are shown as Python would write them, and so are the marks that turn the
direction of writing, behind which a name can look like another.
"""

from __future__ import annotations

import re
import sys
from typing import TextIO

#: C0 but tab and line feed, DEL, C1; line and paragraph separators; what turns the direction of writing; and halves of
#: a surrogate pair, which stand for bytes of a file name that are no UTF-8, and which no stream takes.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """A text whose control characters can be seen and do nothing; tabs and line feeds stay."""
    return _UNSEEN.sub(lambda found: _as_written(found[0]), text.replace("\r\n", "\n"))


def say(text: str, *, file: TextIO | None = None) -> None:
    """Print a line, or several, as `visible` makes them.

    Args:
        text: What to print.
        file: Where to; stdout by default.
    """
    print(visible(text), file=file or sys.stdout, flush=True)


def _as_written(mark: str) -> str:
    return mark.encode("unicode_escape").decode("ascii")
