"""One photo in, one 3D head out: the pipeline, and what it returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, Array
from headshot.fitting import FitSettings, PhotometricSettings, Scale, landmarks68, metric_scale
from headshot.fitting.methods import (
    METHODS,
    HybridSettings,
    Method,
    Solved,
    Told,
    fitted,
    landmark_solver,
    networks_of,
    point_model,
    quick,
)
from headshot.fitting.scale import FACE_SPREAD, scaled_camera
from headshot.geometry.camera import Camera
from headshot.image.photo import Photo, Source, read_photo
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.topologies.mediapipe478 import IRIS_LEFT_IN_IMAGE, IRIS_RIGHT_IN_IMAGE
from headshot.perception.detection.detect import DetectSettings, Face, detect_faces
from headshot.perception.detection.fallback import FallbackSettings
from headshot.perception.faces import locate_faces
from headshot.perception.landmarks.mediapipe import Landmarks, LandmarkSettings
from headshot.perception.observe import observe
from headshot.perception.segmentation import Segmentation
from headshot.quality import Quality, assess
from headshot.texture import Texture, TextureSettings, make_texture
from headshot.texture.appearance import looks_from, looks_of

IRIS_CENTRES = [IRIS_LEFT_IN_IMAGE[0], IRIS_RIGHT_IN_IMAGE[0]]


@dataclass(frozen=True)
class Settings:
    """Settings of `reconstruct`; the defaults are what the documentation's numbers were measured with.

    Attributes:
        detail: "high" (about 13.5k skin vertices) or "low" (3.4k); the coefficients are the same.
        photometric: settings of the fit to the photo's colours, or None to fit landmarks only.
        segment: find out what is before the face (hair, hats, glasses, hands), so that neither fit nor
            texture believes it.
        texture: settings of the texture, or None to make none.
        method: "fit", "regress" or "hybrid", see `headshot.fitting.methods`.
        hybrid: how far fits believe our own network.
        fallback: when the in-house network finds the face.
    """

    detail: str = "high"
    detect: DetectSettings = field(default_factory=DetectSettings)
    landmarks: LandmarkSettings = field(default_factory=LandmarkSettings)
    fit: FitSettings = field(default_factory=FitSettings)
    photometric: PhotometricSettings | None = field(default_factory=PhotometricSettings)
    segment: bool = True
    texture: TextureSettings | None = field(default_factory=TextureSettings)
    method: Method = "hybrid"
    hybrid: HybridSettings = field(default_factory=HybridSettings)
    fallback: FallbackSettings = field(default_factory=FallbackSettings)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A textured, animatable head fitted to one face of one photo.

    Dimension letters: V vertices, F triangles, I identity modes, E = 52 expressions. Lengths are the
    person's millimetres in the head frame: x to the subject's left, y up, z out of the face, origin midway
    between the eyes of the mean head.

    Attributes:
        photo: the photo as read, upright.
        face: the detected face.
        method: how the head was made, see `headshot.fitting.methods`.
        landmarks: the 478 points, their presence, and the network's own blendshape scores.
        model: the head model that was fitted, at the resolution of ``vertices``.
        camera: camera and head pose; maps the head frame to the photo.
        identity: (I,) identity coefficients in standard deviations of their prior.
        expression: (E,) ARKit weights in [0, 1], in the order of ``model.expression_names``.
        albedo: (A,) albedo coefficients in standard deviations (`headshot.models.albedo`); None when only
            landmarks were fitted.
        light: (9, 3) spherical harmonics of the photo's light, head frame (`headshot.geometry.light`); None
            likewise.
        scale: the person's millimetres per model millimetre.
        scale_uncertainty: relative standard deviation of ``scale``, and so of every length here.
        vertices: (V, 3) the head as in the photo, with expression.
        neutral_vertices: (V, 3) the head without expression.
        parts: what the pixels of the photo show of the face (`headshot.perception.segmentation`); None when
            not asked for.
        landmarks68: (68, 3) iBUG points on ``vertices``; 0-16 lie on the outline that the photo shows.
        texture: the UV texture, or None when none was asked for.
        quality: score, measures and warnings.
        timings: seconds by stage.
    """

    photo: Photo
    face: Face
    method: Method
    landmarks: Landmarks
    model: HeadModel
    camera: Camera
    identity: Array
    expression: Array
    albedo: Array | None
    light: Array | None
    scale: float
    scale_uncertainty: float
    vertices: F32
    neutral_vertices: F32
    landmarks68: Array
    parts: Segmentation | None
    texture: Texture | None
    quality: Quality
    timings: dict[str, float]

    @property
    def triangles(self) -> I32:
        """(F, 3) vertex indices, counter-clockwise seen from outside."""
        return self.model.triangles

    @property
    def blendshapes(self) -> dict[str, float]:
        """ARKit expression weights in [0, 1] by name."""
        return {n: float(w) for n, w in zip(self.model.expression_names, self.expression, strict=True)}

    @cached_property
    def albedo_texture(self) -> Texture | None:
        """The texture with the photo's light taken out; made when it is first asked for.

        None when no texture was asked for.
        """
        if self.texture is None:
            return None
        options = TextureSettings(size=len(self.texture.pixels), delit=True)
        return make_texture(
            self.photo.pixels, self.vertices, self.model, self.camera, options, looks_of(self), self.parts
        )

    def project(self, points: ArrayLike) -> Array:
        """Pixels (..., 2) of points (..., 3) of the head frame, mm."""
        return self.camera.project(points)

    def save(
        self,
        directory: str | Path,
        formats: Sequence[str] = ("glb", "json", "png"),
        stem: str | None = None,
    ) -> list[Path]:
        """Write the head to files (docs/conventions.md); they appear complete or not at all.

        Args:
            directory: created when missing.
            formats: any of "glb", "obj", "ply", "json", "png" (preview).
            stem: file name without ending; the photo's by default.

        Returns:
            The files written.

        Raises:
            HeadshotError: an unknown format, or the directory cannot be written.
        """
        from headshot.export import save

        return save(self, directory, formats, stem)


def reconstruct(
    source: Source, *, face: int = 1, method: Method | None = None, settings: Settings | None = None
) -> Reconstruction:
    """Reconstruct the head of one person in a photo.

    Args:
        source: path, bytes, open file, PIL image, or an RGB array (H, W, 3).
        face: which face, 1 being the largest.
        method: "fit", "regress" or "hybrid" (`headshot.fitting.methods`); that of the settings when None.
        settings: see `Settings`.

    Raises:
        PhotoError: the photo cannot be read.
        NoFaceError: there is no face, or no such face.
    """
    if face < 1:
        raise ValueError(f"face counts from 1 (the largest), got {face}")
    heads = _pipeline(source, _chosen(method, settings), [face - 1])
    return heads[0]


def reconstruct_all(
    source: Source, *, method: Method | None = None, settings: Settings | None = None
) -> list[Reconstruction]:
    """Reconstruct every face in a photo, largest first; see `reconstruct`."""
    return _pipeline(source, _chosen(method, settings), None)


def _chosen(method: Method | None, settings: Settings | None) -> Settings:
    chosen = settings or Settings()
    return chosen if method is None else replace(chosen, method=method)


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.seconds[stage] = perf_counter() - start


def _pipeline(source: Source, settings: Settings, wanted: list[int] | None) -> list[Reconstruction]:
    clock = _Clock()
    with clock("read"):
        photo = source if isinstance(source, Photo) else read_photo(source)
    with clock("detect"):
        # The largest face needs no search for small ones beside it.
        several = wanted is None or max(wanted) > 0
        detect = replace(settings.detect, exhaustive=True) if several else settings.detect
        faces = detect_faces(photo.pixels, detect)
    with clock("landmarks"):
        found = locate_faces(photo, faces, wanted, settings.landmarks, settings.fallback)
    return [reconstruct_face(photo, f, points, settings, dict(clock.seconds)) for f, points in found]


def reconstruct_face(
    photo: Photo, face: Face, points: Landmarks, settings: Settings, seconds: dict[str, float]
) -> Reconstruction:
    """The head under landmarks that are already known; ``seconds`` are timings of the earlier stages."""
    clock = _Clock()
    clock.seconds.update(seconds)
    with clock("model"):
        model = load_head_model(settings.detail)
        points478 = point_model(settings.detail)
    fitting, colours = settings.fit, settings.photometric
    if settings.method == "regress":
        fitting, colours = quick(fitting, colours)
    networks = replace(networks_of(settings.method, settings.hybrid), segmentation=settings.segment)
    seen = observe(photo, face, points, networks)
    told, parts = Told.of(seen, settings.hybrid), seen.segmentation
    clock.seconds.update(seen.seconds)
    with clock("fit"):
        solver = landmark_solver(photo, points, told, settings.detail, (fitting, settings.hybrid), parts)
        solver.run()
    with clock("photometric"):
        solved = fitted(photo, solver, told, (colours, settings.hybrid), parts)
    fit = solved.fit
    with clock("shape"):
        irises = points478.positions(fit.identity, fit.expression)[IRIS_CENTRES]
        metric = metric_scale(points.points, fit.camera, irises, points.extent)
        if points.prediction is not None:
            metric = Scale(1.0, FACE_SPREAD, None)  # the network's irises are the model's, not measured
        camera = scaled_camera(fit.camera, metric.value)
        scale = np.float32(metric.value)
        vertices = scale * model.shape(fit.identity, fit.expression)
        neutral = scale * model.neutral(fit.identity)
        markers = landmarks68(model, vertices, camera)
    with clock("texture"):
        texture = None
        if settings.texture is not None:
            looks = looks_from(solved.albedo, solved.light, model.resolution)
            texture = make_texture(photo.pixels, vertices, model, camera, settings.texture, looks, parts)
    quality = assess(_measures(photo, points, solved, texture), _photo_warnings(photo))
    return Reconstruction(
        photo=photo,
        face=face,
        method=settings.method,
        landmarks=points,
        model=model,
        camera=camera,
        identity=fit.identity,
        expression=fit.expression,
        albedo=solved.albedo,
        light=solved.light,
        scale=metric.value,
        scale_uncertainty=metric.uncertainty,
        vertices=vertices,
        neutral_vertices=neutral,
        landmarks68=markers,
        parts=parts,
        texture=texture,
        quality=quality,
        timings=clock.seconds,
    )


def _measures(photo: Photo, points: Landmarks, solved: Solved, texture: Texture | None) -> dict[str, float]:
    fit = solved.fit
    yaw, pitch, _ = fit.camera.angles
    misfit = float(np.sqrt((fit.residual[solved.counted] ** 2).sum(axis=1).mean()))
    inside = (points.points >= 0) & (points.points <= [photo.width, photo.height])
    return {
        "presence": float(points.presence),
        "face_pixels": points.extent,
        "yaw": yaw,
        "pitch": pitch,
        "residual": 100 * misfit / points.extent,
        "inside": float(inside.all(axis=1).mean()),
        "coverage": 1.0 if texture is None else float(texture.coverage),
        **solved.measures,
    }


def _photo_warnings(photo: Photo) -> tuple[str, ...]:
    if photo.reduced > 1:
        return (f"the photo is very large and was read at 1/{photo.reduced} of its size",)
    return ()
