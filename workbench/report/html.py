"""An executed notebook as one HTML file that opens with no network and lacks nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.run_store import write_text

_TEMPLATES = Path(__file__).parent / "templates"
_PLOTLY = "application/vnd.plotly.v1+json"

#: Figures first: plotly's own text fallback must not win.
_PRIORITY = [
    _PLOTLY,
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/plain",
]

#: What makes a browser fetch something: a link to follow is none of these.
_FETCHES = re.compile(
    r"""<(?:script|img|iframe|link|source|video|audio|embed)\b[^>]*?\b(?:src|href)\s*=\s*["']?(https?://[^\s"'>]+)"""
    r"""|@import\s+["']?(https?://[^\s"';]+)|url\(\s*["']?(https?://[^\s"')]+)""",
    re.IGNORECASE,
)


class ExportFailed(WorkbenchError):
    """A page that would be incomplete, or would ask the network for something."""


def export_html(notebook: Path, html: Path, *, title: str | None = None) -> Path:
    """Write an executed notebook as HTML.

    Args:
        notebook: The notebook with its outputs.
        html: The file to write; it is there in full or not at all.
        title: Title of the page; by default the notebook's name.

    Returns:
        `html`.

    Raises:
        ExportFailed: Where a figure would be missing or the page would load something from elsewhere.
    """
    import nbformat
    import plotly
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    content = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    content.metadata.pop("widgets", None)  # megabytes of state that only a live kernel could use
    config = Config()
    config.NbConvertBase.display_data_priority = _PRIORITY
    config.TemplateExporter.exclude_input = True
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        config=config,
        template_name="offline",
        extra_template_basedirs=[str(_TEMPLATES)],
        extra_template_paths=[str(Path(plotly.__file__).parent / "package_data")],
    )
    body, _ = exporter.from_notebook_node(content, {"metadata": {"name": title or notebook.stem}})
    _check(body, _count_figures(content))
    write_text(html, body)
    return html


def _count_figures(content: Any) -> int:
    outputs = [output for cell in content.cells for output in cell.get("outputs", ())]
    return sum(_PLOTLY in output.get("data", {}) for output in outputs)


def _check(body: str, num_figures: int) -> None:
    drawn = body.count("Plotly.newPlot(\"")
    if drawn != num_figures:
        raise ExportFailed(f"the page would show {drawn} of {num_figures} figures")
    # plotly.js names addresses that it only fetches for maps; figures here have none.
    without_scripts = re.sub(r"(<script\b[^>]*>).*?</script>", r"\1", body, flags=re.DOTALL | re.IGNORECASE)
    fetched = [next(filter(None, found)) for found in _FETCHES.findall(without_scripts)]
    if fetched:
        raise ExportFailed(f"the page would load from the network: {', '.join(sorted(set(fetched)))}")
