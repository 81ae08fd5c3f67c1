"""The data of a head: head model, estimate, texture, and what follows from them.

Dimension letters: N views, V vertices, F triangles, I identity modes, E expressions (52 of the bundled head
model), A albedo modes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot.arrays import F32, I32, U8, Array, ReadOnly, ReadOnlyDict, read_only
from headshot.errors import HeadshotError
from headshot.estimate import Estimate, LeftOut, PersonParameters, ViewParameters
from headshot.geometry.camera import Camera
from headshot.geometry.cards import Cards
from headshot.hair.cards import WornCards, worn_cards
from headshot.hair.worn import Hair
from headshot.models.contour import landmarks68
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.protocol import BUNDLED, FaceModel
from headshot.quality import Quality
from headshot.texture import Texture

if TYPE_CHECKING:
    from headshot.image.photo import Photo
    from headshot.perception.detection.detect import Face
    from headshot.perception.landmarks.mediapipe import Landmarks
    from headshot.perception.observe import FaceObservation
    from headshot.perception.segmentation import Segmentation


@dataclass(frozen=True, eq=False, repr=False)
class HeadData(ReadOnly):
    """What a head is made of, and what follows from that.

    What writes and draws heads knows no more of them. `headshot.Head` can be edited and used besides.

    Lengths are the person's millimetres in the head frame: x to the subject's left, y up, z out of the face,
    origin midway between the eyes of the mean head. Arrays are read-only.

    Attributes:
        model: the head model that was fitted, at the resolution of ``vertices``.
        estimate: what the head is made of.
        expression: (E,) what the head shows, in the order of ``model.expression_names``, of the bundled
            model ARKit weights in [0, 1]; at first that of the main view's photo.
        texture: the UV texture, or None when none was asked for or the model has no layout for one.
        quality: score, measures and warnings.
        main: number of the view whose camera, light and expression are the head's.
        observations: what networks saw in each photo, photos included; empty for heads that were loaded.
        left_out: photos that the head was not made of.
        timings: seconds by stage.
        colours: (V, 3) uint8 sRGB of the vertices, of heads of other models than the bundled one; None
            likewise.
        without_light: the texture without the photos' light, or the estimate with which the photos are
            sampled when it is asked for; None where that cannot be done.
        hair: what it wears; None for none. Of the bundled model alone, to which styles are bound.
    """

    model: FaceModel
    estimate: Estimate
    expression: Array
    texture: Texture | None
    quality: Quality
    main: int = 0
    observations: tuple[FaceObservation, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    colours: U8 | None = None
    without_light: Texture | Estimate | None = None
    hair: Hair | None = None

    def __post_init__(self) -> None:
        for name, value, kind in (
            ("estimate", self.estimate, Estimate),
            ("quality", self.quality, Quality),
            ("texture", self.texture, Texture | None),
            ("without_light", self.without_light, Texture | Estimate | None),
            ("hair", self.hair, Hair | None),
        ):
            if not isinstance(value, kind):
                raise TypeError(f"{name} must be {kind}, got {value!r}")
        object.__setattr__(self, "expression", np.array(self.expression, np.float64))
        super().__post_init__()
        if not 0 <= self.main < len(self.estimate.views):
            raise ValueError(f"there is no view {self.main} among {len(self.estimate.views)}")
        if self.hair is not None and self.model.id != BUNDLED:
            raise ValueError(
                f"hair is bound to the bundled head model, and this head is one of {self.model.id}"
            )
        # Whoever replaces one of these must replace what it goes with.
        if self.estimate.resolution != self.model.resolution:
            raise ValueError(
                f"the estimate is of resolution {self.estimate.resolution!r}, and the head model of "
                f"{self.model.resolution!r}"
            )
        i, e, v = len(self.model.identity), len(self.model.expression_names), len(self.model.mean)
        shapes: list[tuple[str, NDArray[Any], tuple[int, ...]]]
        shapes = [("expression", self.expression, (e,)), ("identity", self.identity, (i,))]
        shapes += [(f"expression of view {n}", x.expression, (e,)) for n, x in enumerate(self.estimate.views)]
        if self.colours is not None:
            shapes.append(("colours", self.colours, (v, 3)))
        for name, values, expected in shapes:
            if values.shape != expected:
                raise ValueError(f"{name} must have shape {expected}, got {values.shape}")
            if not np.isfinite(values).all():
                raise ValueError(f"{name} must be finite")
        allowed = self.model.expression_prior
        if not ((self.expression >= allowed.low) & (self.expression <= allowed.high)).all():
            low, high = allowed.low.min(initial=0), allowed.high.max(initial=1)
            raise ValueError(f"expression weights must be within {low:g} to {high:g}")

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
        if self.model.id == BUNDLED and self.model is load_head_model(self.model.resolution):
            state["model"] = self.model.resolution
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state["model"], str):
            state = state | {"model": load_head_model(state["model"])}
        super().__setstate__(state)

    # --- what it is

    @property
    def bundled(self) -> HeadModel:
        """``model``, which must be the bundled head model, with its regions, parts and landmarks.

        Raises:
            HeadshotError: another model was fitted.
        """
        if not isinstance(self.model, HeadModel):
            raise HeadshotError(
                f"this needs a head of the bundled model, and this head is one of {self.model.id}: "
                "reconstruct the photo without another model"
            )
        return self.model

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
        """Relative standard deviation of ``scale``; distances err with the shape besides."""
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
        """Expression by name, of the bundled model ARKit weights in [0, 1]."""
        names = self.model.expression_names
        weights = {n: float(w) for n, w in zip(names, self.expression, strict=True)}
        return ReadOnlyDict(weights, "head.with_expression({...}) makes another head")

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
        return read_only(np.float32(self.scale) * self.model.neutral(self.identity))

    @cached_property
    def worn(self) -> tuple[WornCards, ...]:
        """Its hair on the head without expression; empty without any."""
        if self.hair is None:
            return ()
        return worn_cards(self.hair, self.bundled, self.neutral_vertices)

    @property
    def cards(self) -> tuple[Cards, ...]:
        """Its hair on ``vertices``."""
        moved = self.vertices - self.neutral_vertices
        return tuple(worn.on(moved, self.triangles) for worn in self.worn)

    @cached_property
    def extent(self) -> F32:
        """(N, 3) vertices of the neutral head and of its hair, mm: what a picture of all of it must show."""
        still = np.zeros_like(self.neutral_vertices)
        hair = [worn.on(still, self.triangles).vertices for worn in self.worn]
        return read_only(np.concatenate([self.neutral_vertices, *hair]))

    def vertices_in(self, expression: ArrayLike) -> F32:
        """(V, 3) the head with an expression (E,), mm."""
        return read_only(np.float32(self.scale) * self.model.shape(self.identity, expression))

    @cached_property
    def landmarks68(self) -> Array:
        """(68, 3) iBUG points on ``vertices``, mm; 0-16 lie on the contour that the main view shows.

        Of other models than the bundled one those are NaN that the model does not fix on the skin.
        """
        return read_only(landmarks68(self.model, self.vertices, self.camera))

    @property
    def painted(self) -> tuple[U8 | None, U8 | None]:
        """Its texture (T, T, 3) and colours of its vertices (V, 3): one of the two, or neither."""
        if self.texture is not None:
            return self.texture.pixels, None
        return None, self.colours

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

    @property
    def has_albedo_texture(self) -> bool:
        """Whether there is an `albedo_texture`."""
        return self.texture is not None and (self.texture.delit or self.without_light is not None)

    @cached_property
    def albedo_texture(self) -> Texture | None:
        """The texture with the photo's light taken out; made when it is first asked for.

        None when neither a texture nor colours were asked for.

        Raises:
            HeadshotError: the head was loaded from a file, without photos; or another model was fitted; or it
                is a blend with such a head.
        """
        from headshot.texture import TextureSettings
        from headshot.texturing import texture_of, with_roots

        if self.texture is None and self.colours is None:
            return None
        if self.texture is not None and self.texture.delit:
            return self.texture
        if isinstance(self.without_light, Texture):
            return self.without_light
        model, _ = self.bundled, self.observation
        if self.without_light is None:
            raise HeadshotError(
                "this head has no texture without light: blend heads that both have one, as those made of "
                "photos do"
            )
        assert self.texture is not None, "heads of the bundled model have textures, not colours of vertices"
        settings = TextureSettings(size=len(self.texture.pixels), delit=True)
        estimate, seen = self.without_light, self.observations
        made = texture_of(estimate, seen, model, settings, self.texture.samples)
        return made if self.hair is None else with_roots(made, self.hair, estimate, seen, model)
