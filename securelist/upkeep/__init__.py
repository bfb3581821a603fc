"""So that nobody drops out in silence: who can be reached, what ends when, and who hears of it.

`readiness` says who could read a post sent now. All else here is done in rounds, from what the tables and the log say.
"""
