"""What a record calls its samples, and how many it has of what: for all sentences, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.records import Comparison, Record
from workbench.units import counted as counted
from workbench.units import plural as plural


def item_of(record: Record | Comparison) -> str:
    """What a record or a comparison calls one sample: ``"page"``, ``"image"``; ``"sample"`` where it says nothing."""
    return record.item or "sample"


def per_item(per: str, item: str) -> str:
    """What a stage is done for, in the record's word: a sample or a batch."""
    return "batch" if per == "batch" else item


def with_article(item: str) -> str:
    """``"a page"``, ``"an image"``."""
    return f"{'an' if item[:1].lower() in 'aeiou' else 'a'} {item}"


def listed(names: Sequence[str]) -> str:
    """Names in quotes, as a sentence lists them: ``"'a'"``, ``"'a', 'b' and 'c'"``."""
    *others, last = [f"'{name}'" for name in names]
    return f"{', '.join(others)} and {last}" if others else last
