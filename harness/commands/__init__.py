"""One module a verb: `add_arguments(parser)` and `main(arguments) -> Outcome`."""
