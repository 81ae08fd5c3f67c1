"""The photo's light, and the texture without it, in the files."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headshot.export.asset import asset_of
from headshot.export.glb import glb
from headshot.export.obj import obj
from headshot.export.ply import ply
from headshot.export.record import record
from headshot.export.settings import ExportSettings
from headshot.results import Head
from headshot.texture import TextureView
from headshot.texture.appearance import with_appearance

ALBEDO = ExportSettings(texture="albedo", texture_encoding="png")


def contents(file: bytes) -> tuple[dict[str, Any], np.ndarray]:
    """The JSON chunk of a GLB, and its texture (T, T, 3)."""
    length = struct.unpack_from("<I", file, 12)[0]
    document = json.loads(file[20 : 20 + length])
    view = document["bufferViews"][document["images"][0]["bufferView"]]
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
    _, photographed = contents(glb(asset_of(astronaut), ALBEDO))
    assert np.array_equal(photographed, astronaut.texture.pixels)
    png = obj(asset_of(astronaut, ALBEDO), "a")["a_texture.png"]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), delit)
    assert ply(asset_of(astronaut, ALBEDO)) != ply(asset_of(astronaut))


def test_the_light_is_recorded(astronaut: Head) -> None:
    assert astronaut.light is not None
    fields = record(astronaut, ALBEDO)
    np.testing.assert_array_equal(fields["views"][0]["light"], astronaut.light)
    np.testing.assert_array_equal(fields["person"]["albedo"], astronaut.albedo)
    assert fields["meshes"]["texture"] == "albedo"
    extras = contents(glb(asset_of(astronaut)))[0]["nodes"][0]["extras"]
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
