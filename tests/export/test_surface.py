from __future__ import annotations

import io
import json
import struct

import numpy as np
from PIL import Image

from headshot.export import contents
from headshot.export.glb import SURFACE
from headshot.export.surface import SIZE, SMOOTHER, skin_surface
from headshot.models.head_model import load_head_model
from headshot.results import Head


def _at(pixels: np.ndarray, region: str) -> float:
    """Mean at the vertices of a region of the fine model."""
    model = load_head_model("high")
    corner = np.zeros(len(model.mean), np.int64)
    corner[model.triangles.ravel()] = model.triangles_uv.ravel()
    x, y = (model.uv[corner[model.regions[region] > 0.95]] * SIZE).astype(int).clip(0, SIZE - 1).T
    return float(pixels[y, x].mean())


def test_lips_nose_and_forehead_are_less_rough() -> None:
    pixels = skin_surface(load_head_model("high"))[..., 1]
    assert pixels.shape == (SIZE, SIZE) and _at(pixels, "cheeks") > 240
    for region, share in SMOOTHER.items():
        assert abs(_at(pixels, region) - 255 * (1 - share)) < 12
    # Nothing bleeds in from between the charts of the texture.
    assert pixels.min() > 255 * (1 - sum(SMOOTHER.values()))


def test_hollows_get_less_light() -> None:
    model = load_head_model("high")
    red = skin_surface(model)[..., 0]
    assert _at(red, "forehead") > 230 and _at(red, "scalp") > 230
    assert _at(red, "ears") < 200 and _at(red, "forehead") > _at(red, "eyelids") + 10
    assert not skin_surface(model)[..., 2].any()


def test_the_skin_of_a_glb_has_it(astronaut: Head) -> None:
    content = contents(astronaut, "a", "glb")["a.glb"]
    (length,) = struct.unpack_from("<I", content, 12)
    document, binary = json.loads(content[20 : 20 + length]), content[28 + length :]
    materials = {material["name"]: material for material in document["materials"]}
    number = materials["Skin"]["pbrMetallicRoughness"]["metallicRoughnessTexture"]["index"]
    image = document["images"][document["textures"][number]["source"]]
    assert image["name"] == SURFACE
    view = document["bufferViews"][image["bufferView"]]
    data = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(data))), skin_surface(load_head_model("high"))
    )
    assert materials["Skin"]["occlusionTexture"]["index"] == number
    for name in ("Mouth", "Teeth", "Eye", "SkinPhoto"):
        assert "metallicRoughnessTexture" not in materials[name]["pbrMetallicRoughness"]


def test_skin_and_eyes_bend_light_as_tissue_does(astronaut: Head) -> None:
    content = contents(astronaut, "a", "glb")["a.glb"]
    (length,) = struct.unpack_from("<I", content, 12)
    document = json.loads(content[20 : 20 + length])
    materials = {material["name"]: material.get("extensions", {}) for material in document["materials"]}
    assert materials["Skin"] == {
        "KHR_materials_ior": {"ior": 1.4},
        "KHR_materials_specular": {"specularFactor": 0.8},
    }
    assert materials["Eye"] == {"KHR_materials_ior": {"ior": 1.4}}
    assert materials["SkinPhoto"] == {"KHR_materials_unlit": {}}
    used = {name for extensions in materials.values() for name in extensions}
    assert used <= set(document["extensionsUsed"]) and not document.get("extensionsRequired")
