import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.errors import ConfigurationError, PreflightError
from esign.pdf import FontSet
from esign.pdf._typst import Project
from esign.pdf.fonts import FAMILIES, VIETNAMESE, _lacking, _load, missing_glyph
from tests.unit.pdf.tools import Form, text_of

LETTERS = sorted({c for c in VIETNAMESE if c.isalpha()})
NOW = datetime(2026, 11, 21, tzinfo=UTC)
SHOW = b"""#let input = json(bytes(sys.inputs.input))
#set text(font: input.font, fallback: false)
#input.text
"""


def shown(fonts: FontSet, text: str) -> bytes:
    project = Project("show", {"show.typ": SHOW}, main="show.typ", fonts=fonts)
    return project.typeset({"font": fonts.family, "text": text}, at=NOW).pdf


def test_every_letter_of_every_syllable_is_in_the_list() -> None:
    # 12 vowels with 6 tones each and đ, in both cases, beside the consonants of ASCII.
    vowels = [c for c in VIETNAMESE if unicodedata.normalize("NFD", c)[0].lower() in "aeiouy"]
    assert len(set(vowels)) == 2 * 12 * 6
    assert {"đ", "Đ", "ữ", "Ự", "ẫ", "Ỵ"} <= set(LETTERS)


def test_a_family_is_found_with_every_vietnamese_letter() -> None:
    fonts = FontSet.find()
    assert fonts.family in FAMILIES
    assert fonts.missing(VIETNAMESE) == ()
    before = FAMILIES[: FAMILIES.index(fonts.family)]
    assert {r.facts["family"] for r in fonts.passed_over} >= set(before)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("family", [FontSet.find().family, FAMILIES[-1]])
def test_every_letter_is_printed_and_can_be_copied_out(family: str, form: Form) -> None:
    fonts = FontSet.find((family,))
    # pdftotext takes letters that stand alone for one spaced word, so each is put into a syllable.
    words = sorted(f"ng{letter}nh" for letter in LETTERS)
    pdf = shown(fonts, unicodedata.normalize(form, " ".join(words)))
    # Not normalised again: what is copied out of the page is NFC.
    assert sorted(text_of(pdf).split()) == words


def test_families_that_are_not_there_are_an_error_that_names_them() -> None:
    with pytest.raises(ConfigurationError) as error:
        FontSet.find(("No Such Family", "Nor This One"))
    assert error.value.code == "fonts-not-found"


def test_a_family_without_bold_is_incomplete() -> None:
    # It comes with typst, upright and bold, without italics; and typst has it on every machine.
    found = FontSet.find(("New Computer Modern Math", "Libertinus Serif"))
    assert found.family == "Libertinus Serif"
    (reason,) = found.passed_over
    assert reason.code == "font-incomplete"
    assert "italic 400" in str(reason.facts["lacking"])


def test_an_old_liberation_without_vietnamese_letters_is_passed_over() -> None:
    old = Path("/usr/share/fonts/truetype/liberation/LiberationSerif-Regular.ttf")
    fonts = _load("Liberation Serif", tuple(old.parent.glob("LiberationSerif-*.ttf")), ())
    if not fonts.files or fonts.missing("ư") == ():
        pytest.skip("this machine has no Liberation 1 (Debian 12: fonts-liberation 1.07)")
    assert "U+01A0" in _lacking(fonts)
    assert all(old.parent not in file.parents for file in FontSet.find().files)


def test_missing_glyphs_are_named_by_code_point() -> None:
    fonts = FontSet.find()
    assert fonts.missing("Nguyễn 中 \U0001f600\n") == ("U+4E2D", "U+1F600")


def test_rendering_refuses_a_missing_glyph_without_quoting_the_text() -> None:
    with pytest.raises(PreflightError) as error:
        shown(FontSet.find(), "Nguyễn Văn 中 Mẫu")
    assert error.value.code == "glyph-missing"
    assert error.value.reason.facts["codepoint"] == "U+4E2D"
    assert "Nguyễn" not in str(error.value)
    assert error.value.findings == (error.value.reason,)


def test_messages_of_typst_are_read_with_their_escapes() -> None:
    assert missing_glyph('the text `"\\u{fdd0}"` could not be displayed with font `"X"`') == "\ufdd0"
    assert missing_glyph('the text `"\\""` could not be displayed with font `"X"`') == '"'
    assert missing_glyph("expected string") == ""


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet=LETTERS, min_size=1, max_size=30), st.sampled_from(["NFC", "NFD"]))
def test_any_vietnamese_word_has_its_glyphs(word: str, form: Form) -> None:
    assert FontSet.find().missing(unicodedata.normalize(form, word)) == ()
