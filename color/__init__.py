"""Data types shared between packages, each declared once. Imports no other package of this project."""
