"""Benchmarks: figures with medians and, where a rate is claimed, a ratio against a bare server in the same run."""
