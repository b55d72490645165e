"""The network that estimates the noise behind a voice: that of the room, with other outputs."""

from __future__ import annotations

from aural.measure.room.network import RoomNetwork

ANSWERS = 2
"""Of each second: level of the noise against the voice in tens of dB, and the logarithm of its standard deviation."""
LEAST_DB, MOST_DB = -45.0, 10.0
"""Of the noise against the voice; LEAST_DB stands for no noise at all."""


def noise_network() -> RoomNetwork:
    """Make the network."""
    return RoomNetwork(ANSWERS)
