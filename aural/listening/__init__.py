"""Blind listening tests: their pages, and the analysis of the answers."""
