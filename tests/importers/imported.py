"""What other programs make of our files, in one form that tests can compare with the asset.

Each reader gives a list of `ImportedMesh`; what a program does not read is None. Lengths are those of the
file: metres in a GLB, millimetres in OBJ and PLY.
"""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from assimp_structures import read_structures
from PIL import Image

GRID = 8  # textures are compared by their means on so many squares an axis


@dataclass
class Texture:
    """A picture: (width, height), and means (8, 8, 3) of its sRGB values, 0 to 255, from the top left."""

    size: tuple[int, int]
    means: np.ndarray

    @classmethod
    def of(cls, pixels: np.ndarray) -> Texture:
        height, width = pixels.shape[:2]
        squares = pixels[..., :3].reshape(GRID, height // GRID, GRID, width // GRID, 3)
        return cls((width, height), squares.mean(axis=(1, 3)))


@dataclass
class Surface:
    """A material."""

    name: str | None
    colour: tuple[float, ...]  # linear
    roughness: float | None = None
    double_sided: bool | None = None
    texture: Texture | None = None


@dataclass
class ImportedMesh:
    """A mesh: vertices V, triangles F; texture coordinates with their origin at the top left."""

    name: str
    positions: np.ndarray  # (V, 3)
    triangles: np.ndarray  # (F, 3)
    normals: np.ndarray | None = None  # (V, 3)
    uv: np.ndarray | None = None  # (V, 2)
    colours: np.ndarray | None = None  # (V, 3)
    surface: Surface | None = None
    targets: dict[str, np.ndarray] = field(default_factory=dict)  # offsets (V, 3)
    target_normals: dict[str, np.ndarray] = field(default_factory=dict)  # changes (V, 3)
    weights: list[float] = field(default_factory=list)
    skinned: bool | None = None  # moved by bones


# Files that tools/viewers wrote: three.js and Blender.


def read_dump(file: Path) -> list[ImportedMesh]:
    """A file of ``tools/viewers/three.mjs read`` or ``tools/viewers/blender.py read``."""
    content = file.read_bytes()
    (length,) = struct.unpack_from("<I", content)
    header = json.loads(content[4 : 4 + length])
    binary = content[4 + length :]

    def array(place: dict[str, Any] | None) -> np.ndarray | None:
        if place is None:
            return None
        count, width = place["shape"]
        return np.frombuffer(binary, "<f4", count * width, place["offset"]).reshape(count, width)

    def named(names: list[str], places: list[dict[str, Any]]) -> dict[str, np.ndarray]:
        return dict(zip(names, map(array, places), strict=True)) if places else {}

    found = []
    for mesh in header["meshes"]:
        matrix = np.array(mesh["matrix"]).reshape(4, 4, order="F")
        positions, index = array(mesh["position"]), array(mesh["index"])
        triangles = np.arange(len(positions)) if index is None else index.astype(int)
        material = mesh["material"]
        image = material["texture"]
        uv = array(mesh["uv"])
        texture = None
        if image is not None:
            assert image["colourSpace"] == "srgb"
            texture = Texture(tuple(image["size"]), np.reshape(image["means"], (GRID, GRID, 3)))
        if uv is not None and not mesh["fromTop"]:
            uv = uv * [1, -1] + [0, 1]
        assert not mesh["targets"] or mesh["relative"]
        assert not material["transparent"]
        colours = array(mesh["colour"])
        assert material["vertexColours"] == (colours is not None)
        found.append(
            ImportedMesh(
                mesh["name"],
                positions @ matrix[:3, :3].T + matrix[:3, 3],
                triangles.reshape(-1, 3),
                array(mesh["normal"]),
                uv,
                colours,
                Surface(
                    material["name"],
                    tuple(material["colour"]),
                    material["roughness"],
                    material["doubleSided"],
                    texture,
                ),
                {
                    name: offsets @ matrix[:3, :3].T
                    for name, offsets in named(mesh["targets"], mesh["targetPositions"]).items()
                },
                named(mesh["targets"], mesh["targetNormals"]),
                mesh["weights"],
                mesh["skinned"],
            )
        )
    return found


# Assimp.


def read_assimp(file: Path) -> list[ImportedMesh]:
    """Assimp, without any of its processing but triangles."""
    import assimp_py

    scene = assimp_py.import_file(str(file), assimp_py.Process_Triangulate)
    structures = read_structures(file, assimp_py.assimp_py.__file__)
    found = []
    for mesh, (colours, targets, turned, weights, bones) in zip(scene.meshes, structures, strict=True):
        material = scene.materials[mesh.material_index]
        uv = mesh.texcoords[0] if mesh.texcoords else None
        count = mesh.num_vertices
        # Assimp's texture coordinates have their origin at the bottom left.
        flipped = None if uv is None else np.reshape(uv, (count, -1))[:, :2] * [1, -1] + [0, 1]
        # Copies, since the arrays are the scene's and go with it.
        found.append(
            ImportedMesh(
                mesh.name,
                np.array(mesh.vertices).reshape(count, 3),
                np.array(mesh.indices).reshape(-1, 3),
                None if mesh.normals is None else np.array(mesh.normals).reshape(count, 3),
                flipped,
                colours,
                Surface(
                    material.get("NAME"),
                    tuple(material["COLOR_DIFFUSE"][:3]),
                    texture=Texture((0, 0), np.zeros(0)) if 1 in material["TEXTURES"] else None,
                ),
                targets,
                turned,
                weights,
                bones > 0,
            )
        )
    return found


# Open3D, which has no morph targets.


def read_open3d(file: Path) -> list[ImportedMesh]:
    """Open3D; it joins meshes of the same material, and repeats vertices at will."""
    import open3d

    if file.suffix == ".ply":
        mesh = open3d.io.read_triangle_mesh(str(file))
        return [_open3d_mesh("", mesh, None)]
    model = open3d.io.read_triangle_model(str(file))
    found = []
    for piece in model.meshes:
        material = model.materials[piece.material_idx]
        image = material.albedo_img
        pixels = np.asarray(image) if image is not None else np.zeros(0)
        surface = Surface(
            None,
            tuple(material.base_color[:3]),
            material.base_roughness,
            texture=Texture.of(pixels) if pixels.size else None,
        )
        found.append(_open3d_mesh(piece.mesh_name, piece.mesh, surface))
    return found


def _open3d_mesh(name: str, mesh: Any, surface: Surface | None) -> ImportedMesh:
    """A mesh, with a vertex for each corner: texture coordinates are those of corners."""
    corner = np.asarray(mesh.triangles).ravel()
    triangles = np.arange(len(corner)).reshape(-1, 3)

    def at_corners(values: Any) -> np.ndarray | None:
        return np.asarray(values)[corner] if len(values) else None

    uv = np.asarray(mesh.triangle_uvs) if mesh.has_triangle_uvs() else None
    return ImportedMesh(
        name,
        np.asarray(mesh.vertices)[corner],
        triangles,
        at_corners(mesh.vertex_normals),
        None if uv is None else uv * [1, -1] + [0, 1],
        at_corners(mesh.vertex_colors),
        surface,
    )


# trimesh, which has the names of morph targets only.


def read_trimesh(file: Path) -> list[ImportedMesh]:
    """trimesh."""
    import trimesh

    scene = trimesh.load_scene(file, process=False)
    found = []
    for node in scene.graph.nodes_geometry:
        matrix, name = scene.graph[node]
        mesh = scene.geometry[name]
        visual = mesh.visual
        uv = getattr(visual, "uv", None)
        colours = None
        if visual.kind == "vertex":
            colours = np.asarray(visual.vertex_colors)[:, :3] / 255
        elif "color" in getattr(visual, "vertex_attributes", {}):
            colours = np.asarray(visual.vertex_attributes["color"])[:, :3]
        found.append(
            ImportedMesh(
                node,
                trimesh.transform_points(mesh.vertices, matrix),
                np.asarray(mesh.faces),
                np.asarray(mesh.vertex_normals),
                None if uv is None else np.asarray(uv) * [1, -1] + [0, 1],
                colours,
                _trimesh_surface(getattr(visual, "material", None)),
                dict.fromkeys(mesh.metadata.get("targetNames", []), np.zeros((0, 3))),
            )
        )
    return found


def _trimesh_surface(material: Any) -> Surface | None:
    if material is None:
        return None
    if not hasattr(material, "baseColorTexture"):
        material = material.to_pbr()
    colour, image = material.baseColorFactor, material.baseColorTexture
    if image is not None and max(image.size) < GRID:
        image = None  # trimesh makes up two by two pixels for meshes without material
    return Surface(
        material.name,
        tuple(np.array([255] * 3 if colour is None else colour)[:3] / 255),
        material.roughnessFactor,
        bool(material.doubleSided),
        None if image is None else Texture.of(np.asarray(image.convert("RGB"))),
    )


# pygltflib, which has the document; arrays are the user's business.

_COMPONENTS = {5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}


def read_pygltflib(file: Path) -> list[ImportedMesh]:
    """pygltflib."""
    import pygltflib

    document = pygltflib.GLTF2().load(str(file))
    blob = document.binary_blob()

    def view(index: int, offset: int | None = 0) -> bytes:
        place = document.bufferViews[index]
        return blob[place.byteOffset + (offset or 0) : place.byteOffset + place.byteLength]

    def array(index: int | None) -> np.ndarray | None:
        if index is None:
            return None
        accessor = document.accessors[index]
        kind, width = _COMPONENTS[accessor.componentType], _WIDTHS[accessor.type]
        data = view(accessor.bufferView, accessor.byteOffset)
        values = np.frombuffer(data, kind, accessor.count * width).reshape(-1, width).copy()
        if accessor.sparse is not None:
            at, changed = accessor.sparse.indices, accessor.sparse.values
            rows = np.frombuffer(
                view(at.bufferView, at.byteOffset), _COMPONENTS[at.componentType], accessor.sparse.count
            )
            data = view(changed.bufferView, changed.byteOffset)
            values[rows] = np.frombuffer(data, kind, len(rows) * width).reshape(-1, width)
        return values

    found = []
    for node in document.nodes:
        if node.mesh is None:
            continue
        mesh = document.meshes[node.mesh]
        (primitive,) = mesh.primitives
        material = document.materials[primitive.material]
        rough = material.pbrMetallicRoughness
        texture = None
        if rough.baseColorTexture is not None:
            source = document.images[document.textures[rough.baseColorTexture.index].source]
            texture = Texture.of(np.asarray(Image.open(io.BytesIO(view(source.bufferView)))))
        names = mesh.extras.get("targetNames", [])
        targets = dict(zip(names, primitive.targets or [], strict=True))
        turns = {name: target["NORMAL"] for name, target in targets.items() if "NORMAL" in target}
        found.append(
            ImportedMesh(
                node.name,
                array(primitive.attributes.POSITION),
                array(primitive.indices).reshape(-1, 3),
                array(primitive.attributes.NORMAL),
                array(primitive.attributes.TEXCOORD_0),
                array(primitive.attributes.COLOR_0),
                Surface(
                    material.name,
                    tuple((rough.baseColorFactor or [1.0] * 4)[:3]),
                    rough.roughnessFactor,
                    bool(material.doubleSided),
                    texture,
                ),
                {name: array(target["POSITION"]) for name, target in targets.items()},
                {name: array(index) for name, index in turns.items()},
                mesh.weights or [],
                node.skin is not None,
            )
        )
    return found
