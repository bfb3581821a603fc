"""What `securelist doctor` looks at. `examination` is the file to read first; each check is one function with one finding.

Nothing is changed, but what opening an installation changes: the tables are brought to this version's form.
"""
