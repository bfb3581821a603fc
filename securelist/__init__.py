"""securelist: a re-encrypting list server for the Security and Stability Contacts of country-code registries."""

__version__ = "0.1.0"
