"""Do photos show one person? By the embeddings of the identity network.

Probabilistic linear discriminant analysis in its two-covariance form (Ioffe, "Probabilistic Linear
Discriminant Analysis", ECCV 2006; Brümmer and de Villiers, "The speaker partitioning problem", Odyssey 2010)
on embeddings of length 1 (Garcia-Romero and Espy-Wilson, "Analysis of i-vector length normalization in
speaker recognition systems", Interspeech 2011): a photo of a person is x = y + e with y ~ N(0, B) for the
person, B diagonal, and e ~ N(0, w I) for the photo. The errors of photos that lie near each other are
correlated, by r: they come from one occasion, with the same glasses, pose or grimace. So the mean of n photos
has the variance w (r + (1 - r) / n). The likelihood ratio that two groups of photos show one person rather
than two follows in closed form. Learned and calibrated by tools/networks/same_person.py; how well it does:
docs/explanation/identity.md.

Dimension letters: N photos, K = 64 dimensions of the discriminant space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from headshot import assets
from headshot.arrays import Array, ReadOnly
from headshot.errors import AssetError
from headshot.perception.identity import IdentityPrediction
from headshot.reading.arrays import open_arrays
from headshot.reading.complaint import reading

ASSET = "same_person.npz"
LEAST_PROBABILITY = 0.2
"""Below it photos are taken for those of two people. Of the photos of people in LFW who neither the network
nor the calibration knows 0.3 % are left out then, and of sets with one stranger 4 to 7 % keep the stranger
(`python tools/networks/same_person.py measure`, docs/explanation/identity.md)."""


@dataclass(frozen=True, eq=False, repr=False)
class Metric(ReadOnly):
    """The model of embeddings.

    Attributes:
        centre: (256,) subtracted from embeddings before they are scaled to length 1.
        projection: (256, K) to the discriminant space, in which the covariance of a training person's photos
            is the identity.
        between: (K,) variances of people there: the diagonal of B.
        within: w, the variance of a person's photos there, for people that were not learned from.
        correlation: r, of the errors of a group's photos.
        slope, offset: of the logarithm of the likelihood ratio in the logit of the probability.
    """

    centre: Array
    projection: Array
    between: Array
    within: float
    correlation: float
    slope: float
    offset: float

    def project(self, embeddings: Array) -> Array:
        """Embeddings (N, 256) in the discriminant space, (N, K)."""
        x = embeddings - self.centre
        projected: Array = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9) @ self.projection
        return projected

    def ratio(self, count: ArrayLike, mean: Array, other_count: ArrayLike, other_mean: Array) -> Array:
        """Logarithm of the likelihood (...,) that two groups of photos show one person, over that of two.

        Args:
            count, other_count: (...,) of photos in each group.
            mean, other_mean: (..., K) of their vectors.
        """
        first, second = self._precision(count), self._precision(other_count)
        both = self._evidence(first + second, first[..., None] * mean + second[..., None] * other_mean)
        alone = self._evidence(first, first[..., None] * mean)
        return both - alone - self._evidence(second, second[..., None] * other_mean)

    def _precision(self, count: ArrayLike) -> Array:
        """Inverse variance (...,) of the mean of a group."""
        n = np.asarray(count, np.float64)
        return 1 / (self.within * (self.correlation + (1 - self.correlation) / n))

    def _evidence(self, precision: Array, weighted: Array) -> Array:
        """What observations of one person with a total precision (...,) and a weighted sum (..., K) add."""
        gain = precision[..., None] * self.between
        evidence: Array = 0.5 * (weighted**2 * self.between / (1 + gain) - np.log1p(gain)).sum(axis=-1)
        return evidence

    def probability(self, ratio: Array) -> Array:
        """Probability (...,) of one person from `ratio`, where both are equally likely beforehand."""
        logit = self.slope * ratio + self.offset
        return 1 / (1 + np.exp(-np.clip(logit, -50, 50)))


@lru_cache(maxsize=1)
def load_metric() -> Metric:
    """The metric that ships, for the identity network that ships.

    Raises:
        AssetError: the file is missing or altered.
    """
    file = assets.path(ASSET)
    with reading(file, "a metric of the identity network", AssetError), open_arrays(file) as data:
        centre, projection, between = (
            data[name].astype(np.float64) for name in ("centre", "projection", "between")
        )
        within, correlation, slope, offset = (
            float(data[name]) for name in ("within", "correlation", "slope", "offset")
        )
        return Metric(centre, projection, between, within, correlation, slope, offset)


@dataclass(frozen=True, eq=False, repr=False)
class PersonCheck(ReadOnly):
    """Which photos show one person.

    Attributes:
        groups: indices of the photos of each person, the largest group first.
        probability: (N,) of each photo that it shows the person of the largest group: of its members against
            the other members, of others that their whole group shows this person; 1 for a group of one photo.
    """

    groups: tuple[tuple[int, ...], ...]
    probability: Array

    @property
    def members(self) -> tuple[int, ...]:
        """The largest group."""
        return self.groups[0]

    @property
    def left_out(self) -> tuple[int, ...]:
        """All other photos, in their order."""
        return tuple(sorted(i for group in self.groups[1:] for i in group))

    @property
    def several_people(self) -> bool:
        """Whether no person is on more than half of the photos: nobody is the odd one out."""
        return 2 * len(self.members) <= len(self.probability)


def same_person_scores(predictions: Sequence[IdentityPrediction]) -> Array:
    """Probability (N, N) that two photos each show the same person, where both are equally likely beforehand.

    Args:
        predictions: of N photos.

    Raises:
        ValueError: a prediction has no embedding.
    """
    metric = load_metric()
    x = metric.project(_embeddings(predictions))
    probability = metric.probability(np.stack([metric.ratio(1, row, 1, x) for row in x]))
    np.fill_diagonal(probability, 1.0)
    return probability


def odd_ones_out(
    predictions: Sequence[IdentityPrediction], least_probability: float = LEAST_PROBABILITY
) -> PersonCheck:
    """Partition photos by who they show, and find the person that most of them show.

    Beginning with each photo by itself, those two groups are joined that most probably show one person
    (agglomerative clustering by the likelihood ratio), until none do with at least the least probability.

    Args:
        predictions: of N photos, at least one.
        least_probability: lower joins more.

    Raises:
        ValueError: there is no photo, a prediction has no embedding, or the probability is not in (0, 1).
    """
    if not 0 < least_probability < 1:
        raise ValueError(f"least_probability must lie in (0, 1), got {least_probability}")
    metric = load_metric()
    x = metric.project(_embeddings(predictions))
    groups = [[i] for i in range(len(x))]
    mean: Array = x.copy()
    count: Array = np.ones(len(x))
    table = np.stack([metric.ratio(1, row, 1, x) for row in x])
    np.fill_diagonal(table, -np.inf)
    while len(groups) > 1:
        i, j = sorted(divmod(int(np.argmax(table)), len(groups)))
        if metric.probability(table[i, j]) < least_probability:
            break
        groups[i] += groups.pop(j)
        mean[i] = x[groups[i]].mean(axis=0)
        count[i] = len(groups[i])
        mean, count = np.delete(mean, j, axis=0), np.delete(count, j)
        table = np.delete(np.delete(table, j, axis=0), j, axis=1)
        table[i] = table[:, i] = metric.ratio(count[i], mean[i], count, mean)
        table[i, i] = -np.inf
    order = sorted(range(len(groups)), key=lambda k: (-len(groups[k]), min(groups[k])))
    first = order[0]
    probability = np.ones(len(x))
    for k in order[1:]:
        probability[groups[k]] = metric.probability(table[first, k])
    if count[first] > 1:
        others = count[first] - 1
        rest = (count[first] * mean[first] - x[groups[first]]) / others
        ratios = metric.ratio(1, x[groups[first]], np.full(len(rest), others), rest)
        probability[groups[first]] = metric.probability(ratios)
    return PersonCheck(tuple(tuple(sorted(groups[k])) for k in order), probability)


def _embeddings(predictions: Sequence[IdentityPrediction]) -> Array:
    """(N, 256) of predictions."""
    found = [prediction.embedding for prediction in predictions]
    known = [embedding for embedding in found if embedding is not None]
    if not found or len(known) < len(found):
        raise ValueError(
            f"expected predictions of `predict_identity` for at least one photo, got {len(found)}, of which "
            f"{len(found) - len(known)} have no embedding"
        )
    return np.stack(known)
