"""CUDA: what can only be seen on a machine with a GPU, in one command with a budget of minutes.

The parts come in the order of `PARTS`, each with its share of the time; figures are written after every part, and what
cannot be taken is a figure that says why. The record of one short trial is kept in a folder beside the figures.

It needs what measures and what judges, but no Jupyter, plotly or rich:

    PYTHONPATH=. python benchmarks/cuda.py --minutes 8 --out reports/bench/cuda.json

With ``--device cpu`` the same code is rehearsed on a machine without a GPU; what needs CUDA is then left out by name.
See reports/reference/cuda.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

if __name__ == "cuda":  # where this folder is searched, torch finds this file in place of NVIDIA's package `cuda`
    __path__ = [str(place) for entry in sys.path if (place := Path(entry, "cuda")).is_dir()]

from promise import cuda_trials
from promise.cuda_trials import CudaTrials
from promise.figure import Figure, finish, write_figures
from promise.parts import Part, take_parts

#: Weight and function of each part, in their order: short ones that say whether times are right, then comparisons.
PARTS: Mapping[str, tuple[float, Callable[[CudaTrials, float], Iterator[Figure]]]] = {
    "pages": (4, cuda_trials.pages),
    "record": (4, cuda_trials.one_record),
    "device times": (6, cuda_trials.device_times),
    "paths": (44, cuda_trials.paths),
    "precision": (16, cuda_trials.precision),
    "engines": (16, cuda_trials.engines),
    "training": (8, cuda_trials.training),
    "ranks": (4, cuda_trials.ranks),
    "identical": (18, cuda_trials.identical),
    "all trials": (1, cuda_trials.all_trials),
}

#: Pages as in the study: 25 batches of 16, and one of 4.
NUM_PAGES = 404


def main() -> None:
    """Take the parts that were asked for; exits with 0 only if every figure is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--minutes", type=float, default=8.0, help="for all parts together")
    parser.add_argument("--pages", type=int, help=f"pages to draw ({NUM_PAGES}; on the CPU the samples are taken)")
    parser.add_argument("--parts", default=",".join(PARTS), help="with commas between: " + ", ".join(PARTS))
    parser.add_argument("--out", type=Path, help="write the figures to this file as JSON")
    arguments = parser.parse_args()
    names = [name.strip() for name in arguments.parts.split(",")]
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"there is no part {', '.join(map(repr, unknown))}; there are: {', '.join(PARTS)}")
    num_pages = arguments.pages if arguments.pages is not None else NUM_PAGES if arguments.device == "cuda" else 0
    seconds = arguments.minutes * 60.0
    with tempfile.TemporaryDirectory() as place:
        bench = CudaTrials(arguments.device, Path(place), num_pages, arguments.out)
        end = threading.Timer(seconds, bench.cancel.set)  # a trial that is running then is ended
        end.daemon = True
        end.start()
        parts = [Part(name, PARTS[name][0], partial(PARTS[name][1], bench)) for name in names]
        figures = take_parts(parts, seconds, write=lambda figures: write_figures(figures, arguments.out))
    finish(figures, arguments.out)


if __name__ == "__main__":
    main()
