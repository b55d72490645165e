"""Training and evaluation: data, losses, runs, metrics, reports."""
