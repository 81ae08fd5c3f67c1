"""What is written of a head: a mesh with named parts, morph targets, materials and colours.

`asset_of` makes a `HeadAsset` of a reconstructed head, `mesh_asset` of any triangle mesh. The writers of
meshes (`headshot.export.glb`, `headshot.export.obj`, `headshot.export.ply`) know nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32, I32, U8, Index, ReadOnly
from headshot.export.settings import ExportSettings
from headshot.geometry.cards import Cards
from headshot.models.neck import neck_rim
from headshot.models.protocol import BUNDLED

if TYPE_CHECKING:
    from headshot.head_data import HeadData
    from headshot.models.bones import Bones
    from headshot.models.protocol import FaceModel


@dataclass(frozen=True)
class Material:
    """A surface in the terms of glTF's metallic-roughness model (section 3.9.2); none is metallic.

    Attributes:
        name: of the material in files.
        roughness: 0 (a mirror) to 1 (matte).
        colour: base colour, linear RGB in [0, 1], of assets without texture and colours.
        double_sided: can be seen from behind.
        ior: index of refraction (KHR_materials_ior).
        specular: share of what it reflects (KHR_materials_specular).
    """

    name: str
    roughness: float
    colour: tuple[float, float, float]
    double_sided: bool = False
    ior: float = 1.5
    specular: float = 1.0

    def __post_init__(self) -> None:
        numbers = (self.roughness, *self.colour, self.specular)
        if len(self.colour) != 3 or not all(0 <= number <= 1 for number in numbers):
            raise ValueError(
                f"material {self.name!r}: roughness, three colours and specular must be within 0 to 1, got "
                f"{numbers}"
            )


# Chosen by eye, as matte or wet as these surfaces are.
# Skin and tears bend light as water with salts and fats in it does: 1.4, where glTF's own 1.5 is of plastics.
SKIN = Material("Skin", 0.65, (0.56, 0.42, 0.36), ior=1.4, specular=0.8)
MOUTH = Material("Mouth", 0.7, (0.35, 0.12, 0.11))
TEETH = Material("Teeth", 0.3, (0.75, 0.70, 0.62))
EYE = Material("Eye", 0.15, (0.66, 0.65, 0.64), ior=1.4)
# Of meshes that may be open anywhere.
PLAIN = Material("Face", 0.8, (0.56, 0.42, 0.36), double_sided=True)

# Name of a part in files -> its parts of the head model, and its material.
HEAD_PARTS: dict[str, tuple[tuple[str, ...], Material]] = {
    "Face": (("skin",), SKIN),
    "Mouth": (("mouth",), MOUTH),
    "Teeth": (("teeth_upper", "teeth_lower"), TEETH),
    "Tongue": (("tongue",), MOUTH),
    "EyeLeft": (("eye_left",), EYE),
    "EyeRight": (("eye_right",), EYE),
}


@dataclass(frozen=True)
class Part:
    """A named piece of a mesh.

    Attributes:
        name: of the node in a GLB and the group in an OBJ.
        ranges: (first, last + 1) of its triangles, one or several times.
        material: of its surface.
    """

    name: str
    ranges: tuple[tuple[int, int], ...]
    material: Material


@dataclass(frozen=True, eq=False, repr=False)
class MorphTarget(ReadOnly):
    """How a mesh changes with an expression.

    Attributes:
        name: of the expression.
        offsets: (V, 3) mm at weight 1, from the neutral vertices.
        weight: with which a file starts.
    """

    name: str
    offsets: F32
    weight: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class Attachment(ReadOnly):
    """Cards that hang on a head: hair, brows, lashes.

    Attributes:
        cards: as they lie on ``neutral`` of the asset.
        vertices: (P, 3) mm, as they lie on ``vertices`` of the asset.
        offsets: (M, P, 3) mm, for each morph target of the asset at weight 1.
    """

    cards: Cards
    vertices: F32
    offsets: F32


@dataclass(frozen=True, eq=False, repr=False)
class HeadAsset(ReadOnly):
    """A mesh as files hold it: millimetres, x to the subject's left, y up, z out of the face.

    Dimension letters: V vertices, F triangles, T texture coordinates.

    Attributes:
        neutral: (V, 3) mm, the vertices that the morph targets start from.
        vertices: (V, 3) mm, what formats show that cannot be animated.
        triangles: (F, 3) vertex indices, counter-clockwise seen from outside.
        parts: named pieces; together they hold each triangle that is to be written.
        name: of the whole.
        morphs: morph targets, the same for all parts.
        uv: (T, 2) texture coordinates in [0, 1], origin at the top left, or None.
        triangles_uv: (F, 3) indices into ``uv``; None without it.
        texture: (H, W, 3) uint8 sRGB, or None.
        photographed: the same with the light of the photo, beside a texture without; or None.
        colours: (V, 3) uint8 sRGB, or None.
        comment: a line about source and terms, written into each file; may be empty.
        extras: what a format that has room for it says of the head, as JSON holds it.
        neck: (K,) vertices of the border at which the first part is cut off below, in the order in which its
            triangles pass them. Formats whose surfaces have one side close it (`headshot.export.neck`).
        attachments: what hangs on the head.
        surface: (H, W, 3) uint8 of the first part, in the layout of the texture: occlusion, roughness as a
            share of its material's, and 0 (`headshot.export.surface`); or None.
        bones: what turns the mesh beside its morph targets, or None. They leave the mesh as it is.

    Raises:
        ValueError: arrays that do not fit together, or numbers that are not finite.
    """

    neutral: F32
    vertices: F32
    triangles: I32
    parts: tuple[Part, ...]
    name: str = "Head"
    morphs: tuple[MorphTarget, ...] = ()
    uv: F32 | None = None
    triangles_uv: I32 | None = None
    texture: U8 | None = None
    photographed: U8 | None = None
    colours: U8 | None = None
    comment: str = ""
    extras: dict[str, Any] = field(default_factory=dict)
    neck: Index | None = None
    attachments: tuple[Attachment, ...] = ()
    surface: U8 | None = None
    bones: Bones | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        count, faces = len(self.vertices), len(self.triangles)
        _check_shape("vertices", self.vertices, (count, 3))
        _check_shape("neutral", self.neutral, (count, 3))
        _check_shape("triangles", self.triangles, (faces, 3))
        _check_indices("triangles", self.triangles, count)
        for morph in self.morphs:
            _check_shape(f"morph target {morph.name!r}", morph.offsets, (count, 3))
        if self.colours is not None:
            _check_shape("colours", self.colours, (count, 3))
        if self.bones is not None:
            _check_shape("weights of bones", self.bones.weights, (count, len(self.bones.names)))
        self._check_layout(faces)
        self._check_parts(faces)
        for hung in self.attachments:
            shape = hung.cards.vertices.shape
            _check_shape(f"vertices of {hung.cards.name}", hung.vertices, shape)
            _check_shape(f"offsets of {hung.cards.name}", hung.offsets, (len(self.morphs), *shape))
        if "\n" in self.comment or "\r" in self.comment:
            raise ValueError(f"comment must be one line, got {self.comment!r}")

    def _check_layout(self, faces: int) -> None:
        if (self.uv is None) != (self.triangles_uv is None):
            raise ValueError("uv and triangles_uv must be given together")
        if self.uv is not None and self.triangles_uv is not None:
            _check_shape("uv", self.uv, (len(self.uv), 2))
            _check_shape("triangles_uv", self.triangles_uv, (faces, 3))
            _check_indices("triangles_uv", self.triangles_uv, len(self.uv))
        elif self.texture is not None:
            raise ValueError("a texture needs uv and triangles_uv")
        for name, pixels in (("texture", self.texture), ("photographed", self.photographed)):
            if pixels is not None:
                _check_shape(name, pixels, (*pixels.shape[:2], 3))
        if self.photographed is not None and self.texture is None:
            raise ValueError("a photographed texture needs one without light beside it")

    def _check_parts(self, faces: int) -> None:
        for part in self.parts:
            if not part.ranges or not all(0 <= first < last <= faces for first, last in part.ranges):
                raise ValueError(
                    f"part {part.name!r} has triangles {part.ranges}, expected ranges within 0 to {faces}"
                )
        for what, names in (
            ("parts", [part.name for part in self.parts] + [hung.cards.name for hung in self.attachments]),
            ("morph targets", [morph.name for morph in self.morphs]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"{what} must have different names, got {names}")

    @property
    def materials(self) -> tuple[Material, ...]:
        """The materials of the parts, each once, in the order of the parts."""
        return tuple(dict.fromkeys(part.material for part in self.parts))


def asset_of(head: HeadData, settings: ExportSettings | None = None) -> HeadAsset:
    """A reconstructed head as an asset; it starts neutral unless ``settings.expression`` is "photo"."""
    options = settings or ExportSettings()
    model = head.model
    weights = [round(float(weight), 6) for weight in head.expression]
    offsets = model.expressions(head.identity) * np.float32(head.scale)
    morphs = zip(model.expression_names, offsets, weights, strict=True)
    shown = head.neutral_vertices if options.mesh_expression == "neutral" else head.vertices
    started = options.expression == "photo"
    kind = texture_kind(head, options)
    # Whoever asks for what this head cannot have gets the error that says so.
    texture = head.albedo_texture if "albedo" in (kind, options.texture) else head.texture
    photographed = None
    if kind == "albedo" and options.texture is None and texture is not head.texture:
        photographed = head.texture
    extras: dict[str, Any] = {
        "expression": dict(zip(model.expression_names, weights, strict=True)),
        "scaleUncertainty": round(float(head.scale_uncertainty), 4),
    }
    if kind is not None:
        extras["texture"] = kind
    if head.light is not None:
        extras["light"] = np.round(head.light, 5).tolist()
    return HeadAsset(
        neutral=head.neutral_vertices,
        vertices=shown,
        triangles=head.triangles,
        parts=_head_parts(model),
        morphs=tuple(MorphTarget(name, moved, weight if started else 0.0) for name, moved, weight in morphs),
        uv=model.uv,
        triangles_uv=model.triangles_uv,
        texture=None if texture is None else texture.pixels,
        photographed=None if photographed is None else photographed.pixels,
        colours=head.colours,
        neck=_neck(model),
        comment="" if model.id == BUNDLED else f"{model.id}. {model.terms}".strip().replace("\n", " "),
        extras=extras,
        attachments=tuple(
            Attachment(
                worn.cards,
                worn.cards.vertices + worn.offsets(shown - head.neutral_vertices, head.triangles),
                np.stack([worn.offsets(moved, head.triangles) for moved in offsets]),
            )
            for worn in head.worn
        ),
    )


def texture_kind(head: HeadData, settings: ExportSettings) -> str | None:
    """What a head's texture in files is, "albedo" or "photo"; None without one. Makes none."""
    if head.texture is None:
        return None
    if head.texture.delit:
        return "albedo"
    return settings.texture or ("albedo" if head.has_albedo_texture else "photo")


def mesh_asset(vertices: F32, triangles: I32, comment: str = "") -> HeadAsset:
    """Any triangle mesh as an asset of one part, for models of other formats than this project's own.

    It has neither morph targets nor colours; `dataclasses.replace` adds them.

    Args:
        vertices: (V, 3) mm in the head frame.
        triangles: (F, 3) counter-clockwise seen from outside.
        comment: a line about source and terms.
    """
    part = Part("Face", ((0, len(triangles)),), PLAIN)
    return HeadAsset(vertices, vertices, triangles, (part,), comment=comment)


def _head_parts(model: FaceModel) -> tuple[Part, ...]:
    """The parts that this head model has; all of it as one where it names none."""
    if not model.parts:
        return (Part("Face", ((0, len(model.triangles)),), PLAIN),)
    parts = []
    for name, (members, material) in HEAD_PARTS.items():
        if model.id != BUNDLED:
            material = replace(material, double_sided=True)  # it may be open anywhere
        ranges = tuple(model.parts[member] for member in members if member in model.parts)
        if ranges:
            parts.append(Part(name, ranges, material))
    if "teeth" in model.parts:  # of models that do not tell upper from lower ones
        parts.append(Part("Teeth", (model.parts["teeth"],), TEETH))
    return tuple(parts)


def _neck(model: FaceModel) -> Index | None:
    """The lower border of the bundled model's skin; other models may be open anywhere."""
    return neck_rim(model) if model.id == BUNDLED else None


def _check_shape(name: str, values: NDArray[Any], expected: tuple[int, ...]) -> None:
    if values.shape != expected:
        raise ValueError(f"{name} has shape {values.shape}, expected {expected}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds numbers that are not finite")


def _check_indices(name: str, values: I32, limit: int) -> None:
    if values.size and not 0 <= values.min() <= values.max() < limit:
        raise ValueError(f"{name} has indices {values.min()} to {values.max()}, but there are {limit}")
