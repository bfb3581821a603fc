"""The list of ccTLDs: held against a source that is independent of it, and what is said to those who mistype one."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from securelist.cctld.cctlds import Region, cctlds, find_cctld
from securelist.errors import Refused

# In the Public Suffix List, and not in the root zone: a script or a variant that was applied for, or is served by a registry as an
# alias, and has no delegation of its own, so no Admin Contact.
NOT_DELEGATED = {
    "xn--mgb2ddes": "Yemen, Arabic",
    "xn--mgba3a4fra": "Iran, with the Arabic letter yeh",
    "xn--mgbai9a5eva00b": "Pakistan, a variant",
    "xn--mgberp4a5d4a87g": "Saudi Arabia, a variant",
    "xn--mgbqly7c0a67fbc": "Saudi Arabia, a variant",
    "xn--mgbqly7cvafr": "Saudi Arabia, a variant",
    "xn--mgbtf8fl": "Syria, a variant",
    "xn--mix082f": "Macao, in simplified characters",
    "xn--nnx388a": "Taiwan, a variant",
}


@pytest.fixture(scope="module")
def suffixes() -> str:
    """The part of the Public Suffix List that tells of TLDs which are neither new nor private."""
    text = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text(encoding="utf-8")
    return text.split("===BEGIN ICANN DOMAINS===")[1].split("// newGTLDs")[0]


def as_a_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


def test_every_cctld_of_the_public_suffix_list_is_in_the_list_and_no_other(suffixes: str) -> None:
    """Both ways: what was delegated or retired since the list's date shows here once the Public Suffix List has it."""
    lines = [line.split("//")[0].strip() for line in suffixes.splitlines()]
    tlds = {as_a_label(line.rpartition(".")[2]) for line in lines if line}
    theirs = {tld for tld in tlds if len(tld) == 2 or tld.startswith("xn--")}
    assert set(NOT_DELEGATED) <= theirs
    assert set(cctlds()) == theirs - set(NOT_DELEGATED)
    assert 300 < len(cctlds()) < 350


def test_every_idn_has_the_country_that_the_public_suffix_list_names(suffixes: str) -> None:
    """An IDN ccTLD belongs to the country that is named beside it there, and is in its region."""
    countries = dict(re.findall(r"^// (xn--[a-z0-9-]+) [^\n]*: ?([A-Z]{2})$", suffixes, re.MULTILINE))
    idns = [cctld for name, cctld in cctlds().items() if name.startswith("xn--")]
    assert len(idns) > 50
    assert [cctld.name for cctld in idns if countries[cctld.name] != cctld.country] == []
    assert [cctld.name for cctld in idns if cctlds()[cctld.country.lower()].region is not cctld.region] == []


def test_every_ascii_cctld_is_its_countrys_code() -> None:
    """Two letters are the code of ISO 3166-1, but for one: .uk is GB's."""
    others = {name: cctld.country for name, cctld in cctlds().items() if len(name) == 2 and cctld.country != name.upper()}
    assert others == {"uk": "GB"}


# Where one would look in vain: a territory is in the region of its mother country, and Asia begins at the Bosporus.
REGIONS = {
    "nl is in Europe": ("nl", Region.EUROPE, "CENTR"),
    "Cayman's mother country is in Europe": ("ky", Region.EUROPE, "CENTR"),
    "so is Réunion's": ("re", Region.EUROPE, "CENTR"),
    "and New Caledonia's": ("nc", Region.EUROPE, "CENTR"),
    "Sint Maarten is a country of its own": ("sx", Region.LATIN_AMERICA, "LACTLD"),
    "Mexico is in Latin America": ("mx", Region.LATIN_AMERICA, "LACTLD"),
    "Guam's mother country is in North America": ("gu", Region.NORTH_AMERICA, ""),
    "Canada has no Regional Organisation by region": ("ca", Region.NORTH_AMERICA, ""),
    "Turkey is in Asia": ("tr", Region.ASIA_PACIFIC, "APTLD"),
    "Cyprus is in Asia": ("cy", Region.ASIA_PACIFIC, "APTLD"),
    "Russia is in Europe": ("xn--p1ai", Region.EUROPE, "CENTR"),
    "Egypt is in Africa": ("eg", Region.AFRICA, "AFTLD"),
}


@pytest.mark.parametrize(("name", "region", "organisation"), REGIONS.values(), ids=REGIONS)
def test_a_cctld_is_in_the_region_where_icann_has_it(name: str, region: Region, organisation: str) -> None:
    """Region and Regional Organisation, at the places where maps and ICANN differ."""
    assert (cctlds()[name].region, region.organisation) == (region, organisation)


def test_every_region_has_its_share() -> None:
    """No region has lost its ccTLDs."""
    shares = {region: sum(cctld.region is region for cctld in cctlds().values()) for region in Region}
    assert shares == {
        Region.AFRICA: 60,
        Region.ASIA_PACIFIC: 119,
        Region.EUROPE: 89,
        Region.LATIN_AMERICA: 34,
        Region.NORTH_AMERICA: 7,
    }


def test_the_list_is_in_order() -> None:
    """So that a change of the file shows as one line, and batches go by the alphabet."""
    assert list(cctlds()) == sorted(cctlds())


@pytest.mark.parametrize(("written", "meant"), [(w, "nl") for w in ("nl", "NL", ".nl", "nl.", " .Nl. ")] + [("XN--P1AI", "xn--p1ai")])
def test_a_cctld_is_known_however_it_is_written(written: str, meant: str) -> None:
    """Dots, blanks around it and capitals are the writer's."""
    assert find_cctld(written).name == meant


UNKNOWN = {
    "no ccTLD at all": ("com", "did you mean om?"),
    "letters that changed places": ("rb", "did you mean br?"),
    "an IDN in its own letters": ("рф", "did you mean xn--p1ai?"),
    "an IDN, mistyped": ("xn--p1aj", "did you mean xn--p1ai?"),
    "a territory without a delegation": ("bq", "is no ccTLD"),
    "nothing": ("", "written as its ASCII label"),
    "a word": ("netherlands", "written as its ASCII label"),
    "a domain below one": ("registry.nl", "is no ccTLD"),
    "a megabyte": ("x" * 2**20, "written as its ASCII label"),
    "something that moves the cursor": ("\x1b[2Jnl", "'\\x1b[2Jnl' is no ccTLD"),
    "half of a character": ("\ud800", "'\\ud800' is no ccTLD"),
    "a path": ("../../etc/passwd", "is no ccTLD"),
}


@pytest.mark.parametrize(("written", "said"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_no_cctld_is_refused_with_the_nearest(written: str, said: str) -> None:
    """One reason, a sentence that can be shown anywhere, and the ccTLD that was probably meant."""
    with pytest.raises(Refused) as caught:
        find_cctld(written)
    assert caught.value.reason == "unknown-cctld"
    assert said in caught.value.detail
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) < 500


def test_an_idn_is_shown_with_its_own_letters() -> None:
    """People read letters, programs the A-label."""
    assert (cctlds()["xn--p1ai"].shown, cctlds()["nl"].shown) == (".xn--p1ai (рф)", ".nl")
    assert not [cctld.name for cctld in cctlds().values() if "?" in cctld.shown]
