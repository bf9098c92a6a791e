"""Names that mean a secret: of fields, of keys inside values, of command-line options, in texts.

A name is read as words (`apiKey`, `API_KEY` and `x-api-key` are the same ones), so that `token` is found in
`access_token` and not in `tokenizer`. It is a guess by name, not by content: docs/privacy.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

#: On by default. A run of words of a name that makes one of these, in the singular or the plural, makes it a secret.
DEFAULT_NAMES: Final = (
    "password", "passwd", "passphrase", "passcode", "pwd",
    "secret", "token", "credential", "authorization", "bearer", "jwt", "otp", "totp", "csrf", "xsrf",
    "api_key", "access_key", "secret_key", "private_key", "signing_key", "encryption_key", "session_key", "master_key",
    "auth_key", "ssh_key", "account_key", "cookie", "session_id", "connection_string", "dsn",
)  # fmt: skip

#: A secret's measure is no secret: `token_count`, `password_length`, `max_token`, `has_password`.
_MEASURES: Final = frozenset(
    {"count", "counts", "usage", "limit", "limits", "budget", "length", "type"}
    | {"ttl", "expires", "expiry", "expiration", "policy", "price", "cost"},
)
_QUESTIONS: Final = frozenset({"has", "is", "max", "min", "num", "no", "total", "use"})
_PLURAL_IS_ANOTHER_WORD: Final = "token"  # tokens are what language models count

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_GLUED_AT_END: Final = 5  # letters; a name this long also counts at the end of a longer word: `clientsecret`
_GLUED: Final = 8  # letters; and one this long anywhere in it: `mysqlpasswordhash`

#: What stands for a withheld value in a text.
WITHHELD: Final = "<withheld>"

_OPTION: Final = re.compile(r"--?([A-Za-z][\w-]*)$")
_USER_INFO: Final = re.compile(r"(?<=://)(?P<user>[^\s/:@]{0,256}):[^\s@]{1,1024}(?=@)|(?<=://)[^\s/:@]{20,256}(?=@)")
_NAME: Final = re.compile(r"(?<![\w.-])-{0,2}(?P<name>[^\W\d][\w.-]*+)\\?[\"']?\s*+(?:=>|==?|:=?)\s*+")
_VALUE: Final = re.compile(
    r"(?:Bearer|Basic|Digest|Token)\s+[^\s\"',;)}\]]++"
    r"|\\\".*?(?:\\\"|\Z)|[bru]?\"(?:[^\"\\]|\\.)*+\"?|[bru]?'(?:[^'\\]|\\.)*+'?"
    r"|[\[({].*|[^\s,;)}\]&\"']++",  # of a list or an object nobody knows the end
    re.DOTALL | re.IGNORECASE,
)
#: Texts that are credentials whatever they are called: OpenAI, GitHub, Slack, AWS, JSON web tokens, private keys.
_CREDENTIAL: Final = re.compile(
    r"(?<![\w-])(?:sk-[\w-]{16,}+|gh[pousr]_\w{20,}+|github_pat_\w{20,}+|xox[abprs]-[\w-]{10,}+|A[KS]IA[0-9A-Z]{16}"
    r"|eyJ[\w-]{8,}+\.[\w-]{8,}+\.[\w-]*+)|-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----.*?(?:-----END|\Z)"
    r"|(?<=\bbearer )[\w.~+/=-]{8,}+",
    re.DOTALL | re.IGNORECASE,
)


class SecretNames:
    """Which names mean a secret.

    Args:
        extra: Names to add; one that begins with `!` is not a secret, whatever else it looks like.

    Example:
        >>> names = SecretNames(["iban", "!page_token"])
        >>> [name for name in ("apiKey", "tokens", "userIban", "page_token", "token_count") if names.match(name)]
        ['apiKey', 'userIban']
    """

    def __init__(self, extra: Iterable[str] = ()) -> None:
        added = list(extra)
        self._names = {_flat(name) for name in (*DEFAULT_NAMES, *added) if not name.startswith("!")} - {""}
        self._exempt = {_flat(name) for name in added if name.startswith("!")}
        self._longest = max(map(len, self._names))
        self.match: Callable[[str], bool] = lru_cache(maxsize=16_384)(self._match)

    def _match(self, name: str) -> bool:
        words = [word.lower() for word in _WORDS.findall(name)]
        flat = "".join(words)
        if not words or flat in self._exempt or words[0] in _QUESTIONS:
            return False
        end = self._end_of_run(words)
        if end is None:
            return False
        return not any(word in _MEASURES for word in words[end:])

    def _end_of_run(self, words: Sequence[str]) -> int | None:
        """Behind which word a secret's name ends, if there is one."""
        for first in range(len(words)):
            run = ""
            for last in range(first, len(words)):
                run += words[last]
                if len(run) > self._longest + 1:
                    break
                if run in self._names or (run[-1] == "s" and run[:-1] in self._names - {_PLURAL_IS_ANOTHER_WORD}):
                    return last + 1
        for position, word in enumerate(words):
            for name in self._names:
                if len(name) >= _GLUED_AT_END and word.endswith(name):
                    return position + 1
                if len(name) >= _GLUED and name in word:
                    return position + 1
        return None

    def in_path(self, path: str) -> bool:
        """Whether any segment of a JSON Pointer is a secret's name."""
        return any(map(self.match, path.split("/")[1:]))

    # ---- texts ----------------------------------------------------------------------------------------------------

    def scrub(self, text: str, stand_in: Callable[[str], str] = lambda _: WITHHELD) -> str:
        """A text without what it gives away: `password=…`, `"token": "…"`, `user:…@host`, known forms of credentials.

        Args:
            text: Any text: a word of a command line, a repr, the message of an exception.
            stand_in: What to put in place of a secret.

        Example:
            >>> SecretNames().scrub("GET https://u:p@h/?api_key=k1&n=2 password='a b' n=1")
            'GET https://u:<withheld>@h/?api_key=<withheld>&n=2 password=<withheld> n=1'
        """
        text = _USER_INFO.sub(
            lambda found: stand_in(found[0]) if found["user"] is None else f"{found['user']}:{stand_in(found[0])}", text
        )
        text = _CREDENTIAL.sub(lambda found: stand_in(found[0]), text)
        kept, end = [], 0
        for found in _NAME.finditer(text):
            if found.start() < end or not self.match(found["name"]):
                continue
            value = _VALUE.match(text, found.end())
            if value is not None and value[0] != WITHHELD:
                kept += [text[end : found.end()], stand_in(value[0])]
                end = value.end()
        return "".join([*kept, text[end:]])

    def scrub_argv(self, argv: Sequence[str]) -> list[str]:
        """A command line without what it gives away; the word behind an option with a secret's name goes too.

        Example:
            >>> SecretNames().scrub_argv(["app", "--token", "t1", "--password=p1", "-v", "run"])
            ['app', '--token', '<withheld>', '--password=<withheld>', '-v', 'run']
        """
        shown = []
        secret_next = False
        for word in argv:
            option = _OPTION.match(word)
            shown.append(WITHHELD if secret_next and option is None else self.scrub(word))
            secret_next = option is not None and self.match(option[1])
        return shown


def _flat(name: str) -> str:
    return "".join(_WORDS.findall(name)).lower()
