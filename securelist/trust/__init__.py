"""Who is a member, and why: statements, the rules about them, the log they form, and the proof that anybody can check.

Nothing in here reads a clock, a file or a database. `certificates`, `classify`, `submission` and `proof` ask the two OpenPGP
engines, as does `Anchor.signers`, which joins what two sources know of a trust root; `export.write_export` lets the list's
key sign. The rest is pure: what a statement says, whether it may enter, and what it does.
"""
