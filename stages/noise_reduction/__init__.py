"""Noise reduction: hiss, hum, rumble and room noise go, the voice stays."""
