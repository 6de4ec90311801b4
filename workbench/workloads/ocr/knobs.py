"""The knobs of text detection: the pages, the way of an image to the model's input, and with them the model.

No torch here: old runs are explained with these rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from workbench.files import expanded, files_below
from workbench.knobs.format import shell_settings
from workbench.knobs.inference import EXPORTING
from workbench.knobs.knob import Effect, Inactive, Refusal, Situation, Tolerance, knob
from workbench.knobs.knobs import Knobs
from workbench.workloads.ocr.annotations.format_names import AnnotationFormat
from workbench.workloads.ocr.model_knobs import DetectorKnobs
from workbench.workloads.ocr.presets import PRESETS, SUGGESTED
from workbench.workloads.ocr.stages import NORMALIZING, STAGES

#: Bytes that a value of the model's input becomes smaller as uint8 in place of float32, for three channels.
_SAVED_IMAGE_BYTES = 3 * (4 - 1)

#: Bytes for each pixel of the input that target maps take: two maps in float32 with their masks in uint8, or packed
#: into one byte for the threshold map and one for the other three.
_MAP_BYTES = {"compute": 4 + 1 + 4 + 1, "fast": 2, "cached": 2, "none": 0}

#: Bytes for each pixel of a page's image in the cache, ready but for normalization, and of its packed target maps.
_PREPARED_BYTES, _PACKED_BYTES = 3, 2

_CACHE_IS_FREE = "Taking a page from the cache costs nothing; filling it is start-up, and not counted."

_MOVED = ("ToTensorV2", "collate", "send", "receive", "transfer", "release")

_JPEG = Tolerance(64.0, 1.0, "JPEG decoders interpolate colour and round differently, most of all at edges")
_SCALED = Tolerance(128.0, 2.0, "a JPEG made smaller while it is decoded is averaged over blocks, not interpolated")


def _saved_by_uint8(knobs: Any) -> float:
    is_uint8 = knobs.normalize in ("device", "folded")
    return 0.0 if is_uint8 else float(_SAVED_IMAGE_BYTES * knobs.image_size**2)


def _saved_by_targets(wanted: str) -> Any:
    def saved(knobs: Any) -> float:
        return float((_MAP_BYTES[knobs.targets] - _MAP_BYTES[wanted]) * knobs.image_size**2)

    return saved


def _keeps_pages(knobs: Any) -> bool:
    return bool(knobs.cache != "none" or knobs.targets == "cached")


def _no_words(situation: Situation) -> bool:
    return situation.knobs.annotation_format == "none" or situation.counts.get("words") == 0


_NO_WORDS = "the pages have no annotations, so there is nothing to make maps of"
_FROM_CACHE = "no page is {} in the counted steps: they take pages from the cache (which is filled otherwise)"
_DALI_DECODES = Inactive(lambda s: bool(s.knobs.loader == "dali"), "DALI decodes, resizes and hands over by itself")


class OcrKnobs(DetectorKnobs, Knobs):
    """All knobs of a trial of text detection."""

    item: ClassVar[str] = "page"
    own_stages = STAGES
    groups = ("workload", "pages", "image path", "loading", "model", "device", "measuring")
    presets = PRESETS
    suggested_variants = tuple(f"{name}: {shell_settings(PRESETS[name])}" for name in SUGGESTED)
    # Twice as many pages are counted as there are.
    suggested_common = {"num_pages": 128, "num_workers": 2, "batch_size": 8, "num_steps": 32}  # noqa: RUF012  (likewise)
    in_front = ("dataset", "cache", "normalize", "num_workers")
    extra_inactive = {  # noqa: RUF012  (a table of the class)
        "worker_threads": (Inactive(lambda s: s.knobs.fully_cached, "workers only copy pages that lie in memory"),)
    }

    dataset: str = knob("data_samples", "pages", "folder of page images, with its annotations")
    annotations: str | None = knob(
        None,
        "pages",
        "annotation file or folder, where it isn't found by itself",
        inactive=[Inactive(lambda s: s.knobs.annotation_format == "none", "annotation_format=none: none are read")],
    )
    annotation_format: AnnotationFormat = knob(
        "auto",
        "pages",
        "grammar of the annotations; none: the images are measured alone, whatever lies beside them",
        refused=[
            Refusal(
                ("annotation_format=none", "mode=train"),
                lambda k: k.annotation_format == "none" and k.mode == "train",
                "the loss needs the target maps, and these the words of the pages",
                "Take mode=validate, or another annotation_format",
            )
        ],
    )
    num_pages: int | None = knob(
        None, "pages", "use only this many pages, the first ones", unit="pages", role="how_much", ge=1
    )
    image_size: int = knob(640, "pages", "side of the square model input", unit="px", ge=32, multiple_of=32)

    image_decoder: Literal["pil", "opencv", "turbojpeg", "nvjpeg"] = knob(
        "pil",
        "image path",
        "library that decodes the images",
        refused=[
            Refusal(
                ("image_decoder=nvjpeg", "device=cpu/replay/none"),
                lambda k: k.image_decoder == "nvjpeg" and k.device in ("cpu", "replay", "none"),
                "nvJPEG decodes on a CUDA device",
                "Take image_decoder=turbojpeg, or device=cuda",
            ),
            Refusal(
                ("image_decoder=nvjpeg", "num_workers", "start_method=fork"),
                lambda k: k.image_decoder == "nvjpeg" and k.num_workers > 0 and k.start_method == "fork",
                "CUDA cannot be used in a process that was forked from one that uses it",
                "Take start_method=spawn, or num_workers=0",
            ),
        ],
        inactive=[
            _DALI_DECODES,
            Inactive(lambda s: s.knobs.cache in ("decoded", "prepared", "tensor"), _FROM_CACHE.format("decoded")),
        ],
        effects={"turbojpeg": Effect(eases=("decode",))},
        tolerances=dict.fromkeys(("pil", "opencv", "turbojpeg", "nvjpeg"), _JPEG),
        tried=("pil", "opencv", "turbojpeg"),
    )
    scaled_decode: bool = knob(
        False,
        "image path",
        "decode JPEGs at 1/2, 1/4 or 1/8 where that is still as large as the model's input",
        refused=[
            Refusal(
                ("scaled_decode", "mode=train"),
                lambda k: k.scaled_decode and k.mode == "train",
                "random transforms work on the whole page",
                "Take scaled_decode=false, or mode=validate",
            ),
            Refusal(
                ("scaled_decode", "image_decoder=nvjpeg"),
                lambda k: k.scaled_decode and k.image_decoder == "nvjpeg",
                "nvJPEG decodes whole images only",
                "Take image_decoder=turbojpeg, or scaled_decode=false",
            ),
            Refusal(
                ("loader=dali", "scaled_decode"),
                lambda k: k.loader == "dali" and k.scaled_decode,
                "DALI's decoder gives whole images only",
                "Take scaled_decode=false, or loader=torch",
            ),
        ],
        inactive=[Inactive(lambda s: s.knobs.cache in ("prepared", "tensor"), _FROM_CACHE.format("decoded"))],
        effects={
            True: Effect(eases=("decode", "orient", "LongestMaxSize", "resize"), against=("rare slow samples",)),
        },
        tolerances={True: _SCALED},
        tried=(False, True),
    )
    cache: Literal["none", "encoded", "decoded", "prepared", "tensor"] = knob(
        "none",
        "image path",
        "what is kept of a page: its file, the decoded image, the image ready but for normalization, the model's input",
        refused=[
            Refusal(
                ("cache=prepared/tensor", "mode=train"),
                lambda k: k.cache in ("prepared", "tensor") and k.mode == "train",
                "the training chain starts with random transforms, so a page prepared once would be the same in every "
                "epoch",
                "Take cache=decoded, or mode=validate",
            ),
            Refusal(
                ("cache=tensor", "normalize"),
                lambda k: k.cache == "tensor" and k.normalize != "cached",
                "what the cache holds is normalized already",
                "Take normalize=cached, or cache=prepared",
            ),
            Refusal(
                ("loader=webdataset/dali/spdl", "cache"),
                lambda k: k.loader != "torch" and _keeps_pages(k),
                "caches are looked up by page, and only the torch loader asks page by page",
                "Take loader=torch, or cache=none and targets=compute or fast",
            ),
        ],
        predicted="effects",
        effects={
            "none": Effect(),
            "encoded": Effect(
                frees=("read",), keeps="files as they are", against=("slow files",), assumes=_CACHE_IS_FREE
            ),
            "decoded": Effect(
                frees=("read", "decode", "orient"), keeps="whole images, 3 bytes a pixel", assumes=_CACHE_IS_FREE
            ),
            "prepared": Effect(
                frees=("read", "decode", "orient", "LongestMaxSize", "PadIfNeeded", "resize", "pad", "keypoints"),
                keeps="prepared images",
                keeps_bytes=lambda k: float(_PREPARED_BYTES * k.image_size**2),
                assumes=_CACHE_IS_FREE,
                against=("rare slow samples", "slow files", "loader-bound"),
            ),
        },
        tried=("none", "decoded", "prepared"),
    )
    cache_store: Literal["memory", "shared", "mapped", "disk"] = knob(
        "memory",
        "image path",
        "where a cache lies: in each process, one copy for all workers, one that batches are part of, or in a file",
        refused=[
            Refusal(
                ("cache_store=mapped", "num_workers"),
                lambda k: k.cache_store == "mapped" and k.num_workers > 0,
                "workers copy what they send, and a batch that is a part of the cache needs none",
                "Take num_workers=0, or cache_store=shared",
            ),
            Refusal(
                ("cache_store=mapped", "cache"),
                lambda k: k.cache_store == "mapped" and _keeps_pages(k) and not k.fully_cached,
                "something is left to be done to each page that comes out of this cache",
                "Take cache=prepared normalize=device targets=cached, or cache_store=shared",
            ),
            Refusal(
                ("cache_store=shared/mapped/disk", "cache=none"),
                lambda k: k.cache_store != "memory" and not _keeps_pages(k),
                "there is no cache to store",
                "Take a cache (prepared, for one) or targets=cached, or cache_store=memory",
            ),
        ],
        inactive=[
            Inactive(
                lambda s: s.knobs.num_workers == 0 and s.knobs.cache_store in ("memory", "shared"),
                "without workers nobody shares it",
            )
        ],
        predicted="effects",
        effects={
            "memory": Effect(),
            "shared": Effect(),
            "disk": Effect(against=("start-up-bound",)),
            "mapped": Effect(
                frees=("cache",),
                assumes="Pages that follow one another are handed over as they lie, in no time worth counting.",
            ),
        },
        cost="with mapped, a batch is a part of the cache: whoever writes into it copies what it writes to",
        tried=("memory", "shared", "mapped"),
    )
    transforms: Literal["albumentations", "direct"] = knob(
        "albumentations",
        "image path",
        "who resizes and pads: albumentations, or OpenCV without anything around it",
        refused=[
            Refusal(
                ("transforms=direct", "mode=train"),
                lambda k: k.transforms == "direct" and k.mode == "train",
                "the random transforms are albumentations'",
                "Take transforms=albumentations, or mode=validate",
            )
        ],
        inactive=[
            _DALI_DECODES,
            Inactive(lambda s: s.knobs.fully_cached, _FROM_CACHE.format("transformed")),
        ],
        effects={"direct": Effect(eases=("PadIfNeeded", "keypoints"))},
        cost="pages are resized by other code; a comparison proves that they are the same",
        tried=("albumentations", "direct"),
    )
    normalize: Literal["albumentations", "conditional", "cached", "opencv", "device", "folded"] = knob(
        "albumentations",
        "image path",
        "who turns uint8 levels into normalized floats",
        refused=[
            Refusal(
                ("normalize=cached", "cache"),
                lambda k: k.normalize == "cached" and k.cache != "tensor",
                "only cache=tensor keeps normalized pages",
                "Take cache=tensor, or another normalize",
            ),
            Refusal(
                ("normalize=folded", "mode=train"),
                lambda k: k.normalize == "folded" and k.mode == "train",
                "training would change the folded weights otherwise than the model's own",
                "Take normalize=device, or mode=validate",
            ),
            Refusal(
                ("normalize=folded", "engine"),
                lambda k: k.normalize == "folded" and k.engine in EXPORTING,
                "the folded convolution writes into a padded image, which an exported graph does value by value",
                "Take normalize=device, which is part of the graph then",
            ),
            Refusal(
                ("loader=dali", "normalize"),
                lambda k: k.loader == "dali" and k.normalize not in ("albumentations", "device", "folded"),
                "DALI normalizes by itself (albumentations stands for the same arithmetic), or not at all",
                "Take normalize=albumentations, device or folded",
            ),
        ],
        predicted="effects",
        effects={
            "device": Effect(
                frees=NORMALIZING,
                eases=_MOVED,
                saves_bytes=_saved_by_uint8,
                against=("transfer-bound", "heavy send and receive", "memory-bound cache"),
                assumes="The device normalizes in no time worth counting.",
            ),
            "opencv": Effect(eases=("Normalize", "ConditionalNormalize")),
        },
        cost="pages travel as bytes, or are normalized by other code; a comparison proves that they are the same",
        tried=("albumentations", "opencv", "device"),
    )
    targets: Literal["compute", "fast", "cached", "none"] = knob(
        "compute",
        "image path",
        "how the target maps are made: the paper's way, compiled and packed, once, not at all",
        refused=[
            Refusal(
                ("targets=cached", "mode=train"),
                lambda k: k.targets == "cached" and k.mode == "train",
                "the words move with the random transforms, so their maps are new in every epoch",
                "Take targets=fast, or mode=validate",
            ),
            Refusal(
                ("mode=train", "targets=none"),
                lambda k: k.mode == "train" and k.targets == "none",
                "the loss needs the target maps",
                "Take targets=compute or fast, or mode=validate",
            ),
        ],
        inactive=[Inactive(_no_words, _NO_WORDS)],
        predicted="effects",
        effects={
            "fast": Effect(
                eases=("targets",), saves_bytes=_saved_by_targets("fast"), against=("heavy send and receive",)
            ),
            "cached": Effect(
                frees=("targets",),
                saves_bytes=_saved_by_targets("cached"),
                keeps="target maps",
                keeps_bytes=lambda k: float(_PACKED_BYTES * k.image_size**2),
            ),
            "none": Effect(frees=("targets",), saves_bytes=_saved_by_targets("none"), suggested=False),
        },
        tried=("compute", "fast", "cached"),
    )

    def data_files(self) -> list[Path]:
        """All files below the data set's folder."""
        folder = expanded(self.dataset)
        return files_below(folder) if folder.is_dir() else []

    def data_settings(self) -> dict[str, Any]:
        """Where the pages are, which of them, and what decides whether they will do (`description.problems_with`)."""
        where = self.model_dump(include={"workload", "dataset", "annotations", "annotation_format", "num_pages"})
        return {**where, "trains": self.mode == "train", "replays": self.device == "replay" and self.targets == "none"}

    @property
    def fully_cached(self) -> bool:
        """Whether nothing is left to be done to a page once it is in the cache: batches are gathered as they lie."""
        image_is_done = self.cache == "tensor" or (self.cache == "prepared" and self.normalize in ("device", "folded"))
        return image_is_done and self.targets in ("cached", "none")

    @property
    def made_in_batch(self) -> bool:
        """Whether pages are made where they lie in their batch.

        That takes a chain which can write there, and memory that is known before there is a page: torch's own transport
        has none.
        """
        lies_known = self.transport == "ring" or self.num_workers == 0 or self.loader == "spdl"
        chain_writes = self.transforms == "direct" and self.normalize in ("device", "folded") and self.cache == "none"
        return chain_writes and lies_known and self.targets in ("fast", "none")
