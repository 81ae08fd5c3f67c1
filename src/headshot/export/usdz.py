"""USDZ: the head for AR Quick Look, RealityKit and other programs that read USD.

A USDZ is a zip of a USD stage and its pictures. The stage holds a SkelRoot with a mesh for each part, blend
shapes (UsdSkel), the skeleton where the asset has bones, and materials of UsdPreviewSurface. Lengths are
metres, y is up, +z is out of the face. Needs the extra "usd" (OpenUSD's own package).
"""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from headshot.arrays import F32, I32, Array, Index
from headshot.errors import MissingExtraError
from headshot.export.asset import HeadAsset, Material
from headshot.export.glb_cards import png_of
from headshot.export.gltf_targets import above
from headshot.export.neck import neck_lid
from headshot.export.rig import rigged_asset
from headshot.export.settings import Target
from headshot.export.solid import EPOCH
from headshot.export.texture import encode_texture
from headshot.geometry.cards import CUTOFF, Cards
from headshot.geometry.raster import vertex_normals
from headshot.models.bones import Bones

if TYPE_CHECKING:
    from headshot.head_data import HeadData

_METRES = 1e-3  # per millimetre
_STILL = 5e-6  # metres: changes below are not stored
_PER_VERTEX = 4  # bones of a vertex, as engines have them
_CORNEAL = 1.376  # refractive index of the cornea
_SKIN = 1.4


def write(head: HeadData, target: Target) -> dict[str, bytes]:
    """The USDZ, content by file name.

    Raises:
        MissingExtraError: OpenUSD is not installed.
    """
    asset = rigged_asset(head, target.settings)
    return {f"{target.stem}.usdz": usdz(asset, target.settings.jpeg_quality)}


def usdz(asset: HeadAsset, jpeg_quality: int = 92) -> bytes:
    """The USDZ file of an asset; the mesh is the neutral one."""
    try:
        from pxr import Sdf, Usd
    except ImportError as error:
        raise MissingExtraError('USDZ needs the extra "usd": pip install "headshot[usd]"') from error
    with tempfile.TemporaryDirectory(prefix="headshot-") as place:
        folder = Path(place)
        pictures = _pictures(asset, jpeg_quality)
        for name, content in pictures.items():
            (folder / name).write_bytes(content)
        layer = Sdf.Layer.CreateNew(str(folder / "head.usdc"))
        _fill(Usd.Stage.Open(layer), asset)
        layer.Save()
        return package({"head.usdc": (folder / "head.usdc").read_bytes()} | pictures)


def package(files: Mapping[str, bytes]) -> bytes:
    """A USDZ: files in a zip, not compressed, each at a multiple of 64 bytes; the first is the stage.

    https://openusd.org/release/spec_usdz.html; padding is an extra field of the number that USD gives it.
    """
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_STORED) as archive:
        for name, data in files.items():
            entry = ZipInfo(name, EPOCH)
            start = content.tell() + 30 + len(name.encode()) + 4  # local header, its name, head of its extra
            padding = -start % 64
            entry.extra = struct.pack("<HH", 0x1986, padding) + bytes(padding)
            archive.writestr(entry, data)
    return content.getvalue()


def _pictures(asset: HeadAsset, quality: int) -> dict[str, bytes]:
    """Files beside the stage."""
    found = {}
    if asset.texture is not None:
        found["texture.jpg"] = encode_texture(asset.texture, "jpeg", quality)
    for hung in asset.attachments:
        found[_strands_file(asset, hung.cards)] = png_of(hung.cards.texture)
    return found


def _strands_file(asset: HeadAsset, cards: Cards) -> str:
    """Name of the picture of cards, the same for all that have the same."""
    same = (hung.cards for hung in asset.attachments if np.array_equal(hung.cards.texture, cards.texture))
    return f"{next(same).name}.png"


@dataclass(frozen=True)
class _Mesh:
    """A part as USD has it: vertices P, triangles F."""

    name: str
    points: F32  # (P, 3) metres
    normals: F32  # (P, 3)
    triangles: I32  # (F, 3)
    uv: F32 | None  # (3 F, 2), of corners, origin at the bottom left
    colours: F32 | None  # (P, 3) linear
    offsets: Sequence[F32]  # of each target (P, 3), metres
    bones: Bones | None
    material: str


def _fill(stage: Any, asset: HeadAsset) -> None:
    from pxr import UsdGeom, UsdShade, UsdSkel

    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = UsdSkel.Root.Define(stage, f"/{asset.name}")
    stage.SetDefaultPrim(root.GetPrim())
    if asset.comment:
        root.GetPrim().SetCustomDataByKey("copyright", asset.comment)
    names = [morph.name for morph in asset.morphs]
    skeleton = _skeleton(stage, f"/{asset.name}/Skeleton", asset, names)
    for material in asset.materials:
        _surface(stage, f"/{asset.name}/Materials/{material.name}", material, asset)
    for hung in asset.attachments:
        file = _strands_file(asset, hung.cards)
        _strands(stage, f"/{asset.name}/Materials/{hung.cards.name}", hung.cards, file)
    lid = [] if asset.neck is None else _meshes(neck_lid(asset, asset.neck))
    for mesh in [*_meshes(asset), *lid, *_cards(asset)]:
        _define(stage, f"/{asset.name}/{mesh.name}", mesh, names, skeleton)
        prim = stage.GetPrimAtPath(f"/{asset.name}/{mesh.name}")
        material = UsdShade.Material.Get(stage, f"/{asset.name}/Materials/{mesh.material}")
        UsdShade.MaterialBindingAPI.Apply(prim).Bind(material)


def _meshes(asset: HeadAsset) -> list[_Mesh]:
    neutral = (asset.neutral * _METRES).astype(np.float32)
    normals = vertex_normals(neutral, asset.triangles)
    offsets = [(morph.offsets * _METRES).astype(np.float32) for morph in asset.morphs]
    found = []
    for part in asset.parts:
        rows = np.concatenate([np.arange(first, last) for first, last in part.ranges])
        used, index = np.unique(asset.triangles[rows], return_inverse=True)
        uv = None
        if asset.uv is not None and asset.triangles_uv is not None:
            uv = (asset.uv[asset.triangles_uv[rows].ravel()] * [1, -1] + [0, 1]).astype(np.float32)
        colours = None
        if asset.texture is None and asset.colours is not None:
            colours = (asset.colours[used] / 255).astype(np.float32) ** np.float32(2.2)
        found.append(
            _Mesh(
                part.name,
                neutral[used],
                normals[used],
                index.reshape(-1, 3).astype(np.int32),
                uv,
                colours,
                [offset[used] for offset in offsets],
                None if asset.bones is None else asset.bones.restricted(used.astype(np.int64)),
                part.material.name,
            )
        )
    return found


def _cards(asset: HeadAsset) -> list[_Mesh]:
    found = []
    for hung in asset.attachments:
        cards = hung.cards
        corners = cards.uv[cards.triangles.ravel()]
        bones = None if asset.bones is None else asset.bones.rigid("head", len(cards.vertices))
        found.append(
            _Mesh(
                cards.name,
                (cards.vertices * _METRES).astype(np.float32),
                cards.normals,
                cards.triangles,
                (corners * [1, -1] + [0, 1]).astype(np.float32),
                None,
                [(offset * _METRES).astype(np.float32) for offset in hung.offsets],
                bones,
                cards.name,
            )
        )
    return found


def _skeleton(stage: Any, path: str, asset: HeadAsset, names: list[str]) -> str:
    """A skeleton, of one bone where the asset has none: blend shapes need one. Its path."""
    from pxr import Gf, UsdSkel, Vt

    bones = asset.bones
    joints, parents = ["root"], [-1]
    places: Array = np.zeros((1, 3))
    if bones is not None:
        joints = []
        for name, parent in zip(bones.names, bones.parents, strict=True):
            joints.append(name if parent < 0 else f"{joints[parent]}/{name}")
        places, parents = bones.places.astype(np.float64) * _METRES, list(bones.parents)
    skeleton = UsdSkel.Skeleton.Define(stage, path)
    world = [Gf.Matrix4d().SetTranslate(Gf.Vec3d(*place)) for place in places.tolist()]
    local = [
        Gf.Vec3d(*(place if parent < 0 else place - places[parent]).tolist())
        for place, parent in zip(places, parents, strict=True)
    ]
    skeleton.CreateJointsAttr(joints)
    skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray(world))
    skeleton.CreateRestTransformsAttr(
        Vt.Matrix4dArray([Gf.Matrix4d().SetTranslate(moved) for moved in local])
    )
    animation = UsdSkel.Animation.Define(stage, f"{path}/Pose")
    animation.CreateJointsAttr(joints)
    animation.CreateTranslationsAttr(Vt.Vec3fArray([Gf.Vec3f(moved) for moved in local]))
    animation.CreateRotationsAttr(Vt.QuatfArray([Gf.Quatf(1)] * len(joints)))
    animation.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1)] * len(joints)))
    animation.CreateBlendShapesAttr(names)
    animation.CreateBlendShapeWeightsAttr([float(morph.weight) for morph in asset.morphs])
    binding = UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    return path


def _define(stage: Any, path: str, mesh: _Mesh, names: list[str], skeleton: str) -> None:
    from pxr import Sdf, UsdGeom, UsdSkel, Vt

    prim = UsdGeom.Mesh.Define(stage, path)
    prim.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(mesh.points))
    prim.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(mesh.normals))
    prim.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    prim.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(mesh.triangles.ravel()))
    prim.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(mesh.triangles), 3, np.int32)))
    prim.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    prim.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([low, high])))
    primvars = UsdGeom.PrimvarsAPI(prim)
    if mesh.uv is not None:
        st = primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
        places, index = np.unique(mesh.uv, axis=0, return_inverse=True)
        st.Set(Vt.Vec2fArray.FromNumpy(places))
        st.SetIndices(Vt.IntArray.FromNumpy(index.ravel().astype(np.int32)))
    if mesh.colours is not None:
        prim.CreateDisplayColorAttr(Vt.Vec3fArray.FromNumpy(mesh.colours))
        prim.GetDisplayColorPrimvar().SetInterpolation(UsdGeom.Tokens.vertex)
    binding = UsdSkel.BindingAPI.Apply(prim.GetPrim())
    binding.CreateSkeletonRel().SetTargets([Sdf.Path(skeleton)])
    joints, weights = _influences(mesh)
    width = joints.shape[1]
    binding.CreateJointIndicesPrimvar(False, width).Set(Vt.IntArray.FromNumpy(joints.ravel()))
    binding.CreateJointWeightsPrimvar(False, width).Set(Vt.FloatArray.FromNumpy(weights.ravel()))
    moving = [number for number, offset in enumerate(mesh.offsets) if above(offset, _STILL).any()]
    for number in moving:
        at: Index = np.flatnonzero(above(mesh.offsets[number], _STILL))
        shape = UsdSkel.BlendShape.Define(stage, f"{path}/{names[number]}")
        shape.CreateOffsetsAttr(Vt.Vec3fArray.FromNumpy(mesh.offsets[number][at]))
        shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(at.astype(np.int32)))
    if moving:
        binding.CreateBlendShapesAttr([names[number] for number in moving])
        binding.CreateBlendShapeTargetsRel().SetTargets(
            [Sdf.Path(f"{path}/{names[number]}") for number in moving]
        )


def _influences(mesh: _Mesh) -> tuple[I32, F32]:
    """Bones (P, K) of each vertex, and their weights; all of the only bone where there are none."""
    if mesh.bones is None:
        count = len(mesh.points)
        return np.zeros((count, 1), np.int32), np.ones((count, 1), np.float32)
    weights = mesh.bones.weights
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :_PER_VERTEX]
    chosen = np.take_along_axis(weights, joints, axis=1)
    chosen = chosen / chosen.sum(axis=1, keepdims=True)
    return joints.astype(np.int32), chosen.astype(np.float32)


def _surface(stage: Any, path: str, material: Material, asset: HeadAsset) -> None:
    from pxr import Gf, Sdf

    shader = _shader(stage, path, material.roughness, _CORNEAL if material.name == "Eye" else _SKIN)
    colour = shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
    if asset.texture is not None:
        texture = _texture(stage, path, "texture.jpg", "clamp")
        colour.ConnectToSource(texture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3))
    elif asset.colours is None:
        colour.Set(Gf.Vec3f(*material.colour))
    else:
        reader = _reader(stage, f"{path}/Colour", "UsdPrimvarReader_float3", "displayColor")
        colour.ConnectToSource(reader.CreateOutput("result", Sdf.ValueTypeNames.Float3))


def _strands(stage: Any, path: str, cards: Cards, file: str) -> None:
    """Hair: its colour times the grey of its strands, seen where their alpha is high."""
    from pxr import Gf, Sdf

    shader = _shader(stage, path, 0.8, _SKIN)
    texture = _texture(stage, path, file, "repeat")
    texture.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(*cards.colour, 1))
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).ConnectToSource(
        texture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3)
    )
    shader.CreateInput("opacity", Sdf.ValueTypeNames.Float).ConnectToSource(
        texture.CreateOutput("a", Sdf.ValueTypeNames.Float)
    )
    shader.CreateInput("opacityThreshold", Sdf.ValueTypeNames.Float).Set(CUTOFF)


def _shader(stage: Any, path: str, roughness: float, ior: float) -> Any:
    """A material of UsdPreviewSurface; its shader."""
    from pxr import Sdf, UsdShade

    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/Surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    for name, value in (("metallic", 0.0), ("roughness", roughness), ("ior", ior)):
        shader.CreateInput(name, Sdf.ValueTypeNames.Float).Set(value)
    material.CreateSurfaceOutput().ConnectToSource(shader.CreateOutput("surface", Sdf.ValueTypeNames.Token))
    return shader


def _texture(stage: Any, path: str, file: str, wrap: str) -> Any:
    from pxr import Sdf, UsdShade

    reader = _reader(stage, f"{path}/Coordinates", "UsdPrimvarReader_float2", "st")
    texture = UsdShade.Shader.Define(stage, f"{path}/Texture")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(Sdf.AssetPath(file))
    texture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB")
    for axis in ("wrapS", "wrapT"):
        texture.CreateInput(axis, Sdf.ValueTypeNames.Token).Set(wrap)
    texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(
        reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    )
    return texture


def _reader(stage: Any, path: str, kind: str, primvar: str) -> Any:
    from pxr import Sdf, UsdShade

    reader = UsdShade.Shader.Define(stage, path)
    reader.CreateIdAttr(kind)
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set(primvar)
    return reader
