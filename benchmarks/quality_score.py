"""What the quality score is worth: against landmark errors and a face-recognition network, on 300 photos.

    python benchmarks/quality_score.py $HEADSHOT_DATA [--calibrate | --worn 120 | --good 240]

Photos of HELEN and CFP (with hand-made points) and of UTKFace (with groups) as they are, or spoiled by one
kind of `headshot.evaluate.degraded`, drawn by the photo's name. How bad a head is: the mean distance of its
68 points from the true ones, in percent of the longer side of their box (*error*); and one minus the cosine
that a face-recognition network (`face-embedding` of the data) gives the head, drawn from the front, and the
good photo, of profiles the person's frontal photo (*distance*). *Loss* is their geometric mean.

``--calibrate`` fits the scales of `headshot.quality` to people and photos that are not held out of training
(`headshot.datasets.split.held_out`), spoiled by the kinds `SEEN`, and prints them; ``--worn`` those of
``eyewear`` and ``hat``, to so many of the same photos with glasses and hats of other people's photos put on.
Without either the score is measured on photos that are held out, spoiled by all kinds, and the page of
results is written. ``--good`` counts what is said of so many photos of UTKFace, and of those of
CelebAMask-HQ, that are held out and as they are; the page has its table as soon as its log is there. Photos
that are done are in the log (``--logs``), so that a stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from headshot import HeadshotError, Settings, read_photo
from headshot.datasets.annotations import read_annotations, read_cfp
from headshot.datasets.split import held_out
from headshot.datasets.subject import find_subject
from headshot.datasets.utkface import groups_of, with_border
from headshot.evaluate.degraded import SEEN, UNSEEN, WORN, Face, Kind, Others
from headshot.image.photo import Photo
from headshot.models.topologies.ibug68 import five_points
from headshot.perception.landmarks.in_house import MARGIN, predict_head
from headshot.perception.recognition import Recogniser, aligned_face
from headshot.pipeline import Reconstructor
from headshot.render import render, view_camera
from headshot.results import Head
from headshot.texture import TextureSettings
from quality_report import COMMAND, calibrated, pages, warned_of, worn_scales
from report import publish

SETTINGS = Settings(detail="low", texture=TextureSettings(size=512))
GOOD = 0.3  # share of photos that stay as they are; of CFP all do
COUNTS = {False: {"helen": 320, "utkface": 180, "cfp": 80}, True: {"helen": 140, "utkface": 105, "cfp": 55}}
"""Photos of each set that are measured at most: for the calibration, and for the results."""
GLASSES, HAT = 3, 14  # labels of CelebAMask-HQ


@dataclass(frozen=True, eq=False)
class Case:
    """A photo to measure.

    Attributes:
        data: which set.
        file: the photo.
        truth: (68, 2) hand-made points, NaN where unknown; None for those of the network.
    """

    data: str
    file: Path
    truth: np.ndarray | None

    @property
    def key(self) -> str:
        """Its name, which decides what happens to it."""
        return f"{self.data}/{self.file.parent.name}/{self.file.name}"

    @property
    def profile(self) -> bool:
        """Whether the face is seen from the side."""
        return self.file.name.startswith("profile")


def order(text: str) -> int:
    """A number by which names are in no particular order."""
    return zlib.crc32(text.encode("utf-8"))


def cases(root: Path, held: bool) -> list[Case]:
    """Photos that are held out of training, or that are not; of CFP a profile and a frontal one a person."""
    helen = [Case("helen", a.photo, a.points) for a in read_annotations(root / "helen-train")]
    helen = [c for c in helen if held_out(c.file.stem, "helen") == held]
    crops = [Case("utkface", file, None) for file in (root / "utkface-balanced").glob("*.jpg")]
    crops = [c for c in crops if held_out(c.file.stem, "utkface") == held]
    both: dict[tuple[str, bool], Case] = {}
    for a in sorted(
        read_cfp(root / "cfp-train" / "fiducials30.csv", frontal=True), key=lambda a: str(a.photo)
    ):
        case = Case("cfp", a.photo, a.points)
        if held_out(a.photo.parent.name, "cfp") == held:
            both.setdefault((a.photo.parent.name, case.profile), case)
    found = []
    for some in (helen, crops, list(both.values())):
        some.sort(key=lambda c: order(c.key))
        found += some[: COUNTS[held][some[0].data]]
    return sorted(found, key=lambda c: order(c.key))


def points_of(photo: Photo, near: np.ndarray | None = None) -> np.ndarray:
    """Points (68, 2) that the in-house network finds."""
    found = find_subject(photo, near).landmarks
    return (found.prediction or predict_head(photo.pixels, found.crop(MARGIN), passes=1)).points68


def others(root: Path, held: bool) -> Others:
    """Glasses, hats and textures of CelebAMask-HQ."""
    worn: dict[int, list[tuple[Face, np.ndarray]]] = {GLASSES: [], HAT: []}
    textures = []
    folder = root / "celebamask-train"
    for file in sorted((folder / "masks").glob("*.png")):
        if held_out(file.stem, "celebamask") != held:
            continue
        labels = np.asarray(Image.open(file))
        kinds = [kind for kind in worn if (labels == kind).mean() > (0.004 if kind == GLASSES else 0.03)]
        if not kinds:
            continue
        photo = read_photo(folder / "images" / f"{file.stem}.jpg")
        textures.append(photo.pixels)
        try:
            face = Face(photo.pixels, points_of(photo))
        except HeadshotError:
            continue
        for kind in kinds:
            worn[kind].append((face, labels == kind))
    return Others(tuple(textures), tuple(worn[GLASSES]), tuple(worn[HAT]))


class Measurer:
    """Measures cases; see the top of this file."""

    def __init__(self, root: Path, held: bool, kinds: dict[str, Kind], share_good: float = GOOD) -> None:
        self.network = Recogniser(root / "face-embedding" / "mobilefacenet.onnx")
        self.reconstruct = Reconstructor(SETTINGS)
        self.others = others(root, held)
        self.kinds, self.share_good = kinds, share_good

    def vector(self, pixels: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Features of a face with points (68, 2)."""
        return self.network.vectors(aligned_face(pixels, five_points(points))[None])[0]

    def drawn(self, head: Head) -> np.ndarray:
        """Features of a head from the front."""
        camera = view_camera(head.vertices, 0.0, size=256)
        assert head.texture is not None
        picture = render(head.vertices, head.model, camera, texture=head.texture.pixels)
        return self.vector(picture, camera.project(head.model.landmarks["ibug68"].on(
            head.vertices, head.model.triangles)))  # fmt: skip

    def __call__(self, case: Case) -> dict[str, object]:
        """What is known of a case; JSON."""
        random = np.random.default_rng(order(case.key))
        photo = read_photo(case.file)
        if case.data == "utkface":
            photo = with_border(photo, photo.width // 2)
        kind = (
            "as it is"
            if case.data == "cfp" or random.random() < self.share_good
            else str(random.choice(list(self.kinds)))
        )
        row: dict[str, object] = {"key": case.key, "data": case.data, "groups": groups_of(case.file.name)}
        row["kind"] = "profile" if case.profile else kind
        try:
            middle = None if case.truth is None else np.nanmean(case.truth, axis=0)
            points = case.truth
            if points is None or not np.isfinite(points).all():
                points = points_of(photo, middle)
            good, where = (photo, points) if not case.profile else self.frontal(case)
            wanted = self.vector(good.pixels, where)
        except HeadshotError as error:
            return row | {"left_out": str(error)}
        made = self.kinds[kind](Face(photo.pixels, points), random, self.others)
        truth = points if case.truth is None else case.truth
        truth = truth * np.divide(made.pixels.shape[1::-1], photo.pixels.shape[1::-1])
        try:
            head = self.reconstruct(Photo(made.pixels, case.file.name))
        except HeadshotError as error:
            return row | {"error": str(error)}
        side = (np.nanmax(truth, axis=0) - np.nanmin(truth, axis=0)).max()
        off = np.linalg.norm(head.project(head.landmarks68) - truth, axis=1)
        return row | {
            "error_points": round(float(100 * np.nanmean(off) / side), 3),
            "distance": round(float(1 - self.drawn(head) @ wanted), 4),
            "measures": {name: round(value, 5) for name, value in head.quality.measures.items()},
        }

    def frontal(self, case: Case) -> tuple[Photo, np.ndarray]:
        """A frontal photo of the person of a profile, and its points."""
        photo = read_photo(min(case.file.parent.glob("frontal*")))
        return photo, points_of(photo)


def good_cases(root: Path, count: int) -> list[Case]:
    """Photos of UTKFace and CelebAMask-HQ that are held out."""
    crops = [f for f in (root / "utkface-balanced").glob("*.jpg") if held_out(f.stem, "utkface")]
    portraits = (root / "celebamask-train" / "images").glob("*.jpg")
    found = [Case("utkface", f, None) for f in sorted(crops, key=lambda f: order(f.name))[:count]]
    return found + [Case("celebamask", f, None) for f in sorted(portraits) if held_out(f.stem, "celebamask")]


class GoodMeasurer:
    """Measures photos as they are; see the top of this file."""

    def __init__(self) -> None:
        self.reconstruct = Reconstructor(SETTINGS)

    def __call__(self, case: Case) -> dict[str, object]:
        """What is known of a case; JSON."""
        photo = read_photo(case.file)
        groups: dict[str, object] = dict(groups_of(case.file.name))
        if case.data == "utkface":
            photo = with_border(photo, photo.width // 2)
        else:
            labels = np.asarray(Image.open(case.file.parent.parent / "masks" / f"{case.file.stem}.png"))
            wears = [name for name, k in (("glasses", GLASSES), ("hat", HAT)) if (labels == k).mean() > 0.004]
            groups["wears"] = " and ".join(wears) or "neither glasses nor hat"
        row: dict[str, object] = {"key": case.key, "data": case.data, "groups": groups}
        try:
            head = self.reconstruct(photo)
        except HeadshotError as error:
            return row | {"error": str(error)}
        return row | {"measures": {name: round(v, 5) for name, v in head.quality.measures.items()}}


def run(
    chosen: Sequence[Case], measure: Callable[[], Callable[[Case], dict[str, object]]], log: Path
) -> list[dict[str, object]]:
    """Rows of all cases; those that are in the log are not measured again."""
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    done = {row["key"]: row for row in map(json.loads, lines)}
    todo = [case for case in chosen if case.key not in done]
    if todo:
        attempt = measure()
        with log.open("a", encoding="utf-8") as stream:
            for case in track(todo, description=log.stem):
                row = attempt(case)
                done[case.key] = row
                stream.write(json.dumps(row) + "\n")
                stream.flush()
    return [done[case.key] for case in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of the research data (docs/reference/data.md)")
    parser.add_argument("--calibrate", action="store_true", help="fit the scales, and print them")
    parser.add_argument("--worn", type=int, help="fit the scales of glasses and hats on so many photos")
    parser.add_argument("--good", type=int, help="count warnings of so many good photos of UTKFace")
    parser.add_argument("--logs", type=Path, default=Path("work/quality"), help="folder of the resume logs")
    a = parser.parse_args()
    if a.worn:
        chosen = [case for case in cases(a.data, held=False) if case.data != "cfp"][: a.worn]
        rows = run(chosen, lambda: Measurer(a.data, False, WORN, 0.0), a.logs / "worn.jsonl")
        print(worn_scales(rows))
        return
    held = not a.calibrate
    good = a.logs / "good.jsonl"
    if a.good:
        print(warned_of(run(good_cases(a.data, a.good), GoodMeasurer, good)))
        return
    log = a.logs / ("measured.jsonl" if held else "calibration.jsonl")
    rows = run(cases(a.data, held), lambda: Measurer(a.data, held, SEEN | UNSEEN if held else SEEN), log)
    if a.calibrate:
        print(calibrated(rows))
        return
    parts = pages(rows)
    if good.exists():
        lines = good.read_text(encoding="utf-8").splitlines()
        parts += ["## Good photos", warned_of([json.loads(line) for line in lines])]
    publish("quality", "The quality score", COMMAND, *parts)


if __name__ == "__main__":
    main()
