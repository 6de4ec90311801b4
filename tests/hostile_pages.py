"""Pages full of hostile text: a face of the product each, with all that it shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import mistune
import nbformat
import numpy as np
import pandas as pd
from comparison_page import make_comparison
from hostile import HOSTILE, HOSTILE_FILE, PAYLOADS, hostile
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from record_factory import make_failed, make_stage
from run_factory import Run

from workbench.commands import history as history_command
from workbench.explain.diagnosis.cause import Cause
from workbench.explain.diagnosis.plan import PlanStep
from workbench.explain.figures import comparison_tables, costs, predictions, step_times, tables, timeline, verdicts
from workbench.explain.figures.check_pictures import check_pictures
from workbench.explain.figures.history import history
from workbench.explain.figures.html_table import bullets, heading, html_table, margins, paragraph
from workbench.explain.figures.profiler_figures import draw_flame, draw_memory, flame_graph, memory_curves
from workbench.explain.figures.profilers import operator_table, read_source, source_html
from workbench.explain.figures.script import script_tables
from workbench.explain.figures.still import SVG, picture_of
from workbench.explain.figures.throughput import throughput
from workbench.explain.figures.where_time_goes import where_time_goes
from workbench.explain.verdicts import gate
from workbench.explain.words.headline import comparison_headline, run_headline
from workbench.explain.words.margins import what_it_rests_on, what_would_change
from workbench.explain.words.verdicts import how_it_was_measured
from workbench.measure.trial.events import Event
from workbench.measure.trial.preview import EncodedPicture, PreviewAnswer
from workbench.panel import look
from workbench.panel.live import LiveView
from workbench.panel.sample_preview import caption_html, pictures_html
from workbench.panel.workbench_panel import Workbench
from workbench.records import Comparison, Environment, RankStats, Record, Script, ScriptLoader, ScriptPart
from workbench.records.run_folder import RECORD, SPANS, write_json
from workbench.report.html import export_html
from workbench.report.outcome import describe_failure, headline
from workbench.workloads.ocr.knobs import OcrKnobs

PIXELS = np.zeros((64, 64, 3), np.uint8)


@dataclass(frozen=True)
class Pictures:
    """A sample as both models receive it."""

    name: str
    baseline: np.ndarray
    variant: np.ndarray
    difference: np.ndarray


def hostile_record() -> tuple[Record, int]:
    """A run, of an observed script as well, in which every text is hostile but the names that say what a stage is."""
    loader = ScriptLoader(
        name="train.py:1", dataset="Pages", num_samples=9, batch_size=3, num_workers=2, collate="stack", batches=3,
        work_s={f"crop {HOSTILE}": 1.0},
    )  # fmt: skip
    ranks = [
        RankStats(rank=rank, num_steps=9, samples_per_s=9.0, wait_share=0.2, own_step_s=0.1, own_stage="loss")
        for rank in range(2)
    ]
    script = Script(
        command="python train.py", training_loader="train.py:1", is_trained=True, loaders=[loader], ranks=ranks,
        parts=[ScriptPart(name="building", wall_s=1.0), ScriptPart(name="validation", wall_s=2.0)],
        start_imports={f"torch {HOSTILE}": 1.0},
    )  # fmt: skip
    environment = Environment(
        python="3.11", platform="Linux", cpu="a CPU", cores=2, memory_bytes=8 * 10**9, packages={"torch": "2"}
    )
    planted = {"script": script, "environment": environment, "asked": {"num_workers": HOSTILE}, "notes": ["a note"]}
    stages = [*Run().record().stages, make_stage("worker", f"crop {HOSTILE}", 1.0, per="sample", count=100)]
    record = Run().record().model_copy(update={**planted, "stages": stages})
    return hostile(record, kept=("workload", "workload_stages", "created_at", "stages", "isolated"))


def hostile_comparison() -> tuple[Comparison, int]:
    """A comparison with one variant of every verdict."""
    comparison, count = hostile(make_comparison(prefix=HOSTILE), kept=("baseline", "knobs", "name", "order"))
    return comparison.model_copy(update={"notes": [HOSTILE]}), count + len(comparison.variants)


def of_a_run(folder: Path) -> list[Any]:
    """What a notebook and the lab show of a run."""
    record, _ = hostile_record()
    spans = Run().spans()
    spans = spans.assign(stage=spans["stage"].where(spans["stage"] != "decode", f"decode {HOSTILE}"))
    profiles = _profiles(folder)
    return [
        headline(f"{run_headline(record)}; {HOSTILE}").data,
        html_table(tables.run_table(record)), where_time_goes(record, name=HOSTILE),
        html_table(tables.stage_table(record)), *script_tables(record), timeline.timeline(spans, record),
        timeline.batch_path(spans, record), step_times.steps_in_place(record), costs.costs(record),
        html_table(tables.environment_table([record])), html_table(tables.knobs_table(record.knobs)),
        html_table(tables.diagnosis_table([Cause("loader-bound", HOSTILE, HOSTILE, 0.25)])),
        html_table(tables.plan_table([PlanStep({"dataset": HOSTILE}, "slow files", None, 0.2, False, "", HOSTILE)])),
        predictions.draw_gains(predictions.GainBars((), {}, HOSTILE)), heading(HOSTILE), paragraph(HOSTILE),
        bullets([*record.notes, HOSTILE, f"`{HOSTILE}`"]), history([record]), *profiles,
        paragraph(describe_failure(make_failed(message=HOSTILE).failure)),
    ]  # fmt: skip


def of_a_comparison() -> list[Any]:
    """What a notebook and the lab show of a comparison."""
    comparison, _ = hostile_comparison()
    sample = Pictures(HOSTILE_FILE, PIXELS, PIXELS + 9, np.full((64, 64), 9, np.float32))
    return [
        headline(comparison_headline(comparison)).data, html_table(comparison_tables.verdict_table(comparison)),
        verdicts.verdicts(comparison), throughput(comparison), costs.costs(comparison),
        check_pictures([sample], baseline=HOSTILE, variant=HOSTILE, item=HOSTILE),
        margins(what_would_change(comparison), what_it_rests_on(comparison)),
        bullets(how_it_was_measured(comparison)), bullets(comparison.notes),
    ]  # fmt: skip


def _profiles(folder: Path) -> list[Any]:
    """What profilers have left whose names of functions, files, processes and phases are hostile."""
    frames = [{"name": f"{HOSTILE}{place}", "file": HOSTILE_FILE} for place in range(3)]
    stacks = [{"name": HOSTILE, "samples": [[0, 1], [0, 2]], "weights": [5.0, 4.0]}]
    scope = {"shared": {"frames": frames}, "profiles": stacks}
    operator = {
        "name": HOSTILE, "calls": 1, "cpu_self_s": 1.0, "cpu_s": 1.0, "device_self_s": 1.0, "cpu_bytes": 1,
        "device_bytes": 1,
    }  # fmt: skip
    line = {"line": 1, "hits": 1, "time_s": 1.0, "source": f"{HOSTILE}("}
    lines = {"processes": [HOSTILE], "functions": [{"path": HOSTILE, "total_s": 1.0, "lines": [line]}]}
    for name, content in (("operators.json", [operator]), ("lines.json", lines)):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    rows = [(at, HOSTILE, HOSTILE, 1, 100, 0.1 * at, 5) for at in range(3)]
    columns = ("at_ns", "phase", "process", "pid", "pss_bytes", "cpu_s", "shm_bytes")
    memory = pd.DataFrame(rows, columns=columns)
    return [
        draw_flame(flame_graph(scope)), draw_memory(memory_curves(memory)),
        html_table(operator_table(folder / "operators.json")), source_html(read_source(folder / "lines.json")),
    ]  # fmt: skip


def notebook_of(items: Sequence[Any], path: Path, *, is_still: bool = False) -> Path:
    """A notebook that shows these: figures as plotly's JSON, or as still pictures; and a text as an error's output is.

    Args:
        items: HTML and figures.
        path: The notebook to write.
        is_still: Whether figures are still pictures.
    """
    cells = [new_markdown_cell("# What is it?")]
    for item in items:
        if isinstance(item, str):
            data = {"text/html": item}
        elif is_still:
            data = {SVG: picture_of(json.loads(item.to_json()))}
        else:
            data = {"application/vnd.plotly.v1+json": json.loads(item.to_json()), "text/plain": "Figure"}
        cells.append(new_code_cell("", outputs=[new_output("display_data", data)], execution_count=1))
    texts = [
        new_output("stream", name="stderr", text=HOSTILE),
        new_output("display_data", {"text/plain": HOSTILE}),
        new_output("error", ename="BadInput", evalue=HOSTILE, traceback=[HOSTILE]),
    ]
    if not is_still:
        texts.append(new_output("display_data", {"text/markdown": "\n\n".join(PAYLOADS)}))
    cells.append(new_code_cell("", outputs=texts, execution_count=1))
    nbformat.write(new_notebook(cells=cells), path)
    return path


def run_report(folder: Path) -> Path:
    """The page that the product makes of a run's notebook."""
    return _exported(of_a_run(folder), folder)


def comparison_report(folder: Path) -> Path:
    """The page that the product makes of a comparison's notebook."""
    return _exported(of_a_comparison(), folder)


def _exported(items: Sequence[Any], folder: Path) -> Path:
    return export_html(notebook_of(items, folder / "page.ipynb"), folder / "page.html", title=HOSTILE)


def nbconvert_page(folder: Path) -> Path:
    """The page that nbconvert makes of a notebook, with no policy that keeps scripts from running."""
    from nbconvert import HTMLExporter

    items = [*of_a_run(folder), *of_a_comparison()]
    content = nbformat.read(notebook_of(items, folder / "still.ipynb", is_still=True), as_version=4)
    return bare(HTMLExporter(template_name="basic").from_notebook_node(content)[0], folder / "page.html")


def still_pictures(folder: Path) -> Path:
    """The pictures of all figures, as parts of a page, where a script in one would run."""
    figures = [item for item in (*of_a_run(folder), *of_a_comparison()) if not isinstance(item, str)]
    pictures = filter(None, (picture_of(json.loads(figure.to_json())) for figure in figures))
    return bare("".join(picture[picture.index("<svg") :] for picture in pictures), folder / "page.html")


def history_page(folder: Path) -> Path:
    """The figure that `workbench history` leaves."""
    record, _ = hostile_record()
    write_json(folder / "runs" / "2026-a" / RECORD, record.model_copy(update={"run_id": HOSTILE_FILE}))
    history_command.history(last=20, out=folder)
    return folder / history_command.FIGURE


def markdown_summary(folder: Path) -> Path:
    """What `workbench check` writes for a pull request, as HTML by a renderer that lets HTML through."""
    text = gate.summary(hostile_comparison()[0], most_slowdown=0.05)
    return bare(str(mistune.create_markdown(escape=False, plugins=["table"])(text)), folder / "page.html")


def lab(folder: Path) -> Path:
    """All HTML of the lab's widgets, with runs of strangers in its list."""
    record, _ = hostile_record()
    for name, left in (("2026-a", failed_record()), ("2026-b", record)):
        write_json(folder / "runs" / name / RECORD, left.model_copy(update={"run_id": name}))
        Run().spans().assign(stage=HOSTILE).to_parquet(folder / "runs" / name / SPANS)
    panel = Workbench(folder, OcrKnobs(dataset=HOSTILE), run=_run_nothing)
    shown = []
    for place in range(len(look.TABS)):
        panel.look.widget.children[1].selected_index = place
        panel.look.wait_until_drawn(60.0)
        shown.append(_html_of(panel.widget))
    panel.close()
    view = LiveView()
    view.begin(HOSTILE, OcrKnobs(dataset=HOSTILE))
    view.event(Event(phase="steady", done=1, total=2, message=HOSTILE, stages={"worker": {HOSTILE: 1.0}}))
    shown.append(_html_of(view.widget))
    view.idle(HOSTILE, bad=True)
    picture = EncodedPicture(data=HOSTILE, width=4, height=3, outlines=[[(1.0, 2.0)]], labels=[HOSTILE], note=HOSTILE)
    answer = PreviewAnswer(number=0, num_samples=1, name=HOSTILE, summary=HOSTILE, pictures=[picture], problem="")
    shown += [_html_of(view.widget), pictures_html(answer), caption_html(answer, HOSTILE)]
    return bare("".join(shown), folder / "page.html")


def _run_nothing(*_: object, **__: object) -> Record:
    raise NotImplementedError


def _html_of(widget: widgets.Widget) -> str:
    """All that a tree of widgets gives a page as HTML."""
    own = widget.value if isinstance(widget, widgets.HTML) else ""
    own += "".join(item["data"].get("text/html", "") for item in getattr(widget, "outputs", ()))
    return own + "".join(_html_of(child) for child in getattr(widget, "children", ()))


def bare(body: str, path: Path) -> Path:
    """HTML as a page without any policy."""
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><title>a page</title><body>{body}</body>", encoding="utf-8")
    return path


def failed_record() -> Record:
    """A failed run whose messages are hostile."""
    failed = make_failed(message=HOSTILE)
    assert failed.failure is not None
    return failed.model_copy(update={"failure": failed.failure.model_copy(update={"stderr_tail": HOSTILE})})


#: By name: what makes the page of a face, in a folder of its own.
FACES: dict[str, Callable[[Path], Path]] = {
    "report of a run": run_report,
    "report of a comparison": comparison_report,
    "notebook by nbconvert": nbconvert_page,
    "still pictures": still_pictures,
    "history": history_page,
    "summary in Markdown": markdown_summary,
    "lab": lab,
}
