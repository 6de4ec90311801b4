"""What does each transform cost, in its place and alone? The user's table, with the column that was missing."""

from __future__ import annotations

import html

import plotly.graph_objects as go

from workbench.explain.figures.template import ALARM, BLUE, LEGEND_PX, MUTED, TEMPLATE, TITLE_PX, titled
from workbench.explain.transform_findings import CLOSES_WITHIN
from workbench.units import format_share
from workbench.workloads.ocr.transform_study import TransformRow, TransformStudy


def transform_table(study: TransformStudy) -> str:
    """The study as an HTML table: milliseconds a page."""
    alone = {row.name: row for row in study.isolated}
    rows = [_row(row, alone.get(row.name)) for row in study.in_place]
    rows.append(
        "<tr><th scope='row'>sum / measured chain</th><td colspan='5'>"
        f"{_closure(study.closure_in_place)}</td><td colspan='5'>{_closure(study.closure_isolated)}</td></tr>"
    )
    rows += [_row(row, None) for row in (study.chain, study.chain_without_keypoints, *study.beside)]
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("mean", "std", "min", "max", "share"))
    return (
        "<div class='wb-scroll'><table class='wb-table'><thead><tr><th rowspan='2' scope='col'>ms a page</th>"
        "<th colspan='5' scope='colgroup'>in place</th>"
        "<th colspan='5' scope='colgroup'>alone on the full page (as the study timed it)</th></tr>"
        f"<tr>{head}{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def chain_by_load(study: TransformStudy) -> go.Figure:
    """The chain by number of words and by size of the page."""
    figure = go.Figure(layout={"template": TEMPLATE, "height": TITLE_PX + 300 + LEGEND_PX})
    words = sorted(study.by_words)
    figure.add_scatter(
        x=words, y=[study.by_words[count] * 1e3 for count in words], name="by words on the page", mode="lines+markers",
        line={"color": BLUE}, xaxis="x",
    )  # fmt: skip
    widths = sorted(study.by_width)
    figure.add_scatter(
        x=widths, y=[study.by_width[width] * 1e3 for width in widths], name="by width of a 16:9 page",
        mode="lines+markers", line={"color": MUTED, "dash": "dash"}, xaxis="x2",
    )  # fmt: skip
    extra_s = study.by_words[words[-1]] - study.by_words[words[0]]
    per_word_us = extra_s / max(words[-1] - words[0], 1) * 1e6
    figure.update_layout(
        title=titled(f"A word costs the chain about {per_word_us:.2g} microseconds", "median of the chain, a page"),
        xaxis={"title": "words on the page", "domain": [0, 0.46]},
        xaxis2={"title": "width of the page (px)", "domain": [0.54, 1.0], "anchor": "y"},
        yaxis={"title": "chain (ms a page)", "rangemode": "tozero"},
    )
    return figure


def _row(row: TransformRow, other: TransformRow | None) -> str:
    return f"<tr><th scope='row'>{html.escape(row.name)}</th>{_cells(row)}{_cells(other)}</tr>"


def _cells(row: TransformRow | None) -> str:
    if row is None:
        return "<td></td>" * 5
    values = [f"{seconds * 1e3:.3f}" for seconds in (row.mean_s, row.std_s, row.min_s, row.max_s)]
    share = "" if row.share is None else format_share(row.share)
    return "".join(f"<td>{value}</td>" for value in (*values, share))


def _closure(value: float) -> str:
    colour = "" if abs(value - 1.0) <= CLOSES_WITHIN else f"color:{ALARM};font-weight:700"
    verdict = "" if abs(value - 1.0) <= CLOSES_WITHIN else " (does not add up)"
    return f"<span style='{colour}'>{format_share(value)}{verdict}</span>"
