"""Environment variables as a knob, so that a variant can have its own: another allocator, another number of threads."""

from __future__ import annotations

import re
import shlex

from pydantic import field_validator

from workbench.knobs.knob import Maths, Slice, knob


class VariableKnobs(Slice):
    """The environment variables that are set for what is measured."""

    env: str = knob(
        "",
        "device",
        "environment variables of what is measured: NAME=VALUE NAME=VALUE",
        maths=Maths.SAME,
    )

    @field_validator("env")
    @classmethod
    def _can_be_read(cls, value: str) -> str:
        variables_in(value)
        return value


def variables_in(text: str) -> dict[str, str]:
    """The variables that ``NAME=VALUE NAME='VALUE WITH SPACES'`` sets.

    Raises:
        ValueError: For words that set nothing, all of them; and where a quote is left open.
    """
    settings = [word.partition("=") for word in shlex.split(text)]
    if wrong := [name for name, equals, _ in settings if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name)]:
        raise ValueError(f"{', '.join(map(repr, wrong))} sets nothing: write NAME=VALUE")
    return {name: value for name, _, value in settings}
