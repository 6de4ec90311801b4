"""Searches on a machine that is only pretended: what they find, what they report, and what they leave."""

from __future__ import annotations

import numpy as np
import pytest
from pretended_machine import GRID, Machine, product_of

from workbench.explain.tuning.screening import name_of
from workbench.explain.words.tuning import tuning_headline
from workbench.knobs.space import Space
from workbench.records import TuneLimits
from workbench.records.run_folder import COMPARISON, read_comparison, read_tuning
from workbench.report.tuning.state import interrupted_tunings, open_tuning

FACTORS = {("cache", "decoded"): 1.2, ("cache", "prepared"): 1.5, ("num_workers", 4): 1.1, ("transport", "ring"): 1.05}
BEST = {"cache": "prepared", "num_workers": 4, "transport": "ring"}


def test_the_best_is_found_and_its_gain_is_that_of_a_comparison_of_its_own(tmp_path):
    machine = Machine(product_of(FACTORS))
    state = machine.begin(tmp_path)
    tuning = machine.run(state)

    assert tuning.winner == BEST and tuning.verdict == "faster" and tuning.stop == "done"
    low, high = tuning.gain.ci95
    assert low <= 1.5 * 1.1 * 1.05 <= high
    confirmed = read_comparison(tmp_path / "comparisons" / tuning.confirmation)
    chose = [read_comparison(tmp_path / "comparisons" / name) for name in tuning.comparisons]
    own = {run_id for variant in confirmed.variants for run_id in variant.run_ids}
    others = {run_id for comparison in chose for variant in comparison.variants for run_id in variant.run_ids}
    assert own and not own & others, "no trial that chose has a part in what is reported"
    assert confirmed.others[0].speedup == tuning.gain
    assert read_tuning(state.folder) == tuning


def test_all_settings_are_accounted_for(tmp_path):
    machine = Machine(product_of({**FACTORS, ("num_workers", 1): 0.7}))
    tuning = machine.run(machine.begin(tmp_path))

    assert tuning.num_settings == 18
    assert tuning.left_out == {"num_workers=1": "it makes nothing faster beside baseline"}
    # All but the baseline have a fate.
    assert sum(tuning.fates.values()) + tuning.num_impossible + tuning.num_same == 17
    assert tuning.fates["left_out"] == 6
    compared = [candidate for candidate in tuning.candidates if candidate.measured is not None]
    assert compared and all(candidate.num_blocks >= 1 for candidate in compared)


def test_one_from_outside_is_compared_as_well(tmp_path):
    machine = Machine(product_of({("cache", "prepared"): 3.0, ("cache", "decoded"): 1.5, ("transport", "ring"): 1.02}))
    tuning = machine.run(machine.begin(tmp_path))

    assert tuning.outside is not None and tuning.outside.get("cache") != "prepared"
    (outside,) = [candidate for candidate in tuning.candidates if candidate.fate == "outside"]
    assert outside.settings == tuning.outside and outside.measured is not None
    assert tuning.winner.get("cache") == "prepared"


def test_where_predictions_are_biased_what_was_measured_corrects_them(tmp_path):
    """Two values that are good by themselves, and bad together: no single trial shows that."""
    single = product_of({("cache", "prepared"): 1.5, ("transport", "ring"): 1.4})
    machine = Machine(lambda knobs: 1.2 if knobs.cache == "prepared" and knobs.transport == "ring" else single(knobs))
    tuning = machine.run(machine.begin(tmp_path, ["cache=none,prepared", "transport=torch,ring"]))

    assert tuning.winner == {"cache": "prepared"}
    assert tuning.bias is not None and tuning.bias < -0.1
    assert tuning.spread > 0.1, "predictions were off, so that more is kept"


@pytest.mark.parametrize("seed", range(4))
def test_of_identical_settings_nothing_is_to_be_gained(tmp_path, seed):
    machine = Machine(noise=0.02, seed=seed)
    tuning = machine.run(machine.begin(tmp_path))

    assert tuning.verdict != "faster"
    assert tuning_headline(tuning).startswith("Nothing to gain")


def test_where_all_is_slower_than_the_baseline_nothing_is_confirmed(tmp_path):
    machine = Machine(product_of(dict.fromkeys([("cache", "decoded"), ("cache", "prepared")], 0.8)))
    state = machine.begin(tmp_path, ["cache=none,decoded,prepared"])
    tuning = machine.run(state)

    assert tuning.verdict is None and tuning.stop == "done"
    assert tuning_headline(tuning).startswith("Nothing to gain")
    assert state.confirmation is None and state.last_comparison is None, "each value was slower by its own trial"


def test_what_was_compared_last_can_be_read_also_where_nothing_is_confirmed(tmp_path):
    machine = Machine(lambda knobs: 0.9 if len(machine.trials.ran) > 3 and knobs.cache == "decoded" else 1.0)
    state = machine.begin(tmp_path, ["cache=none,decoded"])
    tuning = machine.run(state)

    assert tuning.comparisons and tuning.confirmation is None and tuning_headline(tuning).startswith("Nothing to gain")
    assert state.confirmation is None
    assert state.last_comparison == read_comparison(tmp_path / "comparisons" / tuning.comparisons[-1])


def test_memory_and_start_up_of_the_baseline_are_of_the_blocks_that_the_others_ran_in(tmp_path):
    """Not of its short trial: what is set beside one another was measured in one way."""
    machine = Machine(product_of(FACTORS), bytes_of=lambda knobs: 10**9 if len(machine.trials.ran) <= 2 else 3 * 10**9)
    tuning = machine.run(machine.begin(tmp_path))

    assert tuning.values[0].memory_bytes == 10**9
    assert {trade.memory_bytes for trade in tuning.trades} == {3 * 10**9}


def test_limits_come_before_speed(tmp_path):
    big = lambda knobs: 4 * 10**9 if knobs.cache == "prepared" else 10**9  # noqa: E731
    machine = Machine(product_of(FACTORS), bytes_of=big)
    tuning = machine.run(machine.begin(tmp_path, limits=TuneLimits(memory_bytes=2 * 10**9)))

    assert "cache=prepared" in tuning.left_out and "may take" in tuning.left_out["cache=prepared"]
    assert tuning.winner["cache"] == "decoded"
    assert all(trade.memory_bytes <= 2 * 10**9 for trade in tuning.trades)


def test_a_value_whose_trial_fails_is_left_out_by_name(tmp_path):
    machine = Machine(product_of(FACTORS))
    machine.trials.fails = lambda knobs, number: knobs.cache == "prepared"
    tuning = machine.run(machine.begin(tmp_path))

    assert tuning.left_out["cache=prepared"] == "its trial failed: error: out of luck"
    assert tuning.winner["cache"] == "decoded"


def test_a_setting_that_fails_among_others_is_no_winner(tmp_path):
    machine = Machine(product_of(FACTORS))
    machine.trials.fails = lambda knobs, number: knobs.cache == "prepared" and knobs.num_workers == 4
    tuning = machine.run(machine.begin(tmp_path))

    assert tuning.winner == {"cache": "prepared", "transport": "ring"}
    assert tuning.fates["failed"] >= 1


def test_a_baseline_that_fails_is_the_answer(tmp_path):
    machine = Machine()
    machine.trials.fails = lambda knobs, number: True
    tuning = machine.run(machine.begin(tmp_path))

    assert tuning.stop == "failed" and "out of luck" in tuning.notes[0]
    assert "the baseline failed" in tuning_headline(tuning)


def test_the_time_is_kept(tmp_path):
    for minutes in (3, 10, 20):
        machine = Machine(product_of(FACTORS), noise=0.05)
        tuning = machine.run(machine.begin(tmp_path / str(minutes), minutes=minutes))

        assert tuning.spent.total_s <= minutes * 60 + 6 * 8.0, "a block of a few trials beyond it, at most"
        assert tuning.spent.total_s == pytest.approx(machine.now_ns / 1e9)


def test_where_there_is_no_time_it_says_so(tmp_path):
    machine = Machine(product_of(FACTORS), trial_s=30.0)
    said = []
    tuning = machine.run(machine.begin(tmp_path, minutes=1.0), on_text=said.append)

    assert tuning.stop == "no_time"
    assert tuning_headline(tuning).startswith("There is no answer yet")
    assert said[0] == "A trial takes 30.0 s: an answer probably takes 360 s at least, and 60.0 s are given."


def test_where_the_time_does_nothing_is_said_of_it(tmp_path):
    said = []
    machine = Machine(product_of(FACTORS))
    assert machine.run(machine.begin(tmp_path), on_text=said.append).more_s is None
    assert not any("are given" in text for text in said)


@pytest.mark.parametrize("grid", [("cache=none,prepared",), GRID])
@pytest.mark.parametrize("minutes", [1.0, 3.0, 4.0])
def test_with_the_time_that_it_asks_for_it_comes_to_an_answer(tmp_path, grid, minutes):
    machine = Machine(product_of(FACTORS), trial_s=30.0)
    state = machine.begin(tmp_path, grid, minutes=minutes)
    tuning = machine.run(state)
    assert tuning.stop == "no_time" and tuning.more_s > 0.0

    going_on = open_tuning(state.folder, minutes=tuning.more_s / 60.0, clock=machine.clock)
    assert going_on.tuning.more_s is None, "it is not over"
    spent_s = going_on.spent_s
    tuning = machine.run(going_on)
    assert tuning.stop == "done" and tuning.verdict == "faster" and tuning.more_s is None
    assert going_on.spent_s - spent_s >= 0.5 * (tuning.budget_s - spent_s), "it asked for no more than it took"


class Interrupt(KeyboardInterrupt):
    pass


@pytest.mark.parametrize("at", [1, 5, 20, 40])
def test_what_was_interrupted_goes_on_and_repeats_nothing_that_counts(tmp_path, at):
    whole = Machine(product_of(FACTORS))
    expected = whole.run(whole.begin(tmp_path / "whole"))
    machine = Machine(product_of(FACTORS))

    def interrupt(number):
        if number == at:
            raise Interrupt

    machine.trials.before = interrupt
    state = machine.begin(tmp_path / "two")
    with pytest.raises(Interrupt):
        machine.run(state)
    assert interrupted_tunings(tmp_path / "two") == [state.folder]
    machine.trials.before = lambda number: None
    ran = len(machine.trials.ran)
    again = open_tuning(state.folder, minutes=0.0, clock=machine.clock)
    tuning = machine.run(again)

    assert tuning.winner == expected.winner and tuning.verdict == "faster"
    assert len(machine.trials.ran) <= len(whole.trials.ran) + 8, "a warm-up trial, and the block that was cut"
    assert len(machine.trials.ran) > ran
    assert not interrupted_tunings(tmp_path / "two")
    assert len(list((tmp_path / "two" / "comparisons").glob(f"*/{COMPARISON}"))) == len(tuning.comparisons) + 1


def test_one_that_has_ended_runs_nothing_more(tmp_path):
    machine = Machine(product_of(FACTORS))
    state = machine.begin(tmp_path)
    tuning = machine.run(state)
    ran = len(machine.trials.ran)

    assert machine.run(open_tuning(state.folder, minutes=0.0, clock=machine.clock)) == tuning
    assert len(machine.trials.ran) == ran


def test_one_whose_time_was_up_goes_on_with_more(tmp_path):
    machine = Machine(product_of(FACTORS), trial_s=30.0)
    state = machine.begin(tmp_path, minutes=1.0)
    assert machine.run(state).stop == "no_time"

    tuning = machine.run(open_tuning(state.folder, minutes=60.0, clock=machine.clock))
    assert tuning.winner == BEST and tuning.verdict == "faster"


def test_where_there_is_time_for_one_setting_it_is_compared(tmp_path):
    machine = Machine(product_of({("cache", "prepared"): 1.5}), trial_s=11.0)
    tuning = machine.run(machine.begin(tmp_path, ("cache=none,prepared",), minutes=2.0))
    assert tuning.winner == {"cache": "prepared"} and tuning.verdict == "faster" and tuning.stop == "done"


def test_a_gain_that_may_be_large_is_an_open_question_and_more_time_answers_it(tmp_path):
    machine = Machine(product_of({("cache", "prepared"): 1.3}), noise=0.15, seed=3)
    state = machine.begin(tmp_path, ("cache=none,prepared",), minutes=2.5)
    tuning = machine.run(state)
    assert tuning.verdict == "inconclusive" and tuning.gain.ci95[1] > 1.1
    assert tuning.stop == "no_time" and "no answer yet" in tuning_headline(tuning)
    assert "; predicted was " in tuning_headline(tuning)
    assert tuning.more_s > 2 * 3 * 8.0, "the blocks scatter, so that three do not tell"

    machine._noise = 0.01
    again = machine.run(open_tuning(state.folder, minutes=20.0, clock=machine.clock))
    assert again.verdict == "faster" and again.stop == "done" and again.confirmation != tuning.confirmation


def test_the_reported_interval_holds_the_true_gain(tmp_path):
    """The blocks that chose say too much of a winner; the fresh comparison does not."""
    held, chose = [], []
    for seed in range(16):
        machine = Machine(noise=0.04, seed=100 + seed)
        tuning = machine.run(machine.begin(tmp_path / str(seed), minutes=8.0))
        if tuning.gain is not None and tuning.gain.ci95 is not None:
            held.append(tuning.gain.ci95[0] <= 1.0 <= tuning.gain.ci95[1])
            winner = next(c for c in tuning.candidates if c.settings == tuning.winner)
            chose.append(np.log(winner.measured.estimate))

    assert len(held) >= 8 and np.mean(held) >= 0.85
    assert np.mean(chose) > 0.01, "that a winner looks too good is what the fresh comparison is for"


def test_optuna_proposes_where_it_is_asked_to_and_its_study_can_be_opened(tmp_path):
    optuna = pytest.importorskip("optuna")
    machine = Machine(product_of(FACTORS))
    state = machine.begin(tmp_path, sampler="optuna", minutes=30.0)
    tuning = machine.run(state)

    assert tuning.verdict == "faster" and tuning.winner["cache"] == "prepared"
    assert [value.settings for value in tuning.values] == [{}], "no value has a trial of its own"
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(state.folder / "optuna.journal")))
    study = optuna.load_study(study_name="workbench", storage=storage)
    complete = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    measured = {name_of(c.settings) for c in tuning.candidates if c.measured is not None}
    assert len(complete) >= len(measured) > 3
    assert study.best_value > 0.3


def test_without_optuna_it_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    machine = Machine()
    from workbench.errors import BadInput

    with pytest.raises(BadInput, match="Optuna is not installed"):
        machine.run(machine.begin(tmp_path, sampler="optuna"))


def test_a_space_of_too_many_combinations_loses_what_promises_least(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.report.tuning.predictions.MOST_SETTINGS", 9)
    machine = Machine(product_of({**FACTORS, ("num_workers", 1): 1.01}))
    tuning = machine.run(machine.begin(tmp_path))

    assert "num_workers=1" in tuning.left_out or "transport=ring" in tuning.left_out
    assert tuning.winner["cache"] == "prepared"


def test_what_it_is_told_about_lies_in_one_folder(tmp_path):
    machine = Machine(product_of(FACTORS))
    state = machine.begin(tmp_path)
    texts = []
    machine.run(state, on_text=texts.append)

    assert any("could be the best" in text for text in texts)
    assert isinstance(state.space, Space) and [axis.name for axis in state.space.axes] == [
        item.split("=")[0] for item in GRID
    ]
