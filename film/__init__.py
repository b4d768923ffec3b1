"""The parts of a film job; none of them knows a network."""
