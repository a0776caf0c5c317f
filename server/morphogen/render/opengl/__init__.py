"""The OpenGL backend: the scene as one fragment shader on any graphics card."""
