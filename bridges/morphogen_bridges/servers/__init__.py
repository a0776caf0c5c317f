"""Bridges: servers."""
