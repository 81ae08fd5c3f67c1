"""OpenUSD finds nothing wrong with a USDZ, and deforms it into the head's expressions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headshot.export import PRESETS
from headshot.export.rig import rigged_asset
from headshot.hair.worn import Hair

pytestmark = pytest.mark.needs("pxr")


@pytest.fixture(scope="module")
def head(cases: Any) -> Any:
    return replace(cases["whole"].head, hair=Hair("bob01"))


@pytest.fixture(scope="module")
def file(head: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("usd")
    head.save(folder, "usdz", "ann", preset="usdz")
    return folder / "ann.usdz"


def _faults(stage: Any) -> list[str]:
    from pxr import UsdValidation

    every = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(every) > 20
    return [error.GetMessage() for error in UsdValidation.ValidationContext(every).Validate(stage)]


def test_the_validators_find_nothing(file: Path) -> None:
    from pxr import Sdf, Usd

    stage = Usd.Stage.Open(str(file))
    assert _faults(stage) == []
    # They do find what is wrong: a picture that is not in the package.
    stage.GetPrimAtPath("/Head/Materials/Skin/Texture").GetAttribute("inputs:file").Set(
        Sdf.AssetPath("b.tif")
    )
    assert _faults(stage)


def test_the_stage_is_the_head(file: Path, head: Any) -> None:
    from pxr import Usd, UsdGeom

    asset = rigged_asset(head, PRESETS["usdz"].settings)
    stage = Usd.Stage.Open(str(file))
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1 and UsdGeom.GetStageUpAxis(stage) == "Y"
    assert stage.GetDefaultPrim().GetName() == "Head"
    meshes = {prim.GetName(): UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)}
    hung = {one.cards.name for one in asset.attachments}
    assert "Hair" in hung
    assert set(meshes) == {part.name for part in asset.parts} | {"Neck"} | hung
    for part in asset.parts:
        rows = np.concatenate([np.arange(*span) for span in part.ranges])
        points = np.array(meshes[part.name].GetPointsAttr().Get())
        corner = np.array(meshes[part.name].GetFaceVertexIndicesAttr().Get())
        np.testing.assert_allclose(
            points[corner], asset.neutral[asset.triangles[rows].ravel()] / 1000, atol=1e-7
        )
        st = UsdGeom.PrimvarsAPI(meshes[part.name]).GetPrimvar("st").ComputeFlattened()
        np.testing.assert_allclose(
            np.array(st) * [1, -1] + [0, 1], asset.uv[asset.triangles_uv[rows].ravel()], atol=1e-6
        )


def test_blend_shapes_and_bones_deform_it(file: Path, head: Any) -> None:
    """Bake an expression and a turned head, and compare with ours."""
    from pxr import Gf, Usd, UsdGeom, UsdSkel, Vt

    asset = rigged_asset(head, PRESETS["usdz"].settings)
    stage = Usd.Stage.Open(str(file))
    stage.SetEditTarget(stage.GetSessionLayer())
    pose = UsdSkel.Animation(stage.GetPrimAtPath("/Head/Skeleton/Pose"))
    names = list(pose.GetBlendShapesAttr().Get())
    assert names == [morph.name for morph in asset.morphs]
    shown = {"jawOpen": 0.7, "eyeBlinkLeft": 1.0}
    pose.GetBlendShapeWeightsAttr().Set([shown.get(name, 0.0) for name in names])
    joints = list(pose.GetJointsAttr().Get())
    turns = [Gf.Quatf(1)] * len(joints)
    turns[joints.index("neck/head")] = Gf.Quatf(Gf.Rotation(Gf.Vec3d(0, 1, 0), 30).GetQuat())
    pose.GetRotationsAttr().Set(Vt.QuatfArray(turns))
    assert UsdSkel.BakeSkinning(Usd.PrimRange(stage.GetPrimAtPath("/Head")))
    moved = asset.neutral + sum(
        weight * next(m.offsets for m in asset.morphs if m.name == name) for name, weight in shown.items()
    )
    centre = asset.bones.places[1]
    cos, sin = np.cos(np.radians(30)), np.sin(np.radians(30))
    turned = (moved - centre) @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]).T + centre
    share = asset.bones.weights[:, 1:].sum(axis=1, keepdims=True)  # what hangs on the head turns with it
    expected = (1 - share) * moved + share * turned
    for name in ("Face", "EyeLeft", "Teeth"):
        part = next(part for part in asset.parts if part.name == name)
        rows = np.concatenate([np.arange(*span) for span in part.ranges])
        mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/Head/{name}"))
        corner = np.array(mesh.GetFaceVertexIndicesAttr().Get())
        points = np.array(mesh.GetPointsAttr().Get(Usd.TimeCode.EarliestTime()))
        np.testing.assert_allclose(points[corner] * 1000, expected[asset.triangles[rows].ravel()], atol=0.05)
