"""Frequency expansion: a spectrum that ends early is continued."""
