"""The environment variables that a trial gets: of those that decide how fast it is, only what its knobs set.

Schedulers set some of them behind one's back (torchrun and Dask one thread for each process, Dask the allocator's
threshold too), and so does a shell in which something was tried last week: two trials would differ by what no record
asks for.
"""

from __future__ import annotations

from collections.abc import Mapping

#: How the names of variables begin that set threads, allocators, kernels or devices of what is measured.
_DECIDING = (
    "OMP_", "MKL_", "OPENBLAS_", "KMP_", "GOMP_", "NUMEXPR_", "VECLIB_", "MALLOC_", "LD_PRELOAD", "CUDA_", "CUDNN_",
    "CUBLAS_", "NVIDIA_TF32", "TORCH", "PYTORCH_", "ORT_", "OPENCV_", "NCCL_", "GLOO_",
)  # fmt: skip

#: Of these, what says where something is, and not how it goes: which device, which network, which folder.
_HANDED_ON = (
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_HOME", "CUDA_PATH", "CUDA_CACHE_PATH", "TORCH_HOME",
    "TORCH_EXTENSIONS_DIR", "TORCHINDUCTOR_CACHE_DIR", "NCCL_SOCKET_IFNAME", "NCCL_IB_HCA", "GLOO_SOCKET_IFNAME",
)  # fmt: skip

#: Of these, what names a single run, and decides nothing.
_OF_ONE_RUN = "TORCHELASTIC_"


def deciding_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Those of an environment that can change how fast a process is, by name."""
    return {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(_DECIDING) and not name.startswith(_OF_ONE_RUN)
    }


def without_deciding(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """An environment for a trial, and what was left out of it."""
    left_out = {name: value for name, value in deciding_variables(environment).items() if name not in _HANDED_ON}
    return {name: value for name, value in environment.items() if name not in left_out}, left_out


def left_out_note(left_out: Mapping[str, str]) -> str:
    """What is said of variables that a trial did not get."""
    listed = " ".join(f"{name}={value}" for name, value in left_out.items())
    return f"not handed on to the trial, for they decide how fast it is: {listed} (the knob env sets such variables)"
