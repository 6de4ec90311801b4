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
        typer.Argument(
            metavar="QUESTION...",
            help="'read x0.5', 'remove collate', 'num_workers=4', 'cores=16', 'collate on device at 0.2' (ms).",
        ),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="Take all questions as one change, instead of one after the other.")
    ] = False,
    out: OutFolder = None,
) -> None:
    """Predict what changes would gain, from a run that was measured.

    Without a question: what every stage would gain, if it were free or took half the time. A question that cannot be
    answered is a row that says why. Nothing is predicted of a run whose model was on the CPU.

    Example: workbench whatif last "decode x0.5" num_workers=4
    """
    from workbench.commands.console import print_table
    from workbench.commands.questions import parse_questions
    from workbench.errors import BadInput
    from workbench.explain.diagnosis.diagnose import advise, beside_the_map
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
    gains = None
    if question and together:
        changes = parse_questions(question, predictor.model, record.knobs, stage_costs_below(runs))
        answers = [predictor.predict(changes)]
        print_table(answer_table(answers, item))
    elif question:
        answers, refused = [], []
        for text in question:
            try:
                (change,) = parse_questions([text], predictor.model, record.knobs, stage_costs_below(runs))
                answers.append(predictor.predict([change]))
            except BadInput as error:
                refused.append(error)
        if not answers:
            raise BadInput("what if", [problem for error in refused for problem in error.problems])
        print_table(answer_table(answers, item, [problem for error in refused for problem in error.problems]))
    else:
        answers = [predictor.predict()]
        gains = gain_map(predictor)
        print_table(gain_table(gains, item))
    assumed = dict.fromkeys(f"Assumed: {sentence}" for answer in answers for sentence in answer.assumptions)
    beside = [beside_the_map(advise(folder, predictor).causes, gains)] if gains else []
    print("\n".join(filter(None, [*ceiling_lines(ceilings(predictor), item), *beside, *assumed])))
    print(f"Run folder: {Path(folder)}")
