"""Measure on real photos what the code states about the landmark network as constants.

    python tools/landmark_noise/photos.py $HEADSHOT_DATA/lfw-deepfunneled $HEADSHOT_DATA/helen-train

Prints, over so many photos of each folder:
- the lower quartile of each expression score that is not negligible: `headshot.fitting.evidence.RESTING`, a
  face at rest;
- how far points and those of the mirrored photo are apart, frontal and turned: the limits of
  `headshot.pipeline` and `LandmarkSettings.sure_spread`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot import HeadshotError, load_head_model, read_photo
from headshot.fitting.evidence import landmark_observation
from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.fitting.landmarks import fit_landmarks
from headshot.models.arkit import ARKIT52
from headshot.perception.detection.detect import detect_faces
from headshot.perception.landmarks.mediapipe import find_landmarks

NEGLIGIBLE = 0.05


def measure(file: Path) -> dict[str, np.ndarray | float] | None:
    """Scores, spread and yaw of the largest face."""
    head = load_head_model("low")
    model = head.at(head.landmarks["mediapipe478"])
    photo = read_photo(file)
    faces = detect_faces(photo.pixels)
    if not faces:
        return None
    found = find_landmarks(photo.pixels, faces[0])
    if found.presence < 0.5:
        return None
    fit = fit_landmarks(landmark_observation(photo, found), model, noise_model=load_landmark_noise())
    return {
        "scores": found.blendshapes,
        "spread": found.spread,
        "yaw": abs(fit.camera.angles[0]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--photos", type=int, default=300, help="of each folder")
    options = parser.parse_args()
    files = []
    for folder in options.folders:
        every = sorted(folder.rglob("*.jpg"))
        files += [every[i] for i in np.linspace(0, len(every) - 1, options.photos).astype(int)]
    rows = []
    for file in track(files, description="photos"):
        try:
            row = measure(file)
        except HeadshotError:
            continue
        rows += [row] if row is not None else []
    quartile = np.quantile([row["scores"] for row in rows], 0.25, axis=0)
    print(f"{len(rows)} photos")
    resting = [f"{name} {q:.2f}" for name, q in zip(ARKIT52, quartile, strict=True) if q > NEGLIGIBLE]
    print("lower quartile of scores: " + ", ".join(resting))
    spread, yaw = (np.array([row[key] for row in rows]) for key in ("spread", "yaw"))
    for name, some in (("frontal, to 45°", yaw < 45), ("turned", yaw >= 45)):
        if some.any():
            values = np.quantile(spread[some], [0.5, 0.95, 0.99])
            print(
                f"spread, {name} ({some.sum()}): median, 95 %, 99 % " + ", ".join(f"{v:.3f}" for v in values)
            )


if __name__ == "__main__":
    main()
