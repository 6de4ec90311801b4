"""All that `-p` takes can be looked up."""

from __future__ import annotations

import sys

import pytest

from workbench import cli
from workbench.workloads.ocr.knobs import OcrKnobs


def invoke(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["workbench", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def test_every_knob_is_listed_with_its_values(monkeypatch, capsys):
    assert invoke(monkeypatch, "knobs") == 0
    out = capsys.readouterr().out
    for name, row in OcrKnobs.rows().items():
        assert f"| {name} " in out
        assert row.help.split()[0] in out
    assert "none, encoded, decoded, prepared, tensor" in out


def test_one_knob_is_shown_in_full(monkeypatch, capsys):
    assert invoke(monkeypatch, "knobs", "channels_last") == 0
    out = capsys.readouterr().out
    assert "makes cheaper" in out and "forward" in out
    assert "convolutions are slower" in out
    assert "num_workers" not in out


def test_a_mistyped_knob_is_named(monkeypatch, capsys):
    assert invoke(monkeypatch, "knobs", "num_wokers") == 2
    assert "Did you mean 'num_workers'?" in capsys.readouterr().err


def test_the_version_is_printed(monkeypatch, capsys):
    assert invoke(monkeypatch, "--version") == 0
    assert capsys.readouterr().out.startswith("workbench 0.")
