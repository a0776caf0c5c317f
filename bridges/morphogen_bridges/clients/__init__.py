"""Bridges: clients."""
