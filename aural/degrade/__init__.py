"""Degradations: rooms, noise, devices and codecs, each a small class, reproducible from a seed.

    rng = np.random.default_rng(1)
    degradations = [Room(response), Noise(street, snr_db=8), HighPass(120), Level(-30)]
    take = degrade(Take.of(clean, 48000), degradations, rng)

`Scene` draws such a list for one recording from a stock of noises, rooms and voices.
"""

from aural.degrade.augment import Pitch, Stretch
from aural.degrade.codec import Codec, PacketLoss, VariableCodec, codecs
from aural.degrade.device import BandLimit, Clipping, GainControl, HighPass, Level, Microphone
from aural.degrade.noise import (
    Additive,
    Babble,
    Coloured,
    Floor,
    Handling,
    Hum,
    Machine,
    Noise,
    Ringing,
    Rumble,
    Wind,
)
from aural.degrade.room import Room, SimulatedRoom
from aural.degrade.scene import Scene, Stock
from aural.degrade.take import Audio, Degradation, Take, active_db, degrade

__all__ = [
    "Additive", "Audio", "Babble", "BandLimit", "Clipping", "Codec", "Coloured", "Degradation", "Floor",
    "GainControl", "Handling", "HighPass", "Hum", "Level", "Machine", "Microphone", "Noise", "PacketLoss",
    "Pitch", "Ringing", "Room", "Rumble", "Scene", "SimulatedRoom", "Stock", "Stretch", "Take",
    "VariableCodec", "Wind", "active_db", "codecs", "degrade",
]  # fmt: skip
