"""Morphogen: a live visual instrument that draws tiny neural networks at frame rate.

Importing this package loads the standard library and NumPy only; every device library is imported
in the one module that needs it, when it is needed.
"""

__version__ = "0.1.0"
