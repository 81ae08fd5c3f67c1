"""Fitting the head model to a photo."""

from headshot.fitting.landmarks import Fit, FitSettings, LandmarkSolver, Observation, fit_landmarks
from headshot.fitting.photometric import PhotometricFit, fit_photo
from headshot.fitting.photometric_settings import PhotometricSettings
from headshot.fitting.scale import Scale, metric_scale
from headshot.fitting.terms.points import Evidence, IdentityPrior, PointEvidence
from headshot.models.contour import landmarks68

__all__ = [
    "Evidence",
    "Fit",
    "FitSettings",
    "IdentityPrior",
    "LandmarkSolver",
    "Observation",
    "PhotometricFit",
    "PhotometricSettings",
    "PointEvidence",
    "Scale",
    "fit_landmarks",
    "fit_photo",
    "landmarks68",
    "metric_scale",
]
