"""What every benchmark prints with its numbers: the machine, the versions, and where the table goes."""

from __future__ import annotations

import os
import platform
from datetime import date
from pathlib import Path

import numpy as np

import headshot
from headshot import Photo

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"


def machine() -> str:
    """One line on the machine and the versions that a number depends on."""
    import numba
    import onnxruntime

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


def table(header: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; floats with two decimals."""

    def cell(value: object) -> str:
        return f"{value:.2f}" if isinstance(value, float) else str(value)

    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)


def publish(name: str, title: str, command: str, *parts: str) -> None:
    """Print a result and write it to ``docs/results/NAME.md``."""
    head = f"# {title}\n\nMade by `{command}` on {machine()}."
    text = "\n\n".join([head, *parts]) + "\n"
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)


def bootstrap_interval(values: np.ndarray, statistic=np.median, draws: int = 1000) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a statistic of ``values`` (Efron 1979), seed 0."""
    rng = np.random.default_rng(0)
    samples = [statistic(values[rng.integers(0, len(values), len(values))]) for _ in range(draws)]
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)


def bordered(photo: Photo) -> Photo:
    """A photo with a border of half its width: UTKFace is cropped inside the head, detectors need more."""
    pad = photo.width // 2
    return Photo(np.pad(photo.pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge"), photo.name)
