"""Files of every kind that Headshot writes, for other programs to open.

    pip install ".[test,importers,usd]" && npm install --prefix tools       # Node.js and a Chromium, too
    HEADSHOT_IMPORTERS=1 python -m pytest tests/importers               # in CI, too

Without HEADSHOT_IMPORTERS these tests are skipped; with it, what is not installed fails.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imported import GRID, ImportedMesh, Surface, Texture

from headshot import Head, Photo, Reconstructor, Settings, reconstruct
from headshot.apps.keypoint.find import find_points68
from headshot.apps.keypoint.fit import fit_keypoints
from headshot.apps.keypoint.output import fitted_asset
from headshot.export.asset import HeadAsset, MorphTarget, mesh_asset
from headshot.export.atomic import write_files
from headshot.export.neck import neck_lid
from headshot.export.presets import PRESETS
from headshot.export.registry import asset_contents
from headshot.export.rig import rigged_asset
from headshot.export.settings import ExportSettings
from headshot.geometry.raster import vertex_normals
from headshot.image.colour import TO_LINEAR
from headshot.image.photo import read_photo
from headshot.models.readers import read_linear_model
from headshot.photo_colours import photo_surface
from headshot.render import view_camera
from headshot.texture import TextureSettings

SMALL = TextureSettings(size=256)
LOW = Settings(detail="low", texture=SMALL, hair="none")  # cards have tests of their own, test_hair.py
EXACT = 6e-6  # metres; morph targets leave out changes below 5e-6


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(name, ...): one of these modules or programs is installed")


@pytest.hookimpl(tryfirst=True)  # before the files are made
def pytest_runtest_setup(item: pytest.Item) -> None:
    if not os.environ.get("HEADSHOT_IMPORTERS"):
        pytest.skip("set HEADSHOT_IMPORTERS=1 to open files in other programs")
    for mark in item.iter_markers("needs"):
        if not any(importlib.util.find_spec(name) or shutil.which(name) for name in mark.args):
            pytest.fail(f"{' or '.join(mark.args)} is not installed", pytrace=False)


@dataclass(frozen=True)
class Case:
    """An asset with its files (GLB, OBJ and PLY), and the head that it is of, if any."""

    head: Head | None
    asset: HeadAsset
    settings: ExportSettings
    folder: Path

    def file(self, ending: str) -> Path:
        return self.folder / f"{self.folder.name}.{ending}"


def _grid_asset() -> HeadAsset:
    """More vertices than 16 bits count, of which one target moves a few and another none."""
    side = 260
    x, y = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
    vertices = np.stack([x.ravel(), y.ravel(), 5 * np.sin(x.ravel() / 20)], axis=1)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    triangles = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + side + 1], axis=1),
            np.stack([corner, corner + side + 1, corner + side], axis=1),
        ]
    )
    moved = np.zeros_like(vertices)
    moved[-40:, 2] = 3
    return replace(
        mesh_asset(vertices, triangles.astype(np.int32), "Größe: näher an ½"),
        name="Größe",
        morphs=(
            MorphTarget("öffnen", moved, 0.5),
            MorphTarget("still", np.zeros_like(vertices)),
        ),
    )


def _keypoint_asset(photos: Path, kind: str) -> HeadAsset:
    photo = read_photo(photos / "astronaut.jpg")
    found = find_points68(photo, "headshot")[0]
    model = read_linear_model("headshot")
    if kind == "pca":
        model = replace(model, expression_kind="pca")
    fit = fit_keypoints(found.points, model, (photo.width, photo.height), None)
    return fitted_asset(fit, photo_surface(photo.pixels, fit.view, fit.vertices, model.triangles), 256)


def _heads(photos: Path, flame: Path) -> dict[str, Callable[[], Head]]:
    astronaut, hopper = photos / "astronaut.jpg", photos / "grace_hopper.jpg"

    def several() -> Head:
        person = reconstruct(hopper, settings=LOW)
        cameras = [view_camera(person.vertices, yaw, 4.0, 400) for yaw in (0.0, 25.0)]
        return reconstruct([Photo(person.render(c), f"{k}.png") for k, c in enumerate(cameras)], settings=LOW)

    def seven() -> Head:
        model = read_linear_model("headshot")
        rows = [model.expression_names.index(name) for name in ("jawOpen", "mouthSmileLeft")]
        few = replace(
            model, name="Seven", dense=None, identity=model.identity[:7], expression=model.expression[rows],
            expression_names=("open", "smile"), expression_kind="blendshapes", terms="for tests",
        )  # fmt: skip
        return Reconstructor(LOW, few)(astronaut)

    return {
        "whole": lambda: reconstruct(astronaut, settings=Settings(hair="none")),
        "fast": lambda: reconstruct(hopper, settings=replace(LOW, preset="fast")),
        "bare": lambda: reconstruct(hopper, settings=replace(LOW, texture=None)),
        "several": several,
        "seven": seven,
        "skinned": lambda: reconstruct(astronaut, settings=LOW, model=flame),
    }


# Presets of files (docs/how-to/presets.md) that all programs must read, of the head "whole".
ENGINES = ("unity", "unreal")
SETTINGS = {
    "albedo": ExportSettings("photo", "albedo", "png", morph_normals=False),
    "seven": ExportSettings("photo"),
}
SETTINGS |= {name: PRESETS[name].settings for name in ENGINES}
# "albedo" is the head of "several" with other settings; the last three come from no head.
CASES = (
    "whole",
    "fast",
    "bare",
    "several",
    "albedo",
    "seven",
    "skinned",
    *ENGINES,
    "keypoint",
    "pca",
    "grid",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests with an argument ``name`` are run for all cases."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", CASES)


@pytest.fixture(scope="session")
def cases(photos: Path, skinned_arrays: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """A case of each of `CASES`."""
    root = tmp_path_factory.mktemp("importers")
    np.savez(root / "flame.npz", **skinned_arrays.flame())
    heads = {name: make() for name, make in _heads(photos, root / "flame.npz").items()}
    heads |= {"albedo": heads["several"]} | dict.fromkeys(ENGINES, heads["whole"])
    assets = {name: rigged_asset(head, SETTINGS.get(name, ExportSettings())) for name, head in heads.items()}
    assets |= {kind: _keypoint_asset(photos, kind) for kind in ("keypoint", "pca")}
    assets["grid"] = _grid_asset()
    made = {}
    for name in CASES:
        folder = root / name
        settings = SETTINGS.get(name, ExportSettings())
        write_files(folder, asset_contents(assets[name], name, "glb,obj,ply", settings))
        made[name] = Case(heads.get(name), assets[name], settings, folder)
    return made


@dataclass(frozen=True)
class Check:
    """What of a case a program must have read, and how exactly.

    Attributes:
        unit: of the file's lengths, per millimetre.
        exact: largest error of positions, in the file's unit.
        morphs: "offsets", "names" or "" (none).
        normals: of the vertices.
        target_normals: of the morph targets.
        joined: parts may be joined and have no names.
        texels: textures' pixels, not only whether there is one.
        linear: colours of vertices, always so in a GLB.
        exact_targets: largest error of offsets of targets, metres.
        layout: of texture coordinates.
        directions: radians, of normals.
        texel: of the means of textures.
    """

    unit: float = 1e-3
    exact: float = 1e-7
    morphs: str = "offsets"
    normals: bool = True
    target_normals: bool = False
    joined: bool = False
    texels: bool = True
    linear: bool = False
    exact_targets: float = EXACT
    layout: float = 2e-6
    directions: float = 0.02
    texel: float = 2


def _with_lid(asset: HeadAsset) -> HeadAsset:
    """An asset of which the lid of the neck is a part like others, as it is in a GLB."""
    if asset.neck is None:
        return asset
    lid = neck_lid(asset, asset.neck)
    triangles = len(asset.triangles)
    uv, colours = {}, {}
    if asset.uv is not None:
        joined = np.concatenate([asset.triangles_uv, lid.triangles_uv + len(asset.uv)])
        uv = {"uv": np.concatenate([asset.uv, lid.uv]), "triangles_uv": joined}
    if asset.colours is not None:
        colours = {"colours": np.concatenate([asset.colours, lid.colours])}
    return replace(
        asset,
        neutral=np.concatenate([asset.neutral, lid.neutral]),
        vertices=np.concatenate([asset.vertices, lid.vertices]),
        triangles=np.concatenate([asset.triangles, lid.triangles + len(asset.vertices)]),
        parts=(*asset.parts, replace(lid.parts[0], ranges=((triangles, triangles + len(lid.triangles)),))),
        morphs=tuple(
            replace(mine, offsets=np.concatenate([mine.offsets, theirs.offsets]))
            for mine, theirs in zip(asset.morphs, lid.morphs, strict=True)
        ),
        neck=None,
        bones=None,
        **uv,
        **colours,
    )


def _part_rows(asset: HeadAsset, names: list[str]) -> np.ndarray:
    """Triangles of parts in the order of files; without names, all in the model's order."""
    if not names:
        return np.arange(len(asset.triangles))
    parts = {part.name: part for part in asset.parts}
    return np.concatenate([np.arange(*span) for name in names for span in parts[name].ranges])


def _group(
    asset: HeadAsset, found: list[ImportedMesh], check: Check, kind: str
) -> list[tuple[ImportedMesh, list[str]]]:
    """Each mesh with the names of its parts."""
    names = [part.name for part in asset.parts]
    if not check.joined:
        assert sorted(mesh.name for mesh in found) == sorted(names)
        return [(mesh, [mesh.name]) for mesh in found]
    for groups in (
        [[]] if kind == "ply" else [names],  # a PLY has no parts
        [[part.name for part in asset.parts if part.material == one] for one in asset.materials],
        [[name] for name in names],
    ):
        if len(groups) == len(found):
            return list(zip(found, groups, strict=True))
    raise AssertionError(f"{len(found)} meshes: {[mesh.name for mesh in found]}, expected {names}")


def check_meshes(case: Case, found: list[ImportedMesh], check: Check, kind: str) -> None:
    """Compare what a program read with the asset: corners of triangles, in the order of the file."""
    glb = kind == "glb"
    skinned = glb and case.asset.bones is not None
    if glb:
        case = replace(case, asset=_with_lid(case.asset))
    asset = case.asset
    shown = (asset.neutral if glb else asset.vertices) * check.unit
    normals = vertex_normals(shown.astype(np.float32), asset.triangles)
    for mesh, names in _group(asset, found, check, kind):
        rows = _part_rows(asset, names)
        corner = asset.triangles[rows]
        assert mesh.triangles.shape == corner.shape, names
        place = mesh.triangles
        np.testing.assert_allclose(mesh.positions[place], shown[corner], atol=check.exact)
        low, high = mesh.positions[place].min(axis=(0, 1)), mesh.positions[place].max(axis=(0, 1))
        np.testing.assert_allclose(low, shown[corner].min(axis=(0, 1)), atol=check.exact)
        np.testing.assert_allclose(high, shown[corner].max(axis=(0, 1)), atol=check.exact)
        assert mesh.skinned in (None, skinned)
        if check.normals:
            assert mesh.normals is not None
            _same_directions(mesh.normals[place], normals[corner], check.directions)
        _check_colours(case, mesh, rows, check, linear=glb or check.linear)
        if mesh.surface is not None and kind != "ply":
            _check_surface(case, mesh.surface, names, check, glb=glb)
        if glb:
            _check_morphs(case, mesh, corner, normals, check)


def _same_directions(found: np.ndarray, true: np.ndarray, gap: float) -> None:
    """Directions differ by less than ``gap`` radians; those of triangles without area are left out."""
    known = np.linalg.norm(true, axis=-1) > 0.5
    length = np.linalg.norm(found, axis=-1)
    assert (length[known] > 0.9).all()
    apart = np.linalg.norm(found / np.maximum(length, 1e-9)[..., None] - true, axis=-1)[known]
    assert apart.max() < gap


def _check_colours(case: Case, mesh: ImportedMesh, rows: np.ndarray, check: Check, *, linear: bool) -> None:
    asset = case.asset
    if asset.uv is not None and mesh.uv is not None:
        assert asset.triangles_uv is not None
        true = np.clip(asset.uv[asset.triangles_uv[rows]], 0, 1)
        np.testing.assert_allclose(mesh.uv[mesh.triangles], true, atol=check.layout)
    if asset.texture is None and asset.colours is not None:
        assert mesh.colours is not None
        srgb = asset.colours[asset.triangles[rows]]
        colours = TO_LINEAR[srgb] if linear else srgb / 255
        np.testing.assert_allclose(mesh.colours[mesh.triangles], colours, atol=3e-3)


def _check_surface(case: Case, surface: Surface, names: list[str], check: Check, *, glb: bool) -> None:
    asset = case.asset
    part = next(part for part in asset.parts if part.name == names[0])
    if glb:
        assert surface.name in (None, part.material.name)
        if surface.roughness is not None:
            assert surface.roughness == pytest.approx(part.material.roughness)
        assert surface.double_sided in (None, part.material.double_sided)
        plain = asset.texture is None and asset.colours is None
        assert surface.colour == pytest.approx(part.material.colour if plain else (1, 1, 1), abs=3e-3)
    if asset.texture is None:
        assert surface.texture is None
        return
    assert surface.texture is not None
    if check.texels:
        true = Texture.of(asset.texture)
        assert surface.texture.size == true.size and true.size[0] % GRID == 0
        np.testing.assert_allclose(surface.texture.means, true.means, atol=check.texel)


def _check_morphs(
    case: Case, mesh: ImportedMesh, corner: np.ndarray, normals: np.ndarray, check: Check
) -> None:
    asset = case.asset
    if not check.morphs:
        return
    assert list(mesh.targets) == [morph.name for morph in asset.morphs]
    if check.morphs == "names":
        return
    assert mesh.weights == pytest.approx([morph.weight for morph in asset.morphs])
    turning = check.target_normals and case.settings.morph_normals and asset.morphs
    assert bool(mesh.target_normals) == bool(turning) or not check.target_normals
    place = mesh.triangles
    for morph in asset.morphs:
        offsets = (morph.offsets * check.unit)[corner]
        np.testing.assert_allclose(mesh.targets[morph.name][place], offsets, atol=check.exact_targets)
        if turning:
            moved = ((asset.neutral + morph.offsets) * check.unit).astype(np.float32)
            turned = vertex_normals(moved, asset.triangles)[corner]
            known = np.linalg.norm(normals[corner], axis=-1) > 0.5
            true = np.where(known[..., None], turned, 0)
            # Turns below 0.02 are not stored.
            _same_directions((mesh.normals + mesh.target_normals[morph.name])[place], true, 0.03)


@pytest.fixture(scope="session")
def compare() -> Callable[..., None]:
    """`check_meshes`."""
    return check_meshes


@pytest.fixture(scope="session")
def checks() -> type[Check]:
    """`Check`."""
    return Check
