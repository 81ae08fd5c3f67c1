"""Training runs in the place of the fit, as far as that needs no PyTorch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import headshot
from headshot.errors import HeadshotError
from headshot.fitting.person import FittedPerson, fit_person
from headshot.image.photo import read_photo
from headshot.models.protocol import FaceModel
from headshot.perception.observe import FaceObservation

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import headshot
try:
    headshot.Reconstructor(method="runs/paper", preload=False)
except headshot.HeadshotError as error:
    print(type(error).__name__, error)
"""


def test_without_pytorch_it_is_said_what_to_install() -> None:
    result = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=True)
    assert result.stdout == 'MissingExtraError headshot.learn needs PyTorch: pip install "headshot[train]"\n'


class MeanFace:
    """A method by which everybody has the mean shape."""

    name, fingerprint = "the mean face", "0"
    model: FaceModel | None = None

    def __call__(self, seen: FaceObservation) -> FittedPerson:
        model = headshot.load_head_model("low")
        person = fit_person([seen], model, headshot.Settings().fit, None)
        return replace(person, identity=np.zeros_like(person.identity))


def test_a_method_takes_the_place_of_the_fit(photos: Path) -> None:
    photo = read_photo(photos / "astronaut.jpg")
    settings = headshot.Settings(detail="low")
    head = headshot.reconstruct(photo, settings=settings, method=MeanFace())
    assert not head.identity.any() and head.texture is not None and len(head.model.mean) < 8000
    assert head.quality.warnings[0] == "shape and pose are those of the mean face, not of the fit"
    (same,) = headshot.reconstruct(photo, face="all", settings=settings, method=MeanFace())
    np.testing.assert_array_equal(same.vertices, head.vertices)
    with pytest.raises(HeadshotError, match="the mean face reads one photo"):
        headshot.reconstruct([photo], method=MeanFace())
    with pytest.raises(TypeError, match="file of its face model"):
        headshot.Reconstructor(model=headshot.load_head_model("low"), method=MeanFace())
