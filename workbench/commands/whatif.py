"""`workbench whatif`: what would a change gain, before it is made? Answered from a run that was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.commands.options import OutFolder


def whatif(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run, or its name below reports/runs; 'last'.")],
    question: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUESTION...", help="'read x0.5', 'remove collate', 'num_workers=4', 'cores=16', ..."),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="Take all questions as one change, instead of one after the other.")
    ] = False,
    out: OutFolder = None,
) -> None:
    """Predict what changes would gain, from a run that was measured.

    Without a question: what every stage would gain, if it were free or took half the time.
    """
    from workbench.commands.console import print_table
    from workbench.commands.questions import parse_questions
    from workbench.explain.figures.predictions import answer_table, ceiling_lines, gain_table
    from workbench.explain.prediction.gain_map import ceilings, gain_map
    from workbench.explain.prediction.predictor import Predictor
    from workbench.explain.words.headline import profilers_note
    from workbench.explain.words.items import item_of
    from workbench.records.run_folder import read_record, read_spans
    from workbench.report.find_run import find_run, stage_costs_below
    from workbench.report.outcome import results_folder

    runs = results_folder(out) / "runs"
    folder = find_run(run, runs)
    record = read_record(folder)
    if record.knobs.profilers:
        print(f"{profilers_note(record)}the answers are about that run.")
    item = item_of(record)
    predictor = Predictor(record, read_spans(folder))
    if question:
        # All at once, so that all that is wrong with any of them is said at once.
        changes = parse_questions(question, predictor.model, record.knobs, stage_costs_below(runs))
        answers = [predictor.predict(asked) for asked in ([changes] if together else [[change] for change in changes])]
        print_table(answer_table(answers, item))
    else:
        answers = [predictor.predict()]
        print_table(gain_table(gain_map(predictor), item))
    assumed = dict.fromkeys(f"Assumed: {sentence}" for answer in answers for sentence in answer.assumptions)
    print("\n".join([*ceiling_lines(ceilings(predictor), item), *assumed]))
    print(f"Run folder: {Path(folder)}")
