"""What a flow asks of whoever starts it, and how a command line asks for it."""
