"""Noise reduction: removes hiss, hum, rumble and room noise, and keeps the voice."""
