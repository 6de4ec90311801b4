"""The short form of the campaign of damage; and that it finds what is not survived."""

from __future__ import annotations

import pytest
from promise import changed_data, damaged_caches, damaged_records
from promise.damage import DAMAGES
from promise.damage_faults import FAULTS
from promise.fault import Fault, try_fault
from promise.killed_kernels import FAULTS as KILLED

from workbench.records.run_folder import SPANS

SHORT = [fault for fault in (*damaged_records.FAULTS, *damaged_caches.FAULTS) if fault.is_short]
REAL = [fault for fault in (*changed_data.FAULTS, *KILLED) if fault.is_short]


@pytest.mark.parametrize("fault", SHORT, ids=str)
def test_what_is_damaged_is_named_or_made_anew(fault: Fault) -> None:
    assert try_fault(fault) == []


@pytest.mark.real
@pytest.mark.parametrize("fault", REAL, ids=str)
def test_data_that_changes_and_kernels_that_are_killed_are_survived(fault: Fault) -> None:
    assert try_fault(fault) == []


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({str(fault) for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_changes_a_file(tmp_path, damage: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(1, 256)) * 3)
    before = path.read_bytes(), path.stat().st_mode
    DAMAGES[damage](path)
    assert not path.is_file() or (path.read_bytes(), path.stat().st_mode) != before


def test_a_reader_that_dies_or_says_nothing_is_found(tmp_path, monkeypatch) -> None:
    def dies(results):
        return 0, f"{(results / damaged_records.FILES[SPANS]).read_bytes()[:4].decode()}{1 / len(results.name)}"

    def silent(results):
        return 0, str(len((results / damaged_records.FILES[SPANS]).read_bytes()))

    monkeypatch.setattr(damaged_records, "READERS", {"one that dies": dies, "a silent one": silent})
    damaged_records._sound.cache_clear()
    lost = damaged_records.plant_damage(tmp_path, SPANS, "random bytes")
    assert len(lost) == 1
    assert "one that dies died: UnicodeDecodeError" in lost[0]
    lost = damaged_records.plant_damage(tmp_path / "again", SPANS, "empty")
    assert any("a silent one says nothing of it and gives something else" in text for text in lost)
