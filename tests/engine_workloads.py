"""Workloads whose models engines take, rightly and wrongly."""

from __future__ import annotations

from workbench.workloads.ocr.workload import OcrWorkload


class KeepsItsModel(OcrWorkload):
    """Takes the engine, and goes on with its own module: asked for onnx, ran eager."""

    def use_engine(self, run):
        """The planted fault."""
