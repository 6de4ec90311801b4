"""Find what bounds a PyTorch input pipeline, predict what a change gains, and measure whether it does.

In a notebook, around a loop of your own: ``with workbench.observe() as run: ...``, then ``run.show()``. In processes of
their own: ``workbench.profile("package.module:function")``, or, after ``%load_ext workbench``, a cell that begins with
``%%workbench``.

Nothing is imported before it is asked for: loader workers import this package as well.
"""

__all__ = ("load_ipython_extension", "observe", "profile")


def __getattr__(name: str) -> object:
    """What the package offers, imported when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'workbench' has no attribute '{name}'")
    from workbench.panel import observation

    return getattr(observation, name)
