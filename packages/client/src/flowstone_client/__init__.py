"""Look at what ran: flows, runs, steps, tasks and their artifacts."""
