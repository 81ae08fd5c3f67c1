"""Settings of a reconstruction: one tree of frozen dataclasses, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal, get_args, get_type_hints

from headshot.checked import Checked
from headshot.fitting.settings import FitSettings, PhotometricSettings
from headshot.hair.worn import Hair
from headshot.perception.detection.detect import DetectSettings
from headshot.perception.fallback import FallbackSettings
from headshot.perception.landmarks.mediapipe import LandmarkSettings
from headshot.texture import TextureSettings

Detail = Literal["low", "high"]
Prior = Literal["identity", "none"]
Preset = Literal["accurate", "fast"]
DETAILS, PRIORS, PRESETS = (get_args(choice) for choice in (Detail, Prior, Preset))


@dataclass(frozen=True)
class Settings(Checked):
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
        hair: what the head wears: "auto", what its photos show, none with other models than the bundled one
            or without ``segment``; "none"; or a style of `headshot.hair.styles.load_styles` by name, in the
            colour of the photos.

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
    hair: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hair not in ("auto", "none"):
            Hair(self.hair)

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
    if not isinstance(values, Mapping):
        raise ValueError(f"{path} must hold names and values, got {values!r}")
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    unknown = sorted(map(str, set(values) - set(names)))
    if unknown:
        raise ValueError(f"{path} has no {', '.join(unknown)}: use any of {', '.join(names)}")
    members = {name: _value(hints[name], value, f"{path}.{name}") for name, value in values.items()}
    try:
        return kind(**members)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _value(hint: Any, value: Any, path: str) -> Any:
    nested = [kind for kind in (hint, *get_args(hint)) if is_dataclass(kind)]
    return value if value is None or not nested else _from_dict(nested[0], value, path)
