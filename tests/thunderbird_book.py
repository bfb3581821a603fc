"""Thunderbird's address book: what it has after it imported a file of cards, and what somebody sees who looks for a word in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from thunderbird import make_profile, running

# Arguments: paths. Imports one after the other into the same new book, as *Import* does; gives how many cards it has then.
_IMPORT = """
const paths = arguments;
return (async () => {
  const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const {AddrBookFileImporter} = ChromeUtils.importESModule("resource:///modules/AddrBookFileImporter.sys.mjs");
  const book = MailServices.ab.getDirectoryFromId(MailServices.ab.newAddressBook("Contacts", "", Ci.nsIAbManager.JS_DIRECTORY_TYPE));
  for (const path of paths) {
    const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
    file.initWithPath(path);
    await new AddrBookFileImporter("vcard").startImport(file, book);
  }
  return book.childCardCount;
})();
"""

# Arguments: a word. Types it into the search field of the address book and chooses the first that is found; gives the names of all who
# are found, and the text that is shown of the first.
_LOOK = """
const [word] = arguments;
const pause = () => new Promise(resolve => setTimeout(resolve, 50));
return (async () => {
  const tab = document.getElementById("tabmail").openTab("addressBookTab");
  const ready = () => tab.browser?.contentWindow?.cardsPane?.cardsList?.view;
  while (!ready()) await pause();
  const page = tab.browser.contentWindow, {cardsPane} = page;
  const all = cardsPane.cardsList.view.rowCount;
  cardsPane.searchInput.focus();
  const typed = Cc["@mozilla.org/text-input-processor;1"].createInstance(Ci.nsITextInputProcessor);
  typed.beginInputTransactionForTests(page);
  for (const key of word) {
    const event = new page.KeyboardEvent("", {key});
    typed.keydown(event);
    typed.keyup(event);
  }
  while (cardsPane.cardsList.view.rowCount == all) await pause();
  cardsPane.cardsList.selectedIndex = 0;
  const shown = page.document.getElementById("detailsPane");
  while (shown.hidden) await pause();
  const rows = [...Array(cardsPane.cardsList.view.rowCount).keys()];
  const names = rows.map(row => cardsPane.cardsList.view.getCardFromRow(row).displayName);
  return [names, shown.innerText];
})();
"""

# Gives the properties of each card of every address book, as [name, {parameter: value}, value].
_READ = """
const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const cards = MailServices.ab.directories.flatMap(book => book.childCards);
return cards.map(card => card.vCardProperties.entries.map(({name, params, value}) => [name, params, value]));
"""


@dataclass(frozen=True)
class Looked:
    """How many cards the book has, the names of those that were found, and what is shown of the first of them."""

    cards: int
    found: list[str]
    first: str


def looked_up(home: Path, files: list[Path], word: str) -> Looked:
    """What Thunderbird, whose home is that empty folder, has of these files, imported in turn, for somebody who types `word`."""
    profile = home / "profile"
    make_profile(profile, [])
    with running(home, profile) as marionette:
        cards = marionette.run(_IMPORT, *map(str, files))
        return Looked(cards, *marionette.run(_LOOK, word))


def read(home: Path, file: Path) -> list[list[tuple[str, dict[str, object], object]]]:
    """Every card of a file as Thunderbird, whose home is that empty folder, reads it: properties as (name, parameters, value)."""
    profile = home / "profile"
    make_profile(profile, [])
    with running(home, profile) as marionette:
        marionette.run(_IMPORT, str(file))
        return [[(name, parameters, value) for name, parameters, value in card] for card in marionette.run(_READ)]
