"""Headshot: ordinary photos of a face in, a textured, animatable 3D head out.

>>> import headshot
>>> head = headshot.reconstruct("portrait.jpg")        # doctest: +SKIP
>>> head.save("out")                                   # doctest: +SKIP
>>> head = headshot.reconstruct(["a.jpg", "b.jpg", "c.jpg"])   # one person    # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headshot.runtime import prepare

if TYPE_CHECKING:
    from headshot.errors import (
        AssetError,
        HeadshotError,
        ModelFormatError,
        NoFaceError,
        OutputError,
        PhotoError,
        RecordError,
    )
    from headshot.estimate import Estimate, LeftOut, PersonParameters, ViewParameters
    from headshot.geometry.camera import Camera
    from headshot.image.photo import Photo, read_photo
    from headshot.loading import load
    from headshot.measurements import Measurement
    from headshot.models.head_model import HeadModel, load_head_model
    from headshot.models.protocol import FaceModel
    from headshot.models.readers import read_model
    from headshot.pipeline import Reconstructor, reconstruct
    from headshot.quality import Quality
    from headshot.results import Head, blend
    from headshot.settings import Settings
    from headshot.texture import Texture
    from headshot.version import __version__ as __version__
prepare()

_HOME = {
    "__version__": "version",
    "AssetError": "errors",
    "Camera": "geometry.camera",
    "Estimate": "estimate",
    "FaceModel": "models.protocol",
    "Head": "results",
    "HeadModel": "models.head_model",
    "HeadshotError": "errors",
    "LeftOut": "estimate",
    "Measurement": "measurements",
    "ModelFormatError": "errors",
    "NoFaceError": "errors",
    "OutputError": "errors",
    "PersonParameters": "estimate",
    "Photo": "image.photo",
    "PhotoError": "errors",
    "Quality": "quality",
    "RecordError": "errors",
    "Reconstructor": "pipeline",
    "Settings": "settings",
    "Texture": "texture",
    "ViewParameters": "estimate",
    "blend": "results",
    "load": "loading",
    "load_head_model": "models.head_model",
    "read_model": "models.readers",
    "read_photo": "image.photo",
    "reconstruct": "pipeline",
}

__all__ = [
    "AssetError",
    "Camera",
    "Estimate",
    "FaceModel",
    "Head",
    "HeadModel",
    "HeadshotError",
    "LeftOut",
    "Measurement",
    "ModelFormatError",
    "NoFaceError",
    "OutputError",
    "PersonParameters",
    "Photo",
    "PhotoError",
    "Quality",
    "Reconstructor",
    "RecordError",
    "Settings",
    "Texture",
    "ViewParameters",
    "blend",
    "load",
    "load_head_model",
    "read_model",
    "read_photo",
    "reconstruct",
]


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used, so that ``import headshot`` stays cheap."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"headshot.{_HOME[name]}"), name)
    raise AttributeError(f"module 'headshot' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
