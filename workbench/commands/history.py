"""`workbench history`: what has been measured so far, as a table and as a figure over time."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from workbench.commands.options import OutFolder
from workbench.visible import say

FIGURE = "history.html"

#: The figure shows names out of records, those of others among them: whatever they look like, nothing is fetched.
_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'\">"
)

#: Comparisons and trials that are read, the newest, unless more are to be listed: what the command takes must not grow
#: with all that was ever measured.
_READ = 50, 200


def history(
    last: Annotated[int, typer.Option(min=1, help="How many comparisons and trials are listed, the newest last.")] = 20,
    out: OutFolder = None,
) -> None:
    """List what was measured so far, and draw throughput over time.

    The figure holds the newest 200 trials; more with a larger --last.

    Example: workbench history --last 5
    """
    from workbench.commands.console import print_sentences, print_table
    from workbench.explain.figures.comparison_tables import comparisons_table, trials_table, trust_sentence
    from workbench.explain.figures.history import history as draw
    from workbench.explain.history import read_history
    from workbench.explain.prediction.variants import trust
    from workbench.explain.words.items import counted
    from workbench.records.run_folder import write_text
    from workbench.report.outcome import results_folder
    from workbench.report.results_on_disk import trials_named
    from workbench.report.tuning.state import interrupted_tunings

    reports = results_folder(out)
    found = read_history(reports, newest=(max(last, _READ[0]), max(last, _READ[1])))
    for line in found.damaged:
        say(f"Passed over: {line}", file=sys.stderr)
    if not found.comparisons and not found.trials:
        say(f"Nothing has been measured below {reports} yet. Begin with: workbench report")
        return
    if found.comparisons:
        print_table(comparisons_table(found.comparisons[-last:]))
    print_table(trials_table(found.trials[-last:]))
    searches = interrupted_tunings(reports)
    of_searches = {name for folder in searches for name in trials_named(folder)}
    for folder in found.interrupted:
        if folder.name not in of_searches:
            say(f"Interrupted: workbench compare --resume {shlex.quote(str(folder))}")
    for folder in searches:
        say(f"Interrupted: workbench tune --resume {shlex.quote(str(folder))}")
    if found.unfinished:
        names = ", ".join(folder.name for folder in found.unfinished[-last:])
        print_sentences(
            [f"Without a record, killed or still running: {counted(len(found.unfinished), 'trial')}: {names}"]
        )
    print_sentences([trust_sentence(trust(comparison for _, comparison in found.comparisons))])
    figure = reports / FIGURE
    page = draw(found.trials).to_html(include_plotlyjs=True, full_html=True, config={"displaylogo": False})
    write_text(figure, page.replace("<head>", f"<head>{_POLICY}", 1))
    say(f"{_counts(len(found.comparisons), len(found.trials))}. Figure: {figure}")
    if any(found.unread):
        say(f"Older ones were not read: {_counts(*found.unread)}. To read more: workbench history --last N")


def _counts(comparisons: int, trials: int) -> str:
    from workbench.explain.words.items import counted

    return f"{counted(comparisons, 'comparison')}, {counted(trials, 'trial')}"
