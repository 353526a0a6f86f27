"""Questions in Korean: what is asked for gives its place to a question word with its particle, and the end asks.

It must never know which questions are chosen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from examples.yuichat.questions.draft import Draft, Kind
from examples.yuichat.questions.hangul import asked, final

NATIVE = (
    r"(?:(?:열|스물?|서른|마흔|쉰|예순|일흔|여든|아흔)?(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉)|열|스무|서른|마흔|쉰|예순|일흔|여든|아흔|석|넉|"
    r"열흘|이틀|사흘|나흘)"
)
SINO = r"(?:\d[\d,.]*(?:만|억|천|조)?(?: \d[\d,]*(?:만|천))?|[일이삼사오육칠팔구십백천만억]*[십백천만억])"
UNIT = (
    r"(?:제곱킬로미터|제곱미터|킬로미터|센티미터|밀리미터|마이크로미터|미터|킬로그램|그램|데시벨|볼트|와트|리터|퍼센트|톤|도|시간|분|초|년|개월|달|주|일|"
    r"원|명|사람|마리|권|개|대|포기|척|장|채|글자|세|살|석|단|종|가닥|배|번|겹|가지|줄|자|층|호|잔|날|병|곳|건|쪽|점)"
)
COUNTED = rf"(?:{NATIVE} {UNIT}|\d[\d,.]*(?:만|억|천|조)?(?: \d[\d,]*(?:만|천))? ?{UNIT}|{SINO} {UNIT})"
STARTS = re.compile(
    r"^(?:그|이|저|그것|이것|그는|그녀|그런|이런|여기|거기|그중|그동안|우리|나는|내|나머지|어떤|네가|너|먼저|여기에|모든|둥근|걱정하는|모두|그래도|그러면|이는|그날|그해)(?=\s)"
    r"|^(?:그것|이것|그곳|이곳|그녀|그들)"
)
STRIPPED = re.compile(r"^(?:그러나|하지만|그리고|그런데|또한|또|한편|다행히|그래서|따라서|이상하게도) ")
LEANING = re.compile(
    r"(?:^|\s)(?:그|이|저|그런|이런|이것\w*|그것\w*|그는|그녀\w*|나는|내가|내|우리\w*|네가|너\w*|그때\w*|그날\w*|그해\w*|나에게)(?=\s)"
)
MAX_QUESTION = 70  # characters
WORD = re.compile(r"[\uac00-\ud7a3A-Za-z0-9]{2,}")
PARTICLE = re.compile(
    r"(?:에서는|에서도|에서|에게서|에게|에는|에도|으로는|으로|부터|까지|마다|처럼|보다|이라는|이라고|라고|은|는|이|가|을|를|의|에|로|와|과|도|만)$"
)
PERSON = re.compile(
    r"(?:씨|선배|형|할머니|아버지|어머니|학자|학자들|과학자들|연구자들|직원|사원|담당자|기술자|책임자|관리자|부서장|사람|사람들|주민|어린이들|아이|"
    r"주인|노인|나그네|약장수|선장|임금|세종|고종|요리사|건축가|경찰|고객|대원들|집배원|"
    r"(?:팀의|관리자|건축가|소설가|요리사|이장) [가-힣]{3})$"
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """`words` as they are parted by spaces; `text` without its end mark."""

    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split(" ")

    def with_words(self, start: int, end: int, put: str) -> str:
        return " ".join([*self.words[:start], put, *self.words[end:]])


def terms(sentence: str) -> list[str]:
    """Words without the particle at their end."""
    return [bare for word in WORD.findall(sentence) if len(bare := PARTICLE.sub("", word)) > 1]


def ask(sentence: str) -> Iterator[Draft]:
    text = STRIPPED.sub("", re.sub(r"[.!?。]+[\"”’]*$", "", sentence))
    if STARTS.match(text) or '"' in text or "“" in text:
        return
    for way in WAYS:
        for draft in way(Sentence(text)):
            if len(draft.text) <= MAX_QUESTION and not LEANING.search(draft.text):
                yield draft


def _draft(statement: str, answer: str, kind: Kind) -> Iterator[Draft]:
    if (question := asked(statement)) is not None:
        yield Draft(question, answer, kind)


def _noun(words: list[str], place: int) -> int | None:
    """Where the noun phrase that ends at `place` begins; None where what describes it cannot be told."""
    start = place
    while start > 0 and (words[start - 1].endswith("의") or BARE_NOUN.match(words[start - 1])):
        start -= 1
    before = words[start - 1] if start > 0 else ""
    described = ADNOMINAL.search(before) is not None and not _topic(words, start - 1)
    return None if described or PART.search(before) else start


# Before a noun: half of a pair, a number, or a word too short to tell.
PART = re.compile(r"(?:와|과|,)$|^[\uac00-\ud7a3]$|^\d|[백천만억]$|^(?:이상|가운데|동안|순간)$")
# Before a noun: a word that describes it, by its ending.
ADNOMINAL = re.compile(
    r"(?:는|은|한|된|던|운|인|른|난|긴|큰|친|온|간|린|진|낸|쓴|본|할|될|갈|을|올|새|옛|첫|모든|다른|이런|그런|여러|두|세|네|한두|뜬|빈|찬|준|산|센|단)$"
)
BARE_NOUN = re.compile(
    r"^(?!모두$|동안$|가운데$|이상$|혼자$|언제나$|갑자기$|어느$|때$|순간$|다시$|매우$|어느새$|북쪽으로$|시작된$|흘러온$|날아갈$|오래$|가장$|다시$|거의$|널리$|몰래$|지금$|아직$|함께$|해마다$|천천히$|반드시$|무사히$|모두$|이제$|날마다$|약$|자세히$|같이$|전부$)"
    r"[\uac00-\ud7a3A-Z]{2,}(?<![은는이가을를에의로와과도만고서며면지게다해라히터아어여려자데나기까])$"
)


def _topic(words: list[str], place: int) -> bool:
    """Whether the word is the sentence's topic: the first of its words in -은 or -는, near its start."""
    topics = [index for index, word in enumerate(words) if re.search(r"[은는]$", word)]
    return (
        bool(topics)
        and topics[0] == place
        and place < 5
        and (words[place].endswith("는") or len(words[place]) > 2)
        and not words[place].endswith(("하는", "있는", "없는", "되는"))
    )


def _meaning(sentence: Sentence) -> Iterator[Draft]:
    """Of "한글은 … 글자이다": what is it?"""
    match = re.match(
        r"^(?P<x>(?:[^\s,]+ ){0,3}?[^\s,]+?)(?P<p>은|는) "
        r"(?P<y>[^,]{2,60}?)(?P<e>이다|다|입니다|이었다|였다|이야|야|이란다)$",
        sentence.text,
    )
    if not match or re.search(COUNTED + "$", match["y"]) or not _nominal(match["y"], match["e"]):
        return
    if re.search(r"(?:에|에서|로)$", match["x"]) or re.search(
        r"때문$|것$|뜻$|(?:가지|대상이 아니)$|아니$|이[상하]$|[을를이가] \S+$|[았었였졌]고 |^\S+[은는] ", match["y"]
    ):
        return
    past = match["e"] in {"이었다", "였다"}
    polite = match["e"] == "입니다"
    person = PERSON.search(match["y"]) or re.search(r"(?:여성|노인|학자|사람|등대지기)$", match["y"])
    word = "어떤 사람" if person else "무엇"
    end = "이었는가" if past else "입니까" if polite else "인가"
    yield Draft(f"{match['x']}{match['p']} {word}{end}?", match["y"], Kind.MEANING)


def _nominal(meaning: str, ending: str) -> bool:
    """Whether what stands before the end is a noun: -다 alone also ends verbs."""
    if ending == "다":
        return False
    if ending == "였다":
        return final(meaning[-1]) == "" and meaning[-1] not in "하되"
    return ending != "야" or meaning[-1] != "해"


def _time(sentence: Sentence) -> Iterator[Draft]:
    for pattern, word in TIMES:
        if match := pattern.search(sentence.text):
            text = sentence.text
            yield from _draft(
                f"{text[: match.start()]}{word}{text[match.end() :]}",
                match["a"],
                Kind.TIME,
            )
            return


TIMES = (
    (re.compile(r"(?P<a>(?:\d{4}년 )?\d{1,2}월 \d{1,2}일)(?:에)?(?=[ 이입])"), "언제"),
    (re.compile(r"(?P<a>\d{4}년(?: (?:\d{1,2}월|봄|여름|가을|겨울|이후))?)에(?= )"), "언제"),
    (re.compile(r"(?P<a>매[주달년] \S+요일|다음 주 \S요일|지난 \S요일)(?:에)?(?= )"), "언제"),
    (
        re.compile(
            rf"(?:(?<=[전후] )|(?<=\s)(?=\d+시 \d+분))(?P<a>(?:\d{{1,2}}|{NATIVE}) ?시(?: (?:\d{{1,2}}분|반))?)"
        ),
        "몇 시",
    ),
    (re.compile(rf"(?<=(?:아침|저녁|새벽) )(?P<a>{NATIVE} 시(?: 반)?)"), "몇 시"),
)


COUNT_WORDS = {"일": "며칠", "원": "얼마"}


def _quantity(sentence: Sentence) -> Iterator[Draft]:
    match = re.search(
        rf"(?:(?<=\s)|^)(?P<a>{COUNTED})(?=에서|에|을|를|이|의|로|까지|마다|은|는|가|만|보다|씩|입|이다|$|\s)(?!\d)",
        sentence.text,
    )
    if not match or re.match(r"(?:한|두세) ?\S+$|\d{4}년|첫", match["a"]):
        return
    unit = re.search(rf"{UNIT}$", match["a"])
    before, after = sentence.text[: match.start()], sentence.text[match.end() :]
    if before.endswith("의 ") or _in_passing(sentence.words, _word_at(sentence, match.start())):
        return
    if unit is None or re.match(r"(?: \d| 전| 후|차)", after) or (unit[0] in {"시", "일"} and before.endswith("월 ")):
        return
    if re.search(r"\d{4}년$|월 ?$|[시전후] $", before):
        return
    if unit[0] in {"층", "번"} or (unit[0] == "일" and re.match(r" (?!동안|안|이상)", after)):
        return
    yield from _draft(f"{before}{COUNT_WORDS.get(unit[0], f'몇 {unit[0]}')}{after}", match["a"], Kind.QUANTITY)


def _reason(sentence: Sentence) -> Iterator[Draft]:
    """Of "한자는 배우기가 어려워서 …": why?"""
    match = re.match(
        r"^(?P<t>(?:[^\s,]+ ){0,2}[^\s,]+[은는] )?(?P<a>[^,]{4,40}?)"
        r"(?P<m>기 때문에|워서|커서|않아),? (?P<b>.{6,40})$",
        sentence.text,
    )
    if not match:
        return
    reason = match["a"] + match["m"].removesuffix(" 때문에")
    topic = match["t"] or ""
    if (topic and not re.search(r"[은는] ", match["b"])) or (not topic and re.search(r"[이가] ", match["b"])):
        yield from _draft(f"{topic}왜 {match['b']}", reason, Kind.REASON)


def _named(sentence: Sentence) -> Iterator[Draft]:
    match = re.search(
        r"(?:(?<=\s)|^)(?P<a>[\uac00-\ud7a3A-Za-z]+?(?: [\uac00-\ud7a3A-Za-z]+?)??)"
        r"(?:이라고|라고) (?=(?:한다|부른다|불린다|합니다|부릅니다|불립니다))",
        sentence.text,
    )
    if (
        match
        and (start := _noun(sentence.words, place := _word_at(sentence, match.start("a")))) is not None
        and start == place
    ):
        text = sentence.text
        yield from _draft(f"{text[: match.start()]}무엇이라고 {text[match.end() :]}", match["a"], Kind.NAME)


def _word_at(sentence: Sentence, letter: int) -> int:
    return sentence.text[:letter].count(" ")


def _particle(
    sentence: Sentence, particle: re.Pattern[str], kind: Kind, words: Callable[[str], str]
) -> Iterator[Draft]:
    """The first noun phrase with the particle, asked for in its place."""
    parts = sentence.words
    for place, part in enumerate(parts):
        match = particle.fullmatch(part)
        if not match or not _agrees(part) or (start := _noun(parts, place)) is None or _in_passing(parts, place):
            continue
        answer = " ".join([*parts[start:place], match["a"]])
        if len(answer) < 2 or re.search(rf"{COUNTED}", answer) or NAME.search(answer):
            continue
        yield from _draft(sentence.with_words(start, place + 1, words(answer)), answer, kind)
        return


def _agrees(word: str) -> bool:
    """이, 을 and 은 follow a consonant, 가, 를 and 는 a vowel; what looks like a particle otherwise is none."""
    closed = final(word[-2]) != ""
    return {"이": closed, "을": closed, "가": not closed and not word.endswith("다가"), "를": not closed}.get(
        word[-1], True
    )


def _in_passing(words: list[str], place: int) -> bool:
    """Whether it stands before the sentence's topic, in a clause that only describes it."""
    topics = [index for index, word in enumerate(words) if re.search(r"[은는]$", word)]
    another = any(len(word) > 2 and word.endswith("은") for word in words[place + 1 :])
    return another or (bool(topics) and topics[0] > place)


# A person's name of three syllables, when no word beside it says so, may be a thing as well: neither 누가 nor 무엇이.
NAME = re.compile(r"^[김이박최정강조윤장임한오서신권황안송류홍문유고][\uac00-\ud7a3]{2}$")
OBJECT = re.compile(r"(?P<a>[\uac00-\ud7a3A-Z0-9]+)[을를]")
SUBJECT = re.compile(r"(?P<a>[\uac00-\ud7a3A-Z0-9]{2,})[이가]")
PLACE = re.compile(r"(?P<a>[\uac00-\ud7a3A-Z0-9]{2,})에서")
STANDS_IN = re.compile(
    r"(?P<a>[\uac00-\ud7a3A-Z0-9]+)에 (?P<v>있다|있습니다|있어|놓습니다|넣는다|등록되었다|등록합니다|걸려 있다)$"
)
BECOMES = re.compile(r"[이가] (?:되|된|돼|아니|아닙)\S*$")
NO_PLACE = re.compile(r"(?:가운데|뜻|모드|점|중|씨|사이|길|곳|앞|\d\S*)$")


def _object(sentence: Sentence) -> Iterator[Draft]:
    if re.match(r"^(?:\S+ ){0,4}?\S+[은는이가] ", sentence.text):
        yield from (
            draft
            for draft in _particle(sentence, OBJECT, Kind.THING, lambda _: "무엇을")
            if not draft.text.startswith("무엇")
        )


def _subject(sentence: Sentence) -> Iterator[Draft]:
    if not BECOMES.search(sentence.text):
        yield from _particle(sentence, SUBJECT, Kind.AGENT, _who)


def _who(answer: str) -> str:
    return "누가" if PERSON.search(answer) else "무엇이"


def _person(sentence: Sentence) -> Iterator[Draft]:
    """A topic that does something: who does it?"""
    match = re.match(r"^(?P<a>(?:[^\s,]+ )?[^\s,]+?)(?:은|는|께서는) (?P<b>.{8,})$", sentence.text)
    if match and PERSON.search(match["a"]) and re.search(r"[을를]", match["b"]):
        yield from _draft(f"누가 {match['b']}", match["a"], Kind.AGENT)


def _place(sentence: Sentence) -> Iterator[Draft]:
    if match := STANDS_IN.search(sentence.text):
        place = _word_at(sentence, match.start("a"))
        start = _noun(sentence.words, place)
        if start and not NO_PLACE.search(match["a"]):
            answer = " ".join([*sentence.words[start:place], match["a"]])
            yield from _draft(sentence.with_words(start, place + 1, "어디에"), answer, Kind.PLACE)
        return
    yield from (
        draft
        for draft in _particle(sentence, PLACE, Kind.PLACE, lambda _: "어디에서")
        if not NO_PLACE.search(draft.answer)
    )


WAYS: tuple[Callable[[Sentence], Iterator[Draft]], ...] = (
    _meaning,
    _reason,
    _named,
    _time,
    _place,
    _quantity,
    _person,
    _subject,
    _object,
)
