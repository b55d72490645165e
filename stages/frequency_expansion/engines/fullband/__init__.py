"""The network that continues a spectrum wherever it ends."""
