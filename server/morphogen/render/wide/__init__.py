"""Wide networks on the CPU: samples by matrix products, finished in the scene's own kernel."""
