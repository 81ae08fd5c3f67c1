"""Programs read hair, brows and lashes of a GLB, each a node of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headshot import Head, Settings, reconstruct
from headshot.export.asset import asset_of
from headshot.hair.worn import Hair
from headshot.texture import TextureSettings

NAMES = ("Hair", "Brows", "Lashes")


@pytest.fixture(scope="module")
def head(photos: Path) -> Head:
    settings = Settings(detail="low", texture=TextureSettings(size=256))
    bare = reconstruct(photos / "astronaut.jpg", settings=settings)
    return bare.with_hair(Hair("bob02", brows="eyebrow001"))


@pytest.fixture(scope="module")
def file(head: Head, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return head.save(tmp_path_factory.mktemp("hair"), "glb", "worn")[0]


def triangles(head: Head) -> dict[str, int]:
    return {worn.cards.name: len(worn.cards.triangles) for worn in head.worn}


@pytest.mark.needs("trimesh")
def test_trimesh(head: Head, file: Path) -> None:
    import trimesh

    scene = trimesh.load_scene(file)
    found = dict.fromkeys(NAMES, 0)
    for name, mesh in scene.geometry.items():
        for kind in NAMES:
            if name.startswith(kind):
                found[kind] += len(mesh.faces)
                image = mesh.visual.material.baseColorTexture
                assert image.mode == "RGBA" and np.ptp(np.asarray(image)[..., 3]) == 255
                assert mesh.visual.material.alphaMode in ("MASK", "BLEND")
    assert found == triangles(head)


@pytest.mark.needs("pygltflib")
def test_pygltflib(head: Head, file: Path) -> None:
    import pygltflib

    document = pygltflib.GLTF2().load(str(file))
    found: dict[str, int] = {}
    for node in document.nodes:
        if node.name in NAMES:
            mesh = document.meshes[node.mesh]
            counts = [document.accessors[primitive.indices].count for primitive in mesh.primitives]
            found[node.name] = sum(counts) // 3
            assert len(mesh.extras["targetNames"]) == len(mesh.primitives[0].targets) == 52
    assert found == triangles(head)


@pytest.mark.needs("open3d")
def test_open3d(head: Head, file: Path) -> None:
    import open3d

    model = open3d.io.read_triangle_model(str(file))
    total = sum(len(info.mesh.triangles) for info in model.meshes)
    neck = asset_of(head).neck  # a lid closes it
    assert neck is not None
    assert total == len(head.triangles) + len(neck) + sum(triangles(head).values())


@pytest.mark.needs("assimp_py")
def test_assimp(head: Head, file: Path) -> None:
    import assimp_py

    scene = assimp_py.import_file(str(file), assimp_py.Process_Triangulate)
    found = sum(len(mesh.indices) // 3 for mesh in scene.meshes if _worn(scene, mesh))
    assert found == sum(triangles(head).values())


def _worn(scene: Any, mesh: Any) -> bool:
    return str(scene.materials[mesh.material_index].get("NAME", "")).startswith(NAMES)


def test_nodes_and_modes_are_those_of_the_specification(file: Path) -> None:
    content = file.read_bytes()
    length = int.from_bytes(content[12:16], "little")
    document = json.loads(content[20 : 20 + length])
    modes = {m["name"]: m.get("alphaMode", "OPAQUE") for m in document["materials"]}
    assert modes["HairInner"] == "MASK"
    assert {modes[f"{name}Outer"] for name in NAMES} == {"BLEND"}
