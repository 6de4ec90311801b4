"""Text files that are no UTF-8: the first line that is not, what they look like, and the way out."""

from __future__ import annotations

import pytest

from workbench.workloads.ocr.annotations.encodings import likely_encodings
from workbench.workloads.ocr.annotations.reading import Unreadable, read_json, read_lines


@pytest.mark.parametrize(
    ("encoding", "text", "name"),
    [
        ("gbk", '收据.jpg\t[{"transcription": "合计"}]', "GBK"),
        ("gbk", "收据.jpg\t1", "GBK"),
        ("gb18030", "发票号码 ￥128.00 餐饮服务", "GBK"),
        ("big5", '[{"transcription": "發票 總計"}]', "BIG5"),
        ("gbk", "合计", "GBK or EUC-KR"),
        ("euc_kr", "합계", "GBK or EUC-KR"),
        ("euc_kr", '영수증.jpg\t[{"transcription": "합계 금액 만원"}]', "EUC-KR"),
        ("shift_jis", "領収書 ありがとう", "SHIFT_JIS"),
        ("shift_jis", "合計", "SHIFT_JIS"),
        ("euc_jp", "合計 ありがとう", "EUC-JP"),
        ("cp1252", "Müller café", "WINDOWS-1252"),
        ("cp1252", "décran", "WINDOWS-1252"),
        ("cp1252", "12,50 €", "WINDOWS-1252"),
        ("cp1251", "Итого к оплате", "WINDOWS-1251"),
        ("cp1251", "ИТОГО", "WINDOWS-1251"),
        ("utf-16-le", "a.jpg\t1", "UTF-16LE"),
        ("utf-16-be", "a.jpg\t1", "UTF-16BE"),
    ],
)
def test_an_encoding_is_told_by_a_few_words(encoding, text, name):
    assert " or ".join(likely_encodings(text.encode(encoding))) == name


def test_of_noise_nothing_is_said():
    assert likely_encodings(bytes(range(128, 256))) == []


def test_the_first_bad_line_is_named_with_the_way_out(write):
    path = write("a b.txt", b"fine\nfine too\n" + "合计\n合计\n".encode("gbk"))
    with pytest.raises(Unreadable, match="is not UTF-8, looks like GBK or EUC-KR") as raised:
        read_lines(path)
    assert raised.value.line == 3
    new = f"'{path}.utf8'"
    assert raised.value.remedy == f"Convert it: iconv -f gbk -t utf-8 '{path}' > {new} && mv {new} '{path}'"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_how_a_file_is_read(write, encoding):
    assert read_lines(write("a.txt", "1,2,合计\r\n3".encode(encoding))) == [(1, "1,2,合计"), (2, "3")]
    assert read_json(write("a.json", '{"合": 1}'.encode(encoding))) == {"合": 1}


def test_a_mark_between_files_that_were_joined_is_left_out(write):
    assert read_lines(write("a.txt", "\ufeff1\n\ufeff2\r3".encode())) == [(1, "1"), (2, "2"), (3, "3")]
