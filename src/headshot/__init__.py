"""Headshot: one ordinary photo of a face in, a textured, animatable 3D head out.

>>> import headshot
>>> head = headshot.reconstruct("portrait.jpg")        # doctest: +SKIP
>>> head.save("out")                                   # doctest: +SKIP
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
        PhotoError,
        RecordError,
    )
    from headshot.geometry.camera import Camera
    from headshot.image.photo import Photo, read_photo
    from headshot.models.head_model import HeadModel, load_head_model
    from headshot.pipeline import Reconstruction, Settings, reconstruct, reconstruct_all
    from headshot.quality import Quality
    from headshot.texture import Texture

    __version__: str
prepare()

_HOME = {
    "Camera": "geometry.camera",
    "AssetError": "errors",
    "HeadshotError": "errors",
    "ModelFormatError": "errors",
    "NoFaceError": "errors",
    "PhotoError": "errors",
    "HeadModel": "models.head_model",
    "load_head_model": "models.head_model",
    "Photo": "image.photo",
    "read_photo": "image.photo",
    "Quality": "quality",
    "Reconstruction": "pipeline",
    "RecordError": "errors",
    "Settings": "pipeline",
    "reconstruct": "pipeline",
    "reconstruct_all": "pipeline",
    "Texture": "texture",
}

__all__ = [
    "AssetError",
    "Camera",
    "HeadModel",
    "HeadshotError",
    "ModelFormatError",
    "NoFaceError",
    "Photo",
    "PhotoError",
    "Quality",
    "Reconstruction",
    "RecordError",
    "Settings",
    "Texture",
    "load_head_model",
    "read_photo",
    "reconstruct",
    "reconstruct_all",
]


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used, so that ``import headshot`` stays cheap."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"headshot.{_HOME[name]}"), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("headshot")
    raise AttributeError(f"module 'headshot' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
