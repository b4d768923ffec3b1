"""Paddle's compiled part as a module: importing it loads that part, which starts no thread.

Only the process from which workers are forked imports it, so that each of them has it from the start.
"""

from model.paddle_import import compiled_part

COMPILED_PADDLE = compiled_part()  # None if it cannot be loaded without the rest
