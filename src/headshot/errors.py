"""Exceptions that Headshot raises on purpose. Each message says what to do next."""


class HeadshotError(Exception):
    """Base of every error that a user of Headshot can cause; anything else is a bug."""


class PhotoError(HeadshotError, ValueError):
    """The file is not a photo that can be read: missing, truncated, too large, or not an image."""


class NoFaceError(HeadshotError):
    """No face was found, or the requested face does not exist."""


class OutputError(HeadshotError):
    """Results cannot be written: the folder is read-only, the disk is full, or a file is in the way."""


class AssetError(HeadshotError):
    """A file that ships with Headshot is missing or altered. Reinstalling repairs it."""


class ModelFormatError(HeadshotError, ValueError):
    """A head-model file does not have the layout that its reader expects."""


class RecordError(HeadshotError, ValueError):
    """A JSON file is not one of a head that this version of Headshot can read."""


class MissingExtraError(HeadshotError, ImportError):
    """A part of Headshot was asked for that needs packages of an extra. The message says which."""


class HeadshotWarning(UserWarning):
    """Something works, but not as well as it could; the message says why."""
