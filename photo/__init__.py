"""A photo as a file: read in every format and depth, written with everything it had."""
