"""Infrastructure independent of images: atomic files, workers, options, progress."""
