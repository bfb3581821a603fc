"""Who is a member, and why: statements, the rules about them, the log they form, and the proof that anybody can check.

Nothing in here reads a clock, a file or a database; `submission` and `proof` ask the two OpenPGP engines, the rest is pure.
"""
