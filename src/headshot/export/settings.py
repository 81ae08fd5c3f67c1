"""Settings shared by the writers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headshot.export.origin import Origin

from headshot.checked import Checked

EXPRESSIONS = ("neutral", "photo")
TEXTURES = ("photo", "albedo")
ENCODINGS = ("jpeg", "png", "webp")
UNITS = {"millimetre": 1.0, "centimetre": 0.1}
"""Names of units, and how many of them a millimetre is."""
LEVELS = (0, 1, 2, 3)


@dataclass(frozen=True)
class ExportSettings(Checked):
    """How files are written.

    Attributes:
        expression: the expression in which meshes are shown: "neutral", "photo", or None for the usual: the
            GLB, which is made to be animated, starts neutral; OBJ and PLY keep the expression of the photo.
            A GLB always holds the neutral head and the 52 expressions; only its start weights change.
        texture: "albedo", without the light of the photo, for scenes with their own; "photo", as
            photographed; or None for the usual: without light, and as photographed in a second, unlit
            material of a GLB, its variant "Photo". Heads whose light is not known are as photographed.
        texture_encoding: "jpeg", "png" or "webp" inside the GLB. JPEG is about a fifth of the size of PNG,
            which is exact; WebP (EXT_texture_webp) is smaller still, for browsers rather than engines.
        jpeg_quality: of a JPEG or WebP inside the GLB, 1 to 95.
        photo_variant: hold the texture as photographed besides, where ``texture`` says so; it doubles what
            textures take.
        morph_normals: store how each expression turns the normals, so that folds catch the light; costs
            about as much as the expressions themselves.
        sparse: leave out of a morph target what it does not move; a few programs cannot read that.
        quantised: store coordinates of a GLB as 16-bit and normals as 8-bit integers
            (KHR_mesh_quantization), with changes down to 30 µm: half the size.
        unit: "millimetre" or "centimetre", of OBJ and PLY.
        visemes: add the 15 mouths of speech (`headshot.models.visemes`) to the expressions.
        level: 0 for the triangles that the head was made with, or 1, 2 or 3 for about 16,000, 5,000 or 1,500
            triangles of skin (`headshot.export.levels`).
        bones: neck, head, jaw and eyes turn the head (`headshot.models.bones`), in formats that have bones.
    """

    expression: str | None = None
    texture: str | None = None
    texture_encoding: str = "jpeg"
    jpeg_quality: int = 92
    photo_variant: bool = True
    morph_normals: bool = True
    sparse: bool = True
    quantised: bool = False
    unit: str = "millimetre"
    visemes: bool = False
    bones: bool = False
    level: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.expression not in (None, *EXPRESSIONS):
            raise ValueError(f"expression must be one of {EXPRESSIONS} or None, got {self.expression!r}")
        if self.texture not in (None, *TEXTURES):
            raise ValueError(f"texture must be one of {TEXTURES} or None, got {self.texture!r}")
        if self.texture_encoding not in ENCODINGS:
            raise ValueError(f"texture_encoding must be one of {ENCODINGS}, got {self.texture_encoding!r}")
        if not 1 <= self.jpeg_quality <= 95:
            raise ValueError(f"jpeg_quality must be within 1 to 95, got {self.jpeg_quality}")
        if self.unit not in UNITS:
            raise ValueError(f"unit must be one of {tuple(UNITS)}, got {self.unit!r}")
        if self.level not in LEVELS:
            raise ValueError(f"level must be one of {LEVELS}, got {self.level}")

    @property
    def mesh_expression(self) -> str:
        """The expression of meshes that cannot be animated."""
        return self.expression or "photo"


@dataclass(frozen=True)
class Target:
    """Where and how a format is written.

    Attributes:
        stem: name of the files without ending.
        settings: how files are written.
        files: names of all files that are written together, of this format and others.
        origin: what the head was made from; None where that is not known.
    """

    stem: str
    settings: ExportSettings
    files: tuple[str, ...] = ()
    origin: Origin | None = None
