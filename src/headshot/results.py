"""What a reconstruction gives: a head to edit, render, measure and save."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import U8, Array
from headshot.checked import checked
from headshot.estimate import Estimate, LeftOut, PersonParameters, PhotoInfo, ViewParameters
from headshot.geometry.camera import Camera
from headshot.hair.worn import Hair, HairColour
from headshot.head_data import HeadData
from headshot.texture import Texture

if TYPE_CHECKING:
    from headshot.geometry.environment import Environment
    from headshot.measurements import Measurement

LARGEST_PICTURE = 8192
"""Pixels of a side of `Head.render`, at most."""
_BEHIND = 40
"""Grey level behind a head in a light of its own."""

# Pickles of the first heads name the parts of an estimate as of this module.
__all__ = ["Estimate", "Head", "LeftOut", "PersonParameters", "PhotoInfo", "ViewParameters", "blend"]


@dataclass(frozen=True, eq=False, repr=False)
class Head(HeadData):
    """A textured, animatable head.

    Its attributes are those of `HeadData`. Arrays are read-only; `with_expression`,
    `with_identity`, `with_hair` and `headshot.blend` make other heads.
    """

    # --- other heads

    def with_expression(self, expression: Mapping[str, float] | ArrayLike | Head) -> Head:
        """The same person with another expression.

        Args:
            expression: weights by name, those not named being 0; or all (E,); or a head, whose expression is
                transferred.

        Raises:
            ValueError: an unknown name, another number of weights, or a weight outside of its bounds: 0 to 1
                for ARKit's.
        """
        names = self.model.expression_names
        if isinstance(expression, Head):
            weights: Array = np.array([expression.blendshapes.get(name, 0.0) for name in names])
        elif isinstance(expression, Mapping):
            unknown = sorted(map(str, set(expression) - set(names)))
            if unknown:
                raise ValueError(
                    f"unknown expression {', '.join(unknown)}: the names are the model's, of the bundled one "
                    "ARKit's, such as jawOpen; head.blendshapes lists all"
                )
            weights = _numbers([expression.get(name, 0.0) for name in names], "expression weights")
        else:
            weights = _numbers(expression, "expression weights, or weights by name,")
        if weights.shape != (len(names),):
            raise ValueError(f"expected {len(names)} expression weights, got shape {weights.shape}")
        return replace(self, expression=weights)

    def with_identity(self, identity: ArrayLike) -> Head:
        """A head of another shape, with the same expression and texture.

        Args:
            identity: (I,) coefficients in standard deviations; zeros give the mean head.

        Raises:
            ValueError: another number of coefficients, or one that is not finite.
        """
        coefficients = _numbers(identity, "identity coefficients")
        if coefficients.shape != self.identity.shape:
            raise ValueError(f"identity must have shape {self.identity.shape}, got {coefficients.shape}")
        if not np.isfinite(coefficients).all():
            raise ValueError("identity coefficients must be finite")
        person = replace(self.person, identity=coefficients)
        return replace(self, estimate=replace(self.estimate, person=person))

    def with_hair(self, hair: Hair | str | None) -> Head:
        """The same person with other hair.

        Args:
            hair: what to wear, or a style of `headshot.hair.styles.load_styles` by name, in the colour of the
                present hair, with its brows or those most like the painted ones; None for none.

        Raises:
            ValueError: an unknown style, or a head of another model than the bundled one.
        """
        if isinstance(hair, str):
            colour = HairColour() if self.hair is None else self.hair.colour
            brows = None if self.hair is None else self.hair.brows
            if self.hair is None and self.texture is not None:
                from headshot.hair.painted import brows_like

                brows = brows_like(self.texture.pixels, self.bundled)
            hair = Hair(hair, colour, brows=brows)
        return replace(self, hair=hair)

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
        light: Environment | str | None = None,
    ) -> U8:
        """A picture (H, W, 3) uint8 sRGB of the head.

        Args:
            camera: that sees it, such as ``head.camera``; one before the whole head and its hair when None.
            size: width and height of the picture, pixels, up to 8192, when there is no camera.
            yaw, pitch: of the head in the picture, degrees, likewise.
            textured: with the texture or the colours of the vertices, where there are any, and hair; else as
                clay.
            background: (H, W, 3) uint8 picture behind the head, such as ``head.photo.pixels``.
            light: None for the soft light of previews, without shadows; else an
                `headshot.geometry.environment.Environment`, or one of its presets by name ("studio", "side",
                "top"), which lights the skin without the photo's light, with highlights and cast shadows
                (`headshot.relight`). Takes seconds.

        Raises:
            ValueError: the background has another size than the camera's picture; a camera and what has no
                effect beside it; an unknown light; or a value of another type.
            HeadshotError: a light, and a head whose texture has the photo's light in it, as those loaded
                without their GLB.
        """
        from headshot.render import render, view_camera

        checked(Camera | None, camera, "camera")
        checked(bool, textured, "textured")
        if camera is not None and (size, yaw, pitch) != (512, 0.0, 0.0):
            raise ValueError("size, yaw and pitch have no effect with a camera: leave them or it out")
        if not 1 <= checked(int, size, "size") <= LARGEST_PICTURE:
            raise ValueError(f"size must be within 1 to {LARGEST_PICTURE}, got {size}")
        if not np.isfinite([checked(float, yaw, "yaw"), checked(float, pitch, "pitch")]).all():
            raise ValueError(f"yaw and pitch must be finite, got {yaw} and {pitch}")
        seen = camera or view_camera(self.extent, yaw, pitch, size)
        if light is not None:
            return self._in_light(seen, light, textured, background)
        pixels, colours = self.painted if textured else (None, None)
        return render(
            self.vertices,
            self.model,
            seen,
            texture=pixels,
            colours=colours,
            background=background,
            cards=self.cards if textured else (),
        )

    def _in_light(
        self, camera: Camera, light: Environment | str, textured: bool, background: U8 | None
    ) -> U8:
        from headshot.geometry.environment import PRESETS, Environment
        from headshot.relight import relit

        if isinstance(light, str):
            if light not in PRESETS:
                raise ValueError(f"there is no light {light!r}: give one of {', '.join(PRESETS)}")
            light = PRESETS[light]()
        checked(Environment, light, "light")
        texture = self.albedo_texture if textured else None
        if background is None:
            background = np.full((camera.height, camera.width, 3), _BEHIND, np.uint8)
        return relit(
            self.vertices,
            self.model,
            camera,
            light,
            texture=None if texture is None else texture.pixels,
            background=background,
            cards=self.cards if textured else (),
        )

    def _repr_png_(self) -> bytes:
        """The head from three sides, for notebooks."""
        from headshot.export.preview import turnaround_png

        return turnaround_png(self)

    def measure(self) -> Mapping[str, Measurement]:
        """Named distances on the neutral face, mm, with their uncertainty; see `headshot.measurements`.

        Of other models than the bundled one, those whose ends the model defines.

        Raises:
            HeadshotError: it defines none of them.
        """
        from headshot.measurements import measure

        yaw = min(abs(view.camera.angles[0]) for view in self.estimate.views)
        return measure(self.model, self.neutral_vertices, self.scale, self.scale_uncertainty, yaw)

    def save(
        self,
        directory: str | Path,
        formats: str | Iterable[str] | None = None,
        stem: str | None = None,
        *,
        preset: str | None = None,
        expression: str | None = None,
        texture: str | None = None,
        texture_encoding: str | None = None,
        jpeg_quality: int | None = None,
        photo_variant: bool | None = None,
        morph_normals: bool | None = None,
        sparse: bool | None = None,
        quantised: bool | None = None,
        unit: str | None = None,
        visemes: bool | None = None,
        bones: bool | None = None,
        level: int | None = None,
    ) -> list[Path]:
        """Write the head to files (docs/reference/conventions.md); they appear complete or not at all.

        Args:
            directory: created when missing; or the name of a single file, such as "me.glb".
            formats: "glb", "obj", "ply", "json", "png" (preview) or others of `headshot.export.FORMATS`: one,
                several, several in one string with commas between, or "all"; those of the preset when None,
                and GLB, JSON and preview without one.
            stem: file name without ending; the photo's by default.
            preset: "web", "unity" or another of `headshot.export.PRESETS`: formats and settings for a place
                where heads go (docs/how-to/presets.md).
            expression, texture, texture_encoding, jpeg_quality, photo_variant: as in
                `headshot.export.ExportSettings`; when None, as the preset says, and the defaults there
                without one.
            morph_normals, sparse, quantised, unit, visemes, bones, level: likewise.

        Returns:
            The files written.

        Raises:
            HeadshotError: an unknown format or preset, or the directory cannot be written.
            ValueError: an unknown value of the other options.
        """
        from headshot.export import is_single_file, preset_settings, save

        checked(str | None, stem, "stem")
        usual, settings = preset_settings(
            checked(str | None, preset, "preset"),
            expression=expression,
            texture=texture,
            texture_encoding=texture_encoding,
            jpeg_quality=jpeg_quality,
            photo_variant=photo_variant,
            morph_normals=morph_normals,
            sparse=sparse,
            quantised=quantised,
            unit=unit,
            visemes=visemes,
            bones=bones,
            level=level,
        )
        single = formats is None and is_single_file(directory)
        return save(self, directory, usual if formats is None and not single else formats, stem, settings)


def _numbers(values: Any, what: str) -> Array:
    try:
        return np.array(values, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} must be numbers, got {values!r:.80}") from error


def blend(a: Head, b: Head, weight: float) -> Head:
    """A head between two: shape, size, expression and texture.

    Args:
        a, b: heads of the same model and, if they have textures, texture size.
        weight: 0 gives a, 1 gives b.

    Raises:
        ValueError: a weight outside of 0 to 1, or heads that do not belong together.
    """
    checked(Head, a, "a")
    checked(Head, b, "b")
    if not 0 <= checked(float, weight, "weight") <= 1:
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
        mixed(a.identity, b.identity),
        albedo,
        float(np.exp(mixed(np.log(a.scale), np.log(b.scale)))),
        float(mixed(a.scale_uncertainty, b.scale_uncertainty)),
    )
    texture = without_light = None
    if a.texture is not None and b.texture is not None:
        texture = _mixed_texture(a.texture, b.texture, weight)
        if a.has_albedo_texture and b.has_albedo_texture:
            assert a.albedo_texture is not None and b.albedo_texture is not None
            without_light = _mixed_texture(a.albedo_texture, b.albedo_texture, weight)
    colours = None
    if a.colours is not None and b.colours is not None:
        colours = np.round(mixed(a.colours.astype(np.float32), b.colours)).astype(np.uint8)
    return replace(
        a,
        estimate=replace(a.estimate, person=person),
        expression=mixed(a.expression, b.expression),
        texture=texture,
        colours=colours,
        without_light=without_light,
    )


def _mixed_texture(a: Texture, b: Texture, weight: float) -> Texture:
    if a.pixels.shape != b.pixels.shape:
        raise ValueError(
            f"the textures have {len(a.pixels)} and {len(b.pixels)} texels a side: reconstruct both with the "
            "same settings"
        )
    pixels = (1 - weight) * a.pixels.astype(np.float32) + weight * b.pixels
    return replace(a, pixels=np.round(pixels).astype(np.uint8), delit=a.delit and b.delit)
