"""Training and evaluation: pictures -> weights and metrics."""
