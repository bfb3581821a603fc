"""The ccTLDs of the world: their list, what IANA has on record about each, and which of them have members here."""
