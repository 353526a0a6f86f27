"""An uploaded file to its text: which kind it is, and who reads it. Knows nothing of HTTP and of the database.

A file's first bytes are believed before its name.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from docx import Document
from docx.table import Table
from docx.text.paragraph import Paragraph
from pypdf import PdfReader

from examples.yuichat.encoding import decoded
from examples.yuichat.markup import declared_charset, html_text, markdown_text
from examples.yuichat.paragraphs import paragraphs

MAX_CHARACTERS = 1_000_000
MAX_PAGES = 1_000
MAX_UNPACKED = 64 << 20  # bytes; what a small archive may grow to
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")


class Unreadable(Exception):
    """A file of a kind that is read here, but damaged, locked or without text. Says which."""


class Unsupported(Exception):
    """A file of a kind that nobody reads here."""


class TooLong(Exception):
    """More text than is taken."""


@dataclass(frozen=True, slots=True)
class Extract:
    """`kind` is one of `KINDS`; `text` has a paragraph on each line."""

    kind: str
    text: str


def extract(name: str, raw: bytes) -> Extract:
    """The text of a file. Raises Unreadable, Unsupported, TooLong."""
    if not raw:
        raise Unreadable(f"{name} is empty.")
    kind = _kind(name, raw)
    text = paragraphs(KINDS[kind](name, raw))
    if not any(map(str.isalnum, text)):
        raise Unreadable(f"There is no text in {name}. If its pages are pictures, make them text first.")
    _check_length(name, text)
    return Extract(kind, text)


def _check_length(name: str, text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise TooLong(f"{name} has {len(text):,} characters; at most {MAX_CHARACTERS:,} are taken.")


def _kind(name: str, raw: bytes) -> str:
    if b"%PDF-" in raw[:1024]:  # as every reader of PDF files looks for it
        return "pdf"
    if raw.startswith(b"PK\x03\x04"):
        return "docx"
    suffix = PurePath(name).suffix.lower()
    kind = _SUFFIXES.get(suffix)
    if kind in ("pdf", "docx"):
        raise Unreadable(f"{name} is not a {kind.upper()} file, or its beginning is damaged.")
    return kind or "text"  # which asks whether it is text


def _unsupported(name: str) -> str:
    return f"{name} is of a kind that is not read here. Upload PDF, DOCX, Markdown, HTML or plain text."


def _pdf_text(name: str, raw: bytes) -> str:
    try:
        reader = PdfReader(io.BytesIO(raw))
        _check_pages(name, reader)
        return "\n\n".join(page.extract_text() for page in reader.pages)
    except (Unreadable, TooLong):
        raise
    except Exception as broken:  # the reader lets through whatever a damaged file makes happen
        raise Unreadable(f"{name} is a damaged PDF file ({type(broken).__name__}).") from broken


def _check_pages(name: str, reader: PdfReader) -> None:
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable(f"{name} is locked by a password.")
    if len(reader.pages) > MAX_PAGES:
        raise TooLong(f"{name} has {len(reader.pages):,} pages; at most {MAX_PAGES:,} are taken.")


def _docx_text(name: str, raw: bytes) -> str:
    _check_archive(name, raw)
    try:
        return "\n\n".join(_blocks(Document(io.BytesIO(raw)).iter_inner_content()))
    except Exception as broken:  # as above
        raise Unreadable(f"{name} is a damaged DOCX file ({type(broken).__name__}).") from broken


def _check_archive(name: str, raw: bytes) -> None:
    """That it is a Word document, and not a bomb: what an archive says it holds is the most that is read of it."""
    try:
        entries = zipfile.ZipFile(io.BytesIO(raw)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as broken:
        raise Unreadable(f"{name} is a damaged DOCX file ({type(broken).__name__}).") from broken
    if not any(entry.filename == "word/document.xml" for entry in entries):
        raise Unsupported(_unsupported(name))
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise TooLong(f"{name} unpacks to more than {MAX_UNPACKED >> 20} MiB.")


def _blocks(content: Iterable[Paragraph | Table]) -> Iterator[str]:
    """Paragraphs, and the rows of tables, in the document's order."""
    for block in content:
        match block:
            case Paragraph():
                yield block.text
            case _:
                yield from ("  ".join(cell.text for cell in row.cells) for row in block.rows)


def _text(name: str, raw: bytes) -> str:
    return _plain(name, raw, None)


def _markdown(name: str, raw: bytes) -> str:
    return markdown_text(_plain(name, raw, None))


def _html(name: str, raw: bytes) -> str:
    return html_text(_plain(name, raw, declared_charset(raw)))


def _plain(name: str, raw: bytes, declared: str | None) -> str:
    """Raises Unsupported for bytes that are no text."""
    try:
        text = decoded(raw, declared)
    except UnicodeError as strange:
        raise Unsupported(_unsupported(name)) from strange
    _check_length(name, text)
    if len(_CONTROLS.findall(text)) * 100 > len(text):
        raise Unsupported(_unsupported(name))
    return text


Reader = Callable[[str, bytes], str]
KINDS: dict[str, Reader] = {"pdf": _pdf_text, "docx": _docx_text, "markdown": _markdown, "html": _html, "text": _text}
_SUFFIXES = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".txt": "text",
    ".text": "text",
}
