"""Learning: pictures in, weights and measurements out."""
