"""What is the same outside in all mail of a list, posts and letters: the allow-list of header fields, and Message-IDs."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import re
from dataclasses import dataclass
from email.utils import format_datetime

from securelist.config import Config
from securelist.mail.addresses import Role, address_for
from securelist.mail.headers import mailbox_field


@dataclass(frozen=True)
class Letterhead:
    """What is the same in all mail of this list: its settings, its certificate, and the secret behind its Message-IDs."""

    config: Config
    certificate: bytes
    secret: bytes

    def message_id(self, original: str) -> str:
        """Our Message-ID for another's: by HMAC, so that threads hold and no host name leaks; one of ours stays."""
        if self.is_own(original):
            return original
        return f"<{hmac.new(self.secret, b'message-id:' + original.encode(), hashlib.sha256).hexdigest()[:40]}@{self.config.domain}>"

    def letter_id(self, occasion: str) -> str:
        """The Message-ID of what the server itself writes on one occasion; nobody's Message-ID leads to it by `message_id`."""
        return f"<{hmac.new(self.secret, b'letter:' + occasion.encode(), hashlib.sha256).hexdigest()[:40]}@{self.config.domain}>"

    def is_own(self, message_id: str) -> bool:
        """Whether this has the form of our Message-IDs: nothing that a person could have put into words."""
        return re.fullmatch(rf"<[0-9a-f]{{40}}@{re.escape(self.config.domain)}>", message_id) is not None

    def list_fields(self, display: str, at: int) -> list[tuple[str, str]]:
        """The fields that every mail of the list has outside, but for Message-ID and Subject."""
        config, request = self.config, address_for(Role.REQUEST, self.config.list)
        owner = address_for(Role.OWNER, config.list)
        date = format_datetime(datetime.datetime.fromtimestamp(at, datetime.UTC))
        keydata = base64.b64encode(self.certificate).decode("ascii")
        folded = "\r\n ".join(keydata[i : i + 72] for i in range(0, len(keydata), 72))
        return [
            mailbox_field("From", display, config.list),
            ("To", config.list),
            ("Date", date),
            ("List-Id", config.list_id),
            ("List-Post", f"<mailto:{config.list}>"),
            ("List-Help", f"<mailto:{request}?subject=help>"),
            ("List-Unsubscribe", f"<mailto:{owner}?subject=leave>"),
            ("List-Owner", f"<mailto:{owner}>"),
            ("Precedence", "list"),
            ("Autocrypt", f"addr={config.list}; keydata=\r\n {folded}"),
        ]
