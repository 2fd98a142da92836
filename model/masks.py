"""Dropout whose masks are a pure function of a key: no generator's state, and no run in another's masks."""

from __future__ import annotations

import hashlib

import numpy as np
import torch


class Masks:
    """The dropout of R runs in one forward pass, at each site of their model.

    Whether an element is kept follows from its run's key, the site and the element's number by a hash, so it
    is the same on every device, compiled or not, whichever runs are stacked.

    Args:
        keys: int32 (R, 2), a `mask_key` for each run.
        dropout: probability, 0 < dropout < 1.
        sites: how many there are.

    References:
        Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3 (a counter in place of a state).
    """

    def __init__(self, keys: torch.Tensor, dropout: float, sites: int):
        numbers = torch.arange(sites, dtype=torch.int32, device=keys.device)[:, None]
        self.words = mixed(keys[:, None] ^ numbers)  # (R, sites, 2)
        self.least = min(round(dropout * 2**32), 2**32 - 1) - 2**31  # of the int32 that keep their element
        self.scale = 1 / (1 - dropout)

    def drop(self, x: torch.Tensor, site: int) -> torch.Tensor:
        """Set elements to zero and scale the others up, so that the mean stays.

        Args:
            x: (R * n, ...), the rows of each run side by side.
            site: from 0; no two calls share one.

        Returns:
            shape and dtype of x.
        """
        one, other = self.words[:, site, :, None].unbind(1)  # (R, 1) each
        rows = x.reshape(len(one), -1)
        elements = torch.arange(rows.shape[1], dtype=torch.int32, device=x.device)
        kept = mixed(mixed(elements ^ one) ^ other) >= self.least
        return torch.where(kept, rows * self.scale, 0.0).view(x.shape)


def mixed(x: torch.Tensor) -> torch.Tensor:
    """A hash of int32, one to one, in which each bit depends on all; products wrap around.

    References:
        Wellons, hash-prospector, github.com/skeeto/hash-prospector: "16 21f0aaad 15 735a2d97 15".
    """
    x = (x ^ (x >> 16 & 0xFFFF)) * 0x21F0AAAD  # with the &, as if unsigned: torch's shift keeps the sign
    x = (x ^ (x >> 15 & 0x1FFFF)) * 0x735A2D97
    return x ^ (x >> 15 & 0x1FFFF)


def mask_key(seed: int, step: int, micro_batch: int) -> np.ndarray:
    """What the masks of a run's forward pass follow from: int32 (2,), of sha256.

    Args:
        seed: of the run.
        step: steps taken before.
        micro_batch: its number within the step.
    """
    return np.frombuffer(hashlib.sha256(f"{seed}:{step}:{micro_batch}".encode()).digest()[:8], "<i4")
