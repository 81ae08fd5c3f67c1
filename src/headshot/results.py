"""What a reconstruction gives: an estimate, which is small and goes to JSON and back, and a head to use.

Dimension letters: N views, V vertices, F triangles, I identity modes, E = 52 expressions, A albedo modes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, U8, Array
from headshot.errors import HeadshotError
from headshot.geometry.camera import Camera
from headshot.models.contour import landmarks68
from headshot.models.head_model import HeadModel, load_head_model
from headshot.quality import Quality
from headshot.texture import Texture

if TYPE_CHECKING:
    from headshot.image.photo import Photo
    from headshot.measurements import Measurement
    from headshot.perception.detection.detect import Face
    from headshot.perception.landmarks.mediapipe import Landmarks
    from headshot.perception.observe import FaceObservation
    from headshot.perception.segmentation import Segmentation


@dataclass(frozen=True, eq=False)
class PersonParameters:
    """What all views of a person share.

    Attributes:
        identity: (I,) coefficients in standard deviations of their prior.
        albedo: (A,) albedo coefficients in standard deviations (`headshot.models.albedo`); None when only
            landmarks were fitted.
        scale: the person's millimetres per model millimetre.
        scale_uncertainty: relative standard deviation of ``scale``, and so of every length.
    """

    identity: Array
    albedo: Array | None
    scale: float
    scale_uncertainty: float


@dataclass(frozen=True)
class PhotoInfo:
    """What is remembered of a photo.

    Attributes:
        name: file name without folders, or "photo".
        width, height: pixels, as read and upright.
        reduced: how many times smaller than the file it was read.
        focal_35mm: 35 mm-equivalent focal length in mm from EXIF; None when unknown.
    """

    name: str
    width: int
    height: int
    reduced: int
    focal_35mm: float | None


@dataclass(frozen=True, eq=False)
class ViewParameters:
    """What belongs to one view.

    Attributes:
        photo: the photo.
        camera: camera and head pose; maps the head frame, in the person's millimetres, to the photo.
        expression: (E,) ARKit weights in [0, 1].
        light: (9, 3) spherical harmonics of the photo's light, head frame (`headshot.geometry.light`); None
            when only landmarks were fitted.
        box: (4,) x0, y0, x1, y1 of the detected face, pixels.
        points: (5, 2) the detector's points, pixels.
        score: of the detector, in [0, 1].
        landmarks: (478, 2) pixels.
        presence: the landmark network's probability of a face.
        network: which network found the landmarks, "mediapipe" or "in_house".
        weight: share of the view's information that is not in other views as well, in (0, 1].
    """

    photo: PhotoInfo
    camera: Camera
    expression: Array
    light: Array | None
    box: Array
    points: Array
    score: float
    landmarks: Array
    presence: float
    network: str
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Estimate:
    """All that a head is made of, without pixels.

    Attributes:
        resolution: of the head model, "low" or "high".
        person: what all views share.
        views: one for each photo, in the order in which they were given.
        prior: what was expected of the shape, see `headshot.Settings`.
        preset: likewise.
    """

    resolution: str
    person: PersonParameters
    views: tuple[ViewParameters, ...]
    prior: str
    preset: str

    def __post_init__(self) -> None:
        if not self.views:
            raise ValueError("an estimate needs at least one view")


@dataclass(frozen=True)
class LeftOut:
    """A photo that several photos of one person were not made of.

    Attributes:
        name: of the photo.
        reason: a sentence.
        figure: what the reason rests on; None where there is none.
    """

    name: str
    reason: str
    figure: float | None = None


@dataclass(frozen=True, eq=False)
class Head:
    """A textured, animatable head.

    Lengths are the person's millimetres in the head frame: x to the subject's left, y up, z out of the face,
    origin midway between the eyes of the mean head. Arrays are read-only; `with_expression`, `with_identity`
    and `headshot.blend` make other heads.

    Attributes:
        model: the head model that was fitted, at the resolution of ``vertices``.
        estimate: what the head is made of.
        expression: (E,) ARKit weights in [0, 1] that the head shows, in the order of
            ``model.expression_names``; at first those of the main view's photo.
        texture: the UV texture, or None when none was asked for.
        quality: score, measures and warnings.
        main: number of the view whose camera, light and expression are the head's.
        observations: what networks saw in each photo, photos included; empty for heads that were loaded.
        left_out: photos that the head was not made of.
        timings: seconds by stage.
    """

    model: HeadModel
    estimate: Estimate
    expression: Array
    texture: Texture | None
    quality: Quality
    main: int = 0
    observations: tuple[FaceObservation, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        e = len(self.model.expression_names)
        if self.expression.shape != (e,):
            raise ValueError(f"expression must have shape ({e},), got {self.expression.shape}")
        if not 0 <= self.main < len(self.estimate.views):
            raise ValueError(f"there is no view {self.main} among {len(self.estimate.views)}")

    def __repr__(self) -> str:
        n = len(self.estimate.views)
        texture = "no texture" if self.texture is None else f"texture {len(self.texture.pixels)}"
        names = ", ".join(view.photo.name for view in self.estimate.views[:3]) + (", ..." if n > 3 else "")
        return (
            f"<Head of {n} photo{'s' if n > 1 else ''} ({names}): {len(self.model.mean)} vertices, "
            f"{texture}, quality {self.quality.score:.2f}>"
        )

    def __getstate__(self) -> dict[str, Any]:
        """The head without what is computed from it, and the bundled model by its name."""
        names = self.__dataclass_fields__
        state = {name: value for name, value in self.__dict__.items() if name in names}
        if self.model is load_head_model(self.model.resolution):
            state["model"] = self.model.resolution
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state["model"], str):
            state = state | {"model": load_head_model(state["model"])}
        self.__dict__.update(state)

    # --- what it is

    @property
    def person(self) -> PersonParameters:
        """What all views share."""
        return self.estimate.person

    @property
    def view(self) -> ViewParameters:
        """The main view."""
        return self.estimate.views[self.main]

    @property
    def identity(self) -> Array:
        """(I,) identity coefficients in standard deviations of their prior."""
        return self.person.identity

    @property
    def albedo(self) -> Array | None:
        """(A,) albedo coefficients in standard deviations; None when only landmarks were fitted."""
        return self.person.albedo

    @property
    def scale(self) -> float:
        """The person's millimetres per model millimetre."""
        return self.person.scale

    @property
    def scale_uncertainty(self) -> float:
        """Relative standard deviation of ``scale``, and so of every length here."""
        return self.person.scale_uncertainty

    @property
    def camera(self) -> Camera:
        """Camera and head pose of the main view; maps the head frame to its photo."""
        return self.view.camera

    @property
    def light(self) -> Array | None:
        """(9, 3) spherical harmonics of the light in the main view; None when only landmarks were fitted."""
        return self.view.light

    @property
    def blendshapes(self) -> Mapping[str, float]:
        """ARKit expression weights in [0, 1] by name; to change them, see `with_expression`."""
        names = self.model.expression_names
        return MappingProxyType({n: float(w) for n, w in zip(names, self.expression, strict=True)})

    @property
    def triangles(self) -> I32:
        """(F, 3) vertex indices, counter-clockwise seen from outside."""
        return self.model.triangles

    @cached_property
    def vertices(self) -> F32:
        """(V, 3) the head with its expression, mm."""
        return self.vertices_in(self.expression)

    @cached_property
    def neutral_vertices(self) -> F32:
        """(V, 3) the head without expression, mm."""
        return _read_only(np.float32(self.scale) * self.model.neutral(self.identity))

    def vertices_in(self, expression: ArrayLike) -> F32:
        """(V, 3) the head with expression weights (E,), mm."""
        return _read_only(np.float32(self.scale) * self.model.shape(self.identity, expression))

    @cached_property
    def landmarks68(self) -> Array:
        """(68, 3) iBUG points on ``vertices``, mm; 0-16 lie on the contour that the main view shows."""
        return _read_only(landmarks68(self.model, self.vertices, self.camera))

    def project(self, points: ArrayLike) -> Array:
        """Pixels (..., 2) of the main view's photo of points (..., 3) of the head frame, mm."""
        return self.camera.project(points)

    # --- what it was made of

    @property
    def observation(self) -> FaceObservation:
        """What networks saw in the main view's photo.

        Raises:
            HeadshotError: the head was loaded from a file, without photos.
        """
        if not self.observations:
            raise HeadshotError(
                "this head has no photo, because it was loaded from a file: reconstruct the photo again, or "
                "use head.view, which has its numbers"
            )
        return self.observations[self.main]

    @property
    def photo(self) -> Photo:
        """The main view's photo as read, upright; see `observation`."""
        return self.observation.photo

    @property
    def face(self) -> Face:
        """The detected face; see `observation`."""
        return self.observation.face

    @property
    def landmarks(self) -> Landmarks:
        """The 478 points, their presence, and the network's own scores; see `observation`."""
        return self.observation.landmarks

    @property
    def parts(self) -> Segmentation | None:
        """What the pixels of the photo show of the face; None when not asked for; see `observation`."""
        return self.observation.segmentation

    @property
    def name(self) -> str:
        """File name of the first photo."""
        return self.estimate.views[0].photo.name

    @cached_property
    def albedo_texture(self) -> Texture | None:
        """The texture with the photo's light taken out; made when it is first asked for.

        None when no texture was asked for.

        Raises:
            HeadshotError: the head was loaded from a file, without photos.
        """
        from headshot.texture import TextureSettings
        from headshot.texturing import texture_of

        if self.texture is None:
            return None
        _ = self.observation
        settings = TextureSettings(size=len(self.texture.pixels), delit=True)
        return texture_of(self.estimate, self.observations, self.model, settings)

    # --- other heads

    def with_expression(self, expression: Mapping[str, float] | ArrayLike | Head) -> Head:
        """The same person with another expression.

        Args:
            expression: weights by name, those not named being 0; or all (E,); or a head, whose expression is
                transferred.

        Raises:
            ValueError: an unknown name, another number of weights, or a weight outside of 0 to 1.
        """
        names = self.model.expression_names
        if isinstance(expression, Head):
            weights: Array = np.array([expression.blendshapes.get(name, 0.0) for name in names])
        elif isinstance(expression, Mapping):
            unknown = sorted(set(expression) - set(names))
            if unknown:
                raise ValueError(
                    f"unknown expression {', '.join(unknown)}: the names are ARKit's, such as jawOpen; "
                    "head.blendshapes lists all"
                )
            weights = np.array([float(expression.get(name, 0.0)) for name in names])
        else:
            weights = np.array(expression, np.float64)
        if weights.shape != (len(names),):
            raise ValueError(f"expected {len(names)} expression weights, got shape {weights.shape}")
        if not ((weights >= 0) & (weights <= 1)).all():
            raise ValueError("expression weights must be within 0 to 1")
        return replace(self, expression=_read_only(weights))

    def with_identity(self, identity: ArrayLike) -> Head:
        """A head of another shape, with the same expression and texture.

        Args:
            identity: (I,) coefficients in standard deviations; zeros give the mean head.

        Raises:
            ValueError: another number of coefficients, or one that is not finite.
        """
        coefficients = np.array(identity, np.float64)
        if coefficients.shape != self.identity.shape:
            raise ValueError(f"identity must have shape {self.identity.shape}, got {coefficients.shape}")
        if not np.isfinite(coefficients).all():
            raise ValueError("identity coefficients must be finite")
        person = replace(self.person, identity=_read_only(coefficients))
        return replace(self, estimate=replace(self.estimate, person=person))

    # --- uses

    def render(
        self,
        camera: Camera | None = None,
        *,
        size: int = 512,
        yaw: float = 0.0,
        pitch: float = 0.0,
        textured: bool = True,
        background: U8 | None = None,
    ) -> U8:
        """A picture (H, W, 3) uint8 sRGB of the head.

        Args:
            camera: that sees it, such as ``head.camera``; one before the whole head when None.
            size: width and height of the picture, pixels, when there is no camera.
            yaw, pitch: of the head in the picture, degrees, likewise.
            textured: with the texture, where there is one; else as clay.
            background: (H, W, 3) uint8 picture behind the head, such as ``head.photo.pixels``.

        Raises:
            ValueError: the background has another size than the camera's picture.
        """
        from headshot.render import render, view_camera

        seen = camera or view_camera(self.neutral_vertices, yaw, pitch, size)
        pixels = self.texture.pixels if textured and self.texture is not None else None
        return render(self.vertices, self.model, seen, texture=pixels, background=background)

    def _repr_png_(self) -> bytes:
        """The head from three sides, for notebooks."""
        from headshot.export.preview import turnaround_png

        return turnaround_png(self)

    def measure(self) -> Mapping[str, Measurement]:
        """Named distances on the neutral face, mm, with their uncertainty; see `headshot.measurements`."""
        from headshot.measurements import measure

        return measure(self)

    def save(
        self,
        directory: str | Path,
        formats: str | Iterable[str] | None = None,
        stem: str | None = None,
        *,
        expression: str | None = None,
        texture: str = "photo",
        texture_encoding: str = "jpeg",
        jpeg_quality: int = 92,
        morph_normals: bool = True,
    ) -> list[Path]:
        """Write the head to files (docs/reference/conventions.md); they appear complete or not at all.

        Args:
            directory: created when missing; or the name of a single file, such as "me.glb".
            formats: "glb", "obj", "ply", "json" or "png" (preview): one, several, several in one string with
                commas between, or "all"; GLB, JSON and preview when None.
            stem: file name without ending; the photo's by default.
            expression, texture, texture_encoding, jpeg_quality, morph_normals: as in
                `headshot.export.ExportSettings`.

        Returns:
            The files written.

        Raises:
            HeadshotError: an unknown format, or the directory cannot be written.
            ValueError: an unknown value of the other options.
        """
        from headshot.export import ExportSettings, save

        settings = ExportSettings(expression, texture, texture_encoding, jpeg_quality, morph_normals)
        return save(self, directory, formats, stem, settings)


def blend(a: Head, b: Head, weight: float) -> Head:
    """A head between two: shape, size, expression and texture.

    Args:
        a, b: heads of the same model and, if they have textures, texture size.
        weight: 0 gives a, 1 gives b.

    Raises:
        ValueError: a weight outside of 0 to 1, or heads that do not belong together.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must be within 0 to 1, got {weight}")
    if a.model is not b.model:
        raise ValueError(
            "the heads have other models or resolutions: reconstruct both with the same settings"
        )

    def mixed(x: Any, y: Any) -> Any:
        return (1 - weight) * x + weight * y

    albedo = None
    if a.albedo is not None and b.albedo is not None:
        albedo = mixed(a.albedo, b.albedo)
    person = PersonParameters(
        _read_only(mixed(a.identity, b.identity)),
        albedo,
        float(np.exp(mixed(np.log(a.scale), np.log(b.scale)))),
        float(mixed(a.scale_uncertainty, b.scale_uncertainty)),
    )
    texture = None
    if a.texture is not None and b.texture is not None:
        texture = _mixed_texture(a.texture, b.texture, weight)
    return replace(
        a,
        estimate=replace(a.estimate, person=person),
        expression=_read_only(mixed(a.expression, b.expression)),
        texture=texture,
    )


def _mixed_texture(a: Texture, b: Texture, weight: float) -> Texture:
    if a.pixels.shape != b.pixels.shape:
        raise ValueError(
            f"the textures have {len(a.pixels)} and {len(b.pixels)} texels a side: reconstruct both with the "
            "same settings"
        )
    pixels = (1 - weight) * a.pixels.astype(np.float32) + weight * b.pixels
    return replace(a, pixels=np.round(pixels).astype(np.uint8))


def _read_only(values: Any) -> Any:
    values.flags.writeable = False
    return values
