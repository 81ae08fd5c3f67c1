"""Known vulnerabilities of installed packages, by pip-audit; says so where its data cannot be reached.

    python tools/audit.py SITE_PACKAGES

Exits with 1 if a package has a known vulnerability. Without a network, or where the package index has no data
of vulnerabilities (mirrors), nothing can be said: that is printed as NOT RUN, with exit code 0. It needs
pip-audit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

OWN = "headshot"  # is audited by its own tests, not by the index
TIMEOUT = 600  # seconds


def audited(site: str) -> tuple[dict[str, Any] | None, str]:
    """pip-audit's report on a folder of packages, or None and why there is none."""
    command = [sys.executable, "-m", "pip_audit", "--path", site, "--format", "json"]
    try:
        run = subprocess.run(
            [*command, "--progress-spinner", "off"], capture_output=True, text=True, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {TIMEOUT} s"
    try:
        return json.loads(run.stdout), ""
    except json.JSONDecodeError:
        return None, (run.stderr.strip().splitlines() or ["pip-audit gave no report"])[-1]


def verdict(report: dict[str, Any] | None, reason: str = "") -> tuple[int, list[str]]:
    """Exit code and lines to print for a report of pip-audit."""
    if report is None:
        return 0, [f"NOT RUN: {reason}"]
    packages = [p for p in report["dependencies"] if p["name"] != OWN]
    skipped = [p["name"] for p in packages if "skip_reason" in p]
    found = [(p, v) for p in packages for v in p.get("vulns", ())]
    lines = [
        f"{p['name']} {p['version']}: {v['id']}, mended in {', '.join(v['fix_versions']) or 'no version'}"
        for p, v in found
    ]
    if len(skipped) == len(packages):
        return 0, [f"NOT RUN: the package index has no data on any of the {len(packages)} packages"]
    if skipped:
        lines.append(f"NOT RUN for {len(skipped)} of {len(packages)} packages: {', '.join(skipped)}")
    lines.append(f"{len(packages) - len(skipped)} packages audited, {len(found)} known vulnerabilities")
    return int(bool(found)), lines


def main() -> int:
    """Audit the folder named on the command line."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    code, lines = verdict(*audited(sys.argv[1]))
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    raise SystemExit(main())
