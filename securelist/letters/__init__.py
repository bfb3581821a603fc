"""Mail that the server itself writes: letters, through the same queue as posts. Their words are templates, one file each.

A letter to a person we know is encrypted to their key and signed by the list; what goes to others is signed, in clear, and
holds nothing that is not public, but for the notice to a member whose key is of no use. All carry RFC 3834's mark, are not
written to robots, and are limited in number.
"""

from securelist.letters.pen import Addressee, Letters, attached_mail
from securelist.letters.templates import Facts, Verbatim

__all__ = ["Addressee", "Facts", "Letters", "Verbatim", "attached_mail"]
