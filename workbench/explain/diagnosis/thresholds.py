"""From where on something is called a cause. The rules are in `rules`; nothing else there is a number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """What the rules are held against, each with its reason.

    Attributes:
        notable: Share of the run's time from which on a cause is worth a word. Two runs of one machine differ by some
            2.5 % (`prediction.Confidence.run_to_run`): what costs less than twice that could hardly be seen in a comparison.
        stands_out: If no cause costs this much, nothing stands out: no single change would gain more than a tenth.
        waits: Share of its time that the main process must wait for pages before loading is to blame: where an epoch
            ends, and where pages differ in size, it always waits a little. The same share as in `prediction.limit_of`.
        device_busy: A device that is at work for so much of the time bounds the run. Likewise.
        headroom: Where a device twice as fast would gain at least half of what it could (100 %), all else could feed a
            much faster one: the device alone bounds the run. Below, the rest is matched to it: a healthy pipeline.
        idle: Workers without an order for so much of their time could load twice as much; stands in for `headroom`
            where nothing can be predicted.
        straggler: Times that the slowest worker takes for its median page, against the others. Their pages are of one
            kind and their medians within some 10 % of each other; half as long again is no accident of the pages.
        rare_page: Times the median page that a page must take to be a rare slow one. Pages that differ in size and in
            words spread over two to three times their median.
        rare_pages: Rare is no more than this share of the pages; beyond it they are a kind of pages.
        ready: Seconds that workers were ready and waited for a core, for each second that they had one. From 1 on, on
            the average, every core has as many in its queue as at work.
        blocked: Share of their work in which workers are neither on a core nor waiting for one. The counters and the
            spans agree within a few per cent; more than this waits for something.
        files: Share of that time that the stage `read` must take to be the one that waits: more than any other.
        moves: Workers that only move pages which are ready spend at least so much of their work on it.
        start_up: Times that preparing must take as long as the counted steps to outweigh them. It must also take longer
            than the imports: less than what any start takes is no reason to look for one.
        memory: Share of the machine's memory that leaves no room for the kernel's own cache of files.
    """

    notable: float = 0.05
    stands_out: float = 0.10
    waits: float = 0.15
    device_busy: float = 0.90
    headroom: float = 0.50
    idle: float = 0.50
    straggler: float = 1.5
    rare_page: float = 5.0
    rare_pages: float = 0.10
    ready: float = 1.0
    blocked: float = 0.15
    files: float = 0.50
    moves: float = 0.80
    start_up: float = 1.0
    memory: float = 0.90
