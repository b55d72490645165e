"""Metrics, by what they judge; each is a function, and a `Metric` where a table shows it."""
