"""The page on one's own machine: a server for one person, which calls what the commands call."""
