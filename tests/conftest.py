"""What every test can use: the modules beside this one whose fixtures are for all."""

from __future__ import annotations

pytest_plugins = (
    "no_skips",
    "people",
    "town",
    "trust_world",
    "trust_scenes",
    "forge",
    "log_forge",
    "statement_mails",
    "correspondents",
    "attack_stage",
)
