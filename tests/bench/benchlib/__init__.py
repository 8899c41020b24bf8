"""The pieces of the benchmark programme; `tests/bench/run` puts them together."""
