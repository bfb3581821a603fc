"""The command line: one module per noun, each command with help and an example; the names are a contract."""
