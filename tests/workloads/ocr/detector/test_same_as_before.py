"""Words and counts are those of the former way, to the last bit: on drawn pages, odd maps, and odd polygons."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from former_results import former_counts, former_on_page, former_words

from workbench.workloads.ocr.detector import metric as metric_module
from workbench.workloads.ocr.detector import overlap
from workbench.workloads.ocr.detector.metric import count_page
from workbench.workloads.ocr.detector.postprocess import find_words, to_page
from workbench.workloads.ocr.synthetic.draw import draw_pages
from workbench.workloads.ocr.targets import compute_targets, offset_polygon

SIDE = 256


def rectangle(x, y, width, height, angle=0.0):
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (corners @ turn + [x, y]).astype(np.float32)


def random_words(rng, count, side=SIDE):
    """Words that lie about, touch, and lie in each other."""
    where, size = rng.uniform(0, side, (count, 2)), rng.uniform(3, 90, (count, 2))
    return [rectangle(*at, *of, rng.uniform(-0.6, 0.6)) for at, of in zip(where, size, strict=True)]


def smooth(rng, sigma):
    noise = cv2.GaussianBlur(rng.random((SIDE, SIDE)).astype(np.float32), (0, 0), sigma)
    return cv2.normalize(noise, None, 0, 1, cv2.NORM_MINMAX)


def ringed():
    """Words in holes of words."""
    ring = np.zeros((SIDE, SIDE), np.float32)
    for inset, value in ((10, 0.9), (40, 0.0), (60, 0.7), (90, 0.1), (100, 1.0)):
        ring[inset:-inset, inset:-inset] = value
    return ring


def maps():
    rng = np.random.default_rng(0)
    found = {f"blobs of {sigma} px": smooth(rng, sigma) for sigma in (0.7, 1.5, 3, 6, 12)}
    found |= {f"levels of {sigma} px": (smooth(rng, sigma) * 255).astype(np.uint8) for sigma in (1.5, 4, 8)}
    for seed in range(4):
        shrunken = compute_targets(random_words(rng, 25), [False] * 25, SIDE).shrink_map
        found[f"words {seed}"] = shrunken * np.float32(0.97)
        found[f"soft words {seed}"] = cv2.GaussianBlur(shrunken, (0, 0), 1.5)
        found[f"packed words {seed}"] = (shrunken * 255).astype(np.uint8)
    with_nan = smooth(rng, 5)
    with_nan[100:110, 40:200] = np.nan
    edges = np.zeros((90, 200), np.float32)
    edges[:12, :], edges[-1, :], edges[20:60, 190:], edges[40, 40] = 0.8, 1.0, 0.65, 1.0
    return found | {
        "rings": ringed(), "nan": with_nan, "edges": edges, "empty": np.zeros((SIDE, SIDE), np.float32),
        "full": np.ones((64, 64), np.float32), "pixel": np.ones((1, 1), np.float32),
        "transposed": smooth(rng, 4).T, "double": smooth(rng, 4).astype(np.float64),
    }  # fmt: skip


MAPS = maps()
SETTINGS = {
    "usual": {}, "low": {"threshold": 0.5, "box_threshold": 0.3, "min_side": 0.0}, "few": {"max_candidates": 3},
    "shrunk": {"unclip_ratio": -0.2, "min_side": -1.0, "box_threshold": 0.0},
    "wide": {"unclip_ratio": 3.5, "min_side": 9.0},
}  # fmt: skip


def differing(own, other):
    """What is not the same in two lists of polygons and scores, to the last bit."""
    if len(own) != len(other):
        return f"{len(own)} words, not {len(other)}"
    for number, ((polygon, score), (before, score_before)) in enumerate(zip(own, other, strict=True)):
        if (polygon.dtype, polygon.shape) != (before.dtype, before.shape) or polygon.tobytes() != before.tobytes():
            return f"polygon {number}"
        if score != score_before:
            return f"score {number}"
    return ""


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", MAPS)
def test_words_are_the_same(kind, settings):
    own = [(word.polygon, word.score) for word in find_words(MAPS[kind], **SETTINGS[settings])]
    assert not differing(own, former_words(MAPS[kind], **SETTINGS[settings]))


def test_the_maps_hold_words_of_all_kinds():
    assert sum(len(former_words(probability)) for probability in MAPS.values()) > 120
    assert max(len(polygon) for probability in MAPS.values() for polygon, _ in former_words(probability)) > 40


def test_planted_fault_one_unit_in_the_last_place_is_seen():
    words = former_words(MAPS["words 0"])
    assert not differing(words, words)
    (polygon, score), *others = words
    off = polygon.copy()
    off[-1, 1] = np.nextafter(off[-1, 1], np.float32(0))
    assert differing([(off, score), *others], words) == "polygon 0"
    assert differing([(polygon, np.nextafter(score, 0)), *others], words) == "score 0"
    assert differing(others, words)


def matrices(rng):
    letterbox = np.array([[0.5, 0, 0], [0, 0.5, 40], [0, 0, 1]])
    bent = np.array([[0.5, 0.05, 10], [0.02, 0.6, 5], [1e-4, 2e-4, 1]])
    return [letterbox, bent, *(letterbox * rng.uniform(0.3, 3, (3, 3)) for _ in range(10))]


def test_words_lie_at_the_same_place_of_the_page():
    rng = np.random.default_rng(1)
    polygons = [polygon for probability in MAPS.values() for polygon, _ in former_words(probability)]
    for matrix in matrices(rng):
        for count in (0, 1, 7, len(polygons)):
            own = [(polygon, 0.0) for polygon in to_page(polygons[:count], matrix)]
            assert not differing(own, [(former_on_page(polygon, matrix), 0.0) for polygon in polygons[:count]])


def test_the_words_of_drawn_pages_are_the_same(tmp_path):
    from workbench.workloads.ocr.pages.survey import survey

    draw_pages(tmp_path, count=3, seed=5, workers=1)
    for page in survey(tmp_path)[0]:
        scale = np.float32(640 / max(page.width, page.height))
        truths, ignore = [word.polygon for word in page.words], [word.ignore for word in page.words]
        shrunken = compute_targets([polygon * scale for polygon in truths], ignore, 640).shrink_map
        own, before = find_words(shrunken), former_words(shrunken)
        assert not differing([(word.polygon, word.score) for word in own], before)
        found = to_page([word.polygon for word in own], np.diag([scale, scale, 1.0]).astype(np.float64))
        assert count_page(found, truths, ignore) == former_counts(found, truths, ignore)


def odd_polygons():
    """Of no area, of little, crossing and touching themselves, not finite, far away."""
    star = [[0, 30], [60, 30], [10, 70], [30, 0], [50, 70]]
    return [np.array(points, np.float32) for points in (
        [[0, 0], [10, 10], [10, 0], [0, 10]], star, [[0, 0], [10, 10], [5, 5]], [[3, 3]] * 4,
        [[0, 0], [40, 0], [40, 20], [20, 20], [20, 40], [20, 20], [0, 20]],
        [[0, 0], [40, 0], [40, 0], [40, 30], [0, 30]],
        [[0, 0], [np.nan, 0], [10, 10]], [[0, 0], [np.inf, 0], [10, 10]], [[0, 0], [1e6, 0], [1e6, 20], [0, 20]],
        [[0, 0], [50, 0], [50, 0.01], [0, 0.01]], [[0, 0], [30, 0], [60, 0], [60, 20], [0, 20]],
        [[0, 0], [60, 0], [60, 40], [40, 40], [40, 10], [20, 10], [20, 40], [0, 40]],
        [[0, 0], [50, 0], [0, 0], [0, 20]],
    )]  # fmt: skip


def moved(rng, polygon):
    """The polygon somewhere near, wound either way, begun anywhere."""
    jitter = rng.choice([0.0, 0.0, 1.0, 10.0]) * rng.normal(size=2) + rng.integers(0, 2, 2) * rng.choice([0, 10])
    return np.roll(polygon, rng.integers(len(polygon)), axis=0)[:: rng.choice([-1, 1])] + jitter.astype(np.float32)


def random_page(rng):
    words = random_words(rng, rng.integers(0, 12), side=120)
    grown = [grown for word in words[: len(words) // 2] for grown in offset_polygon(word, 3.0)]
    words += [moved(rng, odd) for odd in odd_polygons() if rng.random() < 0.3]
    found = [moved(rng, word) for word in (*words, *grown) if rng.random() < 0.8]
    order = rng.permutation(len(words))
    return found, [words[number] for number in order], list(rng.random(len(words)) < 0.3)


def test_counts_of_random_pages_are_the_same():
    rng = np.random.default_rng(2)
    for _ in range(400):
        page = random_page(rng)
        assert count_page(*page) == former_counts(*page)


def test_halves_are_left_to_shapely(monkeypatch):
    """Whole numbers make exact halves common, which rounding decides."""
    rng = np.random.default_rng(3)
    pages = []
    for _ in range(200):
        corners, sizes = rng.integers(0, 12, (14, 2)), rng.integers(1, 5, (14, 2)) * 2
        boxes = [np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float32)
                 for (x, y), (w, h) in zip(corners, sizes, strict=True)]  # fmt: skip
        pages.append((boxes[:7], boxes[7:], list(rng.random(7) < 0.4)))
    wanted = [former_counts(*page) for page in pages]
    assert [count_page(*page) for page in pages] == wanted
    quick = overlap.intersections
    monkeypatch.setattr(overlap, "intersections", lambda *args: np.nextafter(quick(*args), np.inf))
    assert [count_page(*page) for page in pages] == wanted, "what is a bit off must not decide"
    monkeypatch.setattr(metric_module, "_NEAR", 0.0)
    assert [count_page(*page) for page in pages] != wanted, "nobody would have noticed"


def test_planted_fault_an_overlap_that_is_wrong_is_seen(monkeypatch):
    quick = overlap.intersections
    monkeypatch.setattr(overlap, "intersections", lambda *args: quick(*args) * 0.9)
    rng = np.random.default_rng(2)
    pages = [random_page(rng) for _ in range(100)]
    assert [count_page(*page) for page in pages] != [former_counts(*page) for page in pages]


def test_areas_computed_quickly_are_those_of_shapely():
    import shapely

    rng = np.random.default_rng(4)
    pairs = 0
    for _ in range(300):
        found, truths, _ = random_page(rng)
        if not found or not truths:
            continue
        words, others = metric_module._Polygons(truths), metric_module._Polygons(found)
        rows, columns = overlap.meeting(words.boxes, others.boxes)
        assert list(zip(rows, columns, strict=True)) == sorted(set(zip(rows, columns, strict=True)))
        quick = overlap.intersections(
            words.points, words.ends, words.kinds, others.points, others.ends, others.kinds, rows, columns
        )
        sure = np.isfinite(quick)
        if sure.any():
            exact = shapely.area(shapely.intersection(words.shapes(rows[sure]), others.shapes(columns[sure])))
            assert quick[sure] == pytest.approx(exact, rel=1e-9, abs=1e-7)
            pairs += int(sure.sum())
    assert pairs > 2000


def test_kinds_of_odd_polygons():
    polygons = metric_module._Polygons(odd_polygons())
    unsure, simple, convex = overlap.UNSURE, overlap.SIMPLE, overlap.CONVEX
    assert polygons.kinds.tolist() == [*[unsure] * 10, convex, simple, unsure]


def test_words_far_apart_are_no_pairs():
    rng = np.random.default_rng(5)
    grid = [rectangle(40 * (k % 20) + 20, 30 * (k // 20) + 15, 30, 16) for k in range(400)]
    boxes = metric_module._Polygons(grid).boxes
    rows, columns = overlap.meeting(boxes, boxes[rng.permutation(400)])
    assert len(rows) == 400, "one for each word, however many there are"
    assert len(columns) == len(set(columns.tolist()))
