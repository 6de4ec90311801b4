"""The kinds of files that a script decodes are told apart, whatever library reads them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

SCRIPT = """
import sys, time, cv2, numpy as np, torch
from pathlib import Path
from PIL import Image
from torch.utils.data import DataLoader, Dataset

def pillow(path): return np.asarray(Image.open(path).convert("RGB"))
def buffer(path): return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
READ = {"pillow": pillow, "imread": lambda path: cv2.imread(str(path)), "imdecode": buffer}[sys.argv[2]]

class Pages(Dataset):
    paths = sorted(Path(sys.argv[1]).glob("*"))
    def __len__(self): return 4 * len(self.paths)
    def __getitem__(self, number): return torch.from_numpy(READ(self.paths[number % len(self.paths)])[:64, :64].copy())

for batch in DataLoader(Pages(), batch_size=4, num_workers=int(sys.argv[3]), shuffle=True):
    pass
"""


def written(folder, kinds):
    """Pages of noise, which take long to decode, each of the kind that is named."""
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)
    folder.mkdir()
    for number, kind in enumerate(kinds):
        settings = {"progressive": kind == "progressive", "quality": 90}
        Image.fromarray(noise).save(folder / f"{number:02}.jpg", **settings)
    (folder.parent / "train.py").write_text(SCRIPT)
    return str(folder)


@pytest.mark.parametrize(("library", "workers"), [("pillow", 2), ("imread", 1), ("imdecode", 0)])
def test_kinds_of_files_are_told_apart(observe, tmp_path, library, workers):
    pages = written(tmp_path / "pages", ["progressive", "baseline"] * 6)
    record = observe(str(tmp_path / "train.py"), pages, library, str(workers), num_steps=6, warmup_steps=2)
    assert record.status == "ok", record.failure
    found = {kind.kind: kind for kind in record.images}
    assert found.keys() == {"baseline JPEG", "progressive JPEG"}
    assert all(kind.samples >= 4 and kind.pixels == 900 * 900 and kind.decode_s > 0.0 for kind in found.values())


def test_files_of_one_kind_are_one(observe, tmp_path):
    pages = written(tmp_path / "pages", ["baseline"] * 6)
    record = observe(str(tmp_path / "train.py"), pages, "pillow", "2", num_steps=4, warmup_steps=1)
    assert [kind.kind for kind in record.images] == ["baseline JPEG"]
