"""Copies of the band below the cut-off."""
