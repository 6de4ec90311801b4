"""What torch compiles with, and where it keeps what it has compiled."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

from workbench.errors import Problem

#: What torch looks for where nobody names a compiler (CXX).
_COMPILERS = ("g++", "clang++", "c++")


def use_cache(folder: Path) -> None:
    """Let torch keep what it compiles in a folder."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "inductor")
    os.environ["TRITON_CACHE_DIR"] = str(folder / "triton")


def missing_headers(engine: str) -> list[Problem]:
    """The problem of a Python without its headers, which kernels called from Python include; none with them."""
    if Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        return []
    remedy = "Install them (apt-get install python3-dev), or take engine=aoti, onnx or eager"
    return [Problem("the headers of Python (Python.h) are not there", f"engine={engine}", remedy)]


def missing_compiler(engine: str) -> list[Problem]:
    """The problem of a machine without a compiler of C++; none where there is one."""
    named = os.environ.get("CXX")
    if any(shutil.which(name) for name in ((named,) if named else _COMPILERS)):
        return []
    what = f"the compiler that CXX names, {named}, is not there" if named else "there is no compiler of C++"
    return [Problem(what, f"engine={engine}", "Install one (apt-get install g++), or take engine=onnx or eager")]
