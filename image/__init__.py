"""Arrays that are pictures: no files, no colors of our own, nothing else of this program."""
