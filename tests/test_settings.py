"""Settings: checked when made, and back from plain values."""

from __future__ import annotations

import json

import pytest

from headshot import Settings
from headshot.fitting.settings import FitSettings, PhotometricSettings


def test_a_round_trip_through_json_changes_nothing() -> None:
    for settings in (Settings(), Settings("low", "none", "fast", photometric=None, texture=None)):
        assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_what_is_missing_keeps_its_default() -> None:
    found = Settings.from_dict({"detail": "low", "photometric": {"information": 300.0}})
    assert found == Settings(detail="low", photometric=PhotometricSettings(information=300.0))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"details": "low"}, "details"),
        ({"fit": {"nois": 1.0}}, "settings.fit has no nois"),
        ({"fit": None}, "must not be null"),
        ({"fit": 3}, "names and values"),
        ({"prior": "looks"}, "prior must be one of identity, none"),
        ({"preset": "quick"}, "preset"),
        ({"fit": {"noise": -1.0}}, "noise"),
    ],
)
def test_wrong_values_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings.from_dict(values)


def test_the_fast_preset_takes_fewer_steps_of_the_same() -> None:
    fit, colours = Settings(preset="fast").steps()
    assert fit.iterations < FitSettings().iterations
    assert colours is not None and sum(colours.steps) < sum(PhotometricSettings().steps)
    assert Settings().steps() == (FitSettings(), PhotometricSettings())
