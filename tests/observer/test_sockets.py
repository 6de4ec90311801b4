"""Sockets of multiprocessing lie in the folder of the trial, also those of processes that it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import multiprocessing, sys
from multiprocessing import process, util
from workbench.observer.sockets import meet_in
def tell():
    print(util.get_temp_dir(), flush=True)
if __name__ == "__main__":
    meet_in(sys.argv[1], process)
    tell()
    child = multiprocessing.get_context("fork").Process(target=tell)
    child.start()
    child.join()
"""


def folders(tmp_path: Path, place: Path) -> list[str]:
    command = [sys.executable, "-c", CODE, str(place)]
    environment = {"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.split()


def test_sockets_of_a_process_and_its_children_lie_in_one_folder(tmp_path: Path) -> None:
    assert folders(tmp_path, tmp_path / "trial") == [str(tmp_path / "trial" / "sockets")] * 2


def test_where_there_is_no_room_everything_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert all(Path(name).name.startswith("pymp-") for name in folders(tmp_path, tmp_path / "file" / "trial"))
