"""Frequency generation: fills the spectral holes left by a codec."""
