"""Do pyproject.toml, constraints.txt, environment.yml and the Makefile install the same thing?"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

PIP_SECTION = ["-c constraints.txt", "-e .[dev,engines,nodes,spdl,tune]"]
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([0-9][A-Za-z0-9.!]*)")


@dataclass(frozen=True)
class House:
    """The texts of the files."""

    pyproject: str
    constraints: str
    environment: str
    makefile: str


@pytest.fixture(scope="module")
def house(checkout: Path) -> House:
    names = ("pyproject.toml", "constraints.txt", "environment.yml", "Makefile")
    return House(*((checkout / name).read_text(encoding="utf-8") for name in names))


def requirements(pyproject: str) -> list[Requirement]:
    project = tomllib.loads(pyproject)["project"]
    extras = [line for group in project["optional-dependencies"].values() for line in group]
    return [Requirement(line) for line in [*project["dependencies"], *extras]]


def pins(constraints: str) -> dict[str, Version]:
    return {canonicalize_name(name): Version(version) for name, version in _PIN.findall(constraints)}


def disagreements(house: House) -> list[str]:
    """What one file says and another doesn't."""
    project = tomllib.loads(house.pyproject)["project"]
    lines = [line for line in house.constraints.splitlines() if line and not line.startswith("#")]
    found = [f"constraints.txt: '{line}' is no plain pin" for line in lines if not _PIN.fullmatch(line)]
    names = Counter(canonicalize_name(line.split("==")[0]) for line in lines)
    found += [f"constraints.txt: {name} is pinned {count} times" for name, count in names.items() if count > 1]
    if project["name"] in names:
        found.append("constraints.txt: the project pins itself")
    pinned = pins(house.constraints)
    for wanted in requirements(house.pyproject):
        version = pinned.get(canonicalize_name(wanted.name))
        if version is None:
            found.append(f"constraints.txt: no pin for {wanted.name}")
        elif version not in wanted.specifier:
            found.append(f"constraints.txt: {wanted.name}=={version} contradicts '{wanted}' of pyproject.toml")
    environment = yaml.safe_load(house.environment)
    conda = {line.split("=")[0]: line for line in environment["dependencies"] if isinstance(line, str)}
    python = re.fullmatch(r"python=(\d+\.\d+)", conda.get("python", ""))
    if python is None or Version(python[1]) not in SpecifierSet(project["requires-python"]):
        found.append(f"environment.yml: '{conda.get('python')}' is not python {project['requires-python']}")
    if "pip" not in conda or environment["channels"] != ["conda-forge"]:
        found.append("environment.yml: needs pip, from conda-forge")
    sections = [line["pip"] for line in environment["dependencies"] if isinstance(line, dict)]
    if sections != [PIP_SECTION]:
        found.append(f"environment.yml: the pip section is {sections}, not {PIP_SECTION}")
    installs = re.findall(r"\$\(PIP_INSTALL\) ([^|;\n]*)", house.makefile)
    wanted = ["-c constraints.txt -e '.[dev,engines,nodes,spdl,tune,dali]'", "-c constraints.txt -e '.[dev,engines,nodes,spdl,tune]'"]
    if [install.strip() for install in installs] != wanted:
        found.append("Makefile: does not install '.[dev,engines,nodes,spdl,tune]' by constraints.txt, with DALI and without")
    return found


def unpinned(installed: list[str], constraints: str) -> set[str]:
    """What these packages need, and what that needs in turn, without a pin."""
    pinned, seen, waiting = pins(constraints), set[tuple[str, ...]](), [Requirement(line) for line in installed]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (name, *sorted(wanted.extras)) in seen:
            continue
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # not for this platform
        seen.add((name, *sorted(wanted.extras)))
        extras = {"", *wanted.extras}
        waiting += [
            need
            for need in map(Requirement, needs)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    return {name for name, *_ in seen} - set(pinned)


def test_the_files_agree(house: House) -> None:
    assert disagreements(house) == []


def test_all_that_comes_along_is_pinned(house: House) -> None:
    wanted = [str(requirement) for requirement in requirements(house.pyproject)]

    assert unpinned(wanted, house.constraints) == set()
    without = re.sub(r"^narwhals==.*\n", "", house.constraints, flags=re.MULTILINE)  # plotly's
    assert unpinned(wanted, without) == {"narwhals"}
    without = re.sub(r"^isoduration==.*\n", "", house.constraints, flags=re.MULTILINE)  # jsonschema's, of an extra
    assert unpinned(wanted, without) == {"isoduration"}


def changed(text: str, pattern: str, by: str) -> str:
    new, count = re.subn(pattern, by, text, count=1, flags=re.MULTILINE)
    assert count == 1, pattern
    return new


FAULTS = {
    "a dependency without a pin": ("constraints", r"^shapely==.*\n", "", "no pin for shapely"),
    "a tool without a pin": ("constraints", r"^ruff==.*\n", "", "no pin for ruff"),
    "a pin that contradicts": ("constraints", r"^albumentations==.*", "albumentations==1.4.0", "contradicts"),
    "a pin that is too old": ("constraints", r"^ipykernel==.*", "ipykernel==7.3.0", "contradicts"),
    "a range in place of a pin": ("constraints", r"^torch==.*", "torch>=2", "'torch>=2' is no plain pin"),
    "a local version": ("constraints", r"^torch==(.*)", r"torch==\1+cpu", "is no plain pin"),
    "a path": ("constraints", r"^pandas==.*", "pandas @ file:///pandas.whl", "is no plain pin"),
    "a pin given twice": ("constraints", r"^(numpy==.*)", r"\1\n\1", "numpy is pinned 2 times"),
    "the project itself": ("constraints", r"\Z", "workbench==0.1.0\n", "pins itself"),
    "another python": ("environment", r"python=3\.11", "python=3.10", "'python=3.10' is not python"),
    "any python": ("environment", r"python=3\.11", "python", "is not python"),
    "no pins for conda": ("environment", r".*-c constraints.txt\n", "", "the pip section is"),
    "no tools for conda": ("environment", r"\.\[dev,engines,nodes,spdl,tune\]", ".", "the pip section is"),
    "another channel": ("environment", r"conda-forge$", "defaults", "from conda-forge"),
    "a Makefile without pins": ("makefile", r"-c constraints\.txt ", "", "Makefile: does not install"),
    "a newer wish": ("pyproject", r'"timm"', '"timm>=99"', "contradicts 'timm>=99'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_disagreement_is_found(house: House, fault: str) -> None:
    name, pattern, by, told = FAULTS[fault]
    broken = replace(house, **{name: changed(getattr(house, name), pattern, by)})

    found = disagreements(broken)
    assert any(told in line for line in found), found
