"""Photo files: read in every format and depth, written with their metadata."""
