"""Checks of a head's JSON file, field by field; whoever reads one of strangers can rely on them.

They hold what docs/reference/reconstruction.schema.json says, and what it cannot say: a rotation is one,
numbers are finite and of a size that faces can have, names of files have no folders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from headshot.errors import RecordError
from headshot.hair.worn import FARTHEST, STEPS, TEXTURES
from headshot.models.protocol import BUNDLED

DEEPEST = 20  # levels of lists and objects; the deepest number of a head is on the 6th
LARGEST = 1e9  # nothing that is measured of a head or a photo comes near
COEFFICIENT = 100.0  # standard deviations: impossible people, but still a mesh
LONGEST = 10_000  # characters of a text


@dataclass(frozen=True)
class Field:
    """A value in a JSON file, and where it stands.

    Attributes:
        file: name of the file, for messages.
        path: where in the file, such as "views[0].camera.focal".
        value: what stands there.
    """

    file: str
    path: str
    value: Any

    def error(self, expected: str) -> RecordError:
        """The error that something else stands here."""
        shown = repr(self.value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return RecordError(f"{self.file}: {self.path[:200]} must be {expected}, got {shown}")

    def __getitem__(self, name: str) -> Field:
        """A field of an object, which must be there."""
        if not isinstance(self.value, dict):
            raise self.error("an object")
        if name not in self.value:
            raise RecordError(f"{self.file}: {self.inside(name, None).path} is missing")
        return self.inside(name, self.value[name])

    def inside(self, name: str | int, value: Any) -> Field:
        """The field of this name, or at this place in a list."""
        if isinstance(name, int):
            return Field(self.file, f"{self.path}[{name}]", value)
        return Field(self.file, f"{self.path}.{name}" if self.path else name, value)

    def entries(self, least: int, most: int) -> list[Field]:
        """The entries of an object with any names."""
        if not isinstance(self.value, dict) or not least <= len(self.value) <= most:
            raise self.error(f"an object of {least} to {most} entries")
        return [self.inside(name, entry) for name, entry in self.value.items()]

    def items(self, least: int, most: int) -> list[Field]:
        """The items of a list."""
        if not isinstance(self.value, list) or not least <= len(self.value) <= most:
            count = str(least) if least == most else f"{least} to {most}"
            raise self.error(f"a list of {count}")
        return [self.inside(i, item) for i, item in enumerate(self.value)]

    def number(self, low: float = -LARGEST, high: float = LARGEST) -> float:
        """A number within bounds."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise self.error(f"a number from {low:g} to {high:g}")
        return float(value)

    def positive(self, high: float = LARGEST) -> float:
        """A number above 0."""
        if self.number(0.0, high) == 0:
            raise self.error("above 0")
        return float(self.value)

    def integer(self, low: int, high: int) -> int:
        """An integer within bounds."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not low <= self.value <= high:
            raise self.error(f"an integer from {low} to {high}")
        return self.value

    def text(self, pattern: str = ".*") -> str:
        """A text that a regular expression describes."""
        value = self.value
        if not isinstance(value, str) or len(value) > LONGEST or not re.fullmatch(pattern, value, re.DOTALL):
            raise self.error("a text" if pattern == ".*" else f"a text like {pattern}")
        return value

    def file_name(self) -> str:
        """The name of a file, without folders."""
        name = self.text()
        if re.search(r"[/\\\0]", name) or name in ("", ".", ".."):
            raise self.error("the name of a file without folders")
        return name

    def one_of(self, *choices: str | None) -> None:
        """One of some values."""
        if self.value not in choices:
            raise self.error("one of " + ", ".join("null" if c is None else f'"{c}"' for c in choices))

    def numbers(self, *shape: int, limit: float = LARGEST) -> None:
        """Nested lists of numbers of this shape."""
        for item in self.items(shape[0], shape[0]):
            if len(shape) > 1:
                item.numbers(*shape[1:], limit=limit)
            else:
                item.number(-limit, limit)


def check_numbers(field: Field, depth: int = 0) -> None:
    """Refuse deep nesting, and numbers anywhere that are not finite or larger than anything measured."""
    value = field.value
    if not isinstance(value, (dict, list)):
        return
    if depth == DEEPEST:
        raise RecordError(f"{field.file}: {field.path[:200]} is nested too deeply")
    for name, entry in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(entry, (dict, list)):
            check_numbers(field.inside(name, entry), depth + 1)
        elif isinstance(entry, (int, float)) and not abs(entry) <= LARGEST:
            raise field.inside(name, entry).error(f"a finite number within ±{LARGEST:g}")


def check_record(root: Field) -> None:
    """Refuse a record of schema 2 that lacks a field or has an impossible one; see `Field`."""
    root["headshot_version"].text()
    root["prior"].one_of("identity", "none")
    root["preset"].one_of("accurate", "fast")
    model = root["model"]
    bundled = model["id"].text() == BUNDLED
    if not bundled:
        if model["file"].value:
            model["file"].file_name()
        model["sha256"].text("[0-9a-f]{64}")
    model["resolution"].text()
    for name in ("vertices", "triangles"):
        model[name].integer(1, 100_000_000)
    for entry in model["assets"].entries(1, 1000):
        entry.text("[0-9a-f]{64}")
    person = root["person"]
    _coefficients(person["identity"])
    if person["albedo"].value is not None:
        _coefficients(person["albedo"])
    person["scale"].positive(100.0)
    person["scale_uncertainty"].positive(100.0)
    views = root["views"].items(1, 1000)
    for view in views:
        _check_view(view, bundled)
    root["main_view"].integer(0, len(views) - 1)
    _check_expression(root["expression"], bundled)
    for out in root["left_out"].items(0, 1000):
        out["name"].text()
        out["reason"].text()
        if out["figure"].value is not None:
            out["figure"].number()
    quality = root["quality"]
    quality["score"].number(0, 1)
    for measure in quality["measures"].entries(0, 1000):
        measure.number()
    for warning in quality["warnings"].items(0, 1000):
        warning.text()
    meshes = root["meshes"]
    meshes["unit"].one_of("millimetre")
    meshes["expression"].one_of("photo", "neutral")
    meshes["texture"].one_of("photo", "albedo", None)
    for timing in root["timings"].entries(0, 1000):
        timing.number(0)
    for file in root["files"].items(0, 1000):
        file.file_name()
    for name, without, check in (
        ("source", ("2.0", "2.1"), _check_source),
        ("hair", ("2.0", "2.1", "2.2"), _check_hair),
    ):
        older = root["schema_version"].value in without
        if (not older or name in root.value) and root[name].value is not None:
            check(root[name])


def _check_hair(hair: Field) -> None:
    for name in ("style", "brows", "lashes"):
        if hair[name].value is not None:
            hair[name].text("[a-z0-9_]{1,40}")
    hair["texture"].one_of(None, *TEXTURES)
    for name in ("root", "tip", "face"):
        if name != "face" or hair["face"].value is not None:
            for number in hair[name].items(3, 3):
                number.number(0, 1)
    hair["variation"].number(0, 1)
    if hair["offsets"].value is not None:
        for offset in hair["offsets"].items(1, 100_000):
            offset.numbers(3, limit=FARTHEST * STEPS)
    if hair["missing"].value is not None:
        for number in hair["missing"].items(1, 100_000):
            number.integer(0, 100_000)


def _check_source(source: Field) -> None:
    for photo in source["photos"].items(1, 1000):
        photo["name"].file_name()
        if photo["bytes"].value is not None:
            photo["bytes"].integer(0, int(LARGEST))
        if photo["sha256"].value is not None:
            photo["sha256"].text("[0-9a-f]{64}")
    if source["face"].value is not None:
        source["face"].integer(1, 1_000_000)
    source["head"].integer(1, source["heads"].integer(1, 1_000_000))
    for name in ("one_person", "force"):
        if not isinstance(source[name].value, bool):
            raise source[name].error("true or false")
    for name in ("settings", "export"):
        source[name].entries(0, 1000)
    source["model"].text()
    source["made"].text("[0-9a-f]{64}")


def _check_expression(field: Field, bundled: bool) -> None:
    """ARKit weights, or coefficients of another model, which may have no expressions."""
    for weight in field.entries(1 if bundled else 0, 1000):
        weight.number(*((0, 1) if bundled else (-COEFFICIENT, COEFFICIENT)))


def _check_view(view: Field, bundled: bool) -> None:
    photo = view["photo"]
    photo["name"].file_name()
    width, height = (photo[name].integer(1, 1_000_000) for name in ("width", "height"))
    photo["reduced"].integer(1, 10_000)
    if photo["focal_35mm"].value is not None:
        photo["focal_35mm"].positive()
    face = view["face"]
    face["box"].numbers(4)
    face["points"].numbers(5, 2)
    face["score"].number(0, 1)
    landmarks = view["landmarks"]
    landmarks["set"].one_of("mediapipe478")
    landmarks["network"].one_of("mediapipe", "in_house")
    landmarks["presence"].number(0, 1)
    landmarks["points"].numbers(478, 2)
    _check_camera(view["camera"], width, height)
    _check_expression(view["expression"], bundled)
    if view["light"].value is not None:
        view["light"].numbers(9, 3)
    view["weight"].positive(1.0)
    for name, width in (("landmarks68", 3), ("landmarks68_projected", 2)):
        for point in view[name].items(68, 68):
            if bundled or point.value is not None:
                point.numbers(width)


def _check_camera(camera: Field, width: int, height: int) -> None:
    camera["width"].integer(width, width)  # the photo's
    camera["height"].integer(height, height)
    camera["focal"].positive()
    camera["centre"].numbers(2)
    camera["rotation"].numbers(3, 3, limit=1.001)
    rotation = np.array(camera["rotation"].value, np.float64)
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-6 or np.linalg.det(rotation) < 0:
        raise camera["rotation"].error("a rotation")
    camera["translation"].numbers(3)
    if camera["translation"].value[2] >= 0:
        raise camera["translation"].error("in front of the camera, at a negative z")
    for angle in ("yaw", "pitch", "roll"):
        camera[angle].number(-180, 180)


def _coefficients(field: Field) -> None:
    for item in field.items(1, 10_000):
        item.number(-COEFFICIENT, COEFFICIENT)
