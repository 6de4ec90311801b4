"""What is the matter with text that should be JSON, in words of its author, and the way out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

#: What Python's `str` makes of a list or a dict of words.
_PYTHON = re.compile(r"""\s*[\[{]\s*(?:\{\s*)?(?:u?'|None\b|True\b|False\b)""")
#: A path and a list of words, as in a label file.
_RECORD = re.compile(r"[^\t\[\]{}]+\t\s*\[")


@dataclass(frozen=True)
class JsonFault:
    """What is the matter.

    Attributes:
        what: As a part of a sentence ("single quotes: ...").
        remedy: What to do; empty where `what` says it.
    """

    what: str
    remedy: str = ""


def json_fault(text: str, error: ValueError | RecursionError, before: int = 0) -> JsonFault:
    """Why a text could not be read.

    Args:
        text: The text.
        error: What the parser raised.
        before: Characters that stand before the text on its line.
    """
    if not isinstance(error, json.JSONDecodeError):
        return JsonFault("nested too deep" if isinstance(error, RecursionError) else str(error))
    if _PYTHON.match(text):
        return JsonFault(
            "single quotes: written with str(), not json.dumps",
            "Write it again with json.dumps(..., ensure_ascii=False)",
        )
    column = f"column {error.colno + (before if error.lineno == 1 else 0)}"
    rest = text[error.pos :]
    if error.msg == "Extra data":
        if _RECORD.match(rest):
            return JsonFault(f"a second record begins at {column}", "Break the line there")
        if rest.startswith(("{", "[")):
            return JsonFault(f"a second document begins at {column}", "Write one, or one a line into a .jsonl file")
        return JsonFault(f"something follows at {column}")
    if rest.startswith(("}", "]")) and text[: error.pos].rstrip().endswith(","):
        return JsonFault(f"a comma before the closing bracket, {column}", "Take the comma out")
    if rest.startswith(("//", "/*", "#")):
        return JsonFault(f"a comment, {column}", "Take comments out: JSON has none")
    if rest.startswith("\0"):
        return JsonFault(f"zeros in place of text, {column}", "It was not written in full: write it again")
    if not rest.strip() or error.msg.startswith("Unterminated string"):
        return JsonFault(f"it breaks off: {error.msg.lower()}, {column}", "Write it again, in full")
    return JsonFault(f"{error.msg}, {column}")
