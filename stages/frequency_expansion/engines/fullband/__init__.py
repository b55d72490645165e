"""The network that extends a spectrum from any cut-off."""
