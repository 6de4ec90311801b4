"""Found first on PYTHONPATH by every Python process of an observed script: loads the observer, then the next one.

Nothing else lies in this folder, so nothing of the workbench can be imported by accident in the script's place.
"""

import os
import sys


def _load_observer() -> None:
    if not os.environ.get("WORKBENCH_OBSERVE"):
        return
    from importlib import import_module, util

    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    where = os.path.join(folder, "__init__.py")
    spec = util.spec_from_file_location("workbench_observer", where, submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        return
    package = util.module_from_spec(spec)
    sys.modules["workbench_observer"] = package
    spec.loader.exec_module(package)
    import_module("workbench_observer.begin").begin()


def _run_next() -> None:
    """What would have been found without us."""
    from importlib import machinery, util

    own = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry or ".") != own]
    sys.path[:] = others
    spec = machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


try:
    _load_observer()
except Exception:  # whatever it is: the script runs as if nobody looked on  # nosec B110
    pass
_run_next()
