"""Evolution's address book reads vCards: with Debian's own Python, which has its library (libebook-contacts) and none of ours.

As a program: vCards on standard input, JSON on standard output, a list of cards as `[name, {parameter: [value]}, [value]]` for each line.
"""

import json
import re
import subprocess
import sys

PYTHON = "/usr/bin/python3"


class Card:
    """A card as it was read: its properties in order, each as (name, parameters, values)."""

    def __init__(self, properties):
        self.properties = [(name, parameters, values) for name, parameters, values in properties]

    def all(self, name):
        """(parameters, values) of every property of that name."""
        return [(parameters, values) for found, parameters, values in self.properties if found == name]

    def values(self, name):
        """The values of the only property of that name; None if there is none."""
        found = self.all(name)
        if len(found) > 1:
            raise AssertionError(f"{len(found)} times {name}")
        return found[0][1] if found else None

    def text(self, name):
        """The value of the only property of that name, which is one text; None if there is none."""
        values = self.values(name)
        if values is not None and len(values) != 1:
            raise AssertionError(f"{name} is {values}")
        return values[0] if values else None

    def ranked(self, name):
        """The values of all properties of that name, by their preference (RFC 6350, 5.3)."""
        return [values[0] for parameters, values in sorted(self.all(name), key=lambda one: int(one[0]["PREF"][0]))]


def read(octets):
    """The cards in a file, as Evolution reads them; raises CalledProcessError if it does not."""
    done = subprocess.run([PYTHON, __file__], input=octets, capture_output=True, check=True)
    return [Card(card) for card in json.loads(done.stdout)]


def _main():
    import gi

    gi.require_version("EBookContacts", "1.2")
    from gi.repository import EBookContacts

    cards = []
    for text in re.split(r"(?m)^BEGIN:VCARD\r\n", sys.stdin.buffer.read().decode())[1:]:
        lines = EBookContacts.VCard.new_from_string("BEGIN:VCARD\r\n" + text).get_attributes()
        cards.append([[line.get_name(), {p.get_name(): p.get_values() for p in line.get_params()}, line.get_values()] for line in lines])
    json.dump(cards, sys.stdout)


if __name__ == "__main__":
    _main()
