"""The DAG model of flowstone: parse a class into a graph, check it, execute it as a pure state machine, draw it."""
