"""Parts of the quickstart that can be looked at without its ports."""

import importlib.util
import os
import pathlib
import socket
import subprocess

import pytest

from gateway import DEADLINE
from origins import free_port

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"


@pytest.fixture(scope="module")
def tour():
    spec = importlib.util.spec_from_file_location("tour", DEPLOY / "tour.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listening(family, address):
    made = socket.socket(family)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((address, free_port()))
    made.listen()
    return made


@pytest.mark.parametrize("family, address", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_that_is_taken_in_either_family_is_named_before_anything_is_built(tour, monkeypatch, family, address):
    with listening(family, address) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(tour, "PORTS", {"what it is for": port})
        with pytest.raises(SystemExit) as refused:
            tour.refuse_taken_ports()
        assert f"{port} (what it is for)" in str(refused.value) and "ss -ltnp" in str(refused.value)
    tour.refuse_taken_ports()


def test_the_ports_are_looked_at_first():
    script = (DEPLOY / "quickstart").read_text()
    assert 0 < script.index("--check-ports") < script.index("./deploy/install build run") < script.index("ninja -C")


def test_the_installer_asks_sudo_when_it_is_not_root(tmp_path):
    """With a dpkg that knows nothing, an id that is no root's and a sudo that only says what it was asked."""
    for name, text in (("dpkg-query", "exit 1"), ("id", "echo 1000"), ("sudo", 'echo "sudo $*"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([str(DEPLOY / "install"), "run"], capture_output=True, text=True, timeout=DEADLINE, env=environment)
    assert done.returncode == 0 and f"sudo -- {DEPLOY}/install run" in done.stdout, done
    (tmp_path / "sudo").unlink()
    bare = {**environment, "PATH": str(tmp_path)}
    for name in ("bash", "awk", "dirname", "env"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run(["/bin/bash", str(DEPLOY / "install"), "run"], capture_output=True, text=True, timeout=DEADLINE, env=bare)
    assert done.returncode == 1 and "as root once" in done.stderr, done
