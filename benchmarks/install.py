"""What Headshot weighs: builds the wheel, installs it into a fresh environment, and measures both.

    python benchmarks/install.py [--python PYTHON] [--check]

Sizes are sums of file sizes in MB (10^6 bytes). The environment counts everything in it, pip and compiled
bytecode included. With ``--check`` the exit code is 1 when a limit is exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT_LIMIT, WHEEL_LIMIT = 420.0, 35.0

# Run inside the environment: bytes by distribution, from the lists of files that pip keeps.
BY_PACKAGE = """
import importlib.metadata as m, json
sizes = {}
for d in m.distributions():
    paths = {d.locate_file(f).resolve() for f in d.files or ()}
    sizes[f"{d.name} {d.version}"] = sum(p.stat().st_size for p in paths if p.is_file())
print(json.dumps(sizes))
"""


def megabytes(folder: Path) -> float:
    """Size of everything below a folder, links not followed."""
    return sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink()) / 1e6


def run(*command: object, cwd: Path | None = None) -> str:
    """Output of a command, which must succeed."""
    done = subprocess.run([*map(str, command)], cwd=cwd, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def main() -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment")
    parser.add_argument("--check", action="store_true", help="fail when a limit is exceeded")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(
            options.python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "dist", ROOT
        )
        (wheel,) = (folder / "dist").glob("*.whl")
        wheel_size = wheel.stat().st_size / 1e6
        environment = folder / "environment"
        run(options.python, "-m", "venv", environment)
        empty = megabytes(environment)
        scripts = environment / ("Scripts" if os.name == "nt" else "bin")
        python = scripts / "python"
        start = perf_counter()
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
        seconds = perf_counter() - start
        size = megabytes(environment)
        packages: dict[str, int] = json.loads(run(python, "-c", BY_PACKAGE, cwd=folder))
        run(python, "-m", "headshot", "--help", cwd=folder)
        start = perf_counter()
        run(python, "-m", "headshot", "--help", cwd=folder)
        answer = perf_counter() - start
    version = run(
        options.python, "-c", "import platform as p; print(p.python_version(), p.system(), p.machine())"
    )
    print(f"Python {version.strip()}\n")
    print("| package | MB |\n|---|---:|")
    for package, count in sorted(packages.items(), key=lambda item: -item[1]):
        if count > 1e6:
            print(f"| {package} | {count / 1e6:.1f} |")
    print(f"\nwheel: {wheel_size:.1f} MB (limit {WHEEL_LIMIT:.0f})")
    print(
        f"environment: {size:.0f} MB, {empty:.0f} MB of it before installing (limit {ENVIRONMENT_LIMIT:.0f})"
    )
    print(f"installed in {seconds:.0f} s; `headshot --help` answers in {answer:.2f} s")
    within = wheel_size <= WHEEL_LIMIT and size <= ENVIRONMENT_LIMIT
    return 1 if options.check and not within else 0


if __name__ == "__main__":
    sys.exit(main())
