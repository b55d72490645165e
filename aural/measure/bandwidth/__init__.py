"""Effective bandwidth: where a filter, a codec or a resampler has cut the spectrum off."""
