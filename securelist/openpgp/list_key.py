"""The list's secret key, in gpg-agent: made, and asked to sign and to decrypt. No octet of it ever comes here."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path

from securelist.errors import ConfigurationError, Refused, TryAgain, Unavailable
from securelist.mail.addresses import Role, address_for
from securelist.openpgp.bounded import Outcome
from securelist.openpgp.gnupg import Gpg

# gpg-agent's sockets lie in the GnuPG home unless /run/user/UID exists; sun_path holds 108 octets (unix(7)),
# "S.gpg-agent.browser" and a slash take 20.
MAX_HOME_PATH = 86


class ListKey:
    """The list's secret key, in gpg-agent behind a GnuPG home of its own: a passphrase, card or HSM changes nothing here."""

    def __init__(self, home: Path, fingerprint: str) -> None:
        if not home.is_dir():
            raise ConfigurationError("no-list-key", f"{home} is missing, with the list's secret key; restore that folder from a backup")
        self._home = home
        self._gpg = Gpg(home)
        self.fingerprint = fingerprint

    @classmethod
    def create(cls, home: Path, name: str, address: str) -> ListKey:
        """Makes a key for the list (Ed25519 to sign, X25519 to decrypt, no expiry, no passphrase) in the new home."""
        if len(os.fsencode(home.resolve())) > MAX_HOME_PATH and not Path(f"/run/user/{os.getuid()}").is_dir():
            raise ConfigurationError("path-too-long", f"{home} is too long for gpg-agent's sockets: at most {MAX_HOME_PATH} characters")
        home.mkdir(mode=0o700)
        try:
            return cls._made(home, name, address)
        except Unavailable:
            shutil.rmtree(home, ignore_errors=True)
            raise

    @classmethod
    def _made(cls, home: Path, name: str, address: str) -> ListKey:
        gpg = Gpg(home)
        settings = {"key_type": "EDDSA", "key_curve": "ed25519", "key_usage": "cert,sign", "subkey_type": "ECDH"}
        settings |= {"subkey_curve": "cv25519", "name_real": name, "name_email": address, "expire_date": "0"}
        # A second back: gpg waits for the clock when a user ID is signed anew in the second in which it was made.
        earlier = ["--faked-system-time", str(int(time.time()) - 1), "--gen-key"]
        made = gpg.run(earlier, gpg.gen_key_input(no_protection=True, **settings).encode()).rests("KEY_CREATED")
        fingerprint = made[0].split()[1].upper() if made else ""
        # Thunderbird encrypts to nobody whose address no user ID has, and members write to LIST-request.
        request = address_for(Role.REQUEST, address)
        more = (["--quick-add-uid", fingerprint, f"{name} <{request}>"], ["--quick-set-primary-uid", fingerprint, f"{name} <{address}>"])
        if not made or any(gpg.run(args, b"").exit_status for args in more):
            raise Unavailable("no-list-key", "GnuPG could not make the list's key; is gpg-agent installed?")
        return cls(home, fingerprint)

    def another(self, name: str, address: str) -> ListKey:
        """Makes one more key for the list, beside this one; which of them speaks for the list, the trust roots say."""
        return self._made(self._home, name, address)

    def with_others(self, named: Collection[str] = ()) -> tuple[ListKey, ...]:
        """All keys that the list ever had, oldest first, this one last; posts to an old one can still be read.

        A key is the list's if its secret key is here, or if it is `named` (fingerprints): an old one may have been destroyed.
        Raises ConfigurationError if the certificate of one that is named is not here.
        """
        owned = {fingerprint for _, fingerprint in self._listed("--list-secret-keys", "sec")}.union(named)
        found = [fingerprint for _, fingerprint in sorted(self._listed("--list-keys", "pub")) if fingerprint in owned]
        if missing := set(named).difference(found):
            which = f"the certificate of the list's key {min(missing)}, which the log names, is not in {self._home}"
            raise ConfigurationError("no-list-key", f"{which}; restore that folder from a backup")
        return (*(ListKey(self._home, fingerprint) for fingerprint in found if fingerprint != self.fingerprint), self)

    def _listed(self, how: str, kind: str) -> list[tuple[int, str]]:
        """(when it was made, fingerprint) of each primary key that gpg lists so."""
        listing = self._gpg.run([how, "--with-colons"], b"").output.decode("utf-8", "replace")
        rows = [line.split(":") for line in listing.split("\n") if line]
        return [(int(row[5]), after[9].upper()) for row, after in pairwise(rows) if (row[0], after[0]) == (kind, "fpr")]

    def check_secret(self) -> None:
        """Raises ConfigurationError unless gpg-agent knows where the key's secret parts are, that which signs and one that decrypts.

        It may still have to be unlocked, or its card put in.
        """
        listing = self._gpg.run(["--with-colons", "--list-secret-keys", self.fingerprint], b"").output.decode("utf-8", "replace")
        rows = [line.split(":") for line in listing.split("\n")]
        # Field 12: what the key is for; 15: "#" where only the public part is here (GnuPG's doc/DETAILS).
        held = [(row[0], row[11]) for row in rows if row[0] in ("sec", "ssb") and row[14] != "#"]
        if not any(kind == "sec" for kind, _ in held) or not any("e" in uses for _, uses in held):
            which = f"the secret part of the list's key {self.fingerprint} is not in {self._home}"
            raise ConfigurationError("no-list-key", f"{which}; restore that folder from a backup, or put the card in")

    def certificate(self) -> bytes:
        """The list's certificate, binary, without what others certified."""
        outcome = self._gpg.run(["--export-options", "export-minimal", "--export", self.fingerprint], b"")
        if outcome.exit_status or not outcome.output:
            raise ConfigurationError(
                "no-list-key", f"GnuPG does not find the list's key in {self._home}; restore that folder from a backup"
            )
        return outcome.output

    def clearsign(self, text: str) -> bytes:
        """`text` as cleartext under a signature (RFC 9580, 7), to be read by people."""
        return self._sign(text.encode(), "--clearsign")

    def _sign(self, content: bytes, *how: str) -> bytes:
        args = ["--local-user", f"{self.fingerprint}!", "--digest-algo", "SHA512", "--set-filename", "", *how]
        outcome = self._gpg.run(args, content)
        if outcome.exit_status or len(outcome.rests("SIG_CREATED")) != 1:
            raise TryAgain("cannot-sign", "the list's key could not sign; is it unlocked in gpg-agent?")
        return outcome.output

    def sign(self, content: bytes) -> bytes:
        """`content` as one signed OpenPGP message, binary: one-pass signature, literal data and signature, compressed."""
        return self._sign(content, "--compress-algo", "zip", "--compress-level", "1", "--sign")

    def detach_sign(self, content: bytes) -> bytes:
        """A detached signature packet over `content`, binary."""
        return self._sign(content, "--detach-sign")

    def decrypt(self, message: bytes) -> bytes:
        """The packets inside an encrypted message, as they are: encryption off, signature and compression left on.

        Raises Refused("not-for-the-list") or ("not-whole"): whole means integrity-protected and checked to the end.
        TryAgain("cannot-decrypt") when it is addressed to the list's key, which gpg-agent cannot use now.
        """
        outcome = self._gpg.run(["--decrypt", "--unwrap"], message)
        keywords = [word for word, _ in outcome.status]
        if "NODATA" in keywords:  # GnuPG stopped at a packet that is none: whatever the key could do, this cannot be opened
            raise Refused("not-whole", "the encrypted message is damaged: GnuPG cannot read its packets")
        if "DECRYPTION_KEY" not in keywords:
            if not _out_of_reach(outcome) and ("NO_SECKEY" in keywords or "DECRYPTION_FAILED" in keywords):
                raise Refused("not-for-the-list", "the message is not encrypted to the list's key; fetch it from the -sendkey address")
            raise TryAgain("cannot-decrypt", "the list's key could not decrypt; is it unlocked in gpg-agent?")
        once = all(keywords.count(word) == 1 for word in ("DECRYPTION_OKAY", "GOODMDC", "END_DECRYPTION"))
        if outcome.exit_status or not once or not set(keywords) <= _WHOLE:
            raise Refused("not-whole", "the encrypted message is damaged, cut short or without integrity protection")
        return outcome.output


def keyring_version(home: Path) -> object:
    """A value that is another one after a key was added to this GnuPG home, and that costs next to nothing to ask for."""
    # GnuPG writes the certificate last, into one of these; which, its version and its settings decide.
    return tuple(_version(home / name) for name in ("pubring.kbx", "pubring.gpg", "public-keys.d/pubring.db"))


def _version(file: Path) -> tuple[int, ...]:
    try:
        facts = file.stat()
    except FileNotFoundError:  # GnuPG does not use it, or puts another in its place at this very moment
        return ()
    return (facts.st_mtime_ns, facts.st_size, facts.st_ino)


# Where an error comes from (libgpg-error: bits 24 to 30 of its number): gpg-agent, pinentry, a smart card's daemon.
_KEEPERS = {4, 5, 6}
# What gpg-agent, too, says of a session-key packet that holds no numbers (libgpg-error: GPG_ERR_INV_DATA).
_INVALID_DATA = 79


def _out_of_reach(outcome: Outcome) -> bool:
    """Whether the secret key is absent (though named), locked, or on a card that is not there: nothing a sender can mend."""
    absent = any(key_id.strip("0") for key_id in outcome.rests("NO_SECKEY"))
    numbers = [int(rest.split()[1]) for rest in outcome.rests("ERROR") if rest.startswith("pkdecrypt_failed ")]
    kept = any(number >> 24 & 0x7F in _KEEPERS and number & 0xFFFF != _INVALID_DATA for number in numbers)
    return absent or kept or bool(outcome.rests("PINENTRY_LAUNCHED"))


# Status keywords that may accompany one whole decrypted message.
_WHOLE = {"ENC_TO", "KEY_CONSIDERED", "DECRYPTION_KEY", "BEGIN_DECRYPTION", "DECRYPTION_INFO", "DECRYPTION_OKAY", "GOODMDC"}
_WHOLE |= {"PINENTRY_LAUNCHED", "END_DECRYPTION", "NO_SECKEY", "DECRYPTION_COMPLIANCE_MODE", "PROGRESS", "CARDCTRL"}
