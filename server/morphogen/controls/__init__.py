"""Control surfaces: what a knob, pad or foreign OSC address does. One table of rules for all of them."""
