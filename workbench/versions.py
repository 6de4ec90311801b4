"""Which version of a package is installed, asked for by module: one module can come from packages of several names.

``cv2`` comes from opencv-python, opencv-python-headless or one of two opencv-contrib packages; whoever asks for one of
these names fails, or finds nothing, where another of them is installed.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

#: What is said where a module is there and neither a package nor the module itself names a version.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Package:
    """An installed package: its name on the index ("opencv-python-headless"), its version."""

    name: str
    version: str


def package_of(module: str) -> Package | None:
    """The installed package that a module comes from; None where there is no such module.

    The module is imported only where no package claims it: heavy ones cost a second. Where several do, as after
    installing opencv-python beside opencv-python-headless, nobody can say whose files lie there: all are named.

    Args:
        module: Name of the module as it is imported, such as "cv2" or "nvidia.dali".
    """
    top_level, _, rest = module.partition(".")
    names = {_normalized(str(package.metadata["Name"])) for modules, package in installed() if top_level in modules}
    if rest:  # packages share a namespace such as `nvidia`, and take the module's name
        names = {name for name in names if name.startswith(_normalized(module))}
    # An editable install claims no modules; nearly always it has the module's name.
    candidates = sorted(names) or [_normalized(module)]
    found = [(name, version) for name in candidates if (version := _version(name)) is not None]
    if found:
        return Package("+".join(name for name, _ in found), "+".join(version for _, version in found))
    if not _is_there(module):
        return None
    return Package(module, str(getattr(importlib.import_module(module), "__version__", UNKNOWN)))


@cache
def installed() -> Sequence[tuple[Collection[str], importlib.metadata.Distribution]]:
    """Every installed package, with the names of the top-level modules that come from it; looked up once.

    `importlib.metadata.packages_distributions` would make an object of every file, of which torch alone has ten
    thousand: in every trial that took longer than its model.
    """
    return [(_modules_of(package), package) for package in importlib.metadata.distributions()]


def _modules_of(package: importlib.metadata.Distribution) -> Collection[str]:
    """What it declares, or else where its files lie; a few of these names are none of a module."""
    declared = (package.read_text("top_level.txt") or "").split()
    if declared:
        return declared
    files = (package.read_text("RECORD") or "").splitlines()
    return {file.partition(",")[0].partition("/")[0].partition(".")[0] for file in files}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a dotted name, the part before the dot
        return False


def _normalized(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
