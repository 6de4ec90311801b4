"""Necks: what each one is worth on the CPU, in quality and in speed, on every engine that takes it.

The shipped detectors, which differ in their necks only, score drawn pages that none was trained on. Each cell of the
table neck x engine is a variant of one comparison against the small pyramid in eager mode; another neck is another
model, and held to a point of H-mean by a paired bootstrap over pages. All of it is on this machine's CPU, in fp32.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from promise.figure import Figure, main
from promise.shipped import COMMON, show_trial, unseen_pages

from workbench.knobs.joined import parse_knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import ComparisonRun, run_comparison
from workbench.records import Comparison, VariantResult
from workbench.report.verdicts import compare_run
from workbench.workloads.ocr.detector.model import build_detector
from workbench.workloads.ocr.detector.necks.replk_fpn import reparameterize
from workbench.workloads.ocr.detector.weights_file import SHIPPED_ENCODER, SHIPPED_NECK, SHIPPED_NECKS

NUM_BLOCKS = 3

ENGINES = ("eager", "compiled", "exported", "aoti", "torchscript", "onnx")

BASELINE = f"{SHIPPED_NECK} eager"


def measure() -> list[Figure]:
    """All figures."""
    started = time.monotonic()
    folder = unseen_pages()
    common = {**COMMON, "dataset": str(folder)}
    variants = {
        f"{neck} {engine}": parse_knobs({**common, "neck": neck, "engine": engine})
        for neck in SHIPPED_NECKS
        for engine in ENGINES
    }
    with tempfile.TemporaryDirectory() as place:
        journal = Journal.begin(Path(place), variants, runs=Path(place) / "runs", seed=0, num_blocks=NUM_BLOCKS)
        run = run_comparison(journal, on_trial=show_trial)
        compared = compare_run(run)
    print(f"took {time.monotonic() - started:.0f} s", file=sys.stderr)
    return [_ran(run), *(_of_neck(run, compared, neck) for neck in SHIPPED_NECKS)]


def _ran(run: ComparisonRun) -> Figure:
    failed = [name for name, records in run.records.items() if not records or any(r.failure for r in records)]
    share = 1.0 - len(failed) / len(run.records)
    detail = f"{len(run.records)} cells" + (f"; failed: {', '.join(failed)}" if failed else "")
    return Figure("cells that run", share, "share", ">= 1", not failed, detail=detail)


def _of_neck(run: ComparisonRun, compared: Comparison, neck: str) -> Figure:
    """The speed of a neck in eager mode, with its quality and what other engines make of it."""
    by_name = {variant.name: variant for variant in compared.variants}
    eager = by_name[f"{neck} eager"]
    quality = next((r.quality["H-mean"].value for r in run.records[eager.name] if r.quality), float("nan"))
    cells = ", ".join(f"{engine} {_ratio(by_name[f'{neck} {engine}'])}" for engine in ENGINES[1:])
    detail = f"{_parameters(neck) / 1e3:.0f} K parameters; H-mean {quality:.4f}{_difference(eager)}; {cells}"
    speedup = eager.speedup
    value, interval = (1.0, None) if speedup is None else (speedup.estimate, speedup.ci95)
    return Figure(f"{neck} against {SHIPPED_NECK}, eager", value, "times", "shown", True, interval, detail)


def _difference(variant: VariantResult) -> str:
    """What the paired bootstrap says of the quality."""
    if variant.checks is None:
        return ""
    return "".join(f" ({one.measured})" for one in variant.checks.checks if "H-mean" in one.name + one.measured)


def _ratio(variant: VariantResult) -> str:
    speedup = variant.speedup
    if speedup is None:
        return "failed" if variant.failure else "1.00x"
    ends = "" if speedup.ci95 is None else " [{:.2f}, {:.2f}]".format(*speedup.ci95)
    return f"{speedup.estimate:.2f}x{ends}"


def _parameters(neck: str) -> int:
    """Those that the detector has when it detects."""
    detector = build_detector(SHIPPED_ENCODER, neck)
    reparameterize(detector)
    return sum(parameter.numel() for parameter in detector.parameters())


if __name__ == "__main__":
    main(__doc__, measure)
