"""What stays of a recording below the lowest voice.

The network leaves rumble that comes in bursts, as that of a bus, and lowers plosives, which belong to a recording.
What it does to the rest of the spectrum, and whether the rumble ever pauses, tell one from the other.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from aural.dsp.decibels import db_to_power
from aural.stages.noise_reduction.engines.compact.network import LEVEL_FRAMES, RUMBLE, Prediction
from aural.stages.noise_reduction.stft import BINS

SLOW = 2  # bins below 47 Hz, where no voice reaches
MOST_SLOW = db_to_power(-20.0) * (BINS - RUMBLE)  # power in these bins, against the mean of those that count
KEPT_DB, LIMITED_DB = (-44.0, -38.0), (-40.0, -34.0)
"""Power removed above RUMBLE, against what came in: from where to where slow bins cease to be kept, and begin to be
limited."""
STRONG_DB, STEADY_DB = (-18.0, -15.0), (-17.0, -13.0)
"""What makes slow bins noise though nothing else is removed: their mean against what came in above RUMBLE, and their
quietest moment against their mean; from where to where each begins to count."""
MOMENT = 8  # frames, 0.13 s
UNHEARD = 1e30  # power that stands for frames of digital silence, which say nothing about rumble


class SlowBins:
    """Keeps the slow bins of a clean recording, and limits them where there is noise.

    There is noise where the network removes some above RUMBLE, or where the slow bins are strong and never pause.
    Both are judged over the last 6 s, forgetting in 3 s, for all channels together.

    Args:
        decay: weights of the last frames, shape (1, 1, LEVEL_FRAMES).
    """

    def __init__(self, decay: Tensor) -> None:
        self.decay = decay
        self.powers = torch.zeros(4, LEVEL_FRAMES - 1)
        self.moments = torch.full((LEVEL_FRAMES + MOMENT - 2,), UNHEARD)

    def __call__(self, predicted: Prediction, mixed: Tensor, least: Tensor) -> Tensor:
        """Return the slow bins of the next frames.

        Args:
            predicted: output of the network.
            mixed: output without this rule, shape (channels, frames, bins).
            least: lowest gain, shape (1, frames, SLOW).

        Returns:
            Shape (channels, frames, SLOW).
        """
        came = predicted.spectra[:, 1:-1]
        removed_db, steady = self._heard(came, mixed)
        changed, limited = (
            torch.maximum(_share(removed_db, *ends), steady)[None, :, None] for ends in (KEPT_DB, LIMITED_DB)
        )
        slow = torch.lerp(came[..., :SLOW], mixed[..., :SLOW], changed.to(mixed.dtype))
        most = MOST_SLOW * predicted.level.square().sum(dim=0)
        gain = (most / (_power(slow) + 1e-30)).sqrt().clamp(max=1)[None, :, None]
        return slow * (1 + (gain - 1) * limited).maximum(least)

    def _heard(self, came: Tensor, mixed: Tensor) -> tuple[Tensor, Tensor]:
        """Return the power removed above RUMBLE in dB, and how surely the slow bins are steady noise, 0 to 1."""
        above, slow = came[..., RUMBLE:], _power(came[..., :SLOW])
        removed = (above - mixed[..., RUMBLE:]).abs()
        removed = removed * (removed / (above.abs() + 1e-20)).clamp(max=1)  # a bin that nearly stays hardly counts
        heard = slow > 0
        powers = torch.stack([_power(above), _power(removed), slow, heard.to(slow.dtype)])
        powers = torch.cat([self.powers, powers], dim=1)
        moments = torch.cat([self.moments, slow.where(heard, UNHEARD)])
        self.powers, self.moments = powers[:, 1 - LEVEL_FRAMES :], moments[2 - LEVEL_FRAMES - MOMENT :]
        total, removed, slow_total, frames = functional.conv1d(powers[:, None], self.decay)[:, 0]
        quietest = -functional.max_pool1d(-functional.avg_pool1d(moments[None], MOMENT, 1), LEVEL_FRAMES, 1)[0]
        strong = _share(_db(slow_total, total), *STRONG_DB)
        return _db(removed, total), strong * _share(_db(quietest * frames, slow_total), *STEADY_DB)


def _power(spectra: Tensor) -> Tensor:
    """Return the power of each frame, all channels together; shape (frames,)."""
    return spectra.abs().square().sum(dim=(0, 2))


def _db(power: Tensor, reference: Tensor) -> Tensor:
    return 10 * torch.log10(power / (reference + 1e-30) + 1e-9)


def _share(value: Tensor, low: float, high: float) -> Tensor:
    """Return where values lie between two others, from 0 to 1."""
    return ((value - low) / (high - low)).clamp(0, 1)
