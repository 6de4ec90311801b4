"""Where the nodes of a comparison are, as a person writes it: ``local:2``, ``tcp://localhost:8786``, ``tls://host:8786``.

What Dask sends is code that its receiver runs, so that whoever reaches the port runs what they like. Beyond this
machine certificates are demanded.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import BadInput, Problem
from workbench.files import expanded

SUBJECT, TLS_SUBJECT = "--nodes", "--nodes-tls"

#: The files of a folder of certificates: who signs them, one's own, and the key to it.
CA, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"

#: More processes than this on one machine disturb each other too much to be of any use.
_MOST_LOCAL = 64

_FORMS = "Write local:2, tcp://localhost:8786 or tls://host:8786"


@dataclass(frozen=True)
class Certificates:
    """The files that TLS takes."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Address:
    """Where nodes are.

    Attributes:
        url: Of the scheduler of a cluster; empty: processes on this machine, which are started.
        num_local: How many of them.
        certificates: For TLS; None: none is used, or Dask's own configuration names them.
    """

    url: str = ""
    num_local: int = 0
    certificates: Certificates | None = None


def parse_nodes(text: str, tls: str | Path = "") -> Address:
    """The nodes that a person has named.

    Args:
        text: What stands after ``--nodes``; where there is one text only, the folder of certificates after a space.
        tls: Folder of certificates (`CA`, `CERTIFICATE`, `KEY`); empty: those of Dask's own configuration.

    Raises:
        BadInput: With all that is wrong with them; where Dask is not installed.
    """
    problems: list[Problem] = []
    certificates = None
    text, _, folder = text.strip().partition(" ")
    tls = tls or folder.strip()
    local = re.fullmatch(r"local:(\d+)", text)
    cluster = re.fullmatch(r"(tcp|tls)://(\[[0-9A-Fa-f:.]+\]|[^\s:/]+):(\d+)", text)
    if local is not None:
        if not 1 <= int(local[1]) <= _MOST_LOCAL:
            remedy = f"Write local:1 to local:{_MOST_LOCAL}"
            problems.append(Problem(f"'{text}' is no number of processes that could run here", SUBJECT, remedy))
    elif cluster is None:
        problems.append(Problem(f"'{text}' names no nodes", SUBJECT, _FORMS))
    elif cluster[1] == "tcp" and not _is_loopback(cluster[2].strip("[]")):
        what = f"'{text}' is another machine, and without TLS whoever reaches its port can run code there and here"
        remedy = "Start scheduler and workers with certificates, and write tls://... (docs/nodes.md says how)"
        problems.append(Problem(what, SUBJECT, remedy))
    is_tls = cluster is not None and cluster[1] == "tls"
    if str(tls) and not is_tls:
        what = "certificates are of use for tls:// only"
        problems.append(Problem(what, TLS_SUBJECT, "Write --nodes tls://host:8786, or leave them out"))
    elif str(tls):
        certificates, found = _certificates(expanded(tls))
        problems += found
    if importlib.util.find_spec("distributed") is None:
        what = "the package 'distributed' is not installed"
        problems.append(Problem(what, SUBJECT, "pip install 'workbench[nodes]', or leave --nodes out"))
    elif is_tls and not str(tls) and not _has_own_certificates():
        what = "tls:// needs certificates, and Dask's configuration names none"
        remedy = f"Give --nodes-tls DIR, a folder with {CA}, {CERTIFICATE} and {KEY} (docs/nodes.md makes them)"
        problems.append(Problem(what, TLS_SUBJECT, remedy))
    if problems:
        raise BadInput("nodes", problems)
    if local is not None:
        return Address(num_local=int(local[1]))
    return Address(url=text, certificates=certificates)


def _certificates(folder: Path) -> tuple[Certificates, list[Problem]]:
    files = [folder / name for name in (CA, CERTIFICATE, KEY)]
    remedy = f"A folder of certificates holds {CA}, {CERTIFICATE} and {KEY}"
    missing = [Problem("there is no such file", str(file), remedy) for file in files if not file.is_file()]
    return Certificates(*files), missing


def _is_loopback(host: str) -> bool:
    """Whether a name is this machine for certain: no name is looked up, for what it means can change."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _has_own_certificates() -> bool:
    import dask
    import distributed  # noqa: F401  # its defaults

    client = dask.config.get("distributed.comm.tls.client", {}) or {}
    return bool(dask.config.get("distributed.comm.tls.ca-file", None) and client.get("cert"))
