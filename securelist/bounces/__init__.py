"""Reports of mail that did not arrive: what they say, what they do to a copy, and the addresses that they mark."""
