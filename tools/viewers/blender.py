"""Open meshes (GLB, OBJ, PLY) with Blender as a Python module.

    python3.11 -m venv blender && blender/bin/pip install bpy==5.0.1     # about 1 GB; each bpy has one Python
    blender/bin/python tools/viewers/blender.py look OUT FILE...         # OUT/FILE.blender.png, by Cycles
    blender/bin/python tools/viewers/blender.py read OUT FILE...         # OUT/FILE.read, for tests/importers

The .read files are like those of three.mjs.
"""

from __future__ import annotations

import json
import struct
import sys
from math import cos, radians, sin, tan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bpy
import numpy as np

TILE, ACROSS, SAMPLES = 360, 6, 24
FIELD = 25.0  # degrees
GRID = 8  # means of textures are compared on so many squares an axis
# What pictures show: centre in the head frame and height, metres.
HEAD = ((0, -0.028, -0.055), 0.3)
FACE = ((0, -0.04, 0), 0.18)
EYES = ((0, 0, 0.01), 0.12)
MOUTH = ((0, -0.07, 0.02), 0.09)
# Expressions, degrees of yaw, what is shown.
TILES: list[tuple[tuple[str, ...], float, Any]] = [
    *(((), yaw, HEAD) for yaw in (0, 35, 80, 180, -80, -35)),
    (("jawOpen",), 0, MOUTH),
    (("jawOpen",), 30, MOUTH),
    (("eyeBlinkLeft", "eyeBlinkRight"), 30, EYES),
    (("mouthSmileLeft", "mouthSmileRight"), 30, MOUTH),
    (("tongueOut",), 30, FACE),
    (("mouthFunnel",), 0, MOUTH),
]
LIGHTS = (((-1, 1, 1), 2.5), ((1, 0.2, 1), 0.8))  # directions in the head frame, W/m²


def turned(values: Any) -> np.ndarray:
    """From Blender's frame (z up) to that of the head (y up, z out of the face)."""
    points = np.asarray(values, np.float64).reshape(-1, 3)
    return np.stack([points[:, 0], points[:, 2], -points[:, 1]], axis=1)


def opened(file: Path) -> list[Any]:
    """The mesh objects of a file, alone in a new scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if file.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(file))
    elif file.suffix == ".obj":
        bpy.ops.wm.obj_import(filepath=str(file))
    else:  # a PLY is taken as it is, so turn it as the others are
        bpy.ops.wm.ply_import(filepath=str(file), forward_axis="NEGATIVE_Z", up_axis="Y")
    # What Blender draws bones with is a mesh, too, in a collection of its own.
    own = bpy.data.collections.get("glTF_not_exported")
    shapes = set() if own is None else set(own.objects)
    return [thing for thing in bpy.data.objects if thing.type == "MESH" and thing not in shapes]


def targets(thing: Any) -> dict[str, Any]:
    """Shape keys by name, without the basis."""
    keys = thing.data.shape_keys
    return {} if keys is None else {key.name: key for key in keys.key_blocks[1:]}


# What Blender made of a file.


def read(file: Path) -> bytes:
    """A .read file: a vertex for each corner of a triangle."""
    arrays: list[np.ndarray] = []
    offset = 0

    def store(values: np.ndarray | None) -> dict[str, Any] | None:
        nonlocal offset
        if values is None:
            return None
        arrays.append(np.ascontiguousarray(values, "<f4"))
        offset += arrays[-1].nbytes
        return {"offset": offset - arrays[-1].nbytes, "shape": list(values.shape)}

    listed = []
    for thing in opened(file):
        mesh = thing.data
        corner = np.array([loop.vertex_index for loop in mesh.loops])
        assert all(len(polygon.vertices) == 3 for polygon in mesh.polygons)
        place = np.array(thing.matrix_world)

        def frame(points: np.ndarray, place: np.ndarray = place) -> np.ndarray:
            return turned(points @ place[:3, :3].T + place[:3, 3])

        base = np.array([vertex.co for vertex in mesh.vertices])
        keys = targets(thing)
        moved = [np.array([point.co for point in key.data]) for key in keys.values()]
        uv = mesh.uv_layers.active
        colours = mesh.color_attributes
        per_corner = bool(colours) and colours[0].domain == "CORNER"
        colour = np.array([point.color[:3] for point in colours[0].data]) if colours else None
        normals = np.array([normal.vector for normal in mesh.corner_normals]) @ place[:3, :3].T
        listed.append(
            {
                "name": thing.name,
                "matrix": np.eye(4).ravel().tolist(),
                "skinned": any(modifier.type == "ARMATURE" for modifier in thing.modifiers),
                "material": material(thing, coloured=bool(colours)),
                "index": None,
                "position": store(frame(base)[corner]),
                "normal": store(turned(normals)),
                "uv": store(None if uv is None else np.array([point.vector for point in uv.uv])),
                "fromTop": False,
                "colour": store(colour if colour is None or per_corner else colour[corner]),
                "targets": list(keys),
                "relative": True,
                "weights": [key.value for key in keys.values()],
                "targetPositions": [store((frame(shape) - frame(base))[corner]) for shape in moved],
                "targetNormals": [],
            }
        )
    head = json.dumps({"meshes": listed}).encode()
    head += b" " * (-len(head) % 4)
    return struct.pack("<I", len(head)) + head + b"".join(values.tobytes() for values in arrays)


def material(thing: Any, *, coloured: bool) -> dict[str, Any]:
    """Material of an object; colours of vertices are read by whoever wants them, so they count as used."""
    used = thing.active_material
    described = {
        "name": None if used is None else used.name,
        "colour": [1.0, 1.0, 1.0],
        "roughness": None,
        "doubleSided": None,
        "vertexColours": coloured,
        "transparent": False,
        "texture": None,
    }
    if used is None:
        return described
    nodes = used.node_tree.nodes
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    colour = surface.inputs["Base Color"]
    if not surface.inputs["Roughness"].is_linked:  # to a texture
        described["roughness"] = surface.inputs["Roughness"].default_value
    described["doubleSided"] = not used.use_backface_culling
    described["transparent"] = surface.inputs["Alpha"].default_value < 1 or surface.inputs["Alpha"].is_linked
    if not colour.is_linked:
        described["colour"] = list(colour.default_value)[:3]
    for node in nodes:
        # Of the pictures that of colours: the other one is of the surface.
        if node.type == "TEX_IMAGE" and any(link.to_socket == colour for link in node.outputs["Color"].links):
            image = node.image
            width, height = image.size
            pixels = np.array(image.pixels[:]).reshape(height, width, -1)[::-1, :, :3]
            squares = pixels.reshape(GRID, height // GRID, GRID, width // GRID, 3)
            described["texture"] = {
                "size": [width, height],
                "colourSpace": image.colorspace_settings.name.lower(),
                "means": (255 * squares.mean(axis=(1, 3))).ravel().tolist(),
            }
    return described


# Pictures to look at.


def look(file: Path, out: Path) -> None:
    """A sheet of pictures by Cycles, with two lights whose shadows fall."""
    things = opened(file)
    scene = bpy.context.scene
    size = max(max(thing.dimensions) for thing in things)
    if size > 10:  # OBJ and PLY are in millimetres
        for thing in things:
            thing.scale = thing.scale * 1e-3
    scene.render.engine = "CYCLES"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = True
    scene.render.resolution_x = scene.render.resolution_y = TILE
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True  # until Blender 6
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.4, 0.4, 0.4, 1)
    for direction, strength in LIGHTS:
        light = bpy.data.objects.new("Light", bpy.data.lights.new("Light", "SUN"))
        light.data.energy = strength
        aim(light, direction)
        scene.collection.objects.link(light)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.angle = radians(FIELD)
    camera.data.clip_start = 0.01
    scene.collection.objects.link(camera)
    scene.camera = camera
    known = {name for thing in things for name in targets(thing)}
    tiles = [tile for tile in TILES if known.issuperset(tile[0])]
    sheet = np.ones((-(-len(tiles) // ACROSS) * TILE, ACROSS * TILE, 4), np.float32)
    with TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "tile.png")
        for k, (names, yaw, (centre, height)) in enumerate(tiles):
            for thing in things:
                for name, key in targets(thing).items():
                    key.value = 1.0 if name in names else 0.0
            distance = 0.5 * height / tan(radians(FIELD / 2))
            direction = np.array([sin(radians(yaw)), 0, cos(radians(yaw))])
            camera.location = to_blender(np.array(centre) + distance * direction)
            aim(camera, direction)
            bpy.ops.render.render(write_still=True)
            picture = bpy.data.images.load(scene.render.filepath)
            row, column = divmod(k, ACROSS)
            # Blender's rows start at the bottom.
            top = len(sheet) - (row + 1) * TILE
            pixels = np.array(picture.pixels[:], np.float32).reshape(TILE, TILE, 4)
            sheet[top : top + TILE, column * TILE : (column + 1) * TILE] = pixels
            bpy.data.images.remove(picture)
    result = bpy.data.images.new("Sheet", sheet.shape[1], sheet.shape[0])
    result.pixels = sheet.ravel()
    result.filepath_raw = str(out)
    result.file_format = "PNG"
    result.save()


def to_blender(point: np.ndarray) -> tuple[float, float, float]:
    """A point or direction of the head frame in Blender's."""
    x, y, z = point
    return float(x), float(-z), float(y)


def aim(thing: Any, direction: Any) -> None:
    """Turn a camera or a light so that it looks against a direction of the head frame."""
    from mathutils import Vector

    thing.rotation_mode = "QUATERNION"
    thing.rotation_quaternion = Vector(to_blender(direction)).to_track_quat("Z", "Y")


def main() -> None:
    if len(sys.argv) < 4 or sys.argv[1] not in ("look", "read"):
        sys.exit("usage: python tools/viewers/blender.py look|read OUT FILE...")
    out = Path(sys.argv[2])
    for file in map(Path, sys.argv[3:]):
        if sys.argv[1] == "read":
            (out / f"{file.name}.read").write_bytes(read(file))
        else:
            look(file, out / f"{file.name}.blender.png")


if __name__ == "__main__":
    main()
