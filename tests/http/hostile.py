"""Ten thousand strings that break out of what is not careful, made from seeds and mutations."""

from __future__ import annotations

import random

BREAKOUTS = [
    "\n\nevent: snapshot\ndata: {}\n\n", "\r\rdata: x\r\r", "\u2028data: x\u2029", "\x85id: x\x85",
    "id: 1\n\n", "retry: 1\n\n", ":\n\n", "data", "\x00", "\ufeffevent: x",
    "\r\n\r\nHTTP/1.1 200 OK",
    "\r\nSet-Cookie: a=b", "\nX-Evil: 1", "%0d%0aSet-Cookie:a=b", "%00", "%2e%2e%2f", "../../etc",
    "'; DROP TABLE kpi_raw_data; --", "' OR '1'='1", "\\'; SELECT pg_sleep(9)--", "$1", "%s",
    "{0}",    "${7*7}", "{{7*7}}", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "</script><svg onload=alert(1)>", "\"><b>", "' onmouseover='x", "javascript:alert(1)",
    "&lt;script&gt;", "<!--", "]]>", "=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1",
    "=HYPERLINK(\"http://x\")", "\x1b[31mred", "\x1b]0;title\x07", "\x08\x08",
    "WARNING root: forged",
    "\n2026-01-01 ERROR app: forged", "ü", "größe", "日本語", "\u202eevil", "a\u0301", "😀" * 20,
    "\ud7ff", "\uffff", "a" * 65, "a" * 10_000, "-", ".", "..", "__proto__", "constructor",
    "null", "NaN", "Infinity", "1e999", "-0", "true", "[]", "{}", "\"", "'", "`", "\\", "/", "//",
    ":",    "a:minute", "*", "prefix.*", ";", "&", "?", "#", "=", "%", "+", " ", "\t", "\v", "\f",
]  # fmt: skip


def strings(count: int = 10_000) -> list[str]:
    """Return the seeds, and mixtures of them, the same each time."""
    chance = random.Random(11)
    found = dict.fromkeys(BREAKOUTS)
    while len(found) < count:
        parts = chance.choices(BREAKOUTS, k=chance.randint(1, 3))
        text = "".join(part[:200] for part in parts)
        at = chance.randrange(len(text) + 1)
        found[text[:at] + chr(chance.randrange(1, 0xD800)) + text[at:]] = None
    return list(found)
