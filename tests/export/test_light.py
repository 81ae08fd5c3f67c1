"""The photo's light, and the texture without it, in the files."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headshot.errors import HeadshotError
from headshot.export.asset import asset_of
from headshot.export.glb import glb
from headshot.export.obj import obj
from headshot.export.ply import ply
from headshot.export.record import record
from headshot.export.settings import ExportSettings
from headshot.loading import load
from headshot.results import Head, blend
from headshot.texture import TextureView
from headshot.texture.appearance import with_appearance

ALBEDO = ExportSettings(texture="albedo", texture_encoding="png")
PHOTO = ExportSettings(texture="photo", texture_encoding="png")

TISSUE = {"KHR_materials_ior", "KHR_materials_specular"}  # of skin and eyes


def contents(file: bytes, number: int = 0) -> tuple[dict[str, Any], np.ndarray]:
    """The JSON chunk of a GLB, and one of its textures (T, T, 3)."""
    length = struct.unpack_from("<I", file, 12)[0]
    document = json.loads(file[20 : 20 + length])
    view = document["bufferViews"][document["images"][number]["bufferView"]]
    first = 28 + length + view["byteOffset"]
    return document, np.asarray(Image.open(io.BytesIO(file[first : first + view["byteLength"]])))


def test_both_textures_go_into_files(astronaut: Head) -> None:
    assert astronaut.texture is not None and astronaut.albedo_texture is not None
    delit = astronaut.albedo_texture.pixels
    assert delit.shape == astronaut.texture.pixels.shape
    assert np.abs(delit.astype(int) - astronaut.texture.pixels).mean() > 5
    document, texture = contents(glb(asset_of(astronaut, ALBEDO), ALBEDO))
    assert np.array_equal(texture, delit)
    assert document["nodes"][0]["extras"]["texture"] == "albedo"
    _, photographed = contents(glb(asset_of(astronaut, PHOTO), ALBEDO))
    assert np.array_equal(photographed, astronaut.texture.pixels)
    png = obj(asset_of(astronaut, ALBEDO), "a")["a_texture.png"]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), delit)
    assert ply(asset_of(astronaut, ALBEDO)) != ply(asset_of(astronaut, PHOTO))


def test_usual_files_are_without_light_and_a_glb_has_the_photo_as_a_variant(astronaut: Head) -> None:
    assert astronaut.texture is not None and astronaut.albedo_texture is not None
    usual = ExportSettings(texture_encoding="png")
    document, first = contents(glb(asset_of(astronaut, usual), usual))
    _, second = contents(glb(asset_of(astronaut, usual), usual), 1)
    np.testing.assert_array_equal(first, astronaut.albedo_texture.pixels)
    np.testing.assert_array_equal(second, astronaut.texture.pixels)
    added = {"KHR_materials_unlit", "KHR_materials_variants"}
    assert set(document["extensionsUsed"]) - TISSUE == added
    variants = document["extensions"]["KHR_materials_variants"]["variants"]
    assert [variant["name"] for variant in variants] == ["Lit", "Photo"]
    materials = document["materials"]
    for mesh in document["meshes"]:
        for primitive in mesh["primitives"]:
            mappings = primitive["extensions"]["KHR_materials_variants"]["mappings"]
            lit, photo = (materials[m["material"]] for m in mappings)
            assert [m["variants"] for m in mappings] == [[0], [1]]
            assert primitive["material"] == mappings[0]["material"]
            assert photo["name"] == f"{lit['name']}Photo"
            assert lit["pbrMetallicRoughness"]["baseColorTexture"]["index"] == 0
            assert photo["pbrMetallicRoughness"]["baseColorTexture"]["index"] == 1
            assert "KHR_materials_unlit" in photo["extensions"] and set(lit.get("extensions", ())) <= TISSUE
    for explicit in (ALBEDO, PHOTO):
        assert set(contents(glb(asset_of(astronaut, explicit), explicit))[0]["extensionsUsed"]) == TISSUE
    pixels = np.asarray(Image.open(io.BytesIO(obj(asset_of(astronaut), "a")["a_texture.png"])))
    np.testing.assert_array_equal(pixels, astronaut.albedo_texture.pixels)


def test_both_textures_come_back(astronaut: Head, tmp_path: Path) -> None:
    assert astronaut.texture is not None and astronaut.albedo_texture is not None
    astronaut.save(tmp_path, formats="glb,json", texture_encoding="png")
    again = load(tmp_path / "astronaut.json")
    assert again.texture is not None and again.albedo_texture is not None
    np.testing.assert_array_equal(again.texture.pixels, astronaut.texture.pixels)
    np.testing.assert_array_equal(again.albedo_texture.pixels, astronaut.albedo_texture.pixels)
    assert not again.texture.delit and again.albedo_texture.delit
    astronaut.save(tmp_path / "albedo", formats="obj,json", texture="albedo")
    only = load(tmp_path / "albedo" / "astronaut.json")
    assert only.texture is not None and only.texture.delit
    np.testing.assert_array_equal(only.texture.pixels, astronaut.albedo_texture.pixels)
    assert record(only)["meshes"]["texture"] == record(only, PHOTO)["meshes"]["texture"] == "albedo"


def test_edited_heads_have_the_skin_of_their_photos(astronaut: Head, head: Head) -> None:
    """Of another shape or between two people, and not what the photo shows where the new shape would be."""
    assert astronaut.albedo_texture is not None
    other = astronaut.with_identity(-astronaut.identity)
    assert other.albedo_texture is not None
    np.testing.assert_array_equal(other.albedo_texture.pixels, astronaut.albedo_texture.pixels)
    between = blend(astronaut, other, 0.5)
    assert between.albedo_texture is not None
    np.testing.assert_allclose(between.albedo_texture.pixels, astronaut.albedo_texture.pixels, atol=1)
    lost = blend(astronaut, replace(other, without_light=None), 0.5)
    assert not lost.has_albedo_texture
    with pytest.raises(HeadshotError, match="blend heads that both have one"):
        _ = lost.albedo_texture
    assert record(lost)["meshes"]["texture"] == "photo"


def test_the_light_is_recorded(astronaut: Head) -> None:
    assert astronaut.light is not None
    fields = record(astronaut, ALBEDO)
    np.testing.assert_array_equal(fields["views"][0]["light"], astronaut.light)
    np.testing.assert_array_equal(fields["person"]["albedo"], astronaut.albedo)
    assert fields["meshes"]["texture"] == "albedo"
    extras = contents(glb(asset_of(astronaut, PHOTO)))[0]["nodes"][0]["extras"]
    np.testing.assert_allclose(extras["light"], astronaut.light, atol=1e-4)
    assert extras["texture"] == "photo"


def test_heads_without_light_or_texture_say_so(head: Head, bare: Head) -> None:
    fields = record(head)
    assert fields["views"][0]["light"] is None and fields["person"]["albedo"] is None
    assert record(bare, ALBEDO)["meshes"]["texture"] is None
    assert bare.albedo_texture is None
    with pytest.raises(ValueError, match="texture"):
        ExportSettings(texture="normal")


def test_light_is_found_for_heads_that_were_fitted_to_landmarks_only(astronaut: Head) -> None:
    view = TextureView(astronaut.photo.pixels, astronaut.vertices, astronaut.camera, astronaut.light)
    _, estimated = with_appearance(view, None, astronaut.model)
    same, fitted = with_appearance(view, astronaut.albedo, astronaut.model)
    assert same is view
    face = astronaut.model.regions["cheeks"] > 0.9
    ratio = estimated.colours[face].mean(axis=0) / fitted.colours[face].mean(axis=0)
    assert (np.abs(np.log(ratio)) < 0.35).all()


def test_a_record_alone_makes_no_texture(astronaut: Head) -> None:
    """It only names what is in the files."""
    fresh = replace(astronaut)
    assert record(fresh)["meshes"]["texture"] == "albedo"
    assert "albedo_texture" not in vars(fresh)
