"""What runs inside a script that is observed: the Python standard library alone, Python 3.9 and later.

`injected/sitecustomize.py` loads this package into every Python process of the script, from its own folder and under
the name `workbench_observer`, so that neither the workbench nor anything that it needs has to be installed there. All
that it leaves are files in one folder (`session`); `measure.attach` reads them.

A script must never be harmed by being looked at: nothing here raises into the script's code, and the first fault of
ours takes everything away again (`session.Session.fault`).
"""
