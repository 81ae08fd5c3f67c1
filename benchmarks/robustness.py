"""Does every photo end well? All of LFW, the awkward inputs, and the groups of UTKFace.

    python benchmarks/robustness.py --data $HEADSHOT_DATA [--processes 2] [--limit N]

Each photo is reconstructed with its texture (512 texels and the coarse mesh, to keep the run short); a
failure is an error or a number that is not finite. Finished photos are written to a resume log, so that a
stopped run goes on where it was.
UTKFace crops are cut inside the head, so they are padded by half their size with their border pixels.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot import HeadshotError, Settings, read_photo, reconstruct
from headshot.datasets.utkface import with_border
from headshot.texture import TextureSettings
from report import publish, table

SETTINGS = Settings(detail="low", texture=TextureSettings(size=512))
RACES = ("White", "Black", "Asian", "Indian", "other")


def attempt(file: str) -> dict[str, object]:
    """Reconstruct one photo, and its outcome."""
    try:
        photo = read_photo(file)
        head = reconstruct(
            with_border(photo, photo.width // 2) if "utkface" in file else photo, settings=SETTINGS
        )
    except HeadshotError as error:
        return {"file": file, "outcome": type(error).__name__, "message": str(error)}
    arrays = [head.vertices, head.neutral_vertices, head.landmarks68, head.identity, head.expression]
    arrays += [head.camera.rotation, head.camera.translation, np.array([head.scale, head.quality.score])]
    finite = all(np.isfinite(array).all() for array in arrays)
    return {
        "file": file,
        "outcome": "ok" if finite else "not finite",
        "yaw": head.camera.angles[0],
        "residual": head.quality.measures["residual"],
        "score": head.quality.score,
        "scale": head.scale,
        "size": float(np.linalg.norm(head.identity) / np.sqrt(len(head.identity))),
    }


def run(files: list[str], log: Path, processes: int) -> list[dict[str, object]]:
    """Outcomes of all files; those already in the log are not repeated."""
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    done = {row["file"]: row for row in map(json.loads, lines)}
    todo = [file for file in files if file not in done]
    with ProcessPoolExecutor(processes) as pool, log.open("a", encoding="utf-8") as stream:
        for row in track(pool.map(attempt, todo, chunksize=8), total=len(todo), description=log.stem):
            done[row["file"]] = row
            stream.write(json.dumps(row) + "\n")
            stream.flush()
    return [done[file] for file in files]


def summary(label: str, rows: list[dict[str, object]]) -> list[object]:
    """One line of the table."""
    fine = [row for row in rows if row["outcome"] == "ok"]

    def median(key: str) -> float:
        return float(np.median([row[key] for row in fine])) if fine else float("nan")

    share = f"{100 * len(fine) / len(rows):.2f} %"
    return [label, len(rows), len(fine), share, median("residual"), median("size"), median("scale")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the research data (docs/reference/data.md)"
    )
    parser.add_argument(
        "--logs", type=Path, default=Path("work/robustness"), help="folder of the resume logs"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--limit", type=int, help="only about so many photos of each set, spread evenly")
    a = parser.parse_args()
    lfw = sorted(str(f) for f in (a.data / "lfw-deepfunneled").glob("*/*.jpg"))
    lfw = lfw[:: max(1, len(lfw) // (a.limit or len(lfw)))]
    crops = sorted(str(f) for f in (a.data / "utkface-balanced").glob("*.jpg"))
    crops = crops[:: max(1, len(crops) // (a.limit or 1200))]
    faces = run(lfw, a.logs / "lfw.jsonl", a.processes)
    groups = run(crops, a.logs / "utkface.jsonl", a.processes)

    rows = [summary("LFW", faces)]
    yaw = {row["file"]: abs(row["yaw"]) for row in faces if row["outcome"] == "ok"}
    for low, high in ((0, 20), (20, 40), (40, 90)):
        part = [row for row in faces if low <= yaw.get(row["file"], -1) < high]
        rows.append(summary(f"LFW, yaw {low}-{high}°", part))
    labels = [Path(row["file"]).name.split("_")[:3] for row in groups]
    rows.append(summary("UTKFace", groups))
    for k, sex in enumerate(("male", "female")):
        rows.append(
            summary(f"UTKFace, {sex}", [r for r, g in zip(groups, labels, strict=True) if g[1] == str(k)])
        )
    for k, race in enumerate(RACES):
        rows.append(
            summary(f"UTKFace, {race}", [r for r, g in zip(groups, labels, strict=True) if g[2] == str(k)])
        )
    for low, high in ((0, 3), (3, 13), (13, 30), (30, 60), (60, 120)):
        part = [r for r, g in zip(groups, labels, strict=True) if low <= int(g[0]) < high]
        rows.append(summary(f"UTKFace, age {low}-{high - 1}", part))
    outcomes = Counter(str(row["outcome"]) for row in faces + groups)
    missed = [Path(row["file"]).name for row in faces if row["outcome"] != "ok"]
    publish(
        "robustness",
        "Robustness (LFW, UTKFace)",
        f"python benchmarks/robustness.py --data DATA {' '.join(sys.argv[3:])}".strip(),
        "Medians over the photos that reconstruct: landmark residual in percent of the face's size, length "
        "of the identity vector over the square root of its dimension (a random person: 1, the mean head: "
        "0), and metric scale (1: the mean head's size).",
        table(["photos", "number", "reconstructed", "share", "residual %", "identity", "scale"], rows),
        f"Outcomes: {dict(outcomes)}. LFW photos without a head: {', '.join(missed) or 'none'}.",
    )


if __name__ == "__main__":
    main()
