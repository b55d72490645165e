"""Repair: restores what clipping, clicks, pops and gaps damaged, and leaves the rest as it is."""
