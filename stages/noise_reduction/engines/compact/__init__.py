"""The network that AURAL trained to separate voices from noise."""
