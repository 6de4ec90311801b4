"""In which encoding a text file was saved that is no UTF-8: a guess for the message, for nothing is read by a guess.

A label file is nearly all ASCII, with a few words of one language. Statistics of languages need more than that. What
tells encodings apart is which characters the other bytes would be: in the right one they are common ones of one script.
"""

from __future__ import annotations

import codecs
import re
import shlex
from collections.abc import Callable
from pathlib import Path

#: Marks at the begin of a file that say how it is encoded.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def declared_encoding(data: bytes) -> str:
    """The encoding that a file declares by its byte order mark; UTF-8 without one."""
    return next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")


def not_utf8(data: bytes, position: int, path: Path) -> tuple[str, int, str]:
    """What is wrong with a text that is no UTF-8, on which line, and what to do.

    Args:
        data: The bytes of the file.
        position: The first byte that is no UTF-8.
        path: The file.
    """
    line = data[:position].count(b"\n") + 1
    names = likely_encodings(data)
    if not names:
        return "is not UTF-8, nor of an encoding that is easily told", line, "Save it as UTF-8"
    old, new = shlex.quote(str(path)), shlex.quote(f"{path}.utf8")
    convert = f"iconv -f {names[0].lower()} -t utf-8 {old} > {new} && mv {new} {old}"
    return f"is not UTF-8, looks like {' or '.join(names)}", line, f"Convert it: {convert}"


def likely_encodings(data: bytes) -> list[str]:
    """The encodings, by iconv's names, in which the bytes beyond ASCII are common characters, the likeliest first.

    The common characters of Korean are at the places of common Chinese ones: of a few, only a reader can say which.
    """
    if data.count(0) > len(data) // 4:
        return ["UTF-16LE" if data[1::2].count(0) > data[::2].count(0) else "UTF-16BE"]
    shares = {name: _share(data, name, is_common) for name, is_common in _COMMON.items()}
    # Words of Cyrillic are letters beyond ASCII altogether; those of Western Europe have one here and there.
    shares["WINDOWS-1252" if _ARE_IN_A_ROW.search(data) else "WINDOWS-1251"] = 0.0
    best = max(shares, key=lambda name: shares[name])
    if best == "EUC-KR" and shares["GBK"] and len(_WIDE.findall(data)) < _FEW:
        return ["GBK", "EUC-KR"]
    return [best] if shares[best] > _LEAST_SHARE else []


#: Of the characters beyond ASCII as many are common in the right encoding, at least.
_LEAST_SHARE = 0.6

#: With fewer characters than this, Chinese may be Korean by chance.
_FEW = 8

_WIDE = re.compile(rb"[\x80-\xff]{2}")
_ARE_IN_A_ROW = re.compile(rb"[\x80-\xff]{3}")


def _share(data: bytes, name: str, is_common: Callable[[str], float]) -> float:
    """How common the characters beyond ASCII are in an encoding, 0..1; 0 where the bytes are not of it."""
    try:
        text = data.decode(name)
    except UnicodeDecodeError:
        return 0.0
    others = [character for character in text if character > "\x7f"]
    return sum(map(is_common, others)) / len(others) if others else 0.0


def _chinese(character: str) -> float:
    """The 3755 most common characters stand first in GB 2312; where a text could be all Hangul, too, it is that."""
    row = character.encode("gbk")[0] if "\u4e00" <= character <= "\u9fff" else 0
    return 0.97 * float(0xB0 <= row <= 0xD7) or _wide_sign(character)


def _traditional(character: str) -> float:
    """The 5401 most common characters stand first in Big5."""
    row = character.encode("big5")[0] if "\u4e00" <= character <= "\u9fff" else 0
    return 0.96 * float(0xA4 <= row <= 0xC6) or _wide_sign(character)


def _japanese(character: str) -> float:
    """Kana is Japanese only; half of a line may be of its characters."""
    if "\u3040" <= character <= "\u30ff":
        return 1.0
    row = character.encode("shift_jis", "replace")[0] if "\u4e00" <= character <= "\u9fff" else 0
    return 0.95 * float(0x88 <= row <= 0x97) or _wide_sign(character)


def _korean(character: str) -> float:
    return float("\uac00" <= character <= "\ud7a3") or _wide_sign(character)


def _cyrillic(character: str) -> float:
    return 0.9 * float("\u0430" <= character <= "\u044f") or 0.7 * float("\u0410" <= character <= "\u042f")


def _western(character: str) -> float:
    """Letters of Western Europe, few of which follow one another; the currencies of a receipt."""
    return 0.85 * float(character in _WESTERN) or 0.4 * float(character.isalpha())


def _wide_sign(character: str) -> float:
    return 0.8 * float("\u3000" <= character <= "\u303f" or "\uff01" <= character <= "\uff5e")


_WESTERN = frozenset("äöüßéèêëàâáãåçñíìîïóòôõøúùûæœÄÖÜÉÀÅÇÑØÆ€£°’“”–")

#: The encodings that label files were met in, by their names for iconv and for Python.
_COMMON: dict[str, Callable[[str], float]] = {
    "GBK": _chinese,
    "BIG5": _traditional,
    "SHIFT_JIS": _japanese,
    "EUC-KR": _korean,
    "EUC-JP": _japanese,
    "WINDOWS-1251": _cyrillic,
    "WINDOWS-1252": _western,
}
