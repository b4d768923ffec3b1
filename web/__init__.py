"""The local page: a server for one user, which calls the same functions as the commands."""
