"""Holds every source file against g++ 12 with our warnings as errors: parsed and checked, no code made.

    gcc_check.py BUILD-DIRECTORY    (configured with g++-12; its generated and precompiled headers are built)"""

import concurrent.futures
import json
import pathlib
import shlex
import subprocess
import sys


def check(entry):
    words = shlex.split(entry["command"])
    while not pathlib.Path(words[0]).name.startswith("g++"):
        words.pop(0)  # the compiler launcher
    output = words.index("-o")
    del words[output:output + 2]
    done = subprocess.run(words + ["-fsyntax-only"], cwd=entry["directory"], capture_output=True, text=True)
    return entry["file"], done.returncode, done.stderr


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    # Generated are: the code of the protos, the owners of precompiled headers, and the files that include all of a
    # folder's files, which are ours.
    entries = [entry for entry in json.loads((build / "compile_commands.json").read_text())
               if "/Unity/" in entry["file"] or not entry["file"].startswith(str(build))]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, code, errors in pool.map(check, entries):
            if code != 0:
                failed += 1
                print(f"{name}:\n{errors[-3000:]}")
    print(f"g++ 12: {len(entries)} files, {failed} refused")
    return 1 if failed or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
