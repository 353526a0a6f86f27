"""Files as people upload them, made when a test asks: each kind, in each language."""

from __future__ import annotations

import io
import zipfile

import docx
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, NumberObject, TextStringObject

TEXTS = {
    "en": (
        "The lighthouse at Skerry Point was built in 1871 by a crew of forty masons.",
        "Its lamp burned whale oil until electricity reached the island in 1934.",
    ),
    "zh-Hans": (
        "长江是中国最长的河流，全长约六千三百公里，发源于青藏高原。",
        "三峡大坝在2006年建成，可以为沿岸的城市提供大量电力。",
    ),
    "zh-Hant": (
        "臺北的故宮博物院是臺灣最大的博物館，收藏了將近七十萬件文物。",
        "每年都有許多遊客從世界各地來到這裡參觀。",
    ),
    "ja": (
        "富士山は日本で最も高い山であり、標高は三千七百七十六メートルである。",
        "江戸時代には、多くの人々が信仰のために山頂を目指して登った。",
    ),
    "ko": (
        "한글은 세종대왕이 천사백사십삼년에 만든 문자이며 스물여덟 글자로 이루어져 있었다.",
        "오늘날에는 스물네 글자가 쓰이고 있고 누구나 쉽게 배울 수 있다.",
    ),
}
# Adobe's character collections and the CMaps of UTF-16 that belong to them.
_COLLECTIONS = {
    "zh-Hans": ("GB1", "UniGB-UTF16-H"),
    "zh-Hant": ("CNS1", "UniCNS-UTF16-H"),
    "ja": ("Japan1", "UniJIS-UTF16-H"),
    "ko": ("Korea1", "UniKS-UTF16-H"),
}


def pdf(language: str, *, width: int = 24) -> bytes:
    """A page whose text is broken into lines of `width` characters; with fonts that a reader is expected to have."""
    writer = PdfWriter()
    page = writer.add_blank_page(612, 792)
    lines = [line for text in TEXTS[language] for line in _lines(text, width)]
    shown = "\n".join(f"<{_code(line, language).hex()}> Tj T*" for line in lines)
    content = DecodedStreamObject()
    content.set_data(f"BT /F1 12 Tf 72 720 Td 16 TL\n{shown}\nET".encode())
    page[NameObject("/Contents")] = writer._add_object(content.flate_encode())
    font = writer._add_object(_font(language))
    page[NameObject("/Resources")] = _dictionary(Font=_dictionary(F1=font))
    return _written(writer)


def locked_pdf(language: str) -> bytes:
    """That opens with a password only."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(language))))
    writer.encrypt("secret", algorithm="RC4-128")
    return _written(writer)


def blank_pdf(pages: int = 1) -> bytes:
    """Pages without text, as a scanner makes them."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(612, 792)
    return _written(writer)


def word(language: str) -> bytes:
    document = docx.Document()
    document.add_heading("Chapter one", 1)
    document.add_paragraph(TEXTS[language][0])
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "left", "right"
    document.add_paragraph(TEXTS[language][1])
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def archive(**entries: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return made.getvalue()


def markdown(language: str) -> bytes:
    first, second = TEXTS[language]
    return f"""---
title: front matter
---
# Chapter *one*

> {first}

- [{second}](https://example.com/target) ![picture](https://example.com/x.png)

```python
print("code")
```

| left | right |
|------|:-----:|
| `a`  | **b** |

<!-- a comment -->
[target]: https://example.com
""".encode()


def page(language: str, charset: str) -> bytes:
    first, second = TEXTS[language]
    return f"""<!DOCTYPE html><html><head><meta charset="{charset}"><title>in the bar</title>
<style>p {{ color: red }}</style><script>document.title = "script"</script></head>
<body><nav><a href="/">home</a></nav><h1>Chapter one</h1>
<p>{first}</p><div hidden>unseen</div>
<p>{second[:8]}<b>{second[8:12]}</b>{second[12:]}<br>&lt;end&gt; &amp; &eacute;</p><p>left open
</body></html>""".encode(charset)


def _lines(text: str, width: int) -> list[str]:
    """Broken between words where there are words."""
    if " " not in text:
        return [text[at : at + width] for at in range(0, len(text), width)]
    lines = [""]
    for each in text.split():
        if len(lines[-1]) + len(each) > width:
            lines.append("")
        lines[-1] += f"{each} "
    return [line.strip() for line in lines]


def _code(line: str, language: str) -> bytes:
    return line.encode("utf-16-be" if language in _COLLECTIONS else "cp1252")


def _font(language: str) -> DictionaryObject:
    if language not in _COLLECTIONS:
        return _dictionary(
            Type=NameObject("/Font"),
            Subtype=NameObject("/Type1"),
            BaseFont=NameObject("/Helvetica"),
            Encoding=NameObject("/WinAnsiEncoding"),
        )
    ordering, encoding = _COLLECTIONS[language]
    descendant = _dictionary(
        Type=NameObject("/Font"),
        Subtype=NameObject("/CIDFontType0"),
        BaseFont=NameObject("/Song"),
        CIDSystemInfo=_dictionary(
            Registry=TextStringObject("Adobe"), Ordering=TextStringObject(ordering), Supplement=NumberObject(2)
        ),
        DW=NumberObject(1000),
    )
    return _dictionary(
        Type=NameObject("/Font"),
        Subtype=NameObject("/Type0"),
        BaseFont=NameObject("/Song"),
        Encoding=NameObject(f"/{encoding}"),
        DescendantFonts=ArrayObject([descendant]),
    )


def _dictionary(**entries: object) -> DictionaryObject:
    return DictionaryObject({NameObject(f"/{name}"): value for name, value in entries.items()})


def _written(writer: PdfWriter) -> bytes:
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()
