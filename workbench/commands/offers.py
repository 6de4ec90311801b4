"""What a workload may offer beside trials; the commands ask its class for it, whatever workload it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from workbench.errors import BadInput, Problem

if TYPE_CHECKING:
    from workbench.records import Description

Offer = TypeVar("Offer")

#: Called with how much is done, and how much there is.
OnDone = Callable[[int, int], None]


@runtime_checkable
class DrawsSamples(Protocol):
    """A class of workload that can make up a data set. Its knob `dataset` names a folder.

    Attributes:
        item: What it calls a sample.
        layouts: Names of the ways in which samples can lie in the folder; the first is the one that it reads itself.
    """

    item: str
    layouts: Collection[str]

    @staticmethod
    def drawing_version() -> int:
        """Raised whenever the same seed gives other samples."""

    @staticmethod
    def draw(folder: Path, *, count: int, seed: int, layout: str = ..., on_sample: OnDone | None = None) -> Description:
        """Draw samples into a folder, or find that it holds these very ones; gives what is there.

        Without a layout it is the first.

        Raises:
            BadInput: For a folder that holds something else, and for wrong numbers.
        """


@runtime_checkable
class WritesSamples(Protocol):
    """A class of workload that can write a data set as files, in one of the layouts that it can draw in."""

    layouts: Collection[str]

    @staticmethod
    def write_samples(
        data: Path,
        folder: Path,
        *,
        layout: str,
        seed: int = ...,
        settings: Mapping[str, Any] | None = None,
        on_look: OnDone | None = None,
        on_sample: OnDone | None = None,
    ) -> Description:
        """Write the samples of the data set at `data`; its notes say what could not be written as it was.

        The settings are knobs that decide how it is read; the seed parts samples where the layout has parts.

        Raises:
            BadInput: For a data set that cannot be read, and for a folder that holds something else.
        """


@runtime_checkable
class WritesShards(Protocol):
    """A class of workload that can write a data set as the shards that `feeds.Sharded` reads."""

    item: str

    @staticmethod
    def write_shards(
        data: Path,
        folder: Path,
        *,
        num_shards: int | None = None,
        settings: Mapping[str, Any] | None = None,
        on_look: OnDone | None = None,
        on_sample: OnDone | None = None,
    ) -> Description:
        """Write the samples of the data set at `data`; by default as many shards as its size asks for.

        The settings are knobs that decide how it is read.

        Raises:
            BadInput: For a data set that cannot be read, and for a folder that holds something else.
        """


@runtime_checkable
class TimesTransforms(Protocol):
    """A class of workload that can time the steps of its chain one by one, in a process of its own."""

    @staticmethod
    def check_transforms(knobs: Any) -> None:
        """See whether there is a chain to time.

        Raises:
            BadInput: Where there is none.
        """

    @staticmethod
    def time_transforms(knobs: Any, runs: Path, on_round: OnDone) -> Path:
        """Time it; gives the run folder with the figures."""

    @staticmethod
    def transforms_headline(folder: Path) -> str:
        """What the figures in a run folder mean, in a sentence."""


def ask_for(offer: Callable[..., Offer], workload: str, what: str) -> Offer:
    """The class of a workload that has to offer something.

    Args:
        offer: One of the protocols above.
        workload: Name of the workload.
        what: What it has to do, as a message names it: ``"draw samples"``.

    Raises:
        BadInput: Where it does not offer that, or cannot be had.
    """
    from workbench.knobs.joined import load_workload

    kind: Any = load_workload(workload)
    protocol: Any = offer
    if not isinstance(kind, protocol):
        remedy = f"Take workload=ocr, or give its class what workbench.commands.offers.{protocol.__name__} asks for"
        raise BadInput("workload", [Problem(f"'{workload}' cannot {what}", remedy=remedy)])
    found: Offer = kind
    return found
