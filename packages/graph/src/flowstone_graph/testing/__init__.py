"""Random flows for the tests of whoever runs, compiles or shows flows. Needs the extra `testing` (hypothesis).

A scheduler is right if, for every scenario, it runs the same tasks with the same
parents as `run_scenario` does:

    @given(scenarios())
    def test_my_scheduler_runs_what_the_graph_means(scenario):
        expected = run_scenario(scenario)
        assert my_scheduler(scenario) == set(expected)
"""

from flowstone_graph.testing.flow_source import flow_source
from flowstone_graph.testing.graphs import graphs
from flowstone_graph.testing.scenarios import Scenario, run_scenario, scenarios

__all__ = ["Scenario", "flow_source", "graphs", "run_scenario", "scenarios"]
