"""Faces that the border of a photo cuts off, up to a half and more.

MTCNN proposes places in the photo continued by black and by its mirror image
(`headshot.perception.detection.detect.faces_at_border`), MediaPipe's landmark network places the points, and
what it says is judged together with the in-house network's and MTCNN's opinions of that place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import U8, ReadOnly
from headshot.image.crop import FaceCrop
from headshot.perception.detection.detect import Face, beyond_border, faces_at_border, is_cut_off
from headshot.perception.detection.mtcnn import overlaps
from headshot.perception.fallback import AROUND, detector_agreement, face_of, face_score
from headshot.perception.landmarks.in_house import MARGIN, predict_heads
from headshot.perception.landmarks.mediapipe import (
    Landmarks,
    LandmarkSettings,
    first_crop,
    landmarks_from,
)

WINDOW, WINDOW_SIZE = 3.0, 640
"""Side of the picture in which a cut-off face is looked at: in sizes of its box, and in pixels."""
STARTS = ((1.2, 0.2), (1.0, 0.0), (1.2, 0.05), (1.0, 0.15), (1.4, 0.3))
"""First crops for the landmark network: their side, and how far they are moved out of the photo, in units of
the usual side. Boxes of cut-off faces are drawn to what is left of them, and too small."""
OUT = ((-1, 0), (0, -1), (1, 0), (0, 1))
"""Out of the photo at its left, upper, right and lower border, in the order of `beyond_border`."""
# What of people's half faces passes, and nothing of pictures without (`python benchmarks/cut_off_faces.py
# --choose`, on photos other than those that are measured).
MIN_PRESENCE, MAX_SPREAD = 0.9, 0.055
"""Least presence and largest spread by MediaPipe's network: what is no face hardly ever has both."""
MAX_GAP = 0.22
"""Largest `Evidence.gap`."""
MIN_PRESENCE_AROUND, MIN_FACE_SCORE = 0.3, 0.5
"""Either of: least `Evidence.around`, which is small of the lower half of a face, and least `face_score`."""
MIN_AGREEMENT = 0.08
"""Least `detector_agreement`: of animals, of which the other networks see faces, it is smaller."""
SAME = 0.5
"""Overlap with a face, of the smaller box, from which a candidate is that face."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for a face under landmarks.

    Attributes:
        presence, spread: of MediaPipe's network.
        gap: mean distance of the in-house network's points from those, as a share of their extent.
        around: median presence by the in-house network in the crops around it.
        score: `face_score`.
        agreement: `detector_agreement`.
    """

    presence: float
    spread: float
    gap: float
    around: float
    score: float
    agreement: float

    @property
    def convincing(self) -> bool:
        """Whether it is a face to all networks."""
        return (
            self.presence >= MIN_PRESENCE
            and self.spread <= MAX_SPREAD
            and self.gap <= MAX_GAP
            and self.agreement >= MIN_AGREEMENT
            and (self.around >= MIN_PRESENCE_AROUND or self.score >= MIN_FACE_SCORE)
        )


def border_candidates(pixels: U8, detections: list[Face]) -> list[Face]:
    """Places in a photo (H, W, 3) where the border may cut off a face: what a search for them finds, and
    detections of the usual search over the border, refused ones too."""
    return [*faces_at_border(pixels), *(face for face in detections if is_cut_off(face.box, pixels))]


def find_cut_off(
    pixels: U8, candidates: list[Face], found: list[Face], settings: LandmarkSettings
) -> list[tuple[Face, Landmarks]]:
    """Faces that the border of the photo cuts off, with their landmarks, the most certain first.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        candidates: see `border_candidates`.
        found: those that are faces; candidates that overlap one are dropped.
        settings: see `LandmarkSettings`.
    """
    pairs: list[tuple[Face, Landmarks]] = []
    for face in sorted(candidates, key=lambda face: -face.score):
        certain = [other for other, points in pairs if points.confident]
        if _is_any_of(face, [*found, *certain]):
            continue
        view = View.of(pixels, face, settings)
        points = view.landmarks
        # The other networks run only where this one finds a face.
        if points.presence >= MIN_PRESENCE and points.spread <= MAX_SPREAD and view.evidence().convincing:
            placed = view.in_photo()
            pairs.append((face_of(placed), placed))
    kept: list[tuple[Face, Landmarks]] = []
    for face, points in sorted(pairs, key=lambda pair: -pair[1].score):
        if not _is_any_of(face, [*found, *(other for other, _ in kept)]):
            kept.append((face, points))
    return kept


def _is_any_of(face: Face, others: list[Face]) -> bool:
    return any(same_face(face, other) for other in others)


def same_face(one: Face, other: Face) -> bool:
    """Whether the boxes of two faces are of one."""
    return bool(overlaps(np.stack([one.box, other.box]), of_smaller=True)[0, 1] > SAME)


@dataclass(frozen=True, eq=False, repr=False)
class View(ReadOnly):
    """A candidate as the networks see it: before black.

    Beyond the border of a photo they otherwise see that border repeated, which makes half a face look like a
    covered one.

    Attributes:
        window: of the photo.
        picture: (WINDOW_SIZE, WINDOW_SIZE, 3) uint8, what it shows.
        landmarks: in the picture's pixels.
    """

    window: FaceCrop
    picture: U8
    landmarks: Landmarks

    @classmethod
    def of(cls, pixels: U8, face: Face, settings: LandmarkSettings) -> View:
        """Of a candidate in a photo (H, W, 3)."""
        window = FaceCrop.of_box(face.box, WINDOW)
        picture = window.cut(pixels, WINDOW_SIZE, clamp=False)
        box, five = (WINDOW_SIZE * window.from_photo(q) for q in (face.box.reshape(2, 2), face.points))
        first = first_crop(Face(box.ravel(), five, face.score))
        out = np.array(OUT[int(beyond_border(face.box, pixels).argmax())]) * first.side
        crops = [
            replace(first, x=first.x + k * out[0], y=first.y + k * out[1], side=first.side * scale)
            for scale, k in STARTS
        ]
        return cls(window, picture, landmarks_from(picture, crops, settings))

    def evidence(self) -> Evidence:
        """Of all networks."""
        points = self.landmarks
        crop = points.crop(MARGIN)
        heads = predict_heads(self.picture, [crop, *(crop.varied(*variation) for variation in AROUND)])
        return Evidence(
            presence=points.presence,
            spread=points.spread,
            gap=float(np.linalg.norm(heads[0].points - points.points, axis=1).mean()) / points.extent,
            around=float(np.median([head.presence for head in heads[1:]])),
            score=face_score(self.picture, crop),
            agreement=detector_agreement(self.picture, crop),
        )

    def in_photo(self) -> Landmarks:
        """The landmarks in pixels of the photo."""
        return replace(
            self.landmarks,
            points=self.window.to_photo(self.landmarks.points / WINDOW_SIZE),
            depth=self.landmarks.depth * self.window.side / WINDOW_SIZE,
        )
