"""How the panel looks: one style sheet in JupyterLab's own colours, so that it follows light and dark."""

from __future__ import annotations

import ipywidgets as widgets

from workbench.explain.figures.template import ALARM

_CSS = """
.wb {--wb-line: var(--jp-border-color2, #e0e0e0); --wb-dim: var(--jp-ui-font-color2, #616161);
  --wb-ink: var(--jp-ui-font-color1, #212121); --wb-paper: var(--jp-layout-color1, #fff);
  --wb-soft: var(--jp-layout-color2, #f5f5f5); --wb-blue: #0072b2; --wb-alarm: ALARM;
  color: var(--wb-ink); font-size: 13px; max-width: 1500px; padding: 4px 2px 12px}
.wb .widget-html-content, .wb .widget-html > .widget-html-content {line-height: 1.45; font-size: 13px}
.wb h3 {font-size: 11px; font-weight: 600; letter-spacing: .07em; text-transform: uppercase; color: var(--wb-dim);
  margin: 0 0 2px}
.wb .wb-title {font-size: 17px; font-weight: 600; letter-spacing: -.01em}
.wb .wb-muted {color: var(--wb-dim)}
.wb .wb-small {font-size: 12px}
.wb .wb-alarm {color: var(--wb-alarm)}
.wb .wb-bad {border-left: 3px solid var(--wb-alarm); padding: 4px 10px; white-space: pre-wrap; margin: 4px 0}
.wb .wb-box {border: 1px solid var(--wb-line); border-radius: 8px; padding: 12px 14px; background: var(--wb-paper)}
.wb .wb-side {flex: 0 0 372px; min-width: 0}
.wb .wb-main {flex: 1 1 480px; min-width: 0}
.wb .wb-row {overflow: visible}
.wb .wb-reason .widget-html-content {color: var(--wb-dim); font-size: 11.5px; line-height: 1.3;
  padding: 0 2px 4px 118px}
.wb .wb-dim > *:first-child {opacity: .45}
.wb .widget-toggle-buttons .widget-toggle-button, .wb .widget-toggle-button {width: auto; padding: 0 9px;
  border-radius: 4px; font-size: 12px}
.wb .jupyter-button {border-radius: 6px; box-shadow: none}
.wb .widget-toggle-button.mod-active {background: var(--wb-blue); color: #fff}
.wb .wb-run {font-weight: 600}
.wb .noUi-connect {background: var(--wb-blue)}
.wb .progress {border-radius: 4px; height: 8px}
.wb .wb-progress .progress-bar {background: var(--wb-blue)}
.wb .jp-Collapse-header {padding: 5px 8px; font-size: 12.5px}
.wb .jupyter-widget-Collapse-header, .wb .jupyter-widget-Collapse-open > .jupyter-widget-Collapse-header {
  background: transparent; border: 0; border-bottom: 1px solid var(--wb-line); padding: 6px 2px; font-size: 12.5px;
  color: var(--wb-ink)}
.wb .jupyter-widget-Collapse-contents {border: 0; padding: 8px 0 6px; background: transparent}
.wb .wb-tag {display: inline-block; font: 11.5px var(--jp-code-font-family, monospace); background: var(--wb-soft);
  border: 1px solid var(--wb-line); border-radius: 4px; padding: 0 5px; margin: 1px 4px 1px 0}
.wb .wb-card {border: 1px solid var(--wb-line); border-radius: 8px; padding: 6px 10px; margin: 0 0 6px;
  background: var(--wb-paper); align-items: center}
.wb .wb-card .widget-html {flex: 1 1 auto; min-width: 0}
.wb .wb-shown {border-color: var(--wb-blue); box-shadow: inset 3px 0 0 var(--wb-blue)}
.wb .wb-failed {box-shadow: inset 3px 0 0 var(--wb-alarm)}
.wb .wb-card-body {display: flex; gap: 14px; align-items: baseline; flex-wrap: wrap}
.wb .wb-rate {font-size: 17px; font-weight: 600; min-width: 104px; font-variant-numeric: tabular-nums}
.wb .wb-rate small {font-weight: 400; font-size: 11.5px; color: var(--wb-dim)}
.wb .wb-card-told {flex: 1 1 190px; min-width: 0}
.wb .wb-bar {display: flex; height: 22px; border-radius: 4px; overflow: hidden; background: var(--wb-soft)}
.wb .wb-bar > span {overflow: hidden; white-space: nowrap; font-size: 11px; line-height: 22px; padding-left: 4px;
  box-sizing: border-box; border-right: 1px solid rgba(255, 255, 255, .6); transition: width .2s linear}
.wb .wb-lane {display: grid; grid-template-columns: 92px 1fr; gap: 8px; align-items: center; margin: 4px 0;
  font-size: 12px}
.wb .wb-phases {display: flex; gap: 4px; flex-wrap: wrap; font-size: 11.5px; color: var(--wb-dim)}
.wb .wb-phases b {color: var(--wb-paper); background: var(--wb-blue); border-radius: 3px; padding: 0 6px;
  font-weight: 500}
.wb .wb-phases i {font-style: normal; padding: 0 3px}
.wb .wb-phases i.done {color: var(--wb-ink)}
.wb .wb-pictures-row {display: flex; gap: 14px; flex-wrap: wrap; align-items: flex-start}
.wb .wb-pictures-row figure {margin: 0; flex: 1 1 240px; max-width: 560px}
.wb .wb-pictures-row svg {width: 100%; height: auto; max-height: 380px; background: var(--wb-soft);
  border: 1px solid var(--wb-line); border-radius: 4px;
  display: block}
.wb .wb-pictures-row figcaption {font-size: 12px; color: var(--wb-dim); padding-top: 4px}
.wb table.wb-table {border-collapse: collapse; font-size: 12.5px; margin: 6px 0}
.wb table.wb-table th {text-align: left; font-weight: 600; border-bottom: 2px solid var(--wb-line); padding: 4px 10px}
.wb table.wb-table td {border-bottom: 1px solid var(--wb-line); padding: 4px 10px; vertical-align: top;
  text-align: left; font-variant-numeric: tabular-nums}
.wb .widget-tab > .lm-TabBar, .wb .widget-tab > .p-TabBar {border-bottom: 1px solid var(--wb-line); overflow: visible}
.wb .widget-tab > .lm-TabBar .lm-TabBar-tab {flex: 0 0 auto; min-width: 0; max-width: none; border: 0; margin: 0;
  padding: 0 14px; background: transparent; color: var(--wb-dim); transform: none}
.wb .widget-tab > .lm-TabBar .lm-TabBar-tab::before {display: none}
.wb .widget-tab > .lm-TabBar .lm-TabBar-tab.lm-mod-current {color: var(--wb-ink); font-weight: 600;
  box-shadow: inset 0 -2px 0 var(--wb-blue)}
.wb .lm-TabBar-tabLabel {font-size: 12.5px}
.wb .widget-tab-contents.widget-tab-contents {padding: 12px 0 0; border: 0; background: transparent}
.wb .wb-sections > .lm-TabBar .lm-TabBar-tabLabel {font-size: 14px}
.wb .jp-OutputArea-output {background: transparent}
.wb .widget-text input {box-sizing: border-box; min-width: 0}
.wb .wb-side .widget-label {text-align: left}
"""


def style_sheet() -> widgets.HTML:
    """The style sheet as a widget; it holds for everything inside the class ``wb``."""
    return widgets.HTML(f"<style>{_CSS.replace('ALARM', ALARM)}</style>", layout={"display": "none"})
