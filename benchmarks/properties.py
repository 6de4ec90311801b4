"""Properties: whatever is read, set or drawn, nothing crashes, and no record comes out that does not add up.

Inputs that nobody thought of are drawn for every parser, for knobs and variants, for spans on their way to a record,
and for polygons on their way to maps: bytes, plausible content, and valid content with something in it replaced. A
property holds where each of them gives what it should, or is refused with a message that says what is wrong and where.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from promise import knob_properties, map_properties, parser_properties, reader_properties, span_properties
from promise.figure import Figure, finish
from promise.hunt import as_figure, hunt

_ROOMS = (span_properties, map_properties, knob_properties, parser_properties, reader_properties)
PROPERTIES = tuple(one for room in _ROOMS for one in room.PROPERTIES)

#: Inputs for each property.
COUNT = 10_000


def figures(only: str, count: int, start: int) -> Iterator[Figure]:
    """A figure for each property whose name holds a text, and one for all of them before these."""
    found = []
    for one in PROPERTIES:
        if only in one.name:
            found.append(as_figure(one, hunt(one, count, start=start), count))
            print(f"{'holds' if found[-1].met else 'DOES NOT HOLD'}: {one.name}", flush=True)
    held = sum(figure.met for figure in found)
    detail = f"{held} of {len(found)}, {count} inputs each, drawn from number {start} on"
    yield Figure("properties that hold", held / max(len(found), 1), "share", "= 1", held == len(found), None, detail)
    yield from found


def main() -> None:
    """Try the inputs, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="write the figures to this file as JSON")
    parser.add_argument("--only", default="", metavar="TEXT", help="only properties whose name holds this text")
    parser.add_argument("--count", type=int, default=COUNT, help="inputs for each property")
    parser.add_argument("--start", type=int, default=0, help="decides which inputs are drawn")
    arguments = parser.parse_args()
    finish(list(figures(arguments.only, arguments.count, arguments.start)), arguments.out)


if __name__ == "__main__":
    main()
