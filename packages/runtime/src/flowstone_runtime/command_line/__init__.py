"""The command line of a flow file: its program, its options, what commands are given."""
