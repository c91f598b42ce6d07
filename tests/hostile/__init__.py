"""The public surface driven from its descriptors with values that break things, while a neighbour is watched."""
