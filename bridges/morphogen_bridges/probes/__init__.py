"""Bridges: probes."""
