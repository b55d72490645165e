"""Frequency expansion: adds treble to band-limited recordings."""
