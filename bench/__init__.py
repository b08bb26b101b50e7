"""Benchmarks: they print ratios to things measured beside them, in the same run (`make bench`)."""
