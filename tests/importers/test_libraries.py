"""Python's importers read our files with all that they can hold: see `conftest.Check`."""

from __future__ import annotations

from typing import Any

import imported
import pytest

OPENING = [
    pytest.param("assimp", marks=pytest.mark.needs("assimp_py")),
    pytest.param("open3d", marks=pytest.mark.needs("open3d")),
    pytest.param("trimesh", marks=pytest.mark.needs("trimesh")),
]


@pytest.mark.needs("assimp_py")
def test_assimp_reads_the_glb(name: str, cases: Any, compare: Any, checks: Any) -> None:
    found = imported.read_assimp(cases[name].file("glb"))
    compare(cases[name], found, checks(texels=False, target_normals=True), "glb")


@pytest.mark.needs("open3d")
def test_open3d_reads_the_glb(name: str, cases: Any, compare: Any, checks: Any) -> None:
    found = imported.read_open3d(cases[name].file("glb"))
    compare(cases[name], found, checks(morphs="", joined=True), "glb")


@pytest.mark.needs("trimesh")
def test_trimesh_reads_the_glb(name: str, cases: Any, compare: Any, checks: Any) -> None:
    found = imported.read_trimesh(cases[name].file("glb"))
    compare(cases[name], found, checks(morphs="names"), "glb")


@pytest.mark.needs("pygltflib")
def test_pygltflib_reads_the_glb(name: str, cases: Any, compare: Any, checks: Any) -> None:
    found = imported.read_pygltflib(cases[name].file("glb"))
    compare(cases[name], found, checks(target_normals=True), "glb")


@pytest.mark.parametrize("ending", ["obj", "ply"])
@pytest.mark.parametrize("program", OPENING)
def test_obj_and_ply(name: str, ending: str, program: str, cases: Any, compare: Any, checks: Any) -> None:
    found = getattr(imported, f"read_{program}")(cases[name].file(ending))
    check = checks(
        unit=1.0,
        exact=6e-5 if ending == "obj" else 1e-5,  # an OBJ has four decimals
        morphs="",
        joined=True,
        texels=program != "assimp",
    )
    compare(cases[name], found, check, ending)
