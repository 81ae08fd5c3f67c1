"""What more photos of a person are worth: shape against exact truth, and identity by the shape.

Synthetic heads (`tools/synthetic_heads.py --yaws ...`): the neutral shape from the first 1, 2, 3, 5 and 8
photos of each head, beside the mean of the heads that single photos give, and the mean face. People: is the
shape from one group of photos more like that from another group of the same person than like other people's?
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from headshot.arrays import F32, Array
from headshot.datasets.selection import held_out_photos
from headshot.datasets.split import held_out_people
from headshot.datasets.subject import Subject, central_subject, find_subject
from headshot.datasets.synthetic import Truth, read_truths
from headshot.errors import HeadshotError
from headshot.evaluate.machine import machine
from headshot.evaluate.result import BASELINE, Column, Curve, Item, Result
from headshot.evaluate.synthetic import places
from headshot.geometry.align import Surface, icp, similarity
from headshot.image.photo import read_photo
from headshot.metrics.shape import aligned, mean_distance, pairwise_distances, shrinkage
from headshot.metrics.verification import auc
from headshot.models.head_model import HeadModel, load_head_model
from headshot.pipeline import Reconstructor
from headshot.settings import Settings

COUNTS = (1, 2, 3, 5, 8)
SETTINGS = Settings(detail="low", texture=None)

COLUMNS = (
    Column("vertex", "shape, corresponding points", "mm"),
    Column("surface", "shape, to surface", "mm"),
    Column("norm", "norm ratio", "", None),
    Column("correlation", "correlation", "", "higher"),
)
PROTOCOL = """
The same heads and errors as of `headshot evaluate synthetic`, neutral shape only, from the first k photos of
each head in the order of their names. *mean of k heads* averages the coefficients of k single-photo heads.
Every photo has its own expression, lens, light and place in the picture; each head keeps its skin.

Weaknesses: as of synthetic heads. All photos of a head are painted alike, so that networks err on them more
alike than on photos of a person that were taken on different days.
""".strip()

GROUPS_PROTOCOL = """
AUC of the neutral shapes' similarity (negative mean distance after generalised Procrustes alignment) between
groups of photos of the same person against groups of different people. *LFW*: two groups of three photos of
each person. *CFP*: the frontal photos against the profile photos. No network learned from these people.
*single* takes the first photo of each group alone, *mean of heads* averages the coefficients of single heads.
""".strip()


def evaluate_views(
    folder: str | Path,
    counts: Sequence[int] = COUNTS,
    *,
    limit: int | None = None,
    command: str = "",
    progress: Callable[[Sequence[str]], Iterator[str]] = iter,
) -> Result:
    """Errors by the number of photos, on synthetic heads.

    Args:
        folder: made by ``tools/synthetic_heads.py --yaws ...``.
        counts: numbers of photos.
        limit: use that many heads.
        command: for the report.
        progress: wraps the heads, to show a bar.

    Raises:
        HeadshotError: there are no heads, or none has as many photos as the largest count.
    """
    heads: dict[str, list[Truth]] = {}
    for truth in read_truths(folder):
        heads.setdefault(truth.head, []).append(truth)
    heads = {name: truths for name, truths in heads.items() if len(truths) >= max(counts)}
    if not heads:
        raise HeadshotError(
            f"no head in {folder} has {max(counts)} photos: make some with tools/synthetic_heads.py --yaws"
        )
    names = sorted(heads)
    if limit is not None:
        names = [names[k] for k in np.linspace(0, len(names) - 1, min(limit, len(names))).astype(int)]
    items = [_head_item(name, heads[name], counts) for name in progress(names)]
    averaged = f"mean of {max(counts)} heads"
    methods = (*(_label(count) for count in counts), averaged, BASELINE)
    lines = {"joint fit": [(float(k), _median(items, _label(k))) for k in counts]}
    curve = Curve(
        "Error by the number of photos", "photos", "mean distance of corresponding points, mm", lines
    )
    return Result(
        "views", f"Several photos of one head ({Path(folder).name})", PROTOCOL, COLUMNS, methods, items,
        "median", command, machine(), [], [curve], [], "head",
    )  # fmt: skip


def _label(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"


def _median(items: Sequence[Item], method: str) -> float:
    return float(np.median([item.values[method]["vertex"] for item in items if method in item.values]))


def _head_item(name: str, truths: Sequence[Truth], counts: Sequence[int]) -> Item:
    model = load_head_model("low")
    made = Reconstructor(SETTINGS, preload=False)
    subjects = []
    for truth in truths[: max(counts)]:
        try:
            subjects.append(find_subject(read_photo(truth.photo)))
        except HeadshotError:
            continue  # a photo without a face is one view less
    values: dict[str, dict[str, float]] = {}
    for count in counts:
        used = subjects[:count]
        if used:
            values[_label(count)] = _errors(model, _identity(made, used), truths[0])
    singles = [_identity(made, [subject]) for subject in subjects]
    values[f"mean of {max(counts)} heads"] = _errors(model, np.mean(singles, axis=0), truths[0])
    values[BASELINE] = _errors(model, np.zeros(len(model.identity)), truths[0])
    return Item(name, {"kind": name.split("-")[0], "head": name}, values)


def _identity(made: Reconstructor, subjects: Sequence[Subject]) -> Array:
    return made.of_faces([(s.photo, s.face, s.landmarks) for s in subjects]).identity


def _errors(model: HeadModel, identity: Array, truth: Truth) -> dict[str, float]:
    corners, weights = places(model, truth.mesh)

    def at(vertices: F32) -> Array:
        return np.einsum("pcd,pc->pd", vertices.astype(np.float64)[corners], weights)

    shape = model.neutral(identity)
    found, true, mean = at(shape), truth.neutral[truth.mesh.face], at(model.mean)
    motion = similarity(found, true)
    skin = Surface(shape, model.part_triangles("skin"))
    refined = icp(true, skin, motion, steps=20)
    local = (true - refined.translation) @ (refined.rotation / refined.scale)
    norm, correlation = shrinkage(found, true, mean)
    return {
        "vertex": mean_distance(motion(found), true),
        "surface": float((skin.closest(local)[2] * refined.scale).mean()),
        "norm": norm,
        "correlation": correlation,
    }


def evaluate_groups(
    lfw: str | Path | None,
    cfp: str | Path | None,
    *,
    people: int = 60,
    command: str = "",
    progress: Callable[[Sequence[str]], Iterator[str]] = iter,
) -> Result:
    """Identity by the neutral shape of groups of photos.

    Args:
        lfw: folder PERSON/PHOTO.jpg, or None.
        cfp: folder PERSON/frontal_NN.jpg and profile_NN.jpg, or None.
        people: at most so many of LFW, with six photos each; like those of CFP held out from all training.
        command: for the report.
        progress: wraps the people, to show a bar.
    """
    items = []
    if lfw is not None:
        chosen = held_out_photos(Path(lfw), "lfw", people, 6)
        pairs = {name: (photos[:3], photos[3:6]) for name, photos in chosen.items()}
        items.append(_group_item("LFW, two groups of three", pairs, central_subject, progress))
    if cfp is not None:
        root = Path(cfp)
        names = held_out_people(p.name for p in root.iterdir() if p.is_dir())
        pairs = {
            name: (sorted((root / name).glob("frontal_*")), sorted((root / name).glob("profile_*")))
            for name in names
        }
        items.append(_group_item("CFP, frontal against profile", pairs, find_subject, progress))
    columns = (Column("auc", "AUC", "", "higher", None, 3), Column("people", "people", "", None, None, 0))
    methods = ("joint fit", "mean of heads", "single")
    return Result(
        "groups", "Identity of groups of photos", GROUPS_PROTOCOL, columns, methods, items, "mean", command,
        machine(),
    )  # fmt: skip


def _group_item(
    title: str,
    pairs: Mapping[str, tuple[Sequence[Path], Sequence[Path]]],
    find: Callable[..., Subject],
    progress: Callable[[Sequence[str]], Iterator[str]],
) -> Item:
    made = Reconstructor(SETTINGS, preload=False)
    found: dict[str, list[tuple[Array, Array]]] = {"joint fit": [], "mean of heads": [], "single": []}
    for name in progress(list(pairs)):
        groups = [_subjects(photos, find) for photos in pairs[name]]
        if not all(groups):
            continue
        singles = [[_identity(made, [s]) for s in group] for group in groups]
        found["joint fit"].append((_identity(made, groups[0]), _identity(made, groups[1])))
        found["mean of heads"].append((np.mean(singles[0], axis=0), np.mean(singles[1], axis=0)))
        found["single"].append((singles[0][0], singles[1][0]))
    count = len(found["single"])
    values = {method: {"auc": _auc(shapes), "people": float(count)} for method, shapes in found.items()}
    return Item(title, {}, values)


def _subjects(photos: Sequence[Path], find: Callable[..., Subject]) -> list[Subject]:
    found = []
    for photo in photos:
        try:
            found.append(find(read_photo(photo)))
        except HeadshotError:
            continue
    return found


def _auc(pairs: Sequence[tuple[Array, Array]]) -> float:
    """Of the first against the second group: the same person's pairs against all others."""
    model = load_head_model("low")
    face = np.flatnonzero(model.regions["face"] > 0.5)[::3]
    shapes = [model.neutral(identity)[face] for side in (0, 1) for identity in (p[side] for p in pairs)]
    similarity_of = -pairwise_distances(aligned(np.stack(shapes)))[: len(pairs), len(pairs) :]
    return auc(np.diag(similarity_of), similarity_of[~np.eye(len(pairs), dtype=bool)])
