"""The tree of settings: what it refuses, its presets, its dictionaries; and the priors and presets in use."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from headshot import Settings, reconstruct
from headshot.apps.cli.main import app
from headshot.export import ExportSettings
from headshot.fitting.settings import FitSettings, PhotometricSettings
from headshot.perception.detection.detect import DetectSettings
from headshot.perception.fallback import FallbackSettings
from headshot.settings import DETAILS, PRESETS, PRIORS, Preset, Prior
from headshot.texture import TextureSettings

SHAPE = Settings(detail="low", texture=None)


@pytest.mark.parametrize(("name", "known"), [("detail", DETAILS), ("prior", PRIORS), ("preset", PRESETS)])
def test_unknown_choices_are_refused_with_those_that_there_are(name: str, known: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"{name} must be one of {', '.join(known)}, got 'magic'"):
        Settings(**{name: "magic"})  # type: ignore[arg-type]
    for value in known:
        assert getattr(Settings(**{name: value}), name) == value  # type: ignore[arg-type]


def test_the_fast_preset_takes_fewer_steps_of_the_same() -> None:
    own = Settings(fit=FitSettings(noise=0.03), photometric=PhotometricSettings(information=300.0))
    assert own.steps() == (own.fit, own.photometric)
    fast = replace(own, preset="fast")
    assert fast.steps() == (own.fit.fast(), own.photometric.fast())  # type: ignore[union-attr]
    assert fast.steps()[0].noise == 0.03
    assert replace(fast, photometric=None).steps() == (own.fit.fast(), None)


def test_settings_come_back_from_their_dictionaries_and_from_json() -> None:
    changed = Settings(
        detail="low",
        prior="none",
        preset="fast",
        fit=FitSettings(shrinkage=0.25, iterations=7),
        photometric=PhotometricSettings(widths=(60,), steps=(3,), every=(2,)),
        fallback=FallbackSettings(check_yaw=12.0, search_sizes=(0.5,)),
        segment=False,
        texture=TextureSettings(size=512),
        hair="bob01",
    )
    for settings in (Settings(), changed, replace(changed, photometric=None, texture=None)):
        assert Settings.from_dict(settings.to_dict()) == settings
        assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    assert Settings.from_dict({}) == Settings()
    assert Settings.from_dict({"fit": {"noise": 0.05}}) == Settings(fit=FitSettings(noise=0.05))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"method": "fit"}, "settings has no method: use any of detail, prior"),
        ({"fit": {"speed": 1, "noise": 0.1}}, "settings.fit has no speed: use any of noise"),
        ({"fit": None}, "settings: fit must be FitSettings"),
        ({"fit": 3}, "settings.fit must hold names and values, got 3"),
        ({"fit": {"noise": 0}}, "noise must be greater than 0"),
        ({"photometric": {"steps": [1]}}, "one value for each width"),
        ({"preset": "slow"}, "preset must be one of accurate, fast"),
    ],
)
def test_dictionaries_that_make_no_sense_are_refused(values: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Settings.from_dict(values)


@pytest.mark.parametrize(("prior", "preset"), [("none", "accurate"), ("identity", "fast")])
def test_heads_say_how_they_were_made(prior: Prior, preset: Preset, photos: Path) -> None:
    settings = replace(SHAPE, prior=prior, preset=preset)
    (head,) = reconstruct(photos / "astronaut.jpg", face="all", settings=settings)
    assert (head.estimate.prior, head.estimate.preset) == (prior, preset)
    (seen,) = head.observations
    assert (seen.identity is None) == (seen.prediction is None) == (prior == "none")


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("preset", PRESETS)
def test_the_command_says_which_prior_and_preset_were_used(
    prior: Prior, preset: Preset, photos: Path, tmp_path: Path
) -> None:
    arguments = ["reconstruct", str(photos / "astronaut.jpg"), "-o", str(tmp_path), "--formats", "json"]
    chosen = ["--detail", "low", "--prior", prior, "--preset", preset]
    found = CliRunner().invoke(app, [*arguments, *chosen])
    assert found.exit_code == 0, found.output
    record = json.loads((tmp_path / "astronaut.json").read_text(encoding="utf-8"))
    assert (record["prior"], record["preset"]) == (prior, preset)
    assert record["views"][0]["landmarks"]["network"] == "mediapipe"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Settings(texture=512), "texture must be TextureSettings or None, got 512"),
        (lambda: Settings(photometric=False), "photometric must be PhotometricSettings or None"),
        (lambda: Settings(segment="no"), "segment must be True or False"),
        (lambda: Settings(detect=None), "detect must be DetectSettings"),
        (lambda: TextureSettings(size=1024.0), "size must be a whole number"),
        (lambda: TextureSettings(grain=-1.0), "grain must be within"),
        (lambda: FitSettings(noise=float("nan")), "noise must be a number"),
        (lambda: FitSettings(noise=float("inf")), "finite"),
        (lambda: FitSettings(iterations=True), "iterations must be a whole number"),
        (lambda: PhotometricSettings(widths=48), "widths must be several values"),
        (lambda: PhotometricSettings(widths=(0, 3)), "1 or more"),
        (lambda: PhotometricSettings(slack=-1.0), "slack must be greater than 0"),
        (lambda: DetectSettings(min_face=float("nan")), "min_face must be a number"),
        (lambda: DetectSettings(thresholds=(0.5, 0.5)), "thresholds must have 3 values"),
        (lambda: ExportSettings(jpeg_quality=50.5), "jpeg_quality must be a whole number"),
        (lambda: ExportSettings(morph_normals="no"), "morph_normals must be True or False"),
        (lambda: Settings.from_dict({"texture": {"size": "big"}}), "settings.texture: size must be"),
        (lambda: Settings.from_dict({"segment": "false"}), "settings: segment must be True or False"),
        (lambda: Settings.from_dict([1]), "must hold names and values"),
    ],
)
def test_values_of_another_type_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_numbers_of_numpy_and_lists_become_pythons() -> None:
    made = TextureSettings(size=np.int64(512)), DetectSettings(thresholds=[0.5, 0.6, np.float32(0.5)])
    assert type(made[0].size) is int and made[1].thresholds == (0.5, 0.6, 0.5)
    assert type(FitSettings(noise=1).noise) is float


def test_hair_is_a_style_that_ships() -> None:
    with pytest.raises(ValueError, match="no hair style 'mullet99': use one of"):
        Settings(hair="mullet99")
    run = CliRunner().invoke(app, ["reconstruct", "me.jpg", "--hair", "mullet99"])
    assert run.exit_code == 2 and "mullet99" in run.output
