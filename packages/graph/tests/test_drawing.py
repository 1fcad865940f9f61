"""A drawing tells a flow from top to bottom."""

from hypothesis import given

from flowstone_graph import CaseExpression, FlowGraph, Kind, Node, draw
from flowstone_graph.testing import graphs

GRAPH = FlowGraph(
    "Train",
    (
        Node("start", Kind.SPLIT, ("each", "way"), doc="Choose the countries."),
        Node("each", Kind.FOREACH, ("fit",), foreach="countries"),
        Node(
            "fit",
            Kind.LINEAR,
            ("best",),
            doc="Fit a model of one country, with all that it takes to do so well." * 2,
        ),
        Node("best", Kind.JOIN, ("both",)),
        Node(
            "way",
            Kind.SWITCH,
            ("way", "fast", "slow"),
            condition="mode",
            cases=(("again", "way"), (CaseExpression("self.config.fast"), "fast"), (None, "slow")),
        ),
        Node("fast", Kind.LINEAR, ("both",)),
        Node("slow", Kind.LINEAR, ("both",), doc="Take your time."),
        Node("both", Kind.JOIN, ("end",)),
        Node("end", Kind.LINEAR),
    ),
    "start",
    "end",
    doc="Trains one model\nper country.\n\nMore.",
)

DRAWING = """\
Train: Trains one model per country.

● start    Choose the countries.
├─╮
│ ● each
│ ├─╮ for each of countries
│ │ ● fit  Fit a model of one country, with all that it takes to do so well.Fit a model of one coun…
│ ├─╯
│ ◆ best
├─┤
│ ◇ way
│ │  by mode
│ │    'again'          ↺ way again
│ │    self.config.fast → fast
│ │    None             → slow
│ ● fast → both
│ ● slow   Take your time.
├─╯
◆ both
● end
"""


def test_a_flow_is_drawn_as_it_is_told():
    """Rails for splits, cases for switches, arrows only where the next line is not the next step."""
    assert draw(GRAPH) == DRAWING


@given(graphs())
def test_every_step_is_drawn_once_and_in_order(graph):
    """Nothing is left out of the picture, nothing doubled."""
    drawn = [line.split()[rail + 1] for line in draw(graph).splitlines()[2:] if (rail := _mark(line)) is not None]
    assert tuple(drawn) == graph.order


@given(graphs())
def test_a_drawing_fits_a_terminal(graph):
    """Lines that wrap are no drawing; a step stands as far right as it is nested deep."""
    for line in draw(graph).splitlines():
        assert len(line) <= 100
        assert line == line.rstrip()


def _mark(line: str) -> int | None:
    """Where among the words of a line the mark of a step stands."""
    words = line.split()
    return next((index for index, word in enumerate(words[:8]) if word in set("●◆◇")), None)
