"""Fuzzing: every parser of ours that a stranger's octets reach, fed with whatever a coverage-guided fuzzer makes up."""
