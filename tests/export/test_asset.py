"""What assets hold, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headshot.export.asset import (
    EYE,
    HEAD_PARTS,
    MOUTH,
    PLAIN,
    SKIN,
    TEETH,
    HeadAsset,
    Material,
    MorphTarget,
    Part,
    asset_of,
)
from headshot.export.settings import ExportSettings
from headshot.models.arkit import ARKIT52
from headshot.results import Head


def test_the_asset_of_a_head(head: Head) -> None:
    asset = asset_of(head)
    assert [part.name for part in asset.parts] == list(HEAD_PARTS)
    assert asset.materials == (SKIN, MOUTH, TEETH, EYE)
    assert [morph.name for morph in asset.morphs] == list(ARKIT52)
    np.testing.assert_array_equal(asset.neutral, head.neutral_vertices)
    rows = [r for part in asset.parts for span in part.ranges for r in range(*span)]
    assert sorted(rows) == list(range(len(head.triangles)))
    assert asset.extras["expression"] == pytest.approx(head.blendshapes)


def test_weighted_targets_give_the_photos_head(head: Head) -> None:
    asset = asset_of(head, ExportSettings(expression="photo"))
    shown = asset.neutral + sum(np.float32(morph.weight) * morph.offsets for morph in asset.morphs)
    np.testing.assert_allclose(shown, head.vertices, atol=1e-2)
    np.testing.assert_array_equal(asset.vertices, head.vertices)


@pytest.mark.parametrize(
    ("expression", "shown", "started"),
    [(None, "vertices", False), ("photo", "vertices", True), ("neutral", "neutral_vertices", False)],
)
def test_expressions(head: Head, expression: str | None, shown: str, started: bool) -> None:
    asset = asset_of(head, ExportSettings(expression=expression))
    np.testing.assert_array_equal(asset.vertices, getattr(head, shown))
    assert any(morph.weight > 0 for morph in asset.morphs) == started


def test_parts_that_a_model_does_not_have_are_left_out(head: Head) -> None:
    parts = {name: span for name, span in head.model.parts.items() if "teeth" not in name}
    asset = asset_of(replace(head, model=replace(head.model, parts=parts)))
    assert [part.name for part in asset.parts] == [name for name in HEAD_PARTS if name != "Teeth"]
    assert TEETH not in asset.materials


def test_any_mesh_is_one_part(square: HeadAsset) -> None:
    assert square.parts == (Part("Face", ((0, 2),), PLAIN),)
    np.testing.assert_array_equal(square.neutral, square.vertices)


def test_what_does_not_fit_together_is_refused(textured_square: HeadAsset) -> None:
    part = textured_square.parts[0]
    twice = (MorphTarget("smile", np.zeros((4, 3), np.float32)),) * 2
    nan = textured_square.vertices.copy()
    nan[2, 1] = np.nan
    for wrong, message in (
        ({"neutral": np.zeros((3, 3), np.float32)}, r"neutral has shape \(3, 3\), expected \(4, 3\)"),
        ({"vertices": nan}, "vertices holds numbers that are not finite"),
        ({"triangles": np.array([[0, 1, 4], [0, 1, 2]], np.int32)}, "indices 0 to 4, but there are 4"),
        ({"morphs": (MorphTarget("x", np.zeros((5, 3), np.float32)),)}, "morph target 'x' has shape"),
        ({"morphs": twice}, "different names"),
        ({"colours": np.zeros((4, 4), np.uint8)}, r"colours has shape \(4, 4\)"),
        ({"uv": None}, "together"),
        ({"uv": None, "triangles_uv": None}, "a texture needs uv"),
        ({"triangles_uv": np.zeros((1, 3), np.int32)}, r"triangles_uv has shape \(1, 3\), expected \(2, 3\)"),
        ({"texture": np.zeros((8, 8, 4), np.uint8)}, "texture has shape"),
        ({"parts": (replace(part, ranges=((0, 3),)),)}, "within 0 to 2"),
        ({"parts": (replace(part, ranges=()),)}, "part 'Face'"),
        ({"parts": (part, part)}, "different names"),
        ({"comment": "two\nlines"}, "one line"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(textured_square, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("numbers", [(1.5, (0.5, 0.5, 0.5)), (0.5, (0.5, -0.1, 0.5)), (0.5, (0.5, 0.5))])
def test_materials_are_checked(numbers: tuple[float, tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match="material 'x'"):
        Material("x", *numbers)  # type: ignore[arg-type]
