"""A workload without rules of its own: what is the same passes, every planted fault is caught, and is named."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from record_factory import make_record

from workbench.explain.checks.pictures import looks_like_images, sample_pictures
from workbench.explain.checks.runs import compare_runs
from workbench.knobs.knob import knob
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.sample_recorder import SampleRecorder
from workbench.records import Checks, Record
from workbench.records.run_folder import SAMPLES

COUNT, SIZE, KEPT = 12, 4, 4
EPOCH = [list(range(begin, begin + SIZE)) for begin in range(0, COUNT, SIZE)]


class PlainKnobs(Knobs):
    """Of a workload that is not on this machine, whose rules could not be asked: the generic ones count."""

    workload: str = knob("nowhere.to_be_found:Plain", "workload", "what is measured")


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """float32 [N, 3, 16, 16], normalized images; int64 [N], what is on them."""
    draw = torch.Generator().manual_seed(0)
    return torch.rand((COUNT, 3, 16, 16), generator=draw) * 4.0 - 2.0, torch.arange(COUNT) % 5


def leave(
    folder: Path, *, kept: int = KEPT, orders=EPOCH, content=None, change=lambda images, labels: (images, labels)
):
    """What a trial leaves of its samples.

    Args:
        folder: Its run folder.
        kept: Samples that are kept whole.
        orders: The samples that each batch is said to hold.
        content: What it really holds, where that is something else.
        change: Changes the data.
    """
    images, labels = change(*data())
    recorder = SampleRecorder(COUNT, kept)
    for number, order in enumerate(orders):
        real = order if content is None else content[number]
        batch = SimpleNamespace(data=(images[real], {"label": labels[real]}), number=number, samples=order)
        recorder.record(batch)
    folder.mkdir(parents=True)
    np.savez(folder / SAMPLES, **recorder.recorded())


def records(**knobs) -> tuple[Record, Record]:
    both = PlainKnobs(), PlainKnobs(**knobs)
    return tuple(
        make_record(name=name).model_copy(update={"knobs": own, "quality": {}, "item": "image"})
        for name, own in zip(("baseline", "variant"), both, strict=True)
    )


def compared(runs: Path, knobs: dict | None = None, **fault) -> Checks:
    baseline, variant = records(**(knobs or {}))
    leave(runs / "baseline", kept=fault.get("kept", KEPT))
    leave(runs / "variant", **fault)
    return compare_runs(runs, baseline, variant)


def named(checks: Checks) -> dict[str, object]:
    return {check.name: check for check in checks.checks}


def test_equal_samples_are_the_same(tmp_path):
    checks = compared(tmp_path)
    assert checks.status == "same"
    assert checks.num_samples == COUNT
    assert not checks.notes


def test_samples_need_not_be_kept_whole_to_be_the_same(tmp_path):
    assert compared(tmp_path, kept=0).status == "same"


def test_rounding_is_within_the_tolerance_and_says_by_how_much(tmp_path):
    checks = compared(tmp_path, change=lambda images, labels: (images + 0.001, labels))
    assert checks.status == "within_tolerance"
    check = named(checks)["values of 'data.0'"]
    assert check.measured.startswith("0.06")  # 0.001 of a range of 4, in 255ths
    assert check.allowed and check.reason


FAULTS = {
    "channels swapped": {"change": lambda images, labels: (images.flip(1), labels)},
    "shifted by a pixel": {"change": lambda images, labels: (images.roll(1, dims=3), labels)},
    "twice as bright": {"change": lambda images, labels: (images * 2, labels)},
    "half the size": {"change": lambda images, labels: (images[..., ::2, ::2], labels)},
    "labels of the next": {"change": lambda images, labels: (images, labels.roll(1))},
    "not a number": {"change": lambda images, labels: (torch.where(images > 1.9, torch.nan, images), labels)},
    "infinite on both sides of zero": {"change": lambda images, labels: (torch.sign(images) * torch.inf, labels)},
    "two exchanged": {"content": [[0, 1, 2, 3], [4, 5, 7, 6], [8, 9, 10, 11]]},
    "one twice in place of another": {"content": [[0, 1, 2, 3], [4, 4, 6, 7], [8, 9, 10, 11]]},
    "one dropped": {"orders": [[0, 1, 2, 3], [4, 5, 7], [8, 9, 10, 11]] * 2},
    "one three times": {"orders": [[0, 1, 2, 3], [4, 5, 6, 7, 7, 7], [8, 9, 10, 11]]},
    "one stale, and none of those that were kept": {
        "change": lambda images, labels: (torch.cat([images[:7], torch.zeros_like(images[7:8]), images[8:]]), labels)
    },
}


@pytest.mark.parametrize("knobs", [{}, {"loader": "dali"}], ids=["ordinary tolerance", "wide tolerance"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_caught(tmp_path, fault, knobs):
    assert compared(tmp_path, knobs, **FAULTS[fault]).status == "different"


def test_a_decoder_of_its_own_may_differ_at_edges_but_not_everywhere(tmp_path):
    def edges(images, labels):
        changed = images.clone()
        changed[:, :, 3, 3] += 0.3  # 19 levels
        return changed, labels

    assert compared(tmp_path / "dali", {"loader": "dali"}, change=edges).status == "within_tolerance"
    assert compared(tmp_path / "plain", change=edges).status == "different"


def test_the_samples_that_are_wrong_are_named(tmp_path):
    exchanged = compared(tmp_path / "a", **FAULTS["two exchanged"])
    assert named(exchanged)["values of all samples"].samples == ["6", "7"]
    dropped = compared(tmp_path / "b", **FAULTS["one dropped"])
    assert named(dropped)["every sample once an epoch"].samples == ["6"]
    broken = compared(tmp_path / "c", **FAULTS["not a number"])
    assert "not numbers" in named(broken)["values of 'data.0'"].reason


def test_an_array_that_is_missing_is_a_difference(tmp_path):
    checks = compared(tmp_path, change=lambda images, labels: (images + 0.001, labels[:, None][:, :0]))
    assert checks.status == "different"


def test_values_that_differ_and_were_not_kept_are_not_comparable(tmp_path):
    checks = compared(tmp_path, kept=0, change=lambda images, labels: (images + 0.001, labels))
    assert checks.status == "not_comparable", "that every sample came proves nothing of its values"
    assert "kept whole" in named(checks)["values of all samples"].reason


def test_numbers_that_are_missing_on_both_sides_are_equal(tmp_path):
    baseline, variant = records()
    masked = {"change": lambda images, labels: (torch.where(images > 1.9, torch.nan, images), labels)}
    leave(tmp_path / "baseline", **masked)
    leave(tmp_path / "variant", change=lambda i, t: (masked["change"](i, t)[0] + 0.001, t))
    assert compare_runs(tmp_path, baseline, variant).status == "within_tolerance"


def test_a_shorter_run_is_compared_on_what_both_have_seen(tmp_path):
    checks = compared(tmp_path, orders=[[0, 1, 2]])
    assert checks.status == "same"
    assert checks.num_samples == 3


def test_an_epoch_and_a_half_is_not_a_fault(tmp_path):
    assert compared(tmp_path, orders=[*EPOCH, EPOCH[0]]).status == "same"


def test_another_data_set_is_different(tmp_path):
    baseline, variant = records()
    leave(tmp_path / "baseline")
    (tmp_path / "variant").mkdir()
    recorder = SampleRecorder(COUNT + 1, 0)
    np.savez(tmp_path / "variant" / SAMPLES, **recorder.recorded())
    checks = compare_runs(tmp_path, baseline, variant)
    assert checks.status == "different"
    assert "not of the same data set" in checks.checks[0].reason


def test_without_samples_nothing_is_compared_and_a_note_says_so(tmp_path):
    checks = compare_runs(tmp_path, *records())
    assert checks.status == "not_comparable"
    assert not checks.checks
    assert "No samples were kept" in checks.notes[0]


def test_a_file_that_says_it_is_encrypted_is_named(tmp_path):
    leave(tmp_path / "baseline")
    leave(tmp_path / "variant")
    path = tmp_path / "variant" / SAMPLES
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # the flag of the last file in the list of files
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    checks = compare_runs(tmp_path, *records())
    assert any("is damaged" in note and "encrypted" in note for note in checks.notes)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
def test_a_damaged_file_is_named(tmp_path, share):
    leave(tmp_path / "baseline")
    leave(tmp_path / "variant")
    path = tmp_path / "variant" / SAMPLES
    data = bytearray(path.read_bytes())
    begin = int(share * (len(data) - 16))
    data[begin : begin + 16] = bytes(16)
    path.write_bytes(data)
    checks = compare_runs(tmp_path, *records())
    assert checks.status == "not_comparable"
    assert any("is damaged" in note and "variant" in note for note in checks.notes)


def test_two_workloads_are_not_comparable(tmp_path):
    baseline, variant = records()
    other = variant.model_copy(update={"knobs": PlainKnobs(workload="elsewhere.too:Other")})
    checks = compare_runs(tmp_path, baseline, other)
    assert checks.status == "not_comparable"
    assert "two workloads" in checks.notes[0]


RULES = """
from workbench.records import Check, Checks

class Ruled:
    @staticmethod
    def compare(baseline, variant):
        (record, arrays), (other, _) = variant, baseline
        {body}
"""


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (
            "return Checks(checks=[Check(name='mine', status='same', measured=str(len(arrays['digests'])))])",
            "same",
            "12",
        ),
        ("raise KeyError('masks')", "not_comparable", "raised KeyError: 'masks'"),
        ("return True", "not_comparable", "gave bool, not Checks"),
        ("return None", "same", "equal in 12 samples"),
    ],
    ids=["rules", "rules that fail", "rules that give something else", "rules that pass"],
)
def test_a_workload_may_have_rules_of_its_own(tmp_path, monkeypatch, body, status, words):
    monkeypatch.syspath_prepend(tmp_path)
    module = f"ruled_{tmp_path.parent.name}_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{module}.py").write_text(RULES.format(body=body))
    baseline, variant = (
        record.model_copy(update={"knobs": PlainKnobs(workload=f"{module}:Ruled")}) for record in records()
    )
    leave(tmp_path / "baseline")
    leave(tmp_path / "variant")
    checks = compare_runs(tmp_path, baseline, variant)
    assert checks.status == status
    assert any(words in f"{check.measured} {check.reason}" for check in checks.checks)


def test_checks_come_back_from_json(tmp_path):
    checks = compared(tmp_path, **FAULTS["not a number"])
    assert Checks.model_validate_json(checks.model_dump_json()) == checks


def test_pictures_are_made_of_what_looks_like_images_the_worst_first(tmp_path):
    def one_worse(images, labels):
        changed = images + 0.001
        changed[2, :, 4, 4] += 1.0
        return changed, labels

    compared(tmp_path, change=one_worse)
    pictures = sample_pictures(tmp_path, *records(), count=2)
    assert pictures[0].name == "2"
    assert len(pictures) == 2
    first = pictures[0]
    assert first.baseline.shape == first.variant.shape == (16, 16, 3)
    assert first.baseline.dtype == np.uint8
    assert first.difference.shape == (16, 16)
    assert first.difference[4, 4] == pytest.approx(255 * 1.001 / 4, rel=0.01)
    images = data()[0]
    low, high = images[:KEPT].min(), images[:KEPT].max()
    expected = ((images[2, :, 0, 0] - low) / (high - low) * 255).round()
    assert first.baseline[0, 0].tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((2, 3, 16, 16), np.float32, True), ((2, 16, 16, 3), np.uint8, True), ((2, 1, 16, 16), np.float32, True),
        ((2, 16, 16), np.float32, True), ((2, 16), np.float32, False), ((2,), np.int64, False),
        ((2, 4, 16, 16), np.float32, False), ((2, 3, 4, 4), np.float32, False), ((2, 3, 16, 16), np.bool_, False),
    ],
)  # fmt: skip
def test_what_looks_like_images(shape, dtype, expected):
    assert looks_like_images(np.zeros(shape, dtype)) is expected


def test_without_samples_there_are_no_pictures(tmp_path):
    assert sample_pictures(tmp_path, *records()) == []
