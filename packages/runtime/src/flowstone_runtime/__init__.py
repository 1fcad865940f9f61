"""FlowSpec, the task runner, the local scheduler and the command line of flowstone."""
