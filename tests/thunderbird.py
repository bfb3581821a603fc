"""What a member sees: mails opened in a real, headless Thunderbird (Debian's package), which is asked what it shows.

It runs without a display, in a profile and a home of its own, and is asked over Marionette, the remote control that Gecko
brings along: each message is `LENGTH:JSON`, the JSON [0, number, command, parameters] or [1, number, error, result].
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A first start on a busy machine takes half a minute; then each mail is a matter of a second.
START_SECONDS = 120
SCRIPT_SECONDS = 60

_PREFERENCES: dict[str, str | int | bool] = {
    "marionette.port": 0,  # any free one; Thunderbird writes which into its profile
    # One account, the local folders: nothing to connect to, no assistant that asks for an account.
    "mail.accountmanager.accounts": "account1",
    "mail.accountmanager.localfoldersserver": "server1",
    "mail.account.account1.server": "server1",
    "mail.server.server1.type": "none",
    "mail.server.server1.hostname": "Local Folders",
    "mail.server.server1.userName": "nobody",
    "mail.server.server1.directory-rel": "[ProfD]Mail/Local Folders",
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.spotlight.firstRunDone": True,
    "mail.shell.checkDefaultClient": False,
    "mail.rights.version": 1,
    "mailnews.start_page.enabled": False,
    # It stays off the network.
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "mail.inappnotifications.enabled": False,
    "network.manage-offline-status": False,
    "toolkit.telemetry.enabled": False,
}

# Arguments: the member's secret key, its fingerprint, certificates to accept as verified. Gives the number of keys imported.
_IMPORT_KEYS = """
const [secret, fingerprint, certificates] = arguments;
return (async () => {
  const modules = "chrome://openpgp/content/modules/";
  const {EnigmailCore} = ChromeUtils.importESModule(modules + "core.sys.mjs");
  const {RNP} = ChromeUtils.importESModule(modules + "RNP.sys.mjs");
  const {PgpSqliteDb2} = ChromeUtils.importESModule(modules + "sqliteDb.sys.mjs");
  await EnigmailCore.init();
  const results = [await RNP.importSecKeyBlockImpl(window, () => ({canceled: false}), false, secret)];
  await PgpSqliteDb2.acceptAsPersonalKey(fingerprint);
  for (const certificate of certificates)
    results.push(await RNP.importPubkeyBlockAutoAcceptImpl(window, certificate, "verified"));
  return results.map(result => result.importedKeys.length).reduce((sum, count) => sum + count);
})();
"""

# Arguments: how many mails the folder holds. Shows it in the mail tab; gives how many rows it has there.
_OPEN_FOLDER = """
const [expected] = arguments;
const pause = () => new Promise(resolve => setTimeout(resolve, 50));
return (async () => {
  const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const tabs = document.getElementById("tabmail");
  while (!tabs.currentAbout3Pane?.folderTree?.rowCount) await pause();
  const pane = tabs.currentAbout3Pane;
  const folder = MailServices.folderLookup.getFolderForURL("mailbox://nobody@Local%20Folders/list");
  while (pane.gFolder?.URI != folder.URI) { pane.displayFolder(folder); await pause(); }
  pane.paneLayout.messagePaneVisible = true;
  while ((pane.gDBView?.rowCount ?? 0) < expected) await pause();
  return pane.gDBView.rowCount;
})();
"""

# Arguments: a row. Selects it and tells, once Thunderbird is done with decrypting and verifying, what it shows.
_SHOW = """
const [row] = arguments;
const pause = () => new Promise(resolve => setTimeout(resolve, 50));
return (async () => {
  const pane = document.getElementById("tabmail").currentAbout3Pane;
  while (!pane.messageBrowser?.contentWindow?.Enigmail?.hdrView) await pause();
  const message = pane.messageBrowser.contentWindow;
  const processed = new Promise(done => message.document.addEventListener("openpgpprocessed", done, {once: true}));
  pane.threadTree.selectedIndex = row;
  await processed;
  while (!message.msgLoaded) await pause();
  const {msgEncryptedStateString, msgSignedStateString} = message.Enigmail.hdrView;
  return {
    message_id: pane.gDBView.hdrForFirstSelectedMessage.messageId,
    subject: message.document.getElementById("expandedsubjectBox").value.textContent,
    sender: pane.gDBView.hdrForFirstSelectedMessage.mime2DecodedAuthor,
    encrypted: msgEncryptedStateString ?? "",
    signature: msgSignedStateString ?? "",
    attachments: message.currentAttachments.map(attachment => attachment.name),
    body: message.document.getElementById("messagepane").contentDocument.body.innerText,
  };
})();
"""


@dataclass(frozen=True)
class Shown:
    """What Thunderbird shows of one mail; `encrypted` and `signature` are its own words for their state, empty for none."""

    message_id: str
    subject: str
    sender: str
    encrypted: str
    signature: str
    attachments: list[str]
    body: str


class Marionette:
    """A connection to a Gecko program's remote control; every call has a time limit."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=SCRIPT_SECONDS + 10)
        self._file = self._socket.makefile("rb")
        self._count = 0
        self._receive()  # the server introduces itself

    def _receive(self) -> Any:
        digits = b""
        while (octet := self._file.read(1)) != b":":
            if not octet:
                raise RuntimeError("Thunderbird closed the connection")
            digits += octet
        return json.loads(self._file.read(int(digits)))

    def call(self, command: str, **parameters: object) -> Any:
        """The result of one command; raises RuntimeError with Thunderbird's complaint."""
        self._count += 1
        octets = json.dumps([0, self._count, command, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(octets), octets))
        _, _, error, result = self._receive()
        if error:
            raise RuntimeError(f"{command}: {error['error']}: {error['message']}")
        return result

    def run(self, script: str, *arguments: object) -> Any:
        """What a script returns (or its promise resolves to) in the window of the program itself."""
        return self.call("WebDriver:ExecuteScript", script=script, args=list(arguments))["value"]

    def close(self) -> None:
        """Ends the connection."""
        self._file.close()
        self._socket.close()


def _mbox(mails: Sequence[bytes]) -> bytes:
    """An mbox (RFC 4155) of mails; our copies hold no line that begins with "From "."""
    return b"".join(b"From - Thu Jan  1 00:00:00 1970\n" + mail.replace(b"\r\n", b"\n").rstrip() + b"\n\n" for mail in mails)


def make_profile(profile: Path, mails: Sequence[bytes]) -> None:
    folder = profile / "Mail" / "Local Folders"
    folder.mkdir(parents=True)
    (folder / "list").write_bytes(_mbox(mails))
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))


def _environment(home: Path) -> dict[str, str]:
    """Nothing of the caller's desktop, and no file outside `home`."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")}
    return {**kept, "HOME": str(home), "TMPDIR": str(home), "XDG_RUNTIME_DIR": str(home), "MOZ_CRASHREPORTER_DISABLE": "1"}


@contextmanager
def running(home: Path, profile: Path) -> Iterator[Marionette]:
    """A running Thunderbird; it and all its children are gone afterwards."""
    # setpriv (util-linux) ties it to this process: it ends even when we are killed.
    command = ["setpriv", "--pdeathsig", "KILL", "thunderbird", "--headless", "--no-remote", "--profile", str(profile)]
    command += ["--marionette", "--remote-allow-system-access"]
    with (home / "output").open("wb") as output:
        # A session of its own: its children share the process group, which is ended by its number.
        process = subprocess.Popen(command, env=_environment(home), stdout=output, stderr=output, start_new_session=True)
    try:
        marionette = Marionette(_port(process, profile / "MarionetteActivePort"))
        try:
            marionette.call("WebDriver:NewSession", capabilities={"alwaysMatch": {}})
            marionette.call("Marionette:SetContext", value="chrome")
            marionette.call("WebDriver:SetTimeouts", script=SCRIPT_SECONDS * 1000)
            yield marionette
        finally:
            marionette.close()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _port(process: subprocess.Popen[bytes], file: Path) -> int:
    """The port that Thunderbird listens at, once it does."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if file.exists() and (text := file.read_text()):
            return int(text)
        time.sleep(0.1)
    raise RuntimeError(f"Thunderbird did not start within {START_SECONDS} s (exit status {process.returncode})")


def shown(home: Path, mails: Sequence[bytes], secret: bytes, fingerprint: str, certificates: Sequence[bytes]) -> list[Shown]:
    """What Thunderbird shows of each mail to the owner of an armoured secret key who accepted these certificates as verified.

    `home` is an empty folder that exists; all that Thunderbird writes lies in it. The order is Thunderbird's.
    """
    profile = home / "profile"
    make_profile(profile, mails)
    with running(home, profile) as marionette:
        imported = marionette.run(_IMPORT_KEYS, secret.decode(), fingerprint, [certificate.decode() for certificate in certificates])
        if imported != 1 + len(certificates):
            raise RuntimeError(f"Thunderbird took {imported} of {1 + len(certificates)} keys")
        rows = marionette.run(_OPEN_FOLDER, len(mails))
        return [Shown(**marionette.run(_SHOW, row)) for row in range(rows)]
