"""Research and training: differentiable rendering, networks, losses, data sets. Needs the extra ``train``."""

from headshot.errors import MissingExtraError

try:
    import torch as torch
except ImportError as error:
    raise MissingExtraError('headshot.learn needs PyTorch: pip install "headshot[train]"') from error
