"""Bridges: sources."""
