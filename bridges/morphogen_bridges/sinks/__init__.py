"""Bridges: sinks."""
