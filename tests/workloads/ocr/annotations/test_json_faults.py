"""JSON that is none: what is the matter, where, and the way out."""

from __future__ import annotations

import json

import pytest

from workbench.workloads.ocr.annotations.json_faults import json_fault

WORDS = '[{"transcription": "A", "points": [[1, 2]]}]'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"{WORDS}b.jpg\t{WORDS}", f"a second record begins at column {len(WORDS) + 7}"),
        (f"{WORDS} {WORDS}", f"a second document begins at column {len(WORDS) + 8}"),
        (f"{WORDS} # fine", f"something follows at column {len(WORDS) + 8}"),
        ("[{'transcription': 'A'}]", "single quotes: written with str(), not json.dumps"),
        ("[{'transcription': \"IT'S\"}]", "single quotes: written with str(), not json.dumps"),
        (f"[{{'a': 1}}]b.jpg\t{WORDS}", "single quotes: written with str(), not json.dumps"),
        (WORDS[:-1], f"it breaks off: expecting ',' delimiter, column {len(WORDS) + 6}"),
        ('[{"transcription": "A', "it breaks off: unterminated string starting at, column 26"),
        ('[{"transcription": "27" TV"}]', "Expecting ',' delimiter, column 31"),
        ('[{"transcription": "a\tb"}]', "Invalid control character at, column 28"),
        ("\0" * 9, "zeros in place of text, column 7"),
        ('[{"a": 1},]', "a comma before the closing bracket, column 17"),
        ('{"a": 1,\n}', "a comma before the closing bracket, column 1"),
        ('{"a": 1, // one\n"b": 2}', "a comment, column 16"),
    ],
)
def test_what_is_the_matter(text, what):
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads(text)
    assert json_fault(text, raised.value, before=6).what == what


def test_columns_of_later_lines_begin_anew():
    text = '{"a": 1,\n "b" 2}'
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads(text)
    assert json_fault(text, raised.value, before=6).what == "Expecting ':' delimiter, column 6"


def test_what_is_nested_too_deep_says_so():
    with pytest.raises(RecursionError) as raised:
        json.loads("[" * 100_000)
    assert json_fault("[", raised.value).what == "nested too deep"
