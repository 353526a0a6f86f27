"""Questions in Japanese: what is asked for gives its place to a question word, and the sentence's end asks politely.

It must never know which questions are chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from examples.yuichat.questions.draft import Draft, Kind

NUMBER = r"(?:\d[\d,.]*(?:万|億|千)?|[一二三四五六七八九十百千万億]+(?:・[一二三四五六七八九])?)"
COUNTER = (
    r"(?:キログラム|キロメートル|ミリリットル|メートル|センチ|ミリ|グラム|キロ|ワット|ボルト|か月|ヶ月|カ月|か所|週間|年間|日間|年目|"
    r"分間|秒間|時間|時間|億円|円|年|日|分|秒|度|人|名|羽|台|冊|本|枚|個|回|倍|合|割|戸|粒|文字|段|両|車線|泊|軒|頭|匹|箱|歳|つ)"
)
NOUN = r"[一-龠々〆ァ-ヶーA-Za-z0-9]"
PHRASE = rf"(?:{NOUN}+(?:[のと]{NOUN}+)*)"
STARTS = re.compile(
    r"^(?:先日|これ|それ|あれ|この|その|あの|ここ|そこ|彼|こう|そう|同じ|ある|どれ|まず|次|以後|さらに|表面|投げ|どうか|どちら|最初は|私)"
)
STRIPPED = re.compile(
    r"^(?:しかし|ただし|つまり|一方|また|そして|ところが|そこで|その後|なお|やがて|今でも|現在|ところで|戦後|当時|不思議なことに)、"
)
LEANING = re.compile(r"(?:この|その|あの|これ|それ)|そこ|彼女?|(?<!年)この|私|先生")
MAX_QUESTION = 62  # characters
RUN = re.compile(rf"{NOUN}{{2,}}")

# The end of a statement and of the question made from it; the first that fits.
ENDINGS = (
    (
        re.compile(
            r"(?:(?:から|ため|そう|の)(?:だ|です|である)|ございました|ください|ましょう|だろう|でしょう|かもしれない|という|ことも?ある|だからだ|か)$"
        ),
        None,
    ),
    (re.compile(r"(ます|です|ました|でした|ません)$"), r"\1か"),
    (re.compile(r"(?:である)$"), "ですか"),
    (re.compile(r"(?:であった|だった)$"), "でしたか"),
    (re.compile(r"(?<=[一-龠々ァ-ヶーみ])だ$"), "ですか"),
    (re.compile(r"((?:[うくぐすつぬぶむる]|[たいだ]))$"), r"\1のですか"),
)
PERSON = re.compile(
    r"(?:さん|くん|氏|老人|主人|職人|社員|社長|市長|祖母|祖父|店主|弟子|研究者|管理者|技術者|責任者|担当者|議員|児童|商人|旅人|運転手|"
    r"組合長|先輩|造船所|(?:班|者|弟子)の[一-龠]{2,4}|子ども|父|母|監督)$"
)


@dataclass(frozen=True, slots=True)
class Gap:
    """`found` has a group "a", the answer, which `word` replaces; with `person`, 誰 where the answer is someone."""

    found: re.Pattern[str]
    word: str
    kind: Kind
    person: bool = False


def _gap(pattern: str, word: str, kind: Kind, *, person: bool = False) -> Gap:
    return Gap(re.compile(pattern), word, kind, person)


# What may stand before a noun that is asked for alone: nothing that describes it.
BARE = r"(?:^|(?<=[、はがをにでへも「])|(?<=から)|(?<=まで)|(?<=より))"
GAPS = (
    _gap(r"(?P<a>[「『][^「」『』]{2,20}[」』])(?=と(?:呼|い[うい]|名付|称))", "何", Kind.NAME),
    _gap(rf"(?P<a>{PHRASE})(?=と(?:呼ば|呼ぶ|いう。|名付))", "何", Kind.NAME),
    _gap(rf"(?P<a>\d{{1,4}}年\d{{1,2}}月(?:\d{{1,2}}日)?|{NUMBER}月{NUMBER}日)", "いつ", Kind.TIME),
    _gap(r"(?P<a>\d{3,4}年)(?=[にの、])", "何年", Kind.TIME),
    _gap(rf"(?:午前|午後|正午)(?P<a>{NUMBER}時(?:{NUMBER}分|半)?)", "何時", Kind.TIME),
    _gap(rf"(?P<a>(?:毎年|毎月)?{NUMBER}月(?:と{NUMBER}月|末)?)(?=に)", "いつ", Kind.TIME),
    _gap(rf"(?P<a>毎[年月週]第?{NUMBER}?[月火水木金土日]曜日)", "いつ", Kind.TIME),
    _gap(rf"{BARE}(?P<a>{PHRASE})(?=に(?:あります|ある|置く|あって|納め|住む|残って))", "どこ", Kind.PLACE),
    _gap(
        BARE + r"(?P<a>[一-龠々ァ-ヶー]{2,10}(?:の[一-龠々ァ-ヶー]{1,10})*)"
        r"(?=で(?:生まれ|再建|行われ|育て|開か|作られ|過ご))",
        "どこ",
        Kind.PLACE,
    ),
    _gap(
        BARE + r"(?P<a>[一-龠々ァ-ヶー]{2,10}(?:の(?:小さな)?[一-龠々ァ-ヶー]{1,10})*)"
        r"(?=(?:で生まれ|から(?:日本|長野|本州)|へ帰|に登録))",
        "どこ",
        Kind.PLACE,
    ),
    _gap(
        rf"(?<![第\d.一二三四五六七八九十百千時月前後治和成])(?!\d{{3,4}}年|一{COUNTER}(?!間|時))(?P<a>{NUMBER}{COUNTER}(?:{NUMBER}(?:分|円|秒))?)(?![目ず々一-龠]|の[一二三])",
        "何",
        Kind.QUANTITY,
    ),
    _gap(rf"{BARE}(?P<a>{PHRASE})(?=が(?![、]))", "何", Kind.AGENT, person=True),
    _gap(rf"{BARE}(?P<a>{PHRASE})(?=を(?!通|も))", "何", Kind.THING, person=True),
)
TOPIC = re.compile(r"^(?P<x>[^、。はが]{1,24})は、?(?P<y>[^。]{2,60})(?P<e>である|です|だ|でした|だった)$")
CLEFT = re.compile(r"^(?P<x>[^。]{4,50}のは)、?(?P<y>[^。、]{2,40}?)(?P<e>である|です|だ|でした|だった)$")
REASON_END = re.compile(r"^(?P<y>.{4,50}?)(?:ため|から)$")
REASON = re.compile(r"^(?P<x>(?P<t>[^、。は]{1,16})は)?、?(?P<a>[^。]{4,40}?)(?:ため|ので|から)、(?P<b>[^。]{4,40})$")


def terms(sentence: str) -> list[str]:
    """Words of kanji and katakana; Japanese writes what it is about in them."""
    return RUN.findall(sentence)


def ask(sentence: str) -> Iterator[Draft]:
    body = STRIPPED.sub("", re.sub(r"[。！？]+[」』）]*$", "", sentence))
    if STARTS.match(body) or not re.search(r"は|が", body) or "？" in body:
        return
    for draft in (*_clefts(body), *_topics(body), *_reasons(body), *_gapped(body)):
        if len(draft.text) <= MAX_QUESTION and not LEANING.search(draft.text):
            yield draft


def _closed(statement: str) -> str | None:
    """The statement's end as a polite question's; None for an end that cannot be asked."""
    for end, asked in ENDINGS:
        if end.search(statement):
            return None if asked is None else end.sub(asked, statement) + "？"
    return None


def _clefts(body: str) -> Iterator[Draft]:
    """Of "左の道を選んだのは清吉である": who, what or why it was that."""
    match = CLEFT.match(body)
    if not match:
        return
    past = "でしたか" if match["e"] in {"でした", "だった"} else "ですか"
    if reason := REASON_END.match(match["y"]):
        yield Draft(f"{match['x']}なぜ{past}？", reason["y"], Kind.REASON)
    elif not re.search(NUMBER + COUNTER, match["y"]):
        word = "いつ" if "曜日" in match["y"] else "誰" if PERSON.search(match["y"]) else "何"
        yield Draft(f"{match['x']}{word}{past}？", match["y"], Kind.AGENT)


def _topics(body: str) -> Iterator[Draft]:
    """Of "和紙は伝統的な紙である": what is it?"""
    match = TOPIC.match(body)
    if (
        not match
        or match["x"].endswith(("の", "に", "で", "と", "とき", "から"))
        or re.search(r"(?:ため|から|の|見込み|わけ|こと|予定|ません|とおり|そう|[一二三四五六七八九十]つ)$", match["y"])
    ):
        return
    if (
        re.search(rf"{NUMBER}{COUNTER}$", match["y"])
        or re.fullmatch(rf"(?:約|およそ)?{NUMBER}.{{0,8}}", match["y"])
        or ("、" in match["y"] and "は" in match["y"])
    ):
        return
    past = "でしたか" if match["e"] in {"でした", "だった"} else "ですか"
    word = "どのような人" if re.search(r"(?:師|家|人|者|老人)$", match["y"]) else "何"
    yield Draft(f"{match['x']}は{word}{past}？", match["y"], Kind.MEANING)


def _reasons(body: str) -> Iterator[Draft]:
    match = REASON.match(body)
    if not match:
        return
    topic = "" if re.search(r"[はが]", match["b"]) else match["x"] or ""
    if (topic or re.search(r"[はが]", match["b"])) and (asked := _closed(f"{topic}なぜ{match['b']}")):
        if not topic:
            head, mark, rest = asked.removeprefix("なぜ").partition("は")
            asked = f"{head}{mark}なぜ{rest}" if mark and len(head) < 20 else asked
        yield Draft(asked, match["a"], Kind.REASON)


def _gapped(body: str) -> Iterator[Draft]:
    for gap in GAPS:
        match = gap.found.search(body)
        if match and _stands(body, gap, match) and (asked := _closed(_filled(body, gap, match))):
            yield Draft(asked, match["a"], gap.kind)


def _stands(body: str, gap: Gap, match: re.Match[str]) -> bool:
    """Whether the sentence says it of its topic, rather than in passing of something that comes later."""
    after = body[match.end("a") :]
    if "のは" in after:
        return False
    numeric = re.match(rf"約?{NUMBER}", match["a"]) is not None
    return gap.kind not in {Kind.AGENT, Kind.THING} or not (re.search(r"(?<!で)は", after) or numeric)


def _filled(body: str, gap: Gap, match: re.Match[str]) -> str:
    start, end = match.span("a")
    word = "誰" if gap.person and PERSON.search(match["a"]) else gap.word
    if gap.kind is Kind.QUANTITY:
        word = _how_many(match["a"])
    if re.match(r"(?:で)?、[^。]*は", body[end:]) and "は" in body[:start]:
        return f"{body[:start]}{word}です"  # the rest says another thing of something else
    return f"{body[:start]}{word}{body[end:].removeprefix('に') if word == 'いつ' else body[end:]}"


def _how_many(amount: str) -> str:
    """Of "何メートル": the unit stays in the question."""
    unit = re.sub(rf"^{NUMBER}", "", amount)
    first = re.match(COUNTER, unit)
    return "いくつ" if unit == "つ" else f"何{first[0] if first else unit}"
