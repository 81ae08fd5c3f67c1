"""On what a measurement ran."""

from __future__ import annotations

import os
import platform
from datetime import date
from pathlib import Path

import numpy as np


def machine() -> str:
    """One line on the machine and the versions that a number depends on."""
    import numba
    import onnxruntime

    import headshot

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{_processor()}, {cores} cores available, {platform.system()}; Python {platform.python_version()}, "
        f"NumPy {np.__version__}, Numba {numba.__version__}, ONNX Runtime {onnxruntime.__version__}, "
        f"headshot {headshot.__version__}, {date.today().isoformat()}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
