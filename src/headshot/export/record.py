"""JSON: what a head is made of, and every number about it (docs/reference/json-schema.md).

The person and the views, which together give the head again, are written without loss; what follows from
them, and measures, are rounded. `parse_record` reads the file back and checks every field.

Lengths are millimetres in the head frame, positions in the photo are pixels with the origin at the top left
and pixel centres at +0.5, angles are degrees. Of the photo's path only the file name is recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from headshot import assets
from headshot.arrays import Array
from headshot.errors import HeadshotError, RecordError
from headshot.export.asset import texture_kind
from headshot.export.record_checks import Field, check_numbers, check_record
from headshot.export.settings import ExportSettings, Target
from headshot.hair.worn import STEPS
from headshot.image.files import readable_name
from headshot.models.contour import landmarks68
from headshot.models.protocol import BUNDLED, fingerprint
from headshot.reading.bounds import DOCUMENT, read_bytes
from headshot.reading.complaint import reading
from headshot.reading.documents import parse_json
from headshot.version import __version__

if TYPE_CHECKING:
    from headshot.estimate import ViewParameters
    from headshot.export.origin import Origin
    from headshot.hair.worn import Hair
    from headshot.head_data import HeadData

# Readers must refuse another major version; a new minor version only adds fields.
MAJOR, MINOR = 2, 3
SCHEMA_VERSION = f"{MAJOR}.{MINOR}"
MAX_BYTES = DOCUMENT


def write(head: HeadData, target: Target) -> dict[str, bytes]:
    """The JSON, content by file name."""
    return {f"{target.stem}.json": record_json(head, target.settings, target.files, target.origin)}


def record_json(
    head: HeadData,
    settings: ExportSettings | None = None,
    files: Sequence[str] = (),
    origin: Origin | None = None,
) -> bytes:
    """The JSON file of a head.

    Raises:
        HeadshotError: a number of the head is not finite.
    """
    fields = record(head, settings, files, origin)
    try:
        text = _lines(fields, "")
    except ValueError as error:
        raise HeadshotError(
            f"the result for {head.name} holds a number that is not finite and was not written; "
            "please report this photo as a bug"
        ) from error
    return (text + "\n").encode()


def record(
    head: HeadData,
    settings: ExportSettings | None = None,
    files: Sequence[str] = (),
    origin: Origin | None = None,
) -> dict[str, Any]:
    """What the JSON says, as plain dictionaries, lists, strings and numbers.

    Args:
        head: the head.
        settings: how its meshes are written.
        files: names of the files written with it.
        origin: what the head was made from; None where that is not known.
    """
    options = settings or ExportSettings()
    quality = head.quality
    return {
        "schema_version": SCHEMA_VERSION,
        "headshot_version": __version__,
        "prior": head.estimate.prior,
        "preset": head.estimate.preset,
        "main_view": head.main,
        "model": _model(head),
        "person": {
            "identity": _exact(head.identity),
            "albedo": None if head.albedo is None else _exact(head.albedo),
            "scale": _exact(head.scale),
            "scale_uncertainty": _exact(head.scale_uncertainty),
        },
        "views": [_view(head, view) for view in head.estimate.views],
        "expression": {name: _exact(weight) for name, weight in head.blendshapes.items()},
        "hair": None if head.hair is None else _hair(head.hair),
        "left_out": [
            {"name": readable_name(out.name), "reason": readable_name(out.reason), "figure": out.figure}
            for out in head.left_out
        ],
        "quality": {
            "score": _round(quality.score, 4),
            "measures": {name: _round(value, 4) for name, value in quality.measures.items()},
            "warnings": list(quality.warnings),
        },
        "meshes": {
            "unit": "millimetre",
            "expression": options.mesh_expression,
            "texture": texture_kind(head, options),
        },
        "timings": {stage: _round(seconds, 4) for stage, seconds in head.timings.items()},
        "files": list(files),
        "source": None if origin is None else origin.to_json(),
    }


def _model(head: HeadData) -> dict[str, Any]:
    """Which model the coefficients belong to."""
    model = head.model
    fields = {
        "id": model.id,
        "resolution": model.resolution,
        "vertices": len(head.vertices),
        "triangles": len(head.triangles),
        "assets": {name: entry["sha256"] for name, entry in sorted(assets.manifest().items())},
    }
    if model.id != BUNDLED:
        fields |= {"file": model.file, "sha256": fingerprint(model)}
    return fields


def _hair(hair: Hair) -> dict[str, Any]:
    """What hair the head wears; offsets in the steps to which they are rounded."""
    return {
        "style": hair.style,
        "texture": hair.texture,
        "root": _exact(hair.colour.root),
        "tip": _exact(hair.colour.tip),
        "variation": _exact(hair.colour.variation),
        "brows": hair.brows,
        "lashes": hair.lashes,
        "face": None if hair.face_colour is None else _exact(hair.face_colour),
        "offsets": None if hair.offsets is None else np.rint(hair.offsets * STEPS).astype(int).tolist(),
        "missing": None if hair.missing is None else hair.missing.tolist(),
    }


def _view(head: HeadData, view: ViewParameters) -> dict[str, Any]:
    """What a photo shows of the person."""
    photo, camera = view.photo, view.camera
    yaw, pitch, roll = camera.angles
    points = landmarks68(head.model, head.vertices_in(view.expression), camera)
    return {
        "photo": {
            "name": re.split(r"[/\\]", readable_name(photo.name))[-1],
            "width": photo.width,
            "height": photo.height,
            "reduced": photo.reduced,
            "focal_35mm": None if photo.focal_35mm is None else _exact(photo.focal_35mm),
        },
        "face": {
            "box": _exact(view.box),
            "points": _exact(view.points),
            "score": _exact(view.score),
        },
        "landmarks": {
            "set": "mediapipe478",
            "network": view.network,
            "presence": _exact(view.presence),
            "points": _exact(view.landmarks),
        },
        "camera": {
            "width": camera.width,
            "height": camera.height,
            "focal": _exact(camera.focal),
            "centre": _exact(camera.centre),
            "rotation": _exact(camera.rotation),
            "translation": _exact(camera.translation),
            "yaw": _round(yaw, 3),
            "pitch": _round(pitch, 3),
            "roll": _round(roll, 3),
        },
        "expression": {
            name: _exact(weight)
            for name, weight in zip(head.model.expression_names, view.expression, strict=True)
        },
        "light": None if view.light is None else _exact(view.light),
        "weight": _exact(view.weight),
        "landmarks68": _known(points, 4),
        "landmarks68_projected": _known(camera.project(points), 3),
    }


def parse_record(text: str | bytes, name: str = "the JSON") -> dict[str, Any]:
    """Read a JSON file of a head, and check it.

    Args:
        text: content of the file.
        name: of the file, for messages.

    Returns:
        The same dictionaries, lists, strings and numbers as of `record`, and fields that a later minor
        version has added.

    Raises:
        RecordError: it is no such file, another major version wrote it, or a field is missing or cannot be
            what it says. The message names file and field.
    """
    if len(text) > MAX_BYTES:
        raise RecordError(f"{name} has more than {MAX_BYTES // 1_000_000} MB, too much for a head")
    with reading(name, "JSON", RecordError):
        fields = parse_json(text)
    _check_version(fields, name)
    root = Field(name, "", fields)
    check_numbers(root)
    check_record(root)
    return dict(fields)


def read_record(path: str | Path) -> dict[str, Any]:
    """Read a JSON file of a head from disk; see `parse_record`.

    Raises:
        RecordError: likewise, or there is no such file.
    """
    file = Path(path)
    with reading(file, "the JSON of a head", RecordError):
        content = read_bytes(file, MAX_BYTES)
    return parse_record(content, file.name)


def _check_version(fields: Any, name: str) -> None:
    version = fields.get("schema_version") if isinstance(fields, dict) else None
    found = re.fullmatch(r"([0-9]{1,4})\.[0-9]{1,4}", version) if isinstance(version, str) else None
    if found is None:
        raise RecordError(
            f'{name} is not a JSON file of a head: it has no "schema_version"; give the .json that '
            "`headshot reconstruct` or `head.save` wrote"
        )
    major = int(found[1])
    if major < MAJOR:
        raise RecordError(
            f"{name} was made by Headshot 0.1 (schema {version}), which rounded what a head is made of: "
            "reconstruct the photo again, or read the numbers that you need with Python's json module"
        )
    if major > MAJOR:
        raise RecordError(
            f"{name} has schema {version}, and this version of Headshot reads {MAJOR}.x: "
            "pip install --upgrade headshot"
        )


def _lines(value: Any, indent: str) -> str:
    """JSON with a field a line: fully indented it would be 2,000 lines of single numbers."""
    deeper = indent + " "
    if isinstance(value, dict) and value and len(deeper) < 4:
        entries = [f"{deeper}{json.dumps(key)}: {_lines(entry, deeper)}" for key, entry in value.items()]
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[" + ", ".join(_lines(entry, indent) for entry in value) + "]"
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _exact(value: ArrayLike) -> Any:
    """A number or nested lists of numbers, as float64; JSON holds these without loss."""
    return np.asarray(value, dtype=np.float64).tolist()


def _known(points: Array, digits: int) -> list[Any]:
    """Rounded points; null for those that a model does not define, which are NaN throughout."""
    return [None if np.isnan(point).all() else _round(point, digits) for point in points]


def _round(value: ArrayLike, digits: int) -> Any:
    """The same with so many digits after the point."""
    return np.round(np.asarray(value, dtype=np.float64), digits).tolist()
