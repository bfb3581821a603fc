"""`python -m securelist`: the same as the command `securelist`."""

from securelist.cli.main import main

main()
