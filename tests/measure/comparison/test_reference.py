"""What a change is compared with: other knobs, another installed workbench, a git revision; and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.measure.comparison.reference import open_reference
from workbench.records import Program

#: A package that stands for another workbench: it can be started, and says where it is.
OTHER = {
    "workbench/__init__.py": "",
    "workbench/measure/__init__.py": "",
    "workbench/measure/trial/__init__.py": "",
    "workbench/measure/trial/worker.py": "print('other')\n",
}


def git(folder: Path, *arguments: str) -> str:
    own = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    done = subprocess.run(["git", *own, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def write_other(folder: Path, **changed: str) -> None:
    for name, text in {**OTHER, **changed}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    write_other(folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    git(folder, "tag", "v1")
    return folder


def interpreter_with(site: Path, folder: Path) -> Path:
    """One that finds the workbench of a folder, as an environment of its own would."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nPYTHONPATH={site} exec {sys.executable} "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """One with another workbench."""
    write_other(tmp_path / "site")
    return interpreter_with(tmp_path / "site", tmp_path)


def opened(text: str, checkout: Path, scratch: Path):
    return open_reference(text, {"num_workers": 1}, checkout, scratch)


def test_knobs_are_measured_by_this_workbench(tmp_path):
    with opened("cache=decoded batch_size=8", tmp_path, tmp_path) as reference:
        assert reference.name == "cache=decoded batch_size=8"
        assert reference.program is None
        assert (reference.knobs.cache, reference.knobs.batch_size, reference.knobs.num_workers) == ("decoded", 8, 1)


def test_a_revision_gets_a_source_tree_that_is_gone_afterwards(repository, tmp_path):
    (repository / "workbench" / "later.py").write_text("")
    with opened("v1", repository, tmp_path) as reference:
        assert reference.program is not None and reference.program.source is not None
        source = Path(reference.program.source)
        assert (source / "workbench" / "measure" / "trial" / "worker.py").is_file()
        assert not (source / "workbench" / "later.py").exists(), "what isn't committed is no part of a revision"
        assert reference.name == f"v1 ({git(repository, 'rev-parse', 'v1')[:9]})"
    assert not source.exists()
    assert git(repository, "worktree", "list").count("\n") == 0


@pytest.mark.parametrize("name", ["sh", "feature/python"])
def test_a_revision_that_is_named_like_a_program_or_a_path_is_a_revision(repository, tmp_path, name):
    git(repository, "tag", name)
    with opened(name, repository, tmp_path) as reference:
        assert reference.program is not None and reference.program.source is not None


def test_an_interrupt_leaves_no_source_tree(repository, tmp_path):
    with pytest.raises(KeyboardInterrupt), opened("v1", repository, tmp_path):
        raise KeyboardInterrupt
    assert git(repository, "worktree", "list").count("\n") == 0


def test_a_revision_that_does_not_start_is_refused_with_the_reason(repository, tmp_path):
    (repository / "workbench" / "measure" / "trial" / "worker.py").write_text("raise RuntimeError('too old')\n")
    git(repository, "commit", "--quiet", "-am", "broken")
    with pytest.raises(BadInput, match=r"'main' does not start .*too old"), opened("main", repository, tmp_path):
        pass
    assert git(repository, "worktree", "list").count("\n") == 0


def test_an_installed_workbench_is_the_one_that_is_measured(interpreter, tmp_path):
    with opened(str(interpreter), tmp_path, tmp_path) as reference:
        assert reference.program == Program(name=str(interpreter), python=str(interpreter))


def test_an_interpreter_that_has_this_very_workbench_is_refused(tmp_path, monkeypatch, checkout):
    """The planted fault: it would be compared with itself, and pass."""
    monkeypatch.chdir(checkout)
    same = str(interpreter_with(checkout, tmp_path))
    with pytest.raises(BadInput, match=r"is this very one"), opened(same, tmp_path, tmp_path):
        pass


def test_a_workbench_in_the_current_folder_or_the_inherited_path_does_not_stand_in_for_another(
    interpreter, tmp_path, monkeypatch, checkout
):
    monkeypatch.chdir(checkout)
    monkeypatch.setenv("PYTHONPATH", str(checkout))
    with opened(str(interpreter), tmp_path, tmp_path):
        pass  # else it would be refused as this very one


@pytest.mark.parametrize("text", ["no-such-revision", "./no/such/python"])
def test_what_is_none_of_these_is_refused(repository, tmp_path, text):
    with pytest.raises(BadInput), opened(text, repository, tmp_path):
        pass


def test_wrong_knobs_are_refused(tmp_path):
    with pytest.raises(BadInput, match="cahce"), opened("cahce=decoded", tmp_path, tmp_path):
        pass
