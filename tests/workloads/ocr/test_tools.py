"""What text detection offers beside trials is found on its class, by name."""

from __future__ import annotations

from workbench.commands.offers import DrawsSamples, TimesTransforms, WritesShards
from workbench.knobs.joined import load_workload


def test_the_class_is_asked_for_what_it_offers():
    kind = load_workload("ocr")
    assert isinstance(kind, DrawsSamples)
    assert isinstance(kind, WritesShards)
    assert isinstance(kind, TimesTransforms)


def test_another_workload_need_not_offer_it():
    kind = load_workload("examples.toy_workload:Toy")
    assert not isinstance(kind, DrawsSamples)
    assert not isinstance(kind, WritesShards)
    assert not isinstance(kind, TimesTransforms)


def test_what_is_drawn_can_be_measured_and_written_as_shards(tmp_path):
    kind = load_workload("ocr")
    seen: list[tuple[int, int]] = []
    drawn = kind.draw(tmp_path / "drawn", count=2, seed=3, on_sample=lambda done, total: seen.append((done, total)))
    assert (drawn.num_samples, drawn.notes, seen) == (2, [], [(1, 2), (2, 2)])
    assert "there already" in kind.draw(tmp_path / "drawn", count=2, seed=3).notes[0]

    written = kind.write_shards(tmp_path / "drawn", tmp_path / "shards", num_shards=2)
    words, shards, num_bytes = (count.number for count in written.counts)
    assert (written.num_samples, words, shards) == (2, drawn.counts[0].number, 2)
    assert num_bytes > drawn.counts[1].number
