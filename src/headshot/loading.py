"""Saved heads come back: the JSON, and the texture from the files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from headshot import assets
from headshot.arrays import U8, Array, read_only
from headshot.errors import HeadshotError, RecordError
from headshot.estimate import Estimate, LeftOut, PersonParameters, PhotoInfo, ViewParameters
from headshot.export.glb import SURFACE
from headshot.export.glb_cards import STRANDS
from headshot.export.record import read_record
from headshot.export.registry import FORMATS
from headshot.geometry.camera import Camera
from headshot.hair.worn import STEPS, Hair, HairColour
from headshot.image.formats import JPEG, PNG, WEBP, open_one_of
from headshot.models.head_model import ASSET, load_head_model
from headshot.models.protocol import BUNDLED, FaceModel, fingerprint
from headshot.models.readers import read_model
from headshot.quality import Quality
from headshot.reading.bounds import read_bytes
from headshot.reading.complaint import reading
from headshot.reading.glb import item, open_glb, view_of
from headshot.results import Head
from headshot.texture import Texture
from headshot.texture.make import COMPLETED

_LARGEST_TEXTURE = 4096  # texels a side
_LARGEST_FILE = 200_000_000  # bytes
_BESIDE = {ending for entry in FORMATS.values() for ending in entry.endings} - {".json"}
_AGAIN = "save the head again"


def load(path: str | Path, model: str | Path | FaceModel | None = None) -> Head:
    """A head that `Head.save` or ``headshot reconstruct`` wrote.

    Args:
        path: its JSON; the texture is read from the OBJ's PNG, the GLB or the VRM beside it, where one is.
            Colours of vertices, of models without a layout for a texture, are not read back.
        model: of heads of another model than the bundled one that model, or its file.

    Returns:
        The head, without its photos: what needs them, such as ``head.photo``, raises a `HeadshotError`.

    Raises:
        RecordError: the file is no such JSON, or was made with another version or head model.
        ModelFormatError: the model cannot be read.
        HeadshotError: a texture beside it is damaged.
    """
    file = Path(path)
    if file.suffix.lower() in _BESIDE:
        raise RecordError(
            f"{file} is no JSON: heads are loaded from {file.stem}.json, which is written beside it"
        )
    fields = read_record(file)
    found = _model(fields, file.name, model)
    estimate = _estimate(fields, found, file.name)
    quality = fields["quality"]
    coverage = quality["measures"].get("coverage", 1.0)
    photographed, albedo = (
        None if pixels is None else _as_texture(pixels, coverage, delit)
        for pixels, delit in zip(_textures(file, fields), (False, True), strict=True)
    )
    main = fields["main_view"]
    return Head(
        found,
        estimate,
        _expression(fields["expression"], found, file.name),
        photographed or albedo,
        Quality(quality["score"], dict(quality["measures"]), tuple(quality["warnings"])),
        main,
        left_out=tuple(LeftOut(out["name"], out["reason"], out["figure"]) for out in fields["left_out"]),
        timings=dict(fields["timings"]),
        without_light=albedo,
        hair=_hair(fields.get("hair"), file.name),
    )


def _model(fields: dict[str, Any], name: str, given: str | Path | FaceModel | None) -> FaceModel:
    found = fields["model"]
    if found["id"] != BUNDLED:
        return _other_model(found, name, given)
    if given is not None and given != BUNDLED and getattr(given, "id", None) != BUNDLED:
        raise RecordError(f"{name} is of the bundled head model: leave out model=")
    ours = assets.manifest()[ASSET]["sha256"]
    if found["assets"].get(ASSET) != ours:
        raise RecordError(
            f"{name} was made with another version of the head model, whose coefficients mean other shapes: "
            f"use Headshot {fields['headshot_version']}, or reconstruct the photo again"
        )
    if found["resolution"] not in ("low", "high"):
        raise RecordError(f"{name}: model.resolution must be low or high, got {found['resolution']!r}")
    return load_head_model(found["resolution"])


def _other_model(found: dict[str, Any], name: str, given: str | Path | FaceModel | None) -> FaceModel:
    """The model that was given, if it is the head's."""
    what = f"the head model {found['id']!r}" + (f" ({found['file']})" if found["file"] else "")
    if given is None:
        raise RecordError(f"{name} is of {what}, which does not ship with Headshot: load(..., model=FILE)")
    model = read_model(given) if isinstance(given, (str, Path)) else given
    if fingerprint(model) != found["sha256"]:
        raise RecordError(
            f"{name} is of {what}, and {model.id!r} has other coefficients: give the file that the head was "
            "made with"
        )
    return model


def _estimate(fields: dict[str, Any], model: FaceModel, name: str) -> Estimate:
    person = fields["person"]
    identity = _array(person["identity"])
    if identity.shape != (len(model.identity),):
        raise RecordError(f"{name}: person.identity must have {len(model.identity)} numbers")
    albedo = None if person["albedo"] is None else _array(person["albedo"])
    return Estimate(
        model.resolution,
        PersonParameters(identity, albedo, person["scale"], person["scale_uncertainty"]),
        tuple(_view(view, model, name) for view in fields["views"]),
        fields["prior"],
        fields["preset"],
    )


def _view(view: dict[str, Any], model: FaceModel, name: str) -> ViewParameters:
    photo, camera, face, landmarks = view["photo"], view["camera"], view["face"], view["landmarks"]
    return ViewParameters(
        photo=PhotoInfo(
            photo["name"], photo["width"], photo["height"], photo["reduced"], photo["focal_35mm"]
        ),
        camera=Camera(
            camera["width"], camera["height"], camera["focal"], tuple(camera["centre"]),
            _array(camera["rotation"]), _array(camera["translation"]),
        ),
        expression=_expression(view["expression"], model, name),
        light=None if view["light"] is None else _array(view["light"]),
        box=_array(face["box"]),
        points=_array(face["points"]),
        score=face["score"],
        landmarks=_array(landmarks["points"]),
        presence=landmarks["presence"],
        network=landmarks["network"],
        weight=view["weight"],
    )  # fmt: skip


def _hair(hair: dict[str, Any] | None, name: str) -> Hair | None:
    if hair is None:
        return None
    offsets = None if hair["offsets"] is None else np.array(hair["offsets"], np.float32) / np.float32(STEPS)
    try:
        colour = HairColour(hair["root"], hair["tip"], hair["variation"])
        missing = None if hair["missing"] is None else np.array(hair["missing"], np.int32)
        face = hair["brows"], hair["lashes"], hair["face"]
        return Hair(hair["style"], colour, offsets, hair["texture"], *face, missing)
    except ValueError as error:
        raise RecordError(f"{name}: {error}") from error


def _expression(weights: dict[str, float], model: FaceModel, name: str) -> Array:
    if set(weights) != set(model.expression_names):
        what = "ARKit" if model.id == BUNDLED else model.id
        raise RecordError(f"{name}: expressions must be the {len(model.expression_names)} of {what}")
    return _array([weights[expression] for expression in model.expression_names])


def _array(values: Any) -> Array:
    return read_only(np.array(values, np.float64))


def _textures(file: Path, fields: dict[str, Any]) -> tuple[U8 | None, U8 | None]:
    """The textures as photographed and without light, from the files beside the JSON; None for what was not
    written or is not there any more. Those of an OBJ are exact, those of a GLB or VRM mostly JPEGs."""
    kind = fields["meshes"]["texture"]
    base = photographed = None
    container = False  # read already: levels of detail repeat what the first GLB has
    if kind is not None:
        for name in fields["files"]:
            beside = file.parent / name
            if not beside.is_file():
                continue
            if name.endswith("_texture.png"):
                base = _picture(_content(beside), beside)
            elif name.endswith((".glb", ".vrm")) and not container:
                container = True
                first, second = _glb_pictures(_content(beside), beside)
                base = _picture(first, beside) if base is None else base
                photographed = None if second is None else _picture(second, beside)
    return (photographed, base) if kind == "albedo" else (base, None)


def _content(file: Path) -> bytes:
    with reading(file, "a texture", HeadshotError):
        return read_bytes(file, _LARGEST_FILE)


def _picture(content: bytes, file: Path) -> U8:
    with (
        reading(file, "a texture", HeadshotError, _AGAIN, (SyntaxError,)),
        open_one_of((PNG, JPEG, WEBP), content) as image,
    ):
        if image.width != image.height or image.width > _LARGEST_TEXTURE:
            raise HeadshotError(
                f"the texture of {file} has {image.width} x {image.height} texels; expected a square of "
                f"at most {_LARGEST_TEXTURE}"
            )
        return np.ascontiguousarray(image.convert("RGB"))


def _glb_pictures(content: bytes, file: Path) -> tuple[bytes, bytes | None]:
    """The first picture in a GLB, and the one as photographed where it is another."""
    with reading(file, "a GLB", HeadshotError, _AGAIN):
        document, binary = open_glb(content)
        images = document["images"]
        entries = [item(images, k) for k in range(len(images))]
        found = [
            bytes(view_of(document, binary, entry["bufferView"]))
            for entry in entries
            if entry.get("name") not in (STRANDS, SURFACE)
        ]
        return found[0], found[1] if len(found) > 1 else None


def _as_texture(pixels: U8, coverage: float, delit: bool) -> Texture:
    shape = pixels.shape[:2]
    hidden = np.full(shape, COMPLETED, np.uint8)
    return Texture(pixels, np.zeros(shape, np.float32), hidden, coverage, delit)
