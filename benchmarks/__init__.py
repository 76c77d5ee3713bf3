"""Benchmarks: ratios measured in one run, after both sides have given equal results."""
