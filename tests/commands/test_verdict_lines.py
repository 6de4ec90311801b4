from __future__ import annotations

from workbench.commands.verdict_lines import COLUMNS, verdict_lines
from workbench.records import Comparison, Failure, Interval, Memory, Parity, Throughput, VariantResult
from workbench.workloads.ocr.knobs import OcrKnobs


def result(name: str, **fields: object) -> VariantResult:
    empty: dict[str, object] = {"run_ids": [], "samples_per_s": None, "speedup": None, "verdict": None}
    return VariantResult.model_validate({"name": name, "knobs": OcrKnobs(), **empty, **fields})


def test_every_variant_has_a_row_with_what_is_known_of_it() -> None:
    variants = [
        result("disk", samples_per_s=Throughput(median=50.0, ci95=None), startup_s=3.2),
        result(
            "ram",
            samples_per_s=Throughput(median=100.0, ci95=None),
            speedup=Interval(estimate=2.0, ci95=(1.9, 2.1)),
            verdict="faster",
            parity=Parity(status="within_tolerance"),
            memory=Memory(peak_pss_bytes=1_500_000_000),
            startup_s=4.2,
            break_even_epochs=0.4,
            simulated=True,
        ),
        result("crashed", verdict="failed", failure=Failure(kind="crash", phase="model", message="crashed")),
    ]
    comparison = Comparison(created_at="", baseline="disk", num_blocks=3, seed=0, order=[], variants=variants)

    disk, ram, crashed = verdict_lines(comparison)

    assert disk == ("disk", "50.0 pages/s", "-", "-", "baseline", "-", "not measured", "3.20 s", "-")
    assert ram[:6] == (
        "ram", "100 pages/s (simulated)", "2.00x", "1.90 to 2.10", "faster", "within tolerance",
    )  # fmt: skip
    assert ram[6:] == ("1.50 GB", "4.20 s", "0.4 epochs")
    assert crashed[4] == "failed"
    assert {len(row) for row in (disk, ram, crashed)} == {len(COLUMNS)}
