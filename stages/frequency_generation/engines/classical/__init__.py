"""Noise and continued partials at the level of their surroundings."""
