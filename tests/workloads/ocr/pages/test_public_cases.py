"""Data sets that broke OCR tools, by public reports: each with its right answer. The content is our own."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from workbench.errors import BadInput
from workbench.knobs.joined import parse_knobs
from workbench.workloads.ocr.detector.metric import count_page
from workbench.workloads.ocr.detector.postprocess import find_words, search
from workbench.workloads.ocr.pages.survey import survey
from workbench.workloads.ocr.targets import compute_targets
from workbench.workloads.ocr.workload import OcrWorkload

QUAD = [[10, 10], [90, 10], [90, 30], [10, 30]]


def page(path: Path, kind: str | None = None, side: int = 640, **settings: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), "white").save(path, kind, **settings)
    return path


def words(*polygons: list[list[float]], text: str = "TOTAL") -> str:
    return json.dumps([{"transcription": text, "points": polygon} for polygon in polygons], ensure_ascii=False)


def refused(folder: Path) -> str:
    with pytest.raises(BadInput) as raised:
        survey(folder)
    return str(raised.value)


def test_names_as_in_a_url(tmp_path):
    """HumanSignal/label-studio#1266, #7294: the exact name first, then the unquoted one; a hash is not guessed away."""
    page(tmp_path / "Rechnung Müller #2 100%.jpg")
    label = tmp_path / "Label.txt"
    label.write_text(f"Rechnung%20M%C3%BCller%20%232%20100%25.jpg\t{words(QUAD)}\n", encoding="utf-8")
    pages, counts = survey(tmp_path)
    assert [found.name for found in pages] == ["Rechnung Müller #2 100%.jpg"]
    assert any("spelled otherwise" in note for note in counts.notes)
    label.write_text(f"..\\..\\upload\\9a8b7c6d-Rechnung Müller #2 100%.jpg\t{words(QUAD)}\n", encoding="utf-8")
    assert "Did you mean 'Rechnung Müller #2 100%.jpg'?" in refused(tmp_path)


def test_two_records_on_one_line_and_python_s_quotes(tmp_path):
    """PaddlePaddle/PaddleOCR#4271, #749: both lines in one message, with the column and the way out."""
    for name in "abc":
        page(tmp_path / f"{name}.jpg")
    python = str([{"transcription": "IT'S", "points": QUAD}])
    (tmp_path / "Label.txt").write_text(f"a.jpg\t{words(QUAD)}b.jpg\t{words(QUAD)}\nc.jpg\t{python}\n")
    message = refused(tmp_path)
    assert f"line 1: its words are not JSON (a second record begins at column {len(words(QUAD)) + 7})" in message
    assert "line 2: its words are not JSON (single quotes: written with str(), not json.dumps)" in message


def test_a_label_file_in_gbk(tmp_path):
    """PaddlePaddle/PaddleOCR#5922, PFCCLab/PPOCRLabel#21: file, line, encoding, command; a good one isn't harmed."""
    page(tmp_path / "收据.jpg")
    label = f"收据.jpg\t{words(QUAD, text='合计')}\n"
    (tmp_path / "Label.txt").write_bytes(label.encode("gbk"))
    message = refused(tmp_path)
    assert "Label.txt, line 1: is not UTF-8, looks like GBK. Convert it: iconv -f gbk -t utf-8" in message
    (tmp_path / "Label.txt").write_text(label, encoding="utf-8")
    (tmp_path / "fileState.txt").write_bytes("收据.jpg\t1\n".encode("gbk"))
    assert len(survey(tmp_path)[0]) == 1


def test_shapes_of_coco_segmentations(tmp_path):
    """roboflow/supervision#205, cvat-ai/cvat#6014, open-mmlab/mmdetection#8543, DataXujing/yolact_pytorch#4."""
    page(tmp_path / "p.jpg")
    runs = {"counts": [83210, *[20, 620] * 39, 20, 301410], "size": [640, 640]}
    shapes: list[dict[str, object]] = [
        {"bbox": [10, 10, 50, 20], "segmentation": [10, 10, 60, 10, 60, 30, 10, 30]},
        {"bbox": [70, 10, 50, 20], "segmentation": [[70, 10, 120, 10, 120, 30, 70]]},
        {"bbox": [130, 10, 40, 20], "segmentation": runs, "iscrowd": 1},
        {"bbox": [10, 50, 50, 20], "segmentation": []},
        {"segmentation": None},
    ]
    content = {
        "images": [{"id": 1, "file_name": "p.jpg", "width": 640, "height": 640}],
        "categories": [{"id": 1, "name": "text"}],
        "annotations": [{"id": number, "image_id": 1, "iscrowd": 0} | shape for number, shape in enumerate(shapes)],
    }
    (tmp_path / "coco.json").write_text(json.dumps(content))
    (found,), counts = survey(tmp_path)
    assert [(len(word.polygon), word.ignore) for word in found.words] == [(4, False), (4, True), (4, False)]
    assert len(found.words) + sum(counts.dropped_words.values()) == 5


@pytest.mark.parametrize(
    "texts",
    [
        ["SUBTOTAL", "1,250,000", "TAX", "1,375,000", "100,000"],
        ["1,250", "2,500", "10,000"],
        ["1,00,000", "TOTAL"],
        ["###", "1,250,000"],
        ["Rp 100,000", "100,000,-"],
        ["12,30", "TOTAL", "A"],
        ["1,500원", "합계"],
    ],
)
def test_prices_with_commas(tmp_path, texts):
    """open-mmlab/mmocr#1586, PaddleOCR#10017: "100,000" became "100", or the quads polygons with prices as corners."""
    page(tmp_path / "imgs" / "inv_1.jpg")
    lines = [f"{x},{y},{x + 90},{y},{x + 90},{y + 16},{x},{y + 16}" for x, y in [(10, 5 + 30 * k) for k in range(9)]]
    gt = tmp_path / "gt" / "gt_inv_1.txt"
    gt.parent.mkdir()
    gt.write_text("".join(f"{line},{text}\n" for line, text in zip(lines, texts, strict=False)), encoding="utf-8")
    (found,), _ = survey(tmp_path)
    assert [word.text for word in found.words] == texts
    assert all(len(word.polygon) == 4 for word in found.words)


@pytest.mark.parametrize("targets", ["compute", "fast"])
@pytest.mark.parametrize("transforms", ["albumentations", "direct"])
def test_polygons_that_break_target_maps(tmp_path, targets, transforms):
    """PaddlePaddle/PaddleOCR#5101, #2013, open-mmlab/mmocr#1388: no area, a thin neck, sides that cross, one point."""
    page(tmp_path / "q.jpg")
    left = [[100, 100], [160, 100], [160, 114], [220, 114], [220, 100], [280, 100]]
    bell = [*left, *([x, 240 - y] for x, y in reversed(left))]
    tie = [[300, 200], [400, 260], [400, 200], [300, 260]]
    dot = [[40.2, 50.1], [40.7, 50.9], [41.3, 50.6], [40.6, 50.2]]
    line = [[500, 500], [500, 500], [560, 500], [560, 500]]
    (tmp_path / "Label.txt").write_text(f"q.jpg\t{words(bell, tie, dot, line)}\n")
    knobs = parse_knobs({"dataset": str(tmp_path), "targets": targets, "transforms": transforms, "num_workers": 0})
    workload = OcrWorkload(knobs)
    assert {count.name: count.number for count in workload.check().counts}["words left out: fewer than 3 points"] == 1
    sample = workload.dataset()[0]
    maps = sample.targets.unpack() if targets == "fast" else sample.targets
    count, labels = cv2.connectedComponents(maps.shrink_map.astype(np.uint8))
    assert count - 1 == 4  # two of the bell, two of the tie
    assert [len(set(labels[:, part].ravel()) - {0}) for part in (slice(0, 290), slice(290, 640))] == [2, 2]
    assert maps.shrink_mask[50, 41] == 0
    assert maps.shrink_mask.sum() > 640 * 640 - 10
    assert sample.dropped_words == 0


@pytest.mark.parametrize("side", [1280, 640])
def test_a_crowded_page(side):
    """argman/EAST#255: 300 words are 300 components, 300 words found, 300 truths; and a cap says that it was hit."""
    cells = [(14 + 62 * (k % 20), 20 + 80 * (k // 20)) for k in range(300)]
    corners = np.float32([[0, 0], [48, 0], [48, 24], [0, 24]])
    polygons = [(np.float32(cell) + corners) * np.float32(side / 1280) for cell in cells]
    shrink_map = compute_targets(polygons, [False] * 300, side).shrink_map
    assert cv2.connectedComponents(shrink_map.astype(np.uint8))[0] - 1 == 300
    found = [word.polygon for word in find_words(shrink_map)]
    assert count_page(found, polygons, [False] * 300) == (300, 300, 300)
    assert search(shrink_map)[1] == 0
    assert search(shrink_map, max_candidates=250)[1] == 50


@pytest.mark.parametrize("decoder", ["pil", "opencv", "turbojpeg"])
def test_images_that_are_not_what_they_are_named(tmp_path, decoder):
    """PaddlePaddle/PaddleOCR#5053, ultralytics/yolov5#2446, python-pillow/Pillow#8363: GIF, MPO, a PNG full of text."""
    info = PngImagePlugin.PngInfo()
    info.add_text("note", "x" * 2_000_000, zip=True)
    page(tmp_path / "item.gif.jpg", "GIF")
    page(tmp_path / "DJI_2.JPG", "MPO", save_all=True, append_images=[Image.new("RGB", (640, 640))])
    page(tmp_path / "scan.png", pnginfo=info)
    names = ("item.gif.jpg", "DJI_2.JPG", "scan.png")
    (tmp_path / "Label.txt").write_text("".join(f"{name}\t{words(QUAD)}\n" for name in names))
    knobs = parse_knobs({"dataset": str(tmp_path), "image_decoder": decoder, "num_workers": 0, "normalize": "device"})
    workload = OcrWorkload(knobs)
    assert "1 file with more than one picture (DJI_2.JPG): the first is taken" in workload.check().notes
    data = workload.dataset()
    assert [int(np.asarray(data[number].image).min()) for number in range(3)] == [255] * 3
