"""Listening tests: pages on which people judge blind, and what their answers say."""
