"""Settings that a flow reads before anything else, and what is computed from them."""
