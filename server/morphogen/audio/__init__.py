"""What the instrument hears: streaming features, tempo, the analysis thread, and a track of its own to play."""
