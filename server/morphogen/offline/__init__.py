"""Playing without an audience: the frames that the daemon would show, as fast as they come."""
