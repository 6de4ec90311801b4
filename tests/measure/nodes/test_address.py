"""Nodes as a person names them: which are taken, and what is said of the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.measure.nodes.address import CA, CERTIFICATE, KEY, parse_nodes


def test_processes_here_and_a_scheduler_here_are_taken() -> None:
    assert parse_nodes("local:3").num_local == 3
    for url in ("tcp://localhost:8786", "tcp://127.0.0.1:8786", "tcp://[::1]:8786"):
        assert parse_nodes(url).url == url


@pytest.mark.parametrize("text", ["local:0", "local:1000", "local", "http://host:1", "tcp://host", "tls://a b:1"])
def test_what_names_no_nodes_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--nodes"):
        parse_nodes(text)


def test_another_machine_without_tls_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadInput, match=r"another machine, and without TLS .* write tls://"):
        parse_nodes("tcp://10.0.0.2:8786")


def test_certificates_are_asked_for_and_each_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Give --nodes-tls DIR"):
        parse_nodes("tls://host:8786")
    with pytest.raises(BadInput) as refused:
        parse_nodes("tls://host:8786", tmp_path)
    assert all(name in str(refused.value) for name in (CA, CERTIFICATE, KEY))
    for name in (CA, CERTIFICATE, KEY):
        (tmp_path / name).touch()
    assert parse_nodes("tls://host:8786", tmp_path).certificates.key == tmp_path / KEY
    assert parse_nodes(f"tls://host:8786 {tmp_path}").certificates.ca == tmp_path / CA
    with pytest.raises(BadInput, match="of use for tls:// only"):
        parse_nodes("local:2", tmp_path)


def test_nothing_of_dask_is_imported_without_nodes() -> None:
    code = (
        "import sys; from workbench.measure.nodes.run import runner_for; runner_for(''); print('dask' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
