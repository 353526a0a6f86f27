"""Files of each kind, in each language; and those that cannot be read, with a reason for people."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from examples.yuichat import extract as module
from examples.yuichat.extract import TooLong, Unreadable, Unsupported, extract
from tests.examples.yuichat import files
from tests.examples.yuichat.files import TEXTS
from tests.examples.yuichat.page_browser import browsing

LANGUAGES = tuple(TEXTS)


def sentences(text: str) -> list[str]:
    """The sample's two sentences as far as they stand whole in `text`, in their order."""
    return sorted((each for language in TEXTS.values() for each in language if each in text), key=text.index)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pdf_of_each_language_is_read_with_its_lines_joined(language: str) -> None:
    found = extract("a.pdf", files.pdf(language))
    assert found.kind == "pdf"
    assert sentences(found.text) == list(TEXTS[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_document_is_read_in_its_order(language: str) -> None:
    found = extract("a.docx", files.word(language))
    first, second = TEXTS[language]
    assert (found.kind, found.text) == ("docx", f"Chapter one\n{first}\nleft right\n{second}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_markdown_is_read_without_its_marks(language: str) -> None:
    found = extract("a.md", files.markdown(language))
    first, second = TEXTS[language]
    assert (found.kind, found.text) == ("markdown", f"Chapter one\n{first}\n{second}\nleft right\na b")


@pytest.mark.parametrize(
    ("language", "charset"),
    [
        *((language, "utf-8") for language in LANGUAGES),
        ("zh-Hans", "gb2312"),
        ("zh-Hans", "gbk"),
        ("zh-Hant", "big5"),
        ("ja", "shift_jis"),
        ("ja", "euc-jp"),
        ("ja", "iso-2022-jp"),
        ("ko", "euc-kr"),
        ("en", "iso-8859-1"),
    ],
)
def test_a_page_is_read_as_a_reader_sees_it(language: str, charset: str) -> None:
    found = extract("a.html", files.page(language, charset))
    first, second = TEXTS[language]
    assert (found.kind, found.text) == ("html", f"Chapter one\n{first}\n{second}\n<end> & é\nleft open")


@pytest.mark.parametrize(
    ("language", "codec"),
    [
        *((language, codec) for language in LANGUAGES for codec in ("utf-8", "utf-8-sig", "utf-16", "utf-32")),
        *((language, codec) for language in LANGUAGES for codec in ("utf-16-le", "utf-16-be")),
        *((language, "gb18030") for language in LANGUAGES[:2]),
        ("zh-Hans", "gb2312"),
        ("zh-Hant", "big5"),
        ("ja", "cp932"),
        ("ja", "euc_jp"),
        ("ja", "iso2022_jp"),
        ("ko", "cp949"),
        ("ko", "euc_kr"),
        ("en", "cp1252"),
    ],
)
def test_plain_text_is_read_in_any_encoding(language: str, codec: str) -> None:
    found = extract("a.txt", "\r\n\r\n".join(TEXTS[language]).encode(codec))
    assert (found.kind, found.text.split("\n")) == ("text", list(TEXTS[language]))


@pytest.mark.parametrize("charset", ["utf-8", "no-such-charset", "ascii"])
def test_a_page_that_names_a_wrong_encoding_is_read_all_the_same(charset: str) -> None:
    raw = f'<meta charset="{charset}"><p>{TEXTS["ja"][0]}</p>'.encode("shift_jis")
    assert extract("a.html", raw).text == TEXTS["ja"][0]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>seen<!-- a <b> comment --> and <!DOCTYPE x>read</p>", "seen and read"),
        ("seen<!-- never closed <p>unseen", "seen"),
        ("seen<SCRIPT>if (a <!b) x = '<p>'; <!-- </SCRIPT > and read", "seen and read"),
        ("seen<style>p > a { }</style>, 3 < 4 &lt; 5 <> 6 <7", "seen, 3 < 4 < 5 <> 6 <7"),
        ("seen <?php echo 1 ?>and read <a href='x", "seen and read <a href='x"),
        ("<head><title>unseen<body>seen", "seen"),
        ("<table><tr><td>one<td>two</table>", "one\ntwo"),
        ("<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>字", "漢字"),
        ("one<br>two<p>three</div></b>four<script>", "one\ntwo\nthree\nfour"),
        ("&#x6f22;&#23383; &copy; &nosuch; &#0;", "漢字 © &nosuch; \ufffd"),
    ],
)
def test_broken_pages_are_read_as_browsers_read_them(page: str, text: str) -> None:
    assert extract("a.html", page.encode()).text == text


def test_one_sentence_is_enough_to_tell_old_encodings_apart() -> None:
    told = {
        (language, codec): extract("a.txt", text.encode(codec)).text == text
        for language, codec in (("zh-Hans", "gb18030"), ("zh-Hant", "big5"), ("ja", "cp932"), ("ko", "cp949"))
        for text in TEXTS[language]
    }
    assert set(told.values()) == {True}, told


def test_western_text_keeps_its_accents() -> None:
    text = "Señor Müller’s café in Orléans is naïve, and “open” since 1902."
    assert extract("a.txt", text.encode("cp1252")).text == text


def test_a_pdf_that_a_browser_printed_is_read(tmp_path: Path) -> None:
    source = tmp_path / "a.html"
    source.write_bytes(files.page("en", "utf-8"))
    with browsing(tmp_path / "profile") as page:
        page.open(source.as_uri())
        printed = page.send("Page.printToPDF")["data"]
    assert isinstance(printed, str)
    assert sentences(extract("a.pdf", base64.b64decode(printed)).text) == list(TEXTS["en"])


def test_a_file_is_believed_before_its_name() -> None:
    assert extract("a.txt", files.pdf("en")).kind == "pdf"
    assert extract("a.pdf", files.word("ja")).kind == "docx"
    assert extract("README", TEXTS["ko"][0].encode()).kind == "text"
    assert extract("notes.rst", TEXTS["en"][0].encode()).kind == "text"


def test_what_a_database_cannot_keep_is_left_out() -> None:
    raw = "one\x00\x07 two\ufeff\u200b three. ".encode() + b"x" * 200
    assert extract("a.txt", raw).text.startswith("one two three. x")


def test_words_that_were_broken_and_characters_that_were_disguised_are_whole() -> None:
    text = "The ﬁrst of these many long and winding lines was bro-\nken here, and the second ran on to its end.\n\n⽂字"
    joined = "The first of these many long and winding lines was broken here, and the second ran on to its end.\n文字"
    assert extract("a.txt", text.encode()).text == joined


def test_long_lines_without_blank_ones_between_are_paragraphs() -> None:
    text = "\n".join("。".join(["这一段很长" * 6] * 5) + "。" for _ in range(3))
    assert extract("a.txt", text.encode()).text == text


@pytest.mark.parametrize(
    ("name", "raw", "error", "says"),
    [
        ("a.txt", b"", Unreadable, "a.txt is empty."),
        ("a.txt", b" \r\n\t\n", Unreadable, "There is no text in a.txt."),
        ("a.md", b"---\n***\n", Unreadable, "There is no text in a.md."),
        ("a.html", b"<html><script>var text = 1</script>", Unreadable, "There is no text in a.html."),
        ("scan.pdf", files.blank_pdf(), Unreadable, "There is no text in scan.pdf. If its pages are pictures"),
        ("locked.pdf", files.locked_pdf("en"), Unreadable, "locked.pdf is locked by a password."),
        ("a.pdf", b"Dear all, this is no PDF.", Unreadable, "a.pdf is not a PDF file"),
        ("a.pdf", b"%PDF-1.7\nand no more", Unreadable, "a.pdf is a damaged PDF file"),
        ("a.docx", b"Dear all", Unreadable, "a.docx is not a DOCX file"),
        ("a.docx", files.word("ja")[:-900], Unreadable, "a.docx is a damaged DOCX file"),
        ("a.docx", files.archive(**{"word/document.xml": b"<a"}), Unreadable, "a.docx is a damaged DOCX file"),
        ("a.zip", files.archive(**{"a.txt": b"text"}), Unsupported, "a.zip is of a kind that is not read here."),
        ("a.xlsx", files.archive(**{"xl/workbook.xml": b"<a/>"}), Unsupported, "a.xlsx is of a kind"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1", Unsupported, "a.png is of a kind"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), Unsupported, "a.doc is of a kind"),
        ("a.txt", bytes(range(256)) * 8, Unsupported, "a.txt is of a kind"),
        ("a.txt", b"\xff\xfe\x00\xd8", Unsupported, "a.txt is of a kind"),
    ],
)
def test_what_cannot_be_read_is_told_why(name: str, raw: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as raised:
        extract(name, raw)
    assert type(raised.value) is error
    assert str(raised.value).startswith(says)


@pytest.mark.parametrize("kind", ["pdf", "docx"])
def test_a_damaged_file_is_told_so_wherever_it_is_damaged(kind: str) -> None:
    whole = files.pdf("ja") if kind == "pdf" else files.word("ja")
    places = range(0, len(whole), max(1, len(whole) // 60))
    told = [
        answer(f"a.{kind}", broken)
        for at in places
        for broken in (whole[:at], whole[:at] + b"\0\xff<" + whole[at + 3 :])
    ]
    assert all(told)
    assert sum(each.startswith(f"a.{kind} is") for each in told) > 20


def answer(name: str, raw: bytes) -> str:
    """The text, or the reason why there is none; any other error is one."""
    try:
        return extract(name, raw).text
    except (Unreadable, Unsupported, TooLong) as told:
        return str(told)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = files.archive(**{"word/document.xml": bytes(module.MAX_UNPACKED + 1)})
    assert len(bomb) < 1 << 20
    with pytest.raises(TooLong, match="unpacks to more than 64 MiB"):
        extract("a.docx", bomb)


def test_too_much_text_and_too_many_pages_are_refused() -> None:
    with pytest.raises(TooLong, match="1,000,001 characters; at most 1,000,000"):
        extract("a.txt", b"a" * (module.MAX_CHARACTERS + 1))
    with pytest.raises(TooLong, match="1,001 pages; at most 1,000"):
        extract("a.pdf", files.blank_pdf(module.MAX_PAGES + 1))
