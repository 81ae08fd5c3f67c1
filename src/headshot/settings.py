"""Settings of a reconstruction: one tree of frozen dataclasses, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from headshot.fitting.settings import FitSettings, PhotometricSettings
from headshot.perception.detection.detect import DetectSettings
from headshot.perception.fallback import FallbackSettings
from headshot.perception.landmarks.mediapipe import LandmarkSettings
from headshot.texture import TextureSettings

Detail = Literal["low", "high"]
Prior = Literal["identity", "none"]
Preset = Literal["accurate", "fast"]
DETAILS, PRIORS, PRESETS = (get_args(choice) for choice in (Detail, Prior, Preset))


@dataclass(frozen=True)
class Settings:
    """Settings of `headshot.reconstruct`; the documentation's numbers were measured with the defaults.

    Attributes:
        detail: "high" (about 13.5k skin vertices) or "low" (3.4k); the coefficients are the same.
        prior: what is expected of a shape: "identity", what a network predicts from the face, together with
            the points of the in-house network beside the landmarks; "none", what people are like.
        preset: "accurate", or "fast", which takes fewer steps.
        detect: how faces are found.
        landmarks: how landmarks are placed.
        fallback: when the in-house network finds the face.
        fit: of the fit to landmarks.
        photometric: of the fit to the photo's colours, or None to fit landmarks only.
        segment: find out what is before the face (hair, hats, glasses, hands), so that neither fit nor
            texture takes it for skin.
        texture: of the texture, or None to make none.

    Raises:
        ValueError: a value outside of its range.
    """

    detail: Detail = "high"
    prior: Prior = "identity"
    preset: Preset = "accurate"
    detect: DetectSettings = field(default_factory=DetectSettings)
    landmarks: LandmarkSettings = field(default_factory=LandmarkSettings)
    fallback: FallbackSettings = field(default_factory=FallbackSettings)
    fit: FitSettings = field(default_factory=FitSettings)
    photometric: PhotometricSettings | None = field(default_factory=PhotometricSettings)
    segment: bool = True
    texture: TextureSettings | None = field(default_factory=TextureSettings)

    def __post_init__(self) -> None:
        for name, value, known in (
            ("detail", self.detail, DETAILS),
            ("prior", self.prior, PRIORS),
            ("preset", self.preset, PRESETS),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")

    def steps(self) -> tuple[FitSettings, PhotometricSettings | None]:
        """Settings of the fits to landmarks and to colours with the steps of the preset."""
        if self.preset == "accurate":
            return self.fit, self.photometric
        return self.fit.fast(), None if self.photometric is None else self.photometric.fast()

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionaries of plain values, such as JSON holds."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """The settings of `to_dict`; what is missing keeps its default.

        Raises:
            ValueError: an unknown name, or a value outside of its range.
        """
        return _from_dict(cls, values, "settings")


def _from_dict(kind: Any, values: Mapping[str, Any], path: str) -> Any:
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise ValueError(f"{path} has no {', '.join(unknown)}: use any of {', '.join(names)}")
    return kind(**{name: _value(hints[name], value, f"{path}.{name}") for name, value in values.items()})


def _value(hint: Any, value: Any, path: str) -> Any:
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if value is None:
        if type(None) in choices:
            return None
        raise ValueError(f"{path} must not be null")
    nested = [choice for choice in choices if is_dataclass(choice)]
    if nested:
        if not isinstance(value, Mapping):
            raise ValueError(f"{path} must hold names and values, got {value!r}")
        return _from_dict(nested[0], value, path)
    for choice in choices:
        if get_origin(choice) is tuple and isinstance(value, list | tuple):
            kind = get_args(choice)[0]
            return tuple(_plain((kind,), item, f"{path}[{k}]") for k, item in enumerate(value))
    return _plain(choices, value, path)


def _plain(choices: tuple[Any, ...], value: Any, path: str) -> Any:
    """A value that is no settings itself, if it has one of these types; what it may be, its owner checks."""
    known = {choice for choice in choices if choice in (bool, int, float, str)}
    if any(get_origin(choice) is Literal for choice in choices):
        known.add(str)
    fits = isinstance(value, tuple(known)) or (float in known and isinstance(value, int))
    if not fits or (isinstance(value, bool) and bool not in known) or value != value:  # NaN
        expected = " or ".join(sorted(kind.__name__ for kind in known))
        raise ValueError(f"{path} must be {expected}, got {str(value)[:60]!r}")
    return value
