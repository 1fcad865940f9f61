"""What people and programs are told while a run runs."""
