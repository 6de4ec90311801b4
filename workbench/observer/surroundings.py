"""The software that a script has loaded, and the threads that its libraries may use."""

from __future__ import annotations

import os
import sys
from typing import Any

#: Modules whose versions belong to the figures, where the script has loaded them.
_MODULES = (
    "torch", "torchvision", "numpy", "PIL", "cv2", "albumentations", "monai", "kornia", "timm", "lightning",
    "pytorch_lightning", "transformers", "datasets", "accelerate", "ignite", "ultralytics", "torchdata", "hydra",
)  # fmt: skip


def uses_cuda() -> bool:
    """Whether this process has begun to use CUDA; to ask for a device would begin it."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


def environment() -> dict[str, Any]:
    """What the figures of this process belong to."""
    torch = sys.modules["torch"]
    cv2 = sys.modules.get("cv2")
    has_cuda = uses_cuda()
    versions = {name: getattr(sys.modules[name], "__version__", None) for name in _MODULES if name in sys.modules}
    return {
        "packages": {name: str(version) for name, version in versions.items() if version},
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda if has_cuda else None,
        "gpu": torch.cuda.get_device_name() if has_cuda else None,
        "torch_threads": torch.get_num_threads(),
        "opencv_threads": cv2.getNumThreads() if cv2 is not None and hasattr(cv2, "getNumThreads") else None,
        "cores": len(os.sched_getaffinity(0)),
    }
