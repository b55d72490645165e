"""The network that AURAL trained to tell voices from noise."""
