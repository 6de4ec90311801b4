"""The version of a package is found by its module, whatever the package is called."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench import versions
from workbench.versions import Package, package_of


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """A folder that modules and packages can be planted in."""
    monkeypatch.syspath_prepend(tmp_path)
    # Only what is planted is installed: the search for packages goes through this folder alone.
    # The newer one that other packages bring along takes its place as soon as one of them is imported.
    for library in filter(None, (importlib.metadata, sys.modules.get("importlib_metadata"))):
        monkeypatch.setattr(library.MetadataPathFinder, "find_distributions", _only_in(tmp_path, library))
    versions.installed.cache_clear()
    yield tmp_path
    versions.installed.cache_clear()


def _only_in(folder: Path, library: Any):
    search = library.MetadataPathFinder.find_distributions
    anything = library.DistributionFinder.Context()

    def find(*given: Any):  # of the one it is a method of the class, of the other one of its objects
        context = given[-1] if given and hasattr(given[-1], "name") else anything
        return search(library.DistributionFinder.Context(name=context.name, path=[str(folder)]))

    return find


def plant(site: Path, module: str, package: str | None = None, version: str = "1.2", code: str = "") -> None:
    """Put a module there, and a package that it comes from."""
    folder = site.joinpath(*module.split("."))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text(code)
    if package is not None:
        info = site / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        (info / "RECORD").write_text(f"{module.replace('.', '/')}/__init__.py,,\n")


@pytest.mark.parametrize(
    "package",
    ["opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"],
)
def test_whichever_package_the_module_comes_from(site, package):
    plant(site, "cv2", package, "4.12.0.88", code="raise AssertionError('nobody needs to import it')")
    assert package_of("cv2") == Package(package, "4.12.0.88")


def test_two_packages_of_one_module_are_both_named(site):
    plant(site, "cv2", "opencv-python", "4.11")
    plant(site, "cv2", "opencv-python-headless", "4.12")
    assert package_of("cv2") == Package("opencv-python+opencv-python-headless", "4.11+4.12")


def test_a_module_of_a_namespace(site):
    plant(site, "vendor.nvjpeg", "vendor-nvjpeg", "9")
    plant(site, "vendor.dali", "vendor-dali-cuda130", "2")
    assert package_of("vendor.dali") == Package("vendor-dali-cuda130", "2")
    assert package_of("vendor.nccl") is None


def test_an_editable_install_claims_no_module(site):
    plant(site, "some_bench", "some-bench", "3")
    (site / "some_bench-3.dist-info" / "RECORD").write_text("")
    assert package_of("some_bench") == Package("some-bench", "3")


@pytest.mark.parametrize(("declared", "name"), [("other\n", "some_bench"), ("some_bench\n", "it"), ("", "it")])
def test_modules_that_are_declared_go_before_files(site, declared, name):
    plant(site, "some_bench", "it", "3")
    (site / "it-3.dist-info" / "top_level.txt").write_text(declared)
    assert package_of("some_bench").name == name


@pytest.mark.parametrize(
    ("module", "code", "version"), [("says_it", "__version__ = '7.1'", "7.1"), ("is_silent", "", versions.UNKNOWN)]
)
def test_a_module_without_a_package(site, module, code, version):
    plant(site, module, code=code)
    assert package_of(module) == Package(module, version)


def test_what_is_not_installed(site):
    assert package_of("no_such_module") is None
    assert package_of("no_such.module") is None


def test_the_packages_of_this_environment():
    assert package_of("numpy") == Package("numpy", importlib.metadata.version("numpy"))
    assert package_of("PIL") == Package("pillow", importlib.metadata.version("pillow"))
