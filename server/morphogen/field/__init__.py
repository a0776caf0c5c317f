"""The picture as a function of a pixel: network, activations, view, grade, and the graph they are built of."""
