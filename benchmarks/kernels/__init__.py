"""One file for each kernel; ``benchmarks.kernel`` says what such a file holds."""
