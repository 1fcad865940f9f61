"""The smallest flow that shows the idea: set in one step, used in the next."""

from flowstone import FlowSpec, Parameter, step


class Hello(FlowSpec):
    """Greet somebody."""

    name_to_greet = Parameter("to", default="world", help="Whom to greet.")

    @step
    def start(self):
        self.greeting = f"Hello, {self.name_to_greet}!"
        self.next(self.end)

    @step
    def end(self):
        print(self.greeting)


if __name__ == "__main__":
    Hello()
