"""Photos in, a head out: perceive, fit, texture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from time import perf_counter
from typing import Literal, cast, overload

import numpy as np

from headshot.assessment import quality_of
from headshot.errors import HeadshotError, NoFaceError, PhotoError
from headshot.estimate import LeftOut
from headshot.fitting.estimated import estimate_of
from headshot.fitting.other_models import other_model
from headshot.fitting.person import FittedPerson, fit_person
from headshot.image.files import readable_name
from headshot.image.photo import Photo, Source, read_photo
from headshot.method import Method, load_method
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.protocol import BUNDLED, FaceModel
from headshot.models.readers import read_model
from headshot.perception.detection.detect import Face, detect_faces
from headshot.perception.faces import locate_faces
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.perception.networks import NETWORKS, session
from headshot.perception.observe import FaceObservation, ObserveSettings, observe
from headshot.photo_choice import of_one_person, sharp_enough
from headshot.results import Head
from headshot.settings import Settings
from headshot.texturing import photo_colours_of, photographed_hair, texture_of, with_roots

MOST_PHOTOS = 50
"""Photos of one person that are fitted together at most: more tell nothing new, and all stay in memory."""

FaceChoice = Literal["largest"] | int


@dataclass(frozen=True, eq=False)
class Heads:
    """The heads of faces in a photo, each made when its turn comes.

    Attributes:
        faces: detections and landmarks, largest first.
        make: the head of one of them.
    """

    faces: Sequence[tuple[Face, Landmarks]]
    make: Callable[[Face, Landmarks], Head]

    def __len__(self) -> int:
        return len(self.faces)

    def __iter__(self) -> Iterator[Head]:
        for face, points in self.faces:
            yield self.make(face, points)


class Reconstructor:
    """Makes heads of photos; holds the networks and the head model, and can be called from several threads.

    >>> reconstructor = Reconstructor(settings=Settings(detail="low"))     # doctest: +SKIP
    >>> heads = [reconstructor(photo) for photo in photos]                 # doctest: +SKIP
    """

    def __init__(
        self,
        settings: Settings | None = None,
        model: str | Path | FaceModel = BUNDLED,
        *,
        method: str | Path | Method | None = None,
        preload: bool = True,
    ) -> None:
        """Load what is needed.

        Args:
            settings: how to reconstruct; the defaults when None. With another model than the bundled one
                ``detail`` and ``photometric`` have no effect, and ``prior`` on the size alone: they speak the
                bundled model's coefficients.
            model: the head model: "headshot", the bundled one; a file of another
                (docs/reference/model-formats.md); or a loaded one.
            method: a training run of `headshot learn` whose network finds shape and pose in the place of the
                fit: its folder, or one of `headshot.method.load_method`. Its heads are of the model that it
                learned with; ``model`` is then that model's file, if the run does not know where it is.
            preload: open the networks now rather than when the first photo needs them.

        Raises:
            MissingExtraError: PyTorch, which training runs need, is not installed.
            ModelFormatError: there is no such model, or it cannot be read.
            HeadshotError: the model has too few landmarks; or there is no such run, or it makes no heads.
            ValueError: the settings ask for a texture without the photo's light of another model.
            TypeError: settings or model are something else.
        """
        if not isinstance(settings, Settings | None):
            raise TypeError(f"settings must be headshot.Settings, got {settings!r}")
        if not isinstance(model, (str, Path)) and not hasattr(model, "landmark_set"):
            raise TypeError(f'model must be "headshot", a file, or a loaded head model; got {model!r}')
        self.settings = settings or Settings()
        self.model: FaceModel
        self.method: Method | None = None
        if method is not None:
            if not isinstance(model, (str, Path)):
                raise TypeError("with a training run, model is the file of its face model")
            given = None if str(model) == BUNDLED else model
            self.method = load_method(method, given) if isinstance(method, (str, Path)) else method
            self.model = self.method.model or load_head_model(self.settings.detail)
        elif isinstance(model, (str, Path)):
            bundled = str(model) == BUNDLED
            self.model = load_head_model(self.settings.detail) if bundled else read_model(model)
        else:
            self.model = model
        if self.model.id != BUNDLED:
            other_model(self.model)
            if self.settings.hair not in ("auto", "none"):
                raise ValueError('hair is bound to the bundled head model: leave settings.hair at "auto"')
            if self.settings.texture is not None and self.settings.texture.delit:
                raise ValueError(
                    f"a texture without the photo's light needs the bundled model's albedo, which "
                    f"{self.model.id} does not have: set texture.delit to False"
                )
        for name in NETWORKS if preload else ():
            session(name)

    @overload
    def __call__(
        self, source: Source | Sequence[Source], *, face: FaceChoice = ..., force: bool = ...
    ) -> Head: ...
    @overload
    def __call__(self, source: Source, *, face: Literal["all"], force: bool = ...) -> list[Head]: ...
    def __call__(
        self,
        source: Source | Sequence[Source],
        *,
        face: FaceChoice | Literal["all"] = "largest",
        force: bool = False,
    ) -> Head | list[Head]:
        """The head in a photo, or of a person in several photos; see `reconstruct`."""
        if isinstance(source, list | tuple):
            if self.method is not None:
                raise HeadshotError(f"{self.method.name} reads one photo: give photos one by one")
            if face != "largest":
                raise ValueError('several photos of one person are of the largest face: face="largest"')
            return self._person(source, force)
        photo = cast(Source, source)
        if force:
            raise ValueError("force is for several photos of one person, and this is one photo")
        if face == "all":
            return list(self._photo(photo, None))
        number = _face_number(face)
        (head,) = self._photo(photo, [number - 1])
        return head

    def each(self, source: Source) -> Heads:
        """The heads of all faces in a photo, largest first, each made when its turn comes.

        Of a group, only those heads take memory that are kept: some 15 MB each.
        """
        return self._photo(source, None)

    def of_face(self, photo: Photo, face: Face, landmarks: Landmarks) -> Head:
        """The head under landmarks that are already known."""
        return self.of_faces([(photo, face, landmarks)])

    def of_faces(self, faces: Sequence[tuple[Photo, Face, Landmarks]]) -> Head:
        """One head of a person under landmarks that are already known, in several photos; all are used.

        Raises:
            HeadshotError: several photos, and a training run, which reads one.
        """
        if self.method is not None and len(faces) > 1:
            raise HeadshotError(f"{self.method.name} reads one photo: give photos one by one")
        return self._head(faces, _Clock())

    # --- one photo

    def _photo(self, source: Source, wanted: list[int] | None) -> Heads:
        clock = _Clock()
        photo = _read(source, clock)
        found = self._faces(photo, wanted, clock)
        return Heads(found, lambda face, points: self._head([(photo, face, points)], clock.copy()))

    def _faces(self, photo: Photo, wanted: list[int] | None, clock: _Clock) -> list[tuple[Face, Landmarks]]:
        s = self.settings
        with clock("detect"):
            # The largest face needs no search for small ones beside it.
            several = wanted is None or max(wanted) > 0
            faces = detect_faces(photo.pixels, replace(s.detect, exhaustive=True) if several else s.detect)
        with clock("landmarks"):
            return locate_faces(photo, faces, wanted, s.landmarks, s.fallback)

    # --- several photos of one person

    def _person(self, sources: Sequence[Source], force: bool) -> Head:
        if not sources:
            raise HeadshotError("no photos given: name at least one photo of the person")
        if len(sources) > MOST_PHOTOS:
            raise HeadshotError(
                f"{len(sources)} photos of one person are too many: choose up to {MOST_PHOTOS} sharp ones "
                "from different sides"
            )
        clock = _Clock()
        seen: list[FaceObservation] = []
        left_out: list[LeftOut] = []
        known: dict[int, str] = {}
        for source in sources:
            try:
                photo = _read(source, clock)
                digest = hash(photo.pixels.tobytes())
                if digest in known:
                    left_out.append(LeftOut(photo.name, f"it is the same picture as {known[digest]}"))
                    continue
                known[digest] = photo.name
                ((face, points),) = self._faces(photo, [0], clock)
            except (PhotoError, NoFaceError) as error:
                left_out.append(LeftOut(_name(source), readable_name(str(error))))
                continue
            seen.append(self._observe(photo, face, points, clock, compared=not force))
        if not seen:
            reasons = "; ".join(f"{out.name}: {out.reason}" for out in left_out)
            raise NoFaceError(f"none of the {len(sources)} photos shows a face that can be used: {reasons}")
        seen, poor = sharp_enough(seen)
        left_out += poor
        if not force:
            seen, strangers = of_one_person(seen)
            left_out += strangers
        if not self._identity_prior:
            seen = [replace(s, identity=None) for s in seen]
        return self._fitted(seen, clock, tuple(left_out))

    # --- all

    def _observe(
        self, photo: Photo, face: Face, points: Landmarks, clock: _Clock, *, compared: bool = False
    ) -> FaceObservation:
        wanted = self._identity_prior
        # Other models have no prediction of their identity, but always the in-house network's points.
        points68 = wanted or self.model.id != BUNDLED
        with clock("networks"):
            settings = ObserveSettings(points68, wanted or compared, self.settings.segment)
            return observe(photo, face, points, settings)

    @property
    def _identity_prior(self) -> bool:
        """Whether the identity network says what to expect: of the bundled model's shape, of all sizes."""
        return self.settings.prior == "identity"

    def _head(self, faces: Sequence[tuple[Photo, Face, Landmarks]], clock: _Clock) -> Head:
        return self._fitted([self._observe(*face, clock) for face in faces], clock, ())

    def _fitted(self, seen: Sequence[FaceObservation], clock: _Clock, left_out: tuple[LeftOut, ...]) -> Head:
        s, model = self.settings, self.model
        with clock("fit"):
            person = fit_person(seen, model, *s.steps()) if self.method is None else self.method(seen[0])
        with clock("scale"):
            prior = s.prior if self.method is None else "none"
            estimate = estimate_of(person, seen, model, prior, s.preset)
        main = _main_view(seen, person)
        texture, colours, shown, hair, growth = None, None, {"coverage": 1.0}, None, None
        with clock("hair"):
            if s.hair != "none" and isinstance(model, HeadModel) and model.id == BUNDLED:
                hair, growth = photographed_hair(estimate, seen, model, None if s.hair == "auto" else s.hair)
        with clock("texture"):
            if s.texture is not None and isinstance(model, HeadModel) and model.id == BUNDLED:
                texture = texture_of(estimate, seen, model, s.texture)
                assert texture.photo_texels is not None, "it was made of photos"
                shown = {"coverage": float(texture.coverage), "photo_texels": texture.photo_texels}
                if hair is not None:
                    texture = with_roots(texture, hair, estimate, seen, model, growth)
            elif s.texture is not None:
                found = photo_colours_of(estimate, seen, model, s.texture.size, main)
                texture, colours, shown = found.texture, found.vertices, {"coverage": found.coverage}
        by = None if self.method is None else self.method.name
        quality = quality_of(seen[main], person, main, shown, left_out, model, by)
        expression = estimate.views[main].expression
        return Head(
            model,
            estimate,
            expression,
            texture,
            quality,
            main,
            tuple(seen),
            left_out,
            clock.seconds,
            colours,
            without_light=estimate if texture is not None and model.id == BUNDLED else None,
            hair=hair,
        )


@overload
def reconstruct(
    source: Source | Sequence[Source],
    *,
    face: FaceChoice = ...,
    settings: Settings | None = ...,
    force: bool = ...,
    model: str | Path | FaceModel = ...,
    method: str | Path | Method | None = ...,
) -> Head: ...
@overload
def reconstruct(
    source: Source,
    *,
    face: Literal["all"],
    settings: Settings | None = ...,
    force: bool = ...,
    model: str | Path | FaceModel = ...,
    method: str | Path | Method | None = ...,
) -> list[Head]: ...
def reconstruct(
    source: Source | Sequence[Source],
    *,
    face: FaceChoice | Literal["all"] = "largest",
    settings: Settings | None = None,
    force: bool = False,
    model: str | Path | FaceModel = BUNDLED,
    method: str | Path | Method | None = None,
) -> Head | list[Head]:
    """Reconstruct the head in a photo, or one head of a person from several photos.

    For many photos with one set of settings, keep a `Reconstructor`.

    Args:
        source: path, bytes, open file, PIL image, or an RGB array (H, W, 3); or a list of up to 50 of these
            that show one person, whose largest faces count.
        face: which face of one photo: "largest", a number, 1 being the largest, or "all", which gives a list
            of heads, largest first.
        settings: see `Settings`.
        force: use photos of a person who seems to be somebody else as well.
        model: "headshot", the bundled head model; the file of another one, or a loaded one; see
            `Reconstructor`.
        method: a training run of `headshot learn` in the place of the fit, likewise.

    Raises:
        MissingExtraError: PyTorch, which training runs need, is not installed.
        ModelFormatError: the model cannot be read.
        PhotoError: the photo cannot be read.
        NoFaceError: there is no face, or no such face; of several photos, none has one.
        HeadshotError: too many photos; or there is no such run, or it makes no heads.
        ValueError: another face; or force with one photo.
        TypeError: settings or model are something else.
    """
    made = Reconstructor(settings, model, method=method, preload=False)
    if face == "all":
        return made(cast(Source, source), face=face, force=force)
    return made(source, face=face, force=force)


class _Clock:
    """Seconds by stage, added up over photos."""

    def __init__(self, seconds: dict[str, float] | None = None) -> None:
        self.seconds: dict[str, float] = seconds or {}

    def copy(self) -> _Clock:
        return _Clock(dict(self.seconds))

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - start


def _face_number(face: FaceChoice) -> int:
    if face == "largest":
        return 1
    if not isinstance(face, Integral) or isinstance(face, bool) or face < 1:
        raise ValueError(f'face must be "largest", "all" or a number from 1 (the largest), got {face!r}')
    return int(face)


def _read(source: Source, clock: _Clock) -> Photo:
    with clock("read"):
        return source if isinstance(source, Photo) else read_photo(source)


def _name(source: Source) -> str:
    if isinstance(source, Photo):
        return source.name
    return readable_name(Path(source).name) if isinstance(source, str | Path) else "photo"


def _main_view(seen: Sequence[FaceObservation], person: FittedPerson) -> int:
    """The view that shows most of the face: large, turned to the camera, and little hidden."""
    shown = [
        s.landmarks.extent * max(float(np.cos(np.radians(v.camera.angles[0]))), 0.0) * (1 - (s.hidden or 0.0))
        for s, v in zip(seen, person.views, strict=True)
    ]
    return int(np.argmax(shown))
