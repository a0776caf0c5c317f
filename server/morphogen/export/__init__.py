"""Styles as text for other hosts: ISF, TouchDesigner, Shadertoy, plain GLSL, one page of HTML."""
