"""The two scripts of Chinese, for the letters that questions are made with; it must never know a grammar."""

from __future__ import annotations

# Traditional, then simplified.
PAIRS = """
這这 個个 為为 麼么 誰谁 裡里 時时 後后 間间 開开 關关 會会 來来 們们 還还 過过 現现 於于 從从 與与 當当 據据
對对 隨随 經经 認认 議议 寫写 發发 帶带 領领 設设 計计 負负 責责 審审 創创 辦办 編编 稱称 億亿 萬万 兩两 幾几
點点 號号 樓楼 歲岁 頓顿 條条 張张 項项 戶户 種种 頁页 隻只 顆颗 臺台 冊册 適适 應应 採采 實实 導导 緻致 說说
紹绍 護护 購购 買买 變变 裝装 規规 損损 換换 尋寻 燒烧 響响 著着 備备 攜携 滅灭 圍围 運运 産产 產产 長长 進进
獨独 屬属 師师 員员 攤摊 販贩 無无 沒没 並并 給给 處处 國国 學学 溫温 體体 數数 單单 雙双 營营 業业 紅红 綠绿
黃黄 東东 車车 門门 問问 題题 見见 書书 讓让 難难 觀观 讀读
"""
_SIMPLIFIED = str.maketrans({pair[0]: pair[1] for pair in PAIRS.split()})
# Letters that the question words themselves are written with; 里 and 后 alone are letters of both scripts.
QUESTION_WORDS = (
    ("为什么", "為什麼"),
    ("什么时候", "什麼時候"),
    ("什么", "什麼"),
    ("哪里", "哪裡"),
    ("谁", "誰"),
    ("几点", "幾點"),
)


def simplified(text: str) -> str:
    """Letter by letter, so that places in it are places in the text."""
    return text.translate(_SIMPLIFIED)


def is_traditional(text: str) -> bool:
    """Told by the character sets of the two: letters that Big5 has and GB 2312 has not."""
    return any(_within(letter, "big5") and not _within(letter, "gb2312") for letter in text)


def _within(letter: str, charset: str) -> bool:
    try:
        return bool(letter.encode(charset))
    except UnicodeEncodeError:
        return False


def as_written(question: str, like: str) -> str:
    """The question's words in the script of the sentence that it was made from."""
    if not is_traditional(like):
        return question
    for ours, theirs in QUESTION_WORDS:
        question = question.replace(ours, theirs)
    return question
