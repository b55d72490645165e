"""Frequency generation: what a codec destroyed is filled in."""
