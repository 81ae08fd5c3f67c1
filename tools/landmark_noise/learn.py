"""Learn the landmark noise model from photos whose points are known (sample.py).

    python tools/landmark_noise/learn.py samples.npz --out src/headshot/assets/landmark_noise.npz

Errors are taken in millimetres across the line of sight, less what another pose or distance of the head
explains, and explained in this order:

1. *systematic*: linear in yaw (piecewise), in the head's identity and in its expression, as displacements in
   the head frame. Ridge regression; the prior is that a point reports up to a third of a mode wrongly.
2. *common to many points*: principal components of what is left, at each yaw.
3. *left over*: the standard deviation of each point.

Synthetic lids and mouths are blurred and bent, and real photos disagree with some of it: tried on HELEN and
LFW (docs/explanation/landmark-noise.md), a part is used as measured (modes of common errors), a part is
halved (identity), and a part is replaced by what served real photos best (yaw, expression, and the
deviations). `shipped_model` does that.

Every photo counts with its mirror image. ``--family`` learns from one family of heads only, to be evaluated
on the other; ``--check`` keeps every fourth head of the samples out, and fits these.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headshot import load_head_model
from headshot.fitting.evidence import CONFIDENCE, expression_prior
from headshot.fitting.initialise import LandmarkObservation
from headshot.fitting.landmark_noise import FORMAT_VERSION, LandmarkNoiseModel
from headshot.fitting.landmarks import fit_landmarks
from headshot.geometry.camera import Camera, angles_of
from headshot.metrics.shape import aligned_distance, shrinkage
from headshot.models.arkit import ARKIT52
from headshot.models.head_model import PointModel
from headshot.models.topologies.mediapipe478 import EYELIDS, LOWER_LIP, MIRROR, POINTS, UPPER_LIP

YAWS = np.array([-60.0, -40.0, -20.0, 0.0, 20.0, 40.0, 60.0])
MODES = 16  # of common errors at each yaw
REACH = 15.0  # degrees around a yaw from which its common errors are learnt
SHARE = 0.33  # of a mode that a point may report wrongly, standard deviation of the prior
IDENTITY_SHARE = 0.5  # of the systematic errors of identity
COMMON, SHARP_COMMON = 1.08, 0.7  # factors on the common errors, and again on those of lids and lips
OWN, SHARP_OWN = 3.6, 0.67  # mm, deviation of a point of confidence 1, and a factor for lids and lips
LEAST = 0.15  # mm, of a point's own error
TURNED = 35.0  # degrees of yaw at which a photo counts half
ROUNDS, TURNS = 8, 3  # of step 1 and step 2
SCATTER = 1.2  # mm, of a point's error in the regression
FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Sample:
    """Photos, N of them, and what is true of them. Points are in the frame and size of our head model, mm.

    Attributes:
        found: (N, L, 2) network's points, pixels; size: of the photos.
        scores: (N, E) the network's expression scores.
        truth, neutral: (N, L, 3) where the points are, with and without expression.
        identity, expression: (N, I), (N, E).
        rotation, translation, focal: (N, 3, 3), (N, 3), (N,) the camera.
        head, family: (N,) whose photo it is.
    """

    found: np.ndarray
    size: int
    scores: np.ndarray
    truth: np.ndarray
    neutral: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    focal: np.ndarray
    head: np.ndarray
    family: np.ndarray

    def __len__(self) -> int:
        return len(self.found)

    def only(self, keep: np.ndarray) -> Sample:
        """Some of the photos."""
        fields = {k: v if np.ndim(v) == 0 else v[keep] for k, v in vars(self).items()}
        return Sample(**fields)

    @property
    def yaw(self) -> np.ndarray:
        """(N,) degrees."""
        return np.array([angles_of(r)[0] for r in self.rotation])

    def camera(self, k: int) -> Camera:
        """Of photo k."""
        middle = (self.size / 2, self.size / 2)
        return Camera(
            self.size, self.size, float(self.focal[k]), middle, self.rotation[k], self.translation[k]
        )


def read_samples(file: Path) -> Sample:
    """What sample.py wrote, without faces that `reconstruct` would refuse."""
    with np.load(file, allow_pickle=False) as d:
        sample = Sample(
            d["points"], int(d["size"]), d["scores"], d["truth"], d["neutral"], d["identity"],
            d["expression"], d["rotation"], d["translation"], d["focal"], d["head"], d["family"],
        )  # fmt: skip
        turned = np.abs(sample.yaw) > 45
        keep = (d["presence"] > 0.5) & (d["spread"] <= np.where(turned, 0.08, 0.04))
    return sample.only(keep)


def mirrored(s: Sample, model: PointModel) -> Sample:
    """The mirror images."""
    flipped = model.identity[:, MIRROR] * FLIP
    sign = np.sign((flipped * model.identity).sum(axis=(1, 2)))
    found = s.found[:, MIRROR].copy()
    found[..., 0] = s.size - found[..., 0]
    swap = [ARKIT52.index(_other_side(name)) for name in ARKIT52]
    turn = np.diag(FLIP)
    return Sample(
        found, s.size, s.scores[:, swap], s.truth[:, MIRROR] * FLIP, s.neutral[:, MIRROR] * FLIP,
        s.identity * sign, s.expression[:, swap], turn @ s.rotation @ turn, s.translation * FLIP, s.focal,
        s.head, s.family,
    )  # fmt: skip


def _other_side(name: str) -> str:
    """ARKit's name of the mirrored shape."""
    for one, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(one):
            return name.removesuffix(one) + other
    return name


def joined(a: Sample, b: Sample) -> Sample:
    """Both."""
    fields = {k: v if np.ndim(v) == 0 else np.concatenate([v, getattr(b, k)]) for k, v in vars(a).items()}
    return Sample(**fields)


def errors_of(s: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Errors (N, L, 2) in mm across the line of sight, x right, y up; and d error / d point (N, L, 2, 3)."""
    placed = np.einsum("nij,nlj->nli", s.rotation, s.truth) + s.translation[:, None]
    depth = -placed[..., 2]
    gain = s.focal[:, None] / depth
    shown = np.stack([s.size / 2 + gain * placed[..., 0], s.size / 2 - gain * placed[..., 1]], axis=-1)
    error = (s.found - shown) / gain[..., None] * [1, -1]
    zero, one = np.zeros_like(depth), np.ones_like(depth)
    across = np.stack(
        [
            np.stack([one, zero, placed[..., 0] / depth], axis=-1),
            np.stack([zero, one, placed[..., 1] / depth], axis=-1),
        ],
        axis=-2,
    )
    return error, np.einsum("nlij,njk->nlik", across, s.rotation)


def hats(yaw: np.ndarray) -> np.ndarray:
    """(N, Y) weights of linear interpolation between `YAWS`."""
    return np.stack([np.interp(yaw, YAWS, row) for row in np.eye(len(YAWS))], axis=1)


def systematic(s: Sample, model: PointModel) -> tuple[np.ndarray, np.ndarray]:
    """Step 1: coefficients (F, L, 3) of yaws, identity and expression, and the errors (N, L, 2) left.

    A photo does not show errors along its line of sight. These are filled with what the other photos let
    expect, in turns (expectation maximisation: Dempster, Laird and Rubin 1977), so that one regression
    serves all points.
    """
    error, rows = errors_of(s)
    error = without_pose(error, s)
    # Lost faces are left out.
    size = np.sqrt((error**2).sum(axis=2).mean(axis=1))
    lost = size > 3 * np.median(size)
    features = np.concatenate([hats(s.yaw), s.identity, s.expression], axis=1)
    root = np.sqrt((model.identity**2).mean(axis=(1, 2)))
    moved = np.sqrt((model.expression**2).mean(axis=(1, 2)))
    spread = np.concatenate([np.full(len(YAWS), 3.0), SHARE * root, SHARE * moved + 0.05])
    # Turned heads are seen with larger errors.
    trust = ~lost / (1 + (s.yaw / TURNED) ** 2)
    scaled = features * spread
    normal = (scaled * trust[:, None]).T @ scaled / SCATTER**2 + np.eye(features.shape[1])
    solver = np.linalg.solve(normal, (scaled * trust[:, None]).T / SCATTER**2) * spread[:, None]
    back = np.linalg.pinv(rows)  # (N, L, 3, 2)
    lifted = np.einsum("nlij,nlj->nli", back, error)
    sight = np.eye(3) - np.einsum("nlij,nljk->nlik", back, rows)
    filled = lifted
    for _ in range(ROUNDS):
        found = (solver @ filled.reshape(len(s), -1)).reshape(-1, POINTS, 3)
        expected = np.tensordot(features, found, 1)
        filled = lifted + np.einsum("nlij,nlj->nli", sight, expected)
    left = error - np.einsum("nlij,nlj->nli", rows, expected)
    print(
        f"{len(s)} photos with their mirror images, {lost.sum()} lost: "
        f"{np.sqrt((error[~lost] ** 2).sum(2).mean()):.2f} mm without pose, "
        f"{np.sqrt((left[~lost] ** 2).sum(2).mean()):.2f} mm without the systematic part"
    )
    return found, left


def without_pose(left: np.ndarray, s: Sample) -> np.ndarray:
    """Errors (N, L, 2) less what another pose, distance or focal length of the head explains."""
    out = np.empty_like(left)
    for k in range(len(s)):
        placed = s.truth[k] @ s.rotation[k].T + s.translation[k]
        turned = s.truth[k] @ s.rotation[k].T
        depth = -placed[:, 2:]
        columns = []
        for axis in np.eye(3):
            for motion in (np.tile(axis, (POINTS, 1)), np.cross(axis, turned)):
                columns.append((motion[:, :2] + placed[:, :2] / depth * motion[:, 2:]).ravel())
        columns.append(placed[:, :2].ravel())
        design = np.stack(columns, axis=1)
        out[k] = left[k] - (design @ np.linalg.lstsq(design, left[k].ravel(), rcond=None)[0]).reshape(-1, 2)
    return out


def common(left: np.ndarray, s: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Steps 2 and 3: modes (Y, K, L, 3) and deviations (Y, L)."""
    yaw = s.yaw
    modes, deviation = [], []
    for knot in YAWS[YAWS >= 0]:
        near = yaw > knot - REACH
        if knot != YAWS[-1]:
            near &= yaw < knot + REACH
        rows = left[near]
        # Lost faces must not make modes.
        size = np.sqrt((rows**2).sum(axis=2).mean(axis=1))
        rows = rows[size < 3 * np.median(size)]
        rest = np.sqrt((rows**2).mean(axis=(0, 2)))
        for _ in range(TURNS):
            scale = np.repeat(rest, 2)
            flat = rows.reshape(len(rows), -1) / scale
            variance, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
            variance, vectors = variance[::-1], vectors[:, ::-1][:, :MODES]
            # Probabilistic principal components (Tipping and Bishop 1999): less the noise's share.
            noise = variance[MODES:].sum() / (len(variance) - MODES)
            strength = np.sqrt(np.maximum(variance[:MODES] - noise, 0))
            plane = ((vectors * strength).T * scale).reshape(MODES, POINTS, 2)
            unexplained = (flat - flat @ vectors @ vectors.T) * scale
            rest = np.sqrt((unexplained.reshape(rows.shape) ** 2).mean(axis=(0, 2)))
            rest = np.maximum(rest, LEAST)
        # A mode lies across the line of sight of its yaw.
        modes.append(plane @ np.median(s.rotation[near], axis=0)[:2])
        deviation.append(rest)
        share = 1 - 2 * (rest**2).mean() / (rows**2).sum(axis=2).mean()
        print(
            f"yaw {knot:.0f}: {near.sum()} photos, {np.sqrt((rows**2).sum(2).mean()):.2f} mm, "
            f"of which {100 * share:.0f} % common; {np.sqrt(2 * (rest**2).mean()):.2f} mm left"
        )
    # The mirror images of the samples are samples: so are those of the results.
    turned = [mode[:, MIRROR] * FLIP for mode in modes[:0:-1]]
    return np.array(turned + modes), np.array([d[MIRROR] for d in deviation[:0:-1]] + deviation)


def learn(s: Sample, model: PointModel) -> LandmarkNoiseModel:
    """All three steps."""
    both = joined(s, mirrored(s, model))
    found, left = systematic(both, model)
    modes, _ = common(without_pose(left, both), both)
    return shipped_model(found, modes, len(model.identity))


def shipped_model(found: np.ndarray, modes: np.ndarray, identities: int) -> LandmarkNoiseModel:
    """What serves real photos: see the top of this file."""
    sharp = list(EYELIDS + UPPER_LIP + LOWER_LIP)
    modes = COMMON * modes
    modes[:, :, sharp] *= SHARP_COMMON
    deviation = OWN / np.sqrt(CONFIDENCE)
    deviation[sharp] *= SHARP_OWN
    turned = deviation / np.cos(np.radians(YAWS))[:, None]
    y = len(YAWS)
    identity = IDENTITY_SHARE * found[y : y + identities]
    return LandmarkNoiseModel(YAWS, *(a.astype(np.float32) for a in (identity, modes, turned)))


def check(s: Sample, model: PointModel, noise: LandmarkNoiseModel | None, inflation: float) -> np.ndarray:
    """Fit the photos; (N, 4): error of the neutral points in mm, norm ratio, correlation, expression."""
    rows = []
    for k in range(len(s)):
        expression = expression_prior(s.scores[k])
        seen = LandmarkObservation(
            s.found[k], CONFIDENCE, expression, s.size, s.size, None, inflation=inflation
        )
        fit = fit_landmarks(seen, model, noise_model=noise)
        ours = model.positions(fit.identity, np.zeros(len(ARKIT52)))[:468].astype(float)
        true, mean = s.neutral[k][:468], model.mean[:468].astype(float)
        off = np.abs(fit.expression - s.expression[k]).mean()
        rows.append([aligned_distance(ours, true), *shrinkage(ours, true, mean), off])
    return np.array(rows)


def report(name: str, rows: np.ndarray, s: Sample) -> None:
    """Medians by yaw."""
    mean = load_head_model("low")
    base = mean.at(mean.landmarks["mediapipe478"]).mean[:468].astype(float)
    of_mean = np.array([aligned_distance(base, t[:468].astype(float)) for t in s.neutral])
    for low, high in ((0, 25), (25, 45), (45, 90), (0, 90)):
        some = (np.abs(s.yaw) >= low) & (np.abs(s.yaw) < high)
        m = np.median(rows[some], axis=0)
        print(
            f"{name:30s} {low:2d}-{high}° n={some.sum():4d}: mean face {np.median(of_mean[some]):.2f}, "
            f"fit {m[0]:.2f} mm, norm {m[1]:.2f}, correlation {m[2]:.2f}, expression {m[3]:.3f}"
        )


def save(file: Path, errors: LandmarkNoiseModel) -> None:
    """Write the asset."""
    np.savez_compressed(
        file, format_version=np.int32(FORMAT_VERSION), yaw=errors.yaw.astype(np.float32),
        **{k: v.astype(np.float16) for k, v in vars(errors).items() if k != "yaw"},
    )  # fmt: skip
    print(f"{file}: {file.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--family", choices=("ict", "makehuman"), help="learn from this one only")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--inflation", type=float, default=1.0)
    options = parser.parse_args()
    head = load_head_model("low")
    model = head.at(head.landmarks["mediapipe478"])
    everything = read_samples(options.samples)
    learnt = everything
    if options.family:
        learnt = learnt.only(learnt.family == options.family)
    if options.check:
        learnt = learnt.only(learnt.head % 4 != 0)
    errors = learn(learnt, model)
    if options.out:
        save(options.out, errors)
    if options.check:
        for family in np.unique(everything.family):
            held = everything.only((everything.family == family) & (everything.head % 4 == 0))
            report(f"{family}, equal errors", check(held, model, None, 1.0), held)
            report(f"{family}, learnt errors", check(held, model, errors, options.inflation), held)


if __name__ == "__main__":
    main()
