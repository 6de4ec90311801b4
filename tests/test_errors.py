"""All problems of an input are told in one message, and survive the way between processes."""

from __future__ import annotations

import pickle

from workbench.errors import BadInput, Problem, unknown_name


def test_a_problem_says_where_what_and_what_to_do():
    problem = Problem("is cut short", "a.jpg", "Repair it")
    assert str(problem) == "a.jpg: is cut short. Repair it"
    assert str(Problem("is cut short")) == "is cut short"


def test_the_name_of_a_file_makes_no_line_of_its_own():
    assert str(Problem("is cut short", "a\nError: all is well.jpg")) == "a\\nError: all is well.jpg: is cut short"


def test_all_problems_are_told_and_a_flood_is_counted():
    told = str(BadInput("the data set", [Problem(f"problem {n}") for n in range(25)]))
    assert told.startswith("the data set: 25 problems")
    assert "problem 19" in told
    assert "problem 20" not in told
    assert "and 5 more" in told


def test_it_crosses_process_borders_whole():
    error = BadInput("knobs", [Problem("what", "where", "remedy")])
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.problems == error.problems


def test_a_mistyped_name_gets_the_one_that_was_meant():
    assert "Did you mean 'cache'?" in str(unknown_name("knob", "cahce", ["cache", "seed"]))
    assert "cache, seed" in str(unknown_name("knob", "zzz", ["cache", "seed"]))
