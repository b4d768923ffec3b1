"""How anything is run: files that are whole or absent, workers, options, progress. Knows no picture."""
