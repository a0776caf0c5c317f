"""The concept guide: our own small image-text model, its vocabulary, its training pictures, training and tests.

It knows the published vocabulary and says so; it is not CLIP.
"""
