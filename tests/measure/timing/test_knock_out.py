"""A knocked-out stage works once for each kind of input, and is replayed from then on; all others work as they did."""

from __future__ import annotations

from workbench.measure.timing.knock_out import KnockOut
from workbench.measure.timing.spans import Track
from workbench.measure.timing.stages import Stages


def test_the_first_output_is_given_again_to_all_that_ask_alike():
    stages = Stages(Track(16))
    do = KnockOut(["decode"])
    made = [do(stages("decode"), "decode", lambda n=n: f"page {n}", key) for n, key in enumerate("aab")]
    assert made == ["page 0", "page 0", "page 2"]
    assert len(stages.track.read().stage) == 3, "its time, or what is left of it, is still written down"


def test_other_stages_do_their_work():
    stages = Stages(Track(16))
    do = KnockOut(["decode"])
    assert [do(stages("read"), "read", lambda n=n: n) for n in range(3)] == [0, 1, 2]
    assert "decode" in do
    assert "read" not in do
