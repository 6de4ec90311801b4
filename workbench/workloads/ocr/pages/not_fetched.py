"""What lies in the place of a file that was never fetched: a pointer to it, or a server's page that says why not."""

from __future__ import annotations

#: Bytes of a file that show which it is.
HEAD_BYTES = 512

_POINTERS = (
    (b"version https://git-lfs.github.com/", "is a pointer of Git LFS, not the file", "git lfs pull"),
    (b"/annex/objects/", "is a pointer of git-annex, not the file", "git annex get"),
)
_PAGES = (b"<!doctype html", b"<html")
_AGAIN = "Download it again, and look at what the server says"


def not_fetched(head: bytes) -> tuple[str, str] | None:
    """What a file is that begins so, and what to do; None for what may be the file itself.

    Args:
        head: Its first bytes, `HEAD_BYTES` of them, or all.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for begin, what, command in _POINTERS:
        if text.startswith(begin):
            return what, f"Fetch it: {command}"
    if text.startswith(_PAGES):
        return "is an HTML page, such as a download gives that fails", _AGAIN
    if text.startswith((b"<?xml", b"<error>")) and b"<error>" in text and b"<code>" in text:
        return "is an error message of a server", _AGAIN
    return None
