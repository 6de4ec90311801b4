"""A large data set: how long it takes to look over 100,000 pages with a million words, and what memory that takes.

Each survey runs in a process of its own that starts with an empty cache; the files are in the file cache of the
system. After the last one a further survey finds what that has kept.
"""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from promise.figure import Figure, main

from workbench.files import child_environment

NUM_PAGES, WORDS_A_PAGE = 100_000, 10
NUM_SURVEYS = 3

_WIDTH, _HEIGHT = 640, 480
_NUM_PICTURES = 50

#: Prints: seconds, bytes of memory of this process and of those that it started, pages, words, how often it told.
_SURVEY = """
import resource, sys, time
from pathlib import Path
import psutil
from workbench.workloads.ocr.pages.survey import survey
others = [0]
def on_page(done, total):
    others.append(sum(child.memory_info().rss for child in psutil.Process().children()))
began = time.perf_counter()
pages, counts = survey(Path(sys.argv[1]), on_page=on_page)
took = time.perf_counter() - began
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(took, own + max(others), counts.num_pages, counts.num_words, len(others) - 1)
"""


def draw(folder: Path) -> Path:
    """A data set in UFO JSON: small pictures of noise, each with words in a file of some 170 MB."""
    rng = np.random.default_rng(0)
    pictures = []
    for _ in range(_NUM_PICTURES):
        small = Image.fromarray(rng.integers(0, 255, (_HEIGHT // 40, _WIDTH // 40, 3), np.uint8))
        small.resize((_WIDTH, _HEIGHT), Image.Resampling.BILINEAR).save(data := io.BytesIO(), "JPEG", quality=85)
        pictures.append(data.getvalue())
    drawn = random.Random(0)
    images = {}
    (folder / "images").mkdir(parents=True)
    for number in range(NUM_PAGES):
        name = f"page_{number:06d}.jpg"
        (folder / "images" / name).write_bytes(pictures[number % _NUM_PICTURES])
        words = {f"{word:04d}": _word(drawn) for word in range(WORDS_A_PAGE)}
        images[name] = {"img_h": _HEIGHT, "img_w": _WIDTH, "words": words}
    (folder / "train.json").write_text(json.dumps({"images": images}))
    return folder


def _word(drawn: random.Random) -> dict[str, object]:
    x, y = round(drawn.uniform(0, _WIDTH - 80), 2), round(drawn.uniform(0, _HEIGHT - 30), 2)
    right, bottom = round(x + 60, 2), round(y + 20, 2)
    points = [[x, y], [right, y], [right, bottom], [x, bottom]]
    return {
        "points": points, "transcription": f"word{drawn.randrange(5000)}", "language": ["en"], "illegibility": False,
    }  # fmt: skip


def measure() -> list[Figure]:
    """All figures."""
    with tempfile.TemporaryDirectory() as place:
        folder = draw(Path(place) / "pages")
        first = [_survey(folder, Path(place) / f"cache{number}") for number in range(NUM_SURVEYS)]
        again = _survey(folder, Path(place) / f"cache{NUM_SURVEYS - 1}")
    seconds, memory, told = ([survey[column] for survey in first] for column in (0, 1, 4))
    took_s, most = sorted(seconds)[NUM_SURVEYS // 2], max(memory)
    is_whole = all(survey[2:4] == [NUM_PAGES, NUM_PAGES * WORDS_A_PAGE] for survey in [*first, again])
    every = f"median, least and most of {NUM_SURVEYS} on this machine"
    return [
        Figure("pages and words that are found", float(is_whole), "share", "= 1", is_whole),
        Figure("first survey", took_s, "s", "<= 60", took_s <= 60.0, (min(seconds), max(seconds)), every),
        Figure("its memory", most / 1e9, "GB", "<= 1", most <= 1e9, None, "with the processes that read headers"),
        Figure("reports of progress", min(told), "", ">= 100", min(told) >= 100),
        Figure("the survey that finds it kept", again[0] / took_s, "of the first", "<= 0.5", again[0] <= took_s / 2),
    ]


def _survey(folder: Path, cache: Path) -> list[float]:
    environment = child_environment({"WORKBENCH_CACHE": str(cache)})
    done = subprocess.run(
        [sys.executable, "-c", _SURVEY, str(folder)], env=environment, capture_output=True, text=True, check=True
    )
    print(done.stdout.strip(), file=sys.stderr)
    return [float(part) for part in done.stdout.split()]


if __name__ == "__main__":
    main(__doc__, measure)
