"""Image processing on arrays: no files, no color conversion, no other parts of this program."""
