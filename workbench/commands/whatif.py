"""`workbench whatif`: what would a change gain, before it is made? Answered from a run that was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.options import OutFolder
from workbench.visible import say

if TYPE_CHECKING:
    from workbench.commands.questions import OtherRuns
    from workbench.errors import Problem
    from workbench.explain.prediction.changes import Change
    from workbench.explain.prediction.predictor import Predictor
    from workbench.explain.prediction.unpredicted import Unpredicted
    from workbench.records import Record


def whatif(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run, or its name below reports/runs; 'last'.")],
    question: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUESTION...",
            help="'collate x0.5', 'collate 2x faster', 'remove collate', 'num_workers=4', 'cores=16', or 'collate on "
            "device at 0.2' (0.2 ms a sample), 'engine=onnx from RUN'.",
        ),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="Take all questions as one change, instead of one after the other.")
    ] = False,
    out: OutFolder = None,
) -> None:
    """Predict what changes would gain, from a run that was measured.

    Without a question: what every stage would gain, free or in half the time.
    A question without an answer is a row that says why. Nothing is predicted of
    a run with device=cpu.

    Example: workbench whatif last "decode x0.5" num_workers=4
    """
    from workbench.commands.console import print_sentences, print_table
    from workbench.commands.questions import answer_question
    from workbench.errors import BadInput
    from workbench.explain.diagnosis.diagnose import advise, beside_the_map
    from workbench.explain.diagnosis.plan import compare_command
    from workbench.explain.figures.predictions import answer_table, ceiling_lines, gain_table
    from workbench.explain.prediction.gain_map import ceilings, gain_map
    from workbench.explain.prediction.unpredicted import Unpredicted
    from workbench.explain.words.headline import profilers_note
    from workbench.explain.words.items import item_of
    from workbench.records import Prediction
    from workbench.records.run_folder import read_record
    from workbench.report.find_run import RunsBelow, find_run
    from workbench.report.outcome import results_folder
    from workbench.report.predictions import predictor_of

    runs = results_folder(out) / "runs"
    folder = find_run(run, runs)
    record = read_record(folder)
    if record.knobs.profilers:
        say(f"{profilers_note(record)}the answers are about that run.")
    item = item_of(record)
    predictor = predictor_of(record, folder)
    gains = None
    if question and together:
        answers = [predictor.predict(_one_change(question, predictor, RunsBelow(runs)))]
        print_table(answer_table(answers, item))
    elif question:
        found = [answer_question(text, predictor, RunsBelow(runs)) for text in question]
        answers = [answer for answer in found if isinstance(answer, Prediction)]
        others = [answer for answer in found if isinstance(answer, Unpredicted)]
        if not answers and all(other.bound is None for other in others):
            raise BadInput("what if", [_problem(other, record) for other in others])
        commands = [compare_command(record, other.settings, "changed") for other in others if other.settings]
        print_table(answer_table(found, item, commands))
    else:
        answers = [predictor.predict()]
        gains = gain_map(predictor)
        print_table(gain_table(gains, item))
    assumed = dict.fromkeys(f"Assumed: {sentence}" for answer in answers for sentence in answer.assumptions)
    beside = [beside_the_map(advise(folder, predictor).causes, gains)] if gains else []
    print_sentences([*ceiling_lines(ceilings(predictor), item), *beside, *assumed])
    say(f"Run folder: {Path(folder)}")


def _one_change(questions: Sequence[str], predictor: Predictor, others: OtherRuns) -> list[Change]:
    """All questions as one change.

    Raises:
        BadInput: With all of them that cannot be answered: then there is no answer to the whole.
    """
    from workbench.commands.questions import parse_questions
    from workbench.errors import BadInput

    try:
        return parse_questions(questions, predictor.model, predictor.record.knobs, others)
    except BadInput as error:
        raise BadInput("what if, all questions --together or none", error.problems) from None


def _problem(refused: Unpredicted, record: Record) -> Problem:
    """A question without an answer, where no other has one."""
    from workbench.errors import Problem
    from workbench.explain.diagnosis.plan import compare_command

    compare = f"Compare it: {compare_command(record, refused.settings, 'changed')}" if refused.settings else ""
    return Problem(refused.why, f"'{refused.text}'", compare or refused.remedy)
