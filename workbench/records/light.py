"""Records without their details: what a comparison of thousands of trials keeps in memory of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.errors import BadInput
from workbench.records.parts import SCHEMA_VERSION
from workbench.records.run_folder import RECORD, read_json, read_record
from workbench.records.trial import Record

#: This many records of a comparison are kept whole, of 65 kB of memory each or more. Without details it is some 20 kB.
MOST_WHOLE = 500

#: The times of stages and lanes: no verdict rests on them. Nor on batches, but for those of a trial in turns, whose
#: throughput is that of single steps.
_DETAILS = ("stages", "lanes", "isolated", "batches")
_DETAILS_IN_TURNS = ("stages", "lanes", "isolated")

#: What the trials of a comparison mostly have in common: of equal ones, one is kept.
_ALIKE = ("knobs", "workload_stages", "environment", "description", "images", "script", "engine", "training", "limits")


class Kept:
    """The records of a comparison, as they are kept in memory: the first ones whole, the others without details.

    Args:
        runs: Folder of the run folders, where whole ones can be read again.
    """

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._num_kept = 0
        self._parts: dict[tuple[str, str], Any] = {}

    def read(self, run_id: str) -> Record:
        """The record of an earlier trial, with as much as is kept of it.

        Raises:
            BadInput: Where it is missing, damaged or of another schema.
        """
        folder = self._runs / run_id
        return read_record(folder) if self._num_kept < MOST_WHOLE else self._read_light(folder)

    def keep(self, record: Record, *, whole: bool = False) -> Record:
        """One more record, as it is kept.

        Args:
            record: It, whole or as `read` gave it.
            whole: Whether it is kept whole, however many there are.
        """
        self._num_kept += 1
        if whole or self._num_kept <= MOST_WHOLE or not (record.stages or record.lanes or record.isolated.stages):
            return record
        try:
            return self._read_light(self._runs / record.run_id)
        except BadInput:
            return record

    def _read_light(self, folder: Path) -> Record:
        try:
            content = read_json(folder / RECORD)
            if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
                return read_record(folder)
            for name in _DETAILS_IN_TURNS if content.get("slices") else _DETAILS:
                content.pop(name, None)
            keys = {name: (name, json.dumps(content[name])) for name in _ALIKE if name in content}
            known = {name: self._parts[key] for name, key in keys.items() if key in self._parts}
            record = Record.model_validate({**content, **known})
        except (BadInput, ValidationError):
            return read_record(folder)  # which says what is wrong with it
        for name, key in keys.items():
            self._parts.setdefault(key, getattr(record, name))
        return record
