"""Open Sound Control, shared by the source (in) and the feedback (out): codec, framing, patterns, addresses."""
