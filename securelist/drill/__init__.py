"""Drills: every member is asked for one signed and encrypted answer; who cannot give it shows before there is an incident.

`office` starts and ends them, `rounds` writes the letters, `answers` looks at what comes back, `report` says what came of it.
"""
