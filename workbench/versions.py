"""Which version of a package is installed, asked for by module: one module can come from packages of several names.

``cv2`` comes from opencv-python, opencv-python-headless or one of two opencv-contrib packages; whoever asks for one of
these names fails, or finds nothing, where another of them is installed.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping, Sequence
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
    names = {_normalized(name) for name in packages_of_modules().get(top_level, ())}
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
def packages_of_modules() -> Mapping[str, Sequence[str]]:
    """Names of packages by the top-level modules that come from them; looked up once, as it takes 0.2 s."""
    return importlib.metadata.packages_distributions()


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
