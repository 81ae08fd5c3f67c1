"""Files of a keypoint fit: the four pictures of the paper's Figure 4, the mesh, and the coefficients."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from headshot import __version__
from headshot.apps.keypoint import FORMATS
from headshot.apps.keypoint.find import Points68
from headshot.apps.keypoint.fit import KeypointFit
from headshot.apps.keypoint.pictures import clay, paint
from headshot.arrays import U8, Array
from headshot.export.asset import HeadAsset, MorphTarget, mesh_asset
from headshot.export.atomic import write_files
from headshot.export.mark import NOTHING_KNOWN, Mark
from headshot.export.names import safe_stem
from headshot.export.registry import MESH_FORMATS, asset_contents, file_names, parse_formats
from headshot.geometry.camera import Camera
from headshot.geometry.view import Orthographic
from headshot.image.photo import Photo
from headshot.photo_colours import PhotoSurface, bake, merged, photo_surface
from headshot.render import view_camera

LABELS = ("a_input", "b_model", "c_landmarks", "d_face")  # of the four pictures
PANEL = 420  # pixels of a side of each picture
BACKDROP = (240, 240, 240)
MARGIN = 0.35  # of the face's size, around it in the pictures of the photo
LANDMARK, PARTNER, VERTEX = (255, 60, 40), (40, 120, 255), (120, 255, 140)


def save(
    fit: KeypointFit,
    photo: Photo,
    found: Points68,
    directory: str | Path,
    formats: str | Iterable[str] = FORMATS,
    stem: str | None = None,
    texture_size: int = 1024,
    mark: Mark = NOTHING_KNOWN,
) -> list[Path]:
    """Write a fit: ``STEM_a_input.png`` to ``STEM_d_face.png`` and all four in ``STEM.png``; the mesh in any
    of the formats of `headshot.export`, and ``STEM.json`` with the coefficients. ``mark``: says of which
    photo they are.

    Raises:
        HeadshotError: an unknown format.
        OutputError: the directory cannot be written, or it holds files of such names that must not be
            replaced (`headshot.export.atomic.foreign`).
    """
    chosen = parse_formats(formats, FORMATS)
    name = _stem(photo.name, stem)
    surface = photo_surface(photo.pixels, fit.view, fit.vertices, fit.model.triangles)
    files: dict[str, bytes] = {}
    meshes = [one for one in chosen if one in MESH_FORMATS]
    if meshes:
        files |= asset_contents(fitted_asset(fit, surface, texture_size), name, meshes)
    if "png" in chosen:
        panels = figure(fit, photo, found, surface)
        for label, panel in panels.items():
            files[f"{name}_{label}.png"] = _png(panel)
        files[f"{name}.png"] = _png(np.concatenate(list(panels.values()), axis=1))
    if "json" in chosen:
        files[f"{name}.json"] = json.dumps(record(fit, photo, found), indent=1, allow_nan=False).encode()
    return write_files(directory, files, mark)


def names_of_files(photo: str, formats: str | Iterable[str] = FORMATS, stem: str | None = None) -> list[str]:
    """Names of the files that `save` may write, with a texture.

    Raises:
        HeadshotError: an unknown format.
    """
    chosen, name = parse_formats(formats, FORMATS), _stem(photo, stem)
    meshes = [one for one in chosen if one in MESH_FORMATS]
    names = file_names(name, meshes) if meshes else []
    if "png" in chosen:
        names += [f"{name}_{label}.png" for label in LABELS] + [f"{name}.png"]
    return names + ([f"{name}.json"] if "json" in chosen else [])


def _stem(photo: str, stem: str | None) -> str:
    return safe_stem(photo if stem is None else stem, is_file=stem is None)


def fitted_asset(fit: KeypointFit, surface: PhotoSurface, texture_size: int = 1024) -> HeadAsset:
    """The fitted mesh with the photo's colours: a texture if the model has a layout for one.

    Blendshapes become morph targets of the head without expression, and start with the photo's weights.
    """
    model = fit.model
    texture = None
    if model.uv is not None and model.triangles_uv is not None:
        texture, _, _ = bake(merged([surface]), model.uv, model.triangles_uv, texture_size)
    neutral = fit.vertices
    morphs: tuple[MorphTarget, ...] = ()
    if model.expression_kind != "pca":
        neutral = model.shape(fit.identity, [])
        weights = [round(float(weight), 6) for weight in fit.expression]
        named = zip(model.expression_names, model.expression, weights, strict=True)
        morphs = tuple(MorphTarget(name, offsets, weight) for name, offsets, weight in named)
    return replace(
        mesh_asset(fit.vertices, model.triangles, f"{model.name}. {model.terms}".strip()),
        neutral=neutral,
        morphs=morphs,
        uv=model.uv,
        triangles_uv=model.triangles_uv,
        texture=texture,
        colours=np.round(np.clip(surface.colours, 0, 1) * 255).astype(np.uint8),
    )


def figure(fit: KeypointFit, photo: Photo, found: Points68, surface: PhotoSurface) -> dict[str, U8]:
    """The four pictures of Figure 4, each (420, 420, 3): (a) input, (b) face model, (c) detected landmarks
    and estimated vertices, (d) reconstructed 3D face."""
    crop, gain, corner = _crop(photo, fit)
    mean = fit.model.mean
    front = view_camera(mean, 0.0, 0.0, PANEL)
    side = view_camera(fit.vertices, _turned(fit), 5.0, PANEL)
    panels = (
        crop,
        clay(mean, fit.model.triangles, front),
        _overlay(crop, gain, corner, fit, found, surface),
        paint(surface, side),
    )
    return dict(zip(LABELS, panels, strict=True))


def _turned(fit: KeypointFit) -> float:
    """A yaw for the last picture: from the side that the photo shows better, away from the photo's own."""
    return -20.0 if fit.view.angles[0] <= 0 else 20.0


def _crop(photo: Photo, fit: KeypointFit) -> tuple[U8, float, Array]:
    """The face in the photo as a square picture; its scale and top-left corner in the photo."""
    pixels = fit.view.project(fit.vertices)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    side = float((high - low).max()) * (1 + MARGIN)
    corner = (low + high) / 2 - side / 2
    box = (*corner, *(corner + side))
    picture = Image.fromarray(photo.pixels).transform(
        (PANEL, PANEL), Image.Transform.EXTENT, box, Image.Resampling.BICUBIC, fillcolor=BACKDROP
    )
    return np.array(picture), PANEL / side, corner


def _overlay(
    crop: U8,
    gain: float,
    corner: Array,
    fit: KeypointFit,
    found: Points68,
    surface: PhotoSurface,
) -> U8:
    """Vertices that the photo shows (green), landmarks (red), and their partners on the surface (blue)."""
    s = 3  # drawn large and reduced, for smooth dots
    large = Image.fromarray(crop).resize((PANEL * s, PANEL * s), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(large)

    def dots(points: Array, radius: float, colour: tuple[int, int, int]) -> None:
        for x, y in (points - corner) * gain * s:
            if np.isfinite(x) and np.isfinite(y):
                draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)

    shown = fit.view.project(fit.vertices[surface.seen > 0])
    dots(shown, 0.6 * s if len(shown) < 8000 else 0.3 * s, VERTEX)
    dots(fit.view.project(fit.partners), 2.2 * s, PARTNER)
    dots(found.points, 1.8 * s, LANDMARK)
    return np.asarray(large.resize((PANEL, PANEL), Image.Resampling.BOX))


def record(fit: KeypointFit, photo: Photo, found: Points68) -> dict[str, Any]:
    """Everything about the fit that is no mesh, for the JSON file."""
    view = fit.view
    yaw, pitch, roll = view.angles
    camera: dict[str, Any] = {"rotation": _list(view.rotation)}
    if isinstance(view, Orthographic):
        camera |= {
            "kind": "orthographic",
            "origin": _list(view.origin),
            "pixels_per_mm": round(view.scale, 6),
        }
    elif isinstance(view, Camera):
        camera |= {
            "kind": "perspective",
            "focal_pixels": round(view.focal, 3),
            "centre": _list(np.array(view.centre)),
            "translation_mm": _list(view.translation),
        }
    return {
        "generator": f"Headshot {__version__}",
        "photo": {"name": photo.name, "width": photo.width, "height": photo.height},
        "model": {
            "name": fit.model.name,
            "terms": fit.model.terms,
            "vertices": len(fit.model.mean),
            "origin_mm": _list(fit.model.origin),
        },
        "frame": "millimetres, x to the subject's left, y up, z out of the face",
        "identity": _list(fit.identity),
        "expression": {
            "kind": fit.model.expression_kind,
            "coefficients": dict(zip(fit.model.expression_names, _list(fit.expression), strict=True)),
        },
        "pose": {"yaw": round(yaw, 3), "pitch": round(pitch, 3), "roll": round(roll, 3)},
        "camera": camera,
        "landmarks": {
            "finder": found.finder,
            "score": round(found.score, 4),
            "points": _list(found.points),
            "fitted": fit.landmark.tolist(),
            "partners_mm": _list(fit.partners),
        },
        "residual_pixels": round(fit.rms, 4),
        "noise_pixels": round(fit.noise, 4),
        "iterations": fit.iterations,
        "converged": fit.converged,
    }


def _list(array: Array) -> list[Any]:
    return np.round(np.asarray(array, np.float64), 6).tolist()


def _png(pixels: U8) -> bytes:
    out = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG", optimize=True)
    return out.getvalue()
