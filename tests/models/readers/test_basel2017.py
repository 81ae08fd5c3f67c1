"""Basel 2017 and 2019: made-up HDF5 files of their layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from headshot.errors import ModelFormatError
from headshot.models.readers import read_linear_model
from headshot.models.readers.basel2017 import NAMES

from .conftest import MAPPING, surface

h5py = pytest.importorskip("h5py")


def write(file: Path, *, expression: bool = True, flat: bool = False) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    points, triangles = surface()
    content = {}
    with h5py.File(file, "w") as out:
        for part, modes, mean in (("shape", 5, points.ravel()), ("color", 4, np.full(points.size, 0.4)),
                                  ("expression", 3, np.full(points.size, 0.25))):  # fmt: skip
            if part == "expression" and not expression:
                continue
            basis, _ = np.linalg.qr(rng.standard_normal((points.size, modes)))
            variance = np.linspace(9, 1, modes)
            for key, value in (("mean", mean), ("pcaBasis", basis), ("pcaVariance", variance)):
                out[f"{part}/model/{key}"] = value.astype(np.float32)
            content[part] = (basis * np.sqrt(variance)).T.reshape(modes, -1, 3)
        out["shape/representer/cells"] = triangles if flat else triangles.T
        named = [{"id": name, "coordinates": points[number * 2].tolist()} for name, number in NAMES.items()]
        text = json.dumps([*named, {"id": "left.ear", "coordinates": [0, 0, 0]}])
        out["metadata/landmarks/json"] = text
    return {"points": points, "triangles": triangles, **content}


@pytest.mark.parametrize("expression", [True, False])
def test_read(tmp_path: Path, expression: bool) -> None:
    file = tmp_path / "model2017-1_face12_nomouth.h5"
    truth = write(file, expression=expression)
    model = read_linear_model(file)
    shift = 0.25 if expression else 0.0
    np.testing.assert_allclose(model.mean + model.origin, truth["points"] + shift, atol=1e-4)
    np.testing.assert_allclose(model.identity, truth["shape"], atol=1e-5)
    np.testing.assert_allclose(model.albedo, truth["color"], atol=1e-5)
    assert len(model.expression) == (3 if expression else 0) and model.expression_kind == "pca"
    np.testing.assert_array_equal(model.triangles, truth["triangles"])
    np.testing.assert_array_equal(model.landmarks.index + 1, sorted(NAMES.values()))
    places = model.landmarks.points.on(model.mean, model.triangles)
    np.testing.assert_array_equal(places, model.mean[[2 * n for n in sorted(NAMES.values())]])


def test_companions_of_eos(tmp_path: Path) -> None:
    file = tmp_path / "model2017-1_bfm_nomouth.h5"
    write(file)
    lines = "\n".join(f"{a} = {b}" for a, b in MAPPING.items())
    (tmp_path / "ibug_to_bfm2017-1_bfm_nomouth.txt").write_text(f"[landmark_mappings]\n{lines}\n")
    (tmp_path / "bfm2017-1_bfm_nomouth_model_contours.json").write_text(
        '{"model_contour": {"right_contour": [1, 2, 3], "left_contour": [4, 5]}}'
    )
    model = read_linear_model(file)
    np.testing.assert_array_equal(model.landmarks.index + 1, sorted(MAPPING))
    assert len(model.contours["right"]) == 3 and len(model.contours["left"]) == 2


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"no hdf5")
    with pytest.raises(ModelFormatError, match=r"faces\.dmi\.unibas\.ch"):
        read_linear_model(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as out:
        out["shape/model/mean"] = np.zeros(9)
    with pytest.raises(ModelFormatError, match="read as a Basel model of 2017 or 2019"):
        read_linear_model(tmp_path / "b.h5")
