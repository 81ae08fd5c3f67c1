"""Choosing a reader by the kind of file, and the plain model itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headshot.errors import ModelFormatError
from headshot.models.head_model import load_head_model
from headshot.models.readers import READERS, read_linear_model


def test_own_model_is_the_same_surface() -> None:
    model, head = read_linear_model("headshot"), load_head_model("low")
    a, b = np.linspace(-1, 1, len(head.identity)), np.zeros(len(head.expression_names))
    np.testing.assert_allclose(model.shape(a, b), head.shape(a), atol=1e-3)
    np.testing.assert_allclose(
        model.landmarks.points.on(model.mean, model.triangles),
        head.landmarks["ibug68"].on(head.mean, head.triangles)[model.landmarks.index],
        atol=1e-4,
    )
    right = model.contours["right"].on(model.mean, model.triangles)
    assert right[0, 0] < -50 and right[0, 1] > right[-1, 1]  # from the subject's right ear down to the chin


@pytest.mark.parametrize(
    "name", ["flame.pkl", "a.xyz", "missing.mat", "missing.npz", "missing.h5", "missing.bin"]
)
def test_what_cannot_be_read_says_so(tmp_path: Path, name: str) -> None:
    if not name.startswith("missing"):
        (tmp_path / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(ModelFormatError) as caught:
        read_linear_model(tmp_path / name)
    assert name in str(caught.value)
    if name.endswith("pkl"):
        assert "run any code" in str(caught.value)


def test_kinds_of_files_are_read_by_one_reader_each(tmp_path: Path) -> None:
    suffixes = [suffix for reader in READERS for suffix in reader.suffixes]
    assert len(suffixes) == len(set(suffixes))
    with pytest.raises(ModelFormatError) as caught:
        read_linear_model(tmp_path / "a.xyz")
    assert all(reader.models in str(caught.value) for reader in READERS)


def test_models_check_themselves() -> None:
    model = read_linear_model("headshot")
    with pytest.raises(ModelFormatError, match="identity has shape"):
        replace(model, identity=model.identity[:, :-1])
    with pytest.raises(ModelFormatError, match="same resolution"):
        replace(model, triangles=model.triangles + 1)
    colours = np.zeros_like(model.mean)
    for wrong in (
        {"mean": model.mean * np.float32(np.nan)},
        {
            "expression": np.where(
                np.arange(len(model.mean))[:, None] == 7, np.float32(np.nan), model.expression
            )
        },
        {"albedo_mean": colours + np.float32(np.inf)},
        {"albedo_mean": colours, "albedo": np.full((1, *colours.shape), np.nan, np.float32)},
        {"uv": np.full_like(model.uv, np.nan)},
    ):
        with pytest.raises(ModelFormatError, match="finite"):
            replace(model, **wrong)
    with pytest.raises(ModelFormatError, match="texture triangles index"):
        replace(model, triangles_uv=model.triangles_uv + np.int32(1))
    with pytest.raises(ValueError, match="at most"):
        model.shape(np.zeros(1000), [])
    with pytest.raises(ValueError, match="no albedo"):
        model.colours([0])
