"""The vocabulary: values that travel between rooms, each declared once. Imports nothing of ours."""
