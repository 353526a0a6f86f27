"""Questions in Chinese, in either script: what is asked for gives its place to a question word, where it stood.

It must never know which questions are chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from examples.yuichat.questions.draft import Draft, Kind
from examples.yuichat.questions.script import as_written, simplified

DIGITS = r"(?:\d[\d,.]*|[零一二两三四五六七八九十百千万亿几]+)"
COUNT = (
    r"(?:\d[\d,.]*[万亿千百]*(?:分之)?|(?:[一二两三四五六七八九十百千万亿]*[二两三四五六七八九十百千万亿])(?:多|余)?)"
)
MEASURE = (
    r"(?:平方米|立方米|公里|公斤|公分|公尺|厘米|毫米|毫升|毫秒|兆帕|千米|小时|个小时|分钟|秒钟|秒|克|升|米|吨|度|伏|转|元|"
    r"天|年|岁|个月|个星期|周|个国家|个座位|个|人次|人|名|位|只|台|座|家|艘|本|册|部|封|卷|株|颗|碗|份|种|章|节|"
    r"支|项|次|张|道|桶|间|条|峰|匹|户|顿|倍|大类|成|道菜|颗蛋)"
)
YEAR = r"公元前?\d{1,4}年|\d{3,4}年"
STARTS = re.compile(
    r"^(?:他|她|它|牠|这|那|其中|其|此|该|而|因此|所以|于是|由此|与此同时|到那时|这时|还|也|再|又|你|我|请|如果|"
    r"但|不过|然而|否则|同时|另|因为|据|一边|把|最后|通常|离|压|泡好|届时|与其他|当|有|每天只|只|沿途|毕业|战后|问|并|本报讯|下面|每天|不|最难忘)"
)
STRIPPED = re.compile(r"^(?:其实|事实上|如今|今天|现在|目前|此外|首先|先|后来|据说|当时)，?")
LEADING = re.compile(
    r"^(?:在?[^，]{0,12}(?:年|月|日|时|时候|以后|之后|以前|之前|期间|夏天|冬天|春天|秋天|世纪初|世纪|晚上|早上|初|的|天|那年|点|前)|"
    r"(?:根据|由于|为了|对|在|从|到了|与|按照|随着|当|如果|经过|除了)[^，]*|如今|今天)$"
)
END = re.compile(r"[。！？；：]+[」』”’）]*$")
LEANING = re.compile(
    r"(?:这|那|该|此)(?:个|些|种|项|部|位|里|时|次|样|份|段|是|座|棵|本|一)|牠|[你我]|他们|她们|它们|其[中他]"
)
EARLY = re.compile(r"^.{0,9}[他她它]|^[^，]*(?:年|候|后|月)，?[他她它]")
MAX_QUESTION = 48  # characters
MIN_QUESTION = 6
HAN_RUN = re.compile(r"[\u3400-\u9fff]{2,}")


@dataclass(frozen=True, slots=True)
class Gap:
    """`found` has a group "a", the answer, which `word` replaces."""

    found: re.Pattern[str]
    word: str
    kind: Kind


def _gap(pattern: str, word: str, kind: Kind) -> Gap:
    return Gap(re.compile(pattern), word, kind)


THING_VERBS = (
    r"适合|取消了|采用|实行|使用了|改用|成立了?|设立了|开设了|配备了|收藏了|携带的|损害了|影响着|换取|缝制|寻找|烧制|"
    r"防止|杀灭|清除|保护|拍下了|填平|发射了|涌起|变成|购买|装设了|规定|改变了|设有|继承|迷上了|需要|"
    r"导致|引起|包括|包含|提供|支持|负责|管理|生产|发明了|发现了|表示|创建|创造了|建立了|描述|说明|介绍"
)
NOT_THING = r"(?![^，。]*(?:[一二两三四五六七八九十百\d]))"
PLACE_VERBS = (
    r"位于|原产于|生长在|出生在|出生于|设在|放在|埋在|保存在|挂在|搬到了?|送往|通往|运到了?|倒入|装进|引到|进入|"
    r"住在|建在|坐落于|坐落在|落入|通到|流入|流向|驶入|拿到|移到|搬到|运往|前往|考入"
)
GAPS = (
    _gap(
        r"(?:叫作|叫做|称为|称作|被称为|又叫|称它为|取名为|命名为)(?P<a>[“「《]?[^，。“”「」]{2,16}[”」》]?)$",
        "什么",
        Kind.NAME,
    ),
    _gap(
        rf"(?P<a>{YEAR}\d{{1,2}}月(?:\d{{1,2}}日)?|\d{{1,2}}月\d{{1,2}}日|[一二三四五六七八九十]+月[一二三四五六七八九十]+日)",
        "什么时候",
        Kind.TIME,
    ),
    _gap(rf"(?P<a>{YEAR})(?![代\d])", "哪一年", Kind.TIME),
    _gap(rf"(?:上午|下午|晚上|凌晨|清晨|傍晚|早上)(?P<a>{DIGITS}点(?:半|{DIGITS}分)?)", "几点", Kind.TIME),
    _gap(rf"(?:每年|每月)(?P<a>{DIGITS}月(?:[和到至]{DIGITS}月)?)", "什么时候", Kind.TIME),
    _gap(
        r"由(?P<a>[^，。我轮]{2,12}?)(?:主持|设计|负责|审批|批准|管理|发明|创办|编写|带领|提出|整理|亲自)",
        "谁",
        Kind.AGENT,
    ),
    _gap(
        r"^(?P<a>[^，。在的A-Z]{2,10}?)(?=认为|写成|主持|发明|带领|表示|提出|发现|回答|下令|相信|担心)",
        "谁",
        Kind.AGENT,
    ),
    _gap(rf"(?:{PLACE_VERBS})(?P<a>(?![^，。]*(?:可以|我|那里|的时))[^，。“”「」]{{2,14}})$", "哪里", Kind.PLACE),
    _gap(
        rf"(?<![第\d.一二三四五六七八九十百千万亿几数到时、元前分])(?!{YEAR})(?P<a>{COUNT}{MEASURE})(?![一二三四五六七八九十\d月日号点楼半到])",
        "多少",
        Kind.QUANTITY,
    ),
    _gap(r"(?P<a>百分之[一二三四五六七八九十百零点\d.]+)", "百分之多少", Kind.QUANTITY),
    _gap(
        rf"(?:{THING_VERBS})(?P<a>(?!提供|提前){NOT_THING}[^，。的了“”「」]{{2,12}}(?:的[^，。的]{{1,8}})?)$",
        "什么",
        Kind.THING,
    ),
)
DEFINITION = re.compile(r"^(?P<x>[^，。是有]{2,14})(?P<v>是|属于)(?P<y>[^，。]{3,40})$")
PEOPLE = re.compile(r"(?:家|师|员|人|者|夫|民|攤贩|摊贩)$")
UNIQUE = re.compile(r"最|第一|唯一|惟一|首")
REASON = re.compile(r"^(?P<b>(?!.*请)[^，]{4,30})，因为(?P<a>[^。]{4,50})$")


def terms(sentence: str) -> list[str]:
    """Every two letters that stand together."""
    return [run[place : place + 2] for run in HAN_RUN.findall(sentence) for place in range(len(run) - 1)]


def ask(sentence: str) -> Iterator[Draft]:
    body = END.sub("", sentence)
    plain = STRIPPED.sub("", simplified(body))
    written = body[len(body) - len(plain) :]
    if STARTS.match(plain) or len(plain) < MIN_QUESTION or re.search(r"[：；？！]", plain):
        return
    for draft in (*_reasons(plain, written), *_definitions(plain, written), *_gapped(plain, written)):
        if MIN_QUESTION <= len(draft.text) <= MAX_QUESTION and not _leans(simplified(draft.text)):
            yield draft


def _leans(text: str) -> bool:
    """Whether it points at something that it does not name: a pronoun so early has nothing before it to stand for."""
    return LEANING.search(text) is not None or EARLY.match(text) is not None


def _question(written: str, *, like: str) -> str:
    """Question words are written in the script of `like`, the sentence they are put into."""
    return as_written(written.strip("，、"), like) + "？"


def _reasons(plain: str, written: str) -> Iterator[Draft]:
    if match := REASON.match(plain):
        main = written[match.start("b") : match.end("b")]
        yield Draft(_question(f"为什么{main}", like=written), written[match.start("a") : match.end("a")], Kind.REASON)


def _definitions(plain: str, written: str) -> Iterator[Draft]:
    clause = plain.split("，", 1)[0]
    match = DEFINITION.match(clause)
    if (
        not match
        or match["x"].endswith(("不", "只", "都", "可能", "就", "最", "却", "也", "主要", "的"))
        or match["y"].endswith("的")
    ):
        return
    name, verb, meaning = (written[slice(*match.span(group))] for group in ("x", "v", "y"))
    if re.search(COUNT + MEASURE, match["y"]) and "的" not in match["y"]:
        return
    word = "什么人" if PEOPLE.search(match["y"]) else "什么"
    yield Draft(_question(f"{name}{verb}{word}", like=written), meaning, Kind.MEANING)
    if UNIQUE.search(match["y"]) and verb == "是":
        yield Draft(
            _question(f"{meaning}是{'谁' if PEOPLE.search(match['y']) else '什么'}", like=written), name, Kind.NAME
        )


def _gapped(plain: str, written: str) -> Iterator[Draft]:
    start = 0
    for place, clause in enumerate(plain.split("，")):
        end = start + len(clause)
        for gap in () if place > 1 or clause.startswith("因为") else GAPS:
            if match := gap.found.search(clause):
                yield from _filled(plain, written, gap, (start + match.start("a"), start + match.end("a")))
        start = end + 1


def _filled(plain: str, written: str, gap: Gap, span: tuple[int, int]) -> Iterator[Draft]:
    """The sentence up to the end of the clause with the gap, and on to the next where that only says when."""
    begin, end = span
    stop = _stop(plain, end)
    word = _measured(written[begin:end], plain[begin:end], gap)
    text = re.sub(r"(哪一年|什么时候)，", r"\1", f"{written[:begin]}{word}{written[end:stop]}")
    yield Draft(_question(text, like=written), written[begin:end], gap.kind)


def _measured(found: str, plain: str, gap: Gap) -> str:
    """A number's unit stays in the question: "多少公里"."""
    unit = re.search(rf"{MEASURE}$", plain)
    return f"{gap.word}{found[unit.start() :]}" if gap.word == "多少" and unit else gap.word


def _stop(plain: str, end: int) -> int:
    stop = plain.find("，", end)
    if stop < 0:
        return len(plain)
    if LEADING.match(plain[:stop]) or stop < MIN_QUESTION:
        following = plain.find("，", stop + 1)
        return following if following > 0 else len(plain)
    return stop
