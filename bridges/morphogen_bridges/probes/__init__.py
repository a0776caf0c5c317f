"""What `doctor` asks: one module a bridge, each with `probe() -> Finding` that proves it by a loop-back.

A probe opens the real source or sink against a small stand-in for the instrument, on free ports and in temporary
folders, so that it never disturbs a running show. It raises Unavailable when the thing is optional and not here.
"""
