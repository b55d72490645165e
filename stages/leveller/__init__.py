"""Speakers near and far brought to one level."""
