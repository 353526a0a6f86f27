"""The words of Markdown and HTML without their marks. Knows strings only."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_SILENT = frozenset({"script", "style", "template", "noscript", "head", "svg", "select", "button", "nav", "iframe"})
_INLINE = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd",
    "label", "mark", "q", "rb", "ruby", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var",
    "wbr",
})  # fmt: skip
_ANNOTATIONS = frozenset({"rt", "rp"})  # the reading above a character is not in the line
_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
})  # fmt: skip
_BREAK = "\n\n"

# What may be long has an end, so that no text takes more than its length times a constant.
_MARKDOWN = (
    (re.compile(r"\A---\n.*?\n(?:---|\.\.\.)\n", re.DOTALL), ""),  # front matter
    (re.compile(r"^[ ]{0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^[ ]{0,3}\1[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE), _BREAK),
    (re.compile(r"<!--.{0,1000}?-->", re.DOTALL), ""),
    (re.compile(r"^[ ]{0,3}\[[^\]\n]+\]:[ \t]*\S+.*$", re.MULTILINE), ""),  # where links lead
    (re.compile(r"^[ ]{0,3}(?:[-*_][ \t]*){3,}$|^[ ]{0,3}=+[ \t]*$", re.MULTILINE), _BREAK),  # rules and underlines
    (re.compile(r"^[ ]{0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$", re.MULTILINE), r"\n\n\1\n\n"),
    (re.compile(r"^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*\|(.*)\|[ \t]*$", re.MULTILINE), r"\n\n\1\n\n"),  # a table's row
    (re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?", re.MULTILINE), "\n\n"),
    (re.compile(r"!\[[^\]\n]{0,300}\](?:\([^)\n]{0,999}\)|\[[^\]\n]{0,99}\])"), ""),  # pictures
    (re.compile(r"\[([^\]\n]{1,300})\](?:\([^)\n]{0,999}\)|\[[^\]\n]{0,99}\])"), r"\1"),
    (re.compile(r"\[\^[^\]\n]{1,99}\]:?"), ""),  # footnotes
    (re.compile(r"<((?:https?|mailto):[^>\s]+)>"), r"\1"),
    (re.compile(r"`{1,9}([^`\n]{1,300})`{1,9}"), r"\1"),
    (re.compile(r"(\*{1,3}|~~)(?=\S)(.{1,300}?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<!\w)(_{1,3})(?=\S)(.{1,300}?)(?<=\S)\1(?!\w)"), r"\2"),
    (re.compile(r"</?[A-Za-z][^<>\n]{0,999}>"), ""),
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
    (re.compile(r"[ \t]*\|[ \t]*"), " "),
)  # fmt: skip


def markdown_text(text: str) -> str:
    """CommonMark and GitHub's tables, in the order of the table above."""
    text = text.replace("\r\n", "\n")
    for pattern, replacement in _MARKDOWN:
        text = pattern.sub(replacement, text)
    return text


def html_text(text: str) -> str:
    """What a reader sees of a page; its blocks apart. No markup is too broken to be read."""
    reader = _Page()
    reader.feed(_visible(text))
    reader.close()
    return "".join(reader.parts)


# What nobody sees, and how it ends. The parser takes a text's length squared for such as are never closed.
_HIDDEN = {
    "<!--": re.compile("-->"),
    "<!": re.compile(">"),
    "<?": re.compile(">"),
    "<script": re.compile(r"</script\s*>", re.IGNORECASE),
    "<style": re.compile(r"</style\s*>", re.IGNORECASE),
}
_HIDING = re.compile(r"<!--|<[!?]|<(?:script|style)\b", re.IGNORECASE)
_NO_TAG = re.compile(r"<(?![A-Za-z/])")


def _visible(text: str) -> str:
    """Without what is hidden, in one pass; as in a browser, what is never closed reaches to the end."""
    shown, at = [], 0
    while opening := _HIDING.search(text, at):
        shown.append(text[at : opening.start()])
        closing = _HIDDEN[opening[0].lower()].search(text, opening.end())
        at = closing.end() if closing else len(text)
    page = _NO_TAG.sub("&lt;", "".join([*shown, text[at:]]))
    whole = page.rfind(">") + 1
    return page[:whole] + page[whole:].replace("<", "&lt;")


_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)


def declared_charset(raw: bytes) -> str | None:
    """The encoding that a page says it is in, as browsers look for it: in its first kibibyte."""
    found = _CHARSET.search(raw[:1024])
    return found[1].decode() if found else None


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "body":
            self._silent.clear()  # a head that was never closed ends here
        elif tag in _VOID:
            self.parts.append(_BREAK if tag not in _INLINE else "")
        elif self._silent or tag in _SILENT | _ANNOTATIONS or "hidden" in names:
            self._silent.append(tag)
        elif tag not in _INLINE:
            self.parts.append(_BREAK)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass
        elif tag not in _INLINE and not self._silent:
            self.parts.append(_BREAK)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data))
