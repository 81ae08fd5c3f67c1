"""How well the fitted head's 68 points lie on hand-made ones (HELEN).

    python benchmarks/alignment.py --data $HEADSHOT_DATA

Error: mean distance of the projected ``landmarks68`` to the hand-made points over the distance of the outer
eye corners, in percent, per photo. Two photos of three never calibrated anything
(tools/head_model/calibrate.py uses every third); both groups are shown. Baselines: the mean head with the
same pose fit but no identity and no expression, and the landmark network's own points through the usual
table of 68 indices.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot import HeadshotError, Settings, load_head_model, read_photo, reconstruct
from headshot.fit import fit_landmarks, landmarks68
from headshot.fit.landmarks import FitSettings
from headshot.fit.observe import observe
from headshot.head_model import PointModel
from headshot.landmarks import MEDIAPIPE_TO_IBUG68
from report import bootstrap_interval, publish, table

REGIONS = {
    "inner 51": slice(17, 68),
    "all 68": slice(0, 68),
    "jaw": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}
SETTINGS = Settings(detail="low", texture=None)


def mean_head(model: PointModel) -> PointModel:
    """The point model without identity and expression: only the pose can be fitted."""
    return PointModel(
        model.mean, model.identity * 0, model.expression * 0, model.corrected, model.correction * 0
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the research data (docs/data.md)")
    folder = parser.parse_args().data / "helen-train"
    model = load_head_model("low")
    still = mean_head(model.at(model.landmarks["mediapipe478"]))
    methods: dict[str, list[np.ndarray]] = {"headshot": [], "mean head": [], "network points": []}
    used, failed, yaws = [], 0, []
    for index, file in enumerate(track(sorted(folder.glob("*.jpg")), description="HELEN")):
        hand = np.loadtxt(file.with_suffix(".pts")) - 1  # the files count pixels from 1
        photo = read_photo(file)
        try:
            head = reconstruct(photo, settings=SETTINGS)
        except HeadshotError as error:
            print(f"{file.name}: {error}")
            failed += 1
            continue
        seen = observe(photo, head.landmarks)
        rigid = fit_landmarks(seen, still, FitSettings())
        found = {
            "headshot": head.project(head.landmarks68),
            "mean head": rigid.camera.project(landmarks68(model, model.mean, rigid.camera)),
            "network points": head.landmarks.points[list(MEDIAPIPE_TO_IBUG68)],
        }
        for name, points in found.items():
            gap = np.linalg.norm(points - hand, axis=1) / np.linalg.norm(hand[36] - hand[45])
            methods[name].append(100 * gap)
        used.append(index)
        yaws.append(abs(head.camera.angles[0]))
    errors = {name: np.array(rows) for name, rows in methods.items()}
    unseen = np.array(used) % 3 != 0
    yaw = np.array(yaws)

    def medians(rows: np.ndarray) -> list[object]:
        return [float(np.median(rows[:, where].mean(axis=1))) for where in REGIONS.values()]

    rows = [
        [f"{name}, {label}", int(group.sum()), *medians(e[group])]
        for label, group in (("unseen", unseen), ("calibration", ~unseen))
        for name, e in errors.items()
    ]
    turned = [
        [f"headshot, unseen, yaw {low}-{high}°", int(group.sum()), *medians(errors["headshot"][group])]
        for low, high in ((0, 10), (10, 20), (20, 30), (30, 90))
        if (group := unseen & (yaw >= low) & (yaw < high)).sum() > 4
    ]
    mine = errors["headshot"][unseen]
    spread = ", ".join(
        f"{name}: {low:.2f}-{high:.2f}"
        for name in ("inner 51", "all 68")
        for low, high in [bootstrap_interval(mine[:, REGIONS[name]].mean(axis=1))]
    )
    bad = (mine[:, REGIONS["inner 51"]].mean(axis=1) > 8).mean()
    publish(
        "alignment",
        "Alignment with hand-made landmarks (HELEN)",
        "python benchmarks/alignment.py --data DATA",
        "Median over photos of the mean point error, percent of the distance of the outer eye corners.",
        table(["method", "photos", *REGIONS], rows + turned),
        f"95 % bootstrap intervals of headshot on unseen photos: {spread}. Photos without a result: {failed} "
        f"of {failed + len(used)}. Unseen photos with an error of the inner 51 above 8 %: {100 * bad:.1f} %.",
    )


if __name__ == "__main__":
    main()
