"""JSON: every number of a reconstruction (docs/json-schema.md, docs/reconstruction.schema.json).

Lengths are millimetres in the head frame, positions in the photo are pixels with the origin at the top left
and pixel centres at +0.5, angles are degrees. Of the photo's path only the file name is recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from headshot import __version__, assets
from headshot.errors import HeadshotError
from headshot.export.settings import ExportSettings

if TYPE_CHECKING:
    from headshot.export.registry import Target
    from headshot.pipeline import Reconstruction

# Readers must refuse another major version; a new minor version only adds fields.
SCHEMA_VERSION = "1.2"


def write(head: Reconstruction, target: Target) -> dict[str, bytes]:
    """The JSON, content by file name."""
    return {f"{target.stem}.json": record_json(head, target.settings, target.files)}


def record_json(
    head: Reconstruction, settings: ExportSettings | None = None, files: Sequence[str] = ()
) -> bytes:
    """The JSON file of a reconstruction.

    Raises:
        HeadshotError: a number of the reconstruction is not finite.
    """
    fields = record(head, settings, files)
    try:
        # One field a line: an indented file would be 2,000 lines of single numbers.
        lines = [
            f"{json.dumps(name)}: {json.dumps(value, allow_nan=False, ensure_ascii=False)}"
            for name, value in fields.items()
        ]
    except ValueError as error:
        raise HeadshotError(
            f"the result for {head.photo.name} holds a number that is not finite and was not written; "
            "please report this photo as a bug"
        ) from error
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def record(
    head: Reconstruction, settings: ExportSettings | None = None, files: Sequence[str] = ()
) -> dict[str, Any]:
    """What the JSON says, as plain dictionaries, lists, strings and numbers.

    Args:
        head: the reconstruction.
        settings: how its meshes are written.
        files: names of the files written with it.
    """
    options = settings or ExportSettings()
    photo, camera, quality = head.photo, head.camera, head.quality
    yaw, pitch, roll = camera.angles
    return {
        "schema_version": SCHEMA_VERSION,
        "headshot_version": __version__,
        "method": head.method,
        "photo": {
            "name": re.split(r"[/\\]", photo.name)[-1],
            "width": photo.width,
            "height": photo.height,
            "reduced": photo.reduced,
            "focal_35mm": None if photo.focal_35mm is None else _round(photo.focal_35mm, 2),
        },
        "face": {
            "box": _round(head.face.box, 2),
            "points": _round(head.face.points, 2),
            "score": _round(head.face.score, 4),
        },
        "landmarks": {
            "network": "landmarks" if head.landmarks.regression is None else "regressor",
            "presence": _round(head.landmarks.presence, 4),
            "points": _round(head.landmarks.points, 3),
        },
        "camera": {
            "width": camera.width,
            "height": camera.height,
            "focal": _round(camera.focal, 3),
            "centre": _round(camera.centre, 3),
            "rotation": _round(camera.rotation, 8),
            "translation": _round(camera.translation, 4),
            "yaw": _round(yaw, 3),
            "pitch": _round(pitch, 3),
            "roll": _round(roll, 3),
        },
        "scale": {
            "value": _round(head.scale, 6),
            "uncertainty": _round(head.scale_uncertainty, 4),
        },
        "identity": _round(head.identity, 5),
        "albedo": None if head.albedo is None else _round(head.albedo, 5),
        "light": None if head.light is None else _round(head.light, 6),
        "blendshapes": {name: _round(weight, 5) for name, weight in head.blendshapes.items()},
        "landmarks68": _round(head.landmarks68, 4),
        "landmarks68_projected": _round(head.project(head.landmarks68), 3),
        "quality": {
            "score": _round(quality.score, 4),
            "measures": {name: _round(value, 4) for name, value in quality.measures.items()},
            "warnings": list(quality.warnings),
        },
        "model": {
            "resolution": head.model.resolution,
            "vertices": len(head.vertices),
            "triangles": len(head.triangles),
        },
        "assets": {name: entry["sha256"] for name, entry in sorted(assets.manifest().items())},
        "meshes": {
            "unit": "millimetre",
            "expression": options.mesh_expression,
            "texture": None if head.texture is None else options.texture,
        },
        "timings": {stage: _round(seconds, 4) for stage, seconds in head.timings.items()},
        "files": list(files),
    }


def _round(value: ArrayLike, digits: int) -> Any:
    """A number or nested lists of numbers, as float64 with so many digits after the point."""
    return np.round(np.asarray(value, dtype=np.float64), digits).tolist()
