"""Fitting the head model to a photo."""

from headshot.fit.contour import landmarks68
from headshot.fit.evidence import Evidence, IdentityPrior, PointEvidence
from headshot.fit.landmarks import Fit, FitSettings, LandmarkSolver, Observation, fit_landmarks
from headshot.fit.photometric import PhotometricFit, fit_photo
from headshot.fit.photometric_settings import PhotometricSettings
from headshot.fit.scale import Scale, metric_scale

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
