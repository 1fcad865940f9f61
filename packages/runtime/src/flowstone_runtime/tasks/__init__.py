"""One task: what it is told, what it inherits, what becomes of it."""
