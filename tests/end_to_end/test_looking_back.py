"""What the client tells of flows that really ran."""

from flowstone_client import Client, DataArtifact, Flow

TRAIN = """
    class Train(FlowSpec):
        alpha = Parameter("alpha", default=0.5)

        @step
        def start(self):
            self.rows = [1, 2, 3]
            self.note = "not needed"
            self.next(self.fit, foreach="rows")

        @step
        def fit(self):
            self.score = self.input * self.alpha
            self.next(self.join)

        @step
        def join(self, inputs):
            self.best = max(i.score for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            pass


    if __name__ == "__main__":
        Train()
    """

PREDICT = """
    from flowstone import Flow
    from flowstone_datastore import DataAccess, record_data_access

    class Predict(FlowSpec):
        @step
        def start(self):
            record_data_access(DataAccess("read", "s3://bucket/today.csv", "etag-9", 10))
            self.model = Flow("Train").latest_successful_run.data.best
            self.next(self.end)

        @step
        def end(self):
            self.prediction = self.model + 1


    if __name__ == "__main__":
        Predict()
    """


def test_the_lineage_of_a_value_crosses_flows(flow_file):
    """A prediction leads to the model's training, with all that went into it, also in another store."""
    train, predict = flow_file(TRAIN, "train.py"), flow_file(PREDICT, "predict.py")
    store = train.path.parent / "elsewhere"
    train.call("--store", store, "run")
    predict.call("--store", store, "run")
    client = Client(store)
    (run,) = Flow("Predict", client=client)
    train_id = Flow("Train", client=client).latest_run.id
    lineage = DataArtifact(f"{run.pathspec}/end/0/prediction", client=client).lineage()
    names = {node_id.replace(f"{train_id}/", "").replace(f"{run.id}/", "") for node_id in lineage.nodes}
    assert names == {
        "Predict/end/0/prediction",
        "Predict/end/0",
        "Predict/start/0/model",
        "Predict/start/0",
        "s3://bucket/today.csv",
        "Train/join/0/best",
        "Train/join/0",
        *(f"Train/fit/{index}/score" for index in range(3)),
        *(f"Train/fit/{index}" for index in range(3)),
        "Train/_parameters/0/alpha",
        "Train/start/0/_foreach_items_start",
        "Train/start/0",
    }
    fit = lineage.nodes[f"Train/{train_id}/fit/0"]
    assert fit.facts["file"] == "train.py"
    lines = train.path.read_text().splitlines()
    assert "fit" in lines[fit.facts["line"] - 1] + lines[fit.facts["line"]]


def test_steps_look_at_other_runs_in_the_namespace_of_their_run(flow_file) -> None:
    """Whose results a step builds upon is said once, for the run."""
    source = """
        from flowstone import Flow

        class Peek(FlowSpec):
            @step
            def start(self):
                self.seen = len(list(Flow("Peek")))
                self.namespace = current.namespace
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            Peek()
    """
    flow = flow_file(source)
    flow.call("run", environ={"FLOWSTONE_USER": "bob"})
    seen = {}
    for namespace in (None, "user:bob", ""):
        words = [] if namespace is None else ["--namespace", namespace]
        flow.call("run", *words, environ={"FLOWSTONE_USER": "ada"})
        data = flow.latest_run().data
        seen[namespace] = (data.seen, data.namespace)
    assert seen == {None: (1, "user:ada"), "user:bob": (1, "user:bob"), "": (4, None)}
