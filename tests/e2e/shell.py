"""Commands as pages print them."""

import subprocess

from gateway import DEADLINE


def shell(folder, command, code=0, **more):
    """What the command prints, in this directory."""
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=2 * DEADLINE, **more)
    assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def sallyctl(gateway):
    """In place of kubectl."""
    return f"SALLYPORT_CONTEXT={gateway.context_file()} {gateway.binary('sallyctl')}"
