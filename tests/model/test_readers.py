"""What each reader of config values takes, to the last value that will do, and what it refuses, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deadman.model.readers import (
    Reader,
    Wrong,
    address,
    boolean,
    choice,
    hook,
    integer,
    listen,
    one_or_several,
    path,
    pattern,
    seconds,
    several,
    subset,
    table,
    text,
    texts,
)
from deadman.model.secret import SecretSource, key_of, secret

WHOLE = integer(10, 3600, "seconds")
SPAN = seconds(0.5, 60)
NAME = text(8)
KIND = choice("future", "option")
SIDES = subset("rest", "fix")
WORDS = several(NAME)
CURRENCY = pattern(r"[A-Z]+", "a currency")
WSS = address("wss", "ws")
LOCAL = '; for instance "127.0.0.1:9847" or "[::1]:9847"; "" turns it off'
SOURCES = '; write { credential = "NAME" }, { file = "PATH" } or { env = "NAME" }'

TAKEN: list[tuple[Reader[Any], object, object]] = [
    (boolean, True, True),
    (boolean, False, False),
    (WHOLE, 10, 10),
    (WHOLE, 3600, 3600),
    (SPAN, 1, 1.0),
    (SPAN, 0.5, 0.5),
    (SPAN, 60.0, 60.0),
    (SPAN, 60, 60.0),
    (NAME, "12345678", "12345678"),
    (text(8, trimmed=False), " a ", " a "),
    (KIND, "option", "option"),
    (SIDES, ["fix", "rest", "fix"], ("fix", "rest")),
    (CURRENCY, "BTC", "BTC"),
    (texts, [], ()),
    (texts, ["b", "a", "b", "x" * 256], ("b", "a", "x" * 256)),
    (one_or_several, "a", ("a",)),
    (one_or_several, ["a", "b"], ("a", "b")),
    (table, {"a": 1}, {"a": 1}),
    (WORDS, ["b", "a", "b"], ("b", "a")),
    (WSS, "wss://example.com/ws", "wss://example.com/ws"),
    (WSS, "wss://example.com:1", "wss://example.com:1"),
    (WSS, "ws://localhost:65535", "ws://localhost:65535"),
    (WSS, "ws://[::1]:80", "ws://[::1]:80"),
    (WSS, "ws://127.9.9.9", "ws://127.9.9.9"),
    (hook, "https://example.com/a?b#c", "https://example.com/a?b#c"),
    (hook, "http://127.0.0.1/a", "http://127.0.0.1/a"),
    (listen, "", None),
    (listen, "127.0.0.1:0", ("127.0.0.1", 0)),
    (listen, "[::1]:65535", ("::1", 65535)),
    (listen, "my_host-1.x:80", ("my_host-1.x", 80)),
    (path, "a/b", Path("a/b")),
    (secret, {"env": "_K9"}, SecretSource("env", "_K9")),
    (secret, {"env": "k" * 256}, SecretSource("env", "k" * 256)),
    (secret, {"credential": "..a"}, SecretSource("credential", "..a")),
    (secret, {"credential": "c" * 255}, SecretSource("credential", "c" * 255)),
    (secret, {"file": "/etc/key"}, SecretSource("file", "/etc/key")),
    (secret, {"credential": "~a"}, SecretSource("credential", "~a")),
    (secret, {"file": "f" * 4096}, SecretSource("file", "f" * 4096)),
]


@pytest.mark.parametrize(("reader", "given", "made"), TAKEN)
def test_a_value_within_the_bounds_is_taken_as_it_is(reader: Reader[Any], given: object, made: object) -> None:
    assert reader.read(given) == made
    assert type(reader.read(given)) is type(made)


REFUSED: list[tuple[Reader[Any], object, str]] = [
    (boolean, 1, "must be true or false, not a whole number"),
    (WHOLE, 9, "must be 10 to 3600 seconds, not 9"),
    (WHOLE, 3601, "must be 10 to 3600 seconds, not 3601"),
    (WHOLE, True, "must be a whole number of seconds, not true"),
    (SPAN, 0, "must be 0.5 to 60 seconds, not 0"),
    (SPAN, 60.5, "must be 0.5 to 60 seconds, not 60.5"),
    (SPAN, 499, "must be 0.5 to 60 seconds, not 499"),
    (SPAN, 500, "must be 0.5 to 60 seconds, not 500; if milliseconds were meant: 0.5"),
    (SPAN, 60_000, "must be 0.5 to 60 seconds, not 60000; if milliseconds were meant: 60"),
    (SPAN, 60_001, "must be 0.5 to 60 seconds, not 60001"),
    (integer(1, 5, "times"), 3000, "must be 1 to 5 times, not 3000"),
    (seconds(0.0, 60.0), -1, "must be 0 to 60 seconds, not -1"),
    (SPAN, True, "must be a number of seconds, not true"),
    (SPAN, math.inf, "must be a number of seconds, not inf"),
    (SPAN, "1", "must be a number of seconds, not a string; write it without quotes"),
    (NAME, " a", "begins or ends with blanks; leave them out"),
    (NAME, 1, "must be a string, not a whole number"),
    (NAME, " ", "must be plain text and not empty"),
    (NAME, "a\x1b[2J", "must be plain text and not empty"),
    (NAME, "123456789", "is 9 characters long, 8 at most are possible"),
    (KIND, 1, "must be one of future, option, not a whole number"),
    (KIND, "futur", 'must be one of future, option, not "futur"; did you mean "future"?'),
    (SIDES, "rest", "must be a list of at least one of rest, fix, not a string"),
    (SIDES, [], "must be a list of at least one of rest, fix, not an empty list"),
    (SIDES, ["rest", 1], "must be one of rest, fix, not a whole number"),
    (CURRENCY, "btc", 'must be a currency, not "btc"'),
    (CURRENCY, "BTC9", 'must be a currency, not "BTC9"'),
    (CURRENCY, 1, "must be a currency, not a whole number"),
    (texts, "a", 'must be a list of strings such as ["alice"], not a string'),
    (texts, ["x" * 257], "is 257 characters long, 256 at most are possible"),
    (one_or_several, 1, "must be a string, not a whole number"),
    (table, [], "must be a table, not an empty list"),
    (WORDS, [], "must be a list of at least one text of at most 8 characters, not an empty list"),
    (WORDS, "a", "must be a list of at least one text of at most 8 characters, not a string"),
    (WORDS, ["a", 1], "must be a string, not a whole number"),
    (path, "~/a", "begins with ~, which only a shell expands; write the whole path, or one from this file"),
    (path, "a\x1b", "must be plain text"),
    (WSS, 1, "must be a wss:// URL; without blanks"),
    (WSS, "wss://a b", "must be a wss:// URL; without blanks"),
    (WSS, "wss://a\x7f", "must be a wss:// URL; without blanks"),
    (WSS, "wss://a:65536", "must be a wss:// URL; its host or port cannot be read"),
    (WSS, "wss://a:0", "must be a wss:// URL with a host"),
    (WSS, "wss://:80", "must be a wss:// URL with a host"),
    (WSS, "wss://u@a", "must hold no user name and no password"),
    (WSS, "wss://a?b=c", "must have no ? and no #"),
    (WSS, "wss://a#b", "must have no ? and no #"),
    (WSS, "https://a", "must be a wss:// URL"),
    (WSS, "ws://a", "ws:// is only for a loopback address: it would send keys in the clear; use wss://"),
    (WSS, "ws://128.0.0.1", "ws:// is only for a loopback address: it would send keys in the clear; use wss://"),
    (hook, "http://a", "http:// is only for a loopback address: it would send keys in the clear; use https://"),
    (hook, "https://", "must be a https:// URL with a host"),
    (listen, 80, 'must be a string such as "127.0.0.1:9847", not a whole number'),
    (listen, "localhost", f'must be host:port, not "localhost"{LOCAL}'),
    (listen, ":80", f'must be host:port, not ":80"{LOCAL}'),
    (listen, "a:", f'must be host:port, not "a:"{LOCAL}'),
    (listen, "a:65536", f'must be host:port, not "a:65536"{LOCAL}'),
    (listen, "a:000080", f'must be host:port, not "a:000080"{LOCAL}'),
    (listen, "[a:80", f'must be host:port, not "[a:80"{LOCAL}'),
    (listen, "a]:80", f'must be host:port, not "a]:80"{LOCAL}'),
    (path, 1, "must be a path, not a whole number"),
    (path, "", "is no path a file can have"),
    (path, "a\0b", "is no path a file can have"),
    (secret, "k", f"a secret is never written into the config itself{SOURCES}"),
    (secret, 1, f"must say where the secret lives, not be a whole number{SOURCES}"),
    (secret, {"evn": "K"}, 'unknown key; did you mean "env"? (evn)'),
    (secret, {"zebra": "K"}, f"unknown key{SOURCES} (zebra)"),
    (secret, {}, f"must have exactly one of credential, file, env{SOURCES}"),
    (secret, {"env": "K", "file": "k"}, f"must have exactly one of credential, file, env{SOURCES}"),
    (secret, {"env": 1}, "is not the name of an environment variable (env)"),
    (secret, {"env": "9K"}, "is not the name of an environment variable (env)"),
    (secret, {"env": "k" * 257}, "is not the name of an environment variable (env)"),
    (secret, {"credential": ".."}, "is not the name of a credential (credential)"),
    (secret, {"credential": "a/b"}, "is not the name of a credential (credential)"),
    (secret, {"credential": "c" * 256}, "is not the name of a credential (credential)"),
    (secret, {"file": ""}, "is not the name of a file (file)"),
    (secret, {"file": "~/k"}, "begins with ~, which only a shell expands; write the whole path, or one from this file"),
    (
        secret,
        {"file": "$HOME/k"},
        "begins with $, which only a shell expands; write the whole path, or one from this file",
    ),
    (secret, {"file": "f" * 4097}, "is not the name of a file (file)"),
]


@pytest.mark.parametrize(("reader", "given", "words"), REFUSED)
def test_a_value_that_will_not_do_is_refused_with_what_would(reader: Reader[Any], given: object, words: str) -> None:
    def parts(wrong: Wrong) -> Iterator[str]:
        yield f"{wrong.message}; {wrong.hint}" if wrong.hint else wrong.message
        yield from (f"({name})" for name in wrong.below)

    with pytest.raises(Wrong) as refused:
        reader.read(given)
    assert " ".join(parts(refused.value)) == words
    assert str(refused.value) == refused.value.message, "as a traceback has it"


def test_only_the_one_secret_that_the_venue_knows_an_account_by_says_so() -> None:
    assert key_of(is_account=True).read({"env": "K"}).is_account
    assert not secret.read({"env": "K"}).is_account


def test_the_forms_and_bounds_are_told_as_they_are() -> None:
    assert (WHOLE.form, WHOLE.bounds) == ("a whole number of seconds, 10 to 3600", "a whole number, 10 to 3600")
    assert (SPAN.form, SPAN.bounds) == ("seconds, 0.5 to 60", "0.5 to 60")
    assert (KIND.form, KIND.bounds, KIND.hint) == ('"future" or "option"', "future | option", '"future" or "option"')
    assert choice("a", "b", "c").form == '"a", "b" or "c"'
    assert choice("a").form == '"a"'
    assert (SIDES.form, SIDES.bounds) == ('a list of "rest" or "fix"', "rest, fix")
    assert (NAME.form, CURRENCY.form) == ("text of at most 8 characters", "a currency")
    assert WORDS.form == "a list of text of at most 8 characters"
    assert WSS.form == "wss:// URL; ws:// only to this host itself"


def test_what_is_read_is_written_back_and_what_is_secret_is_masked() -> None:
    assert listen.write(("::1", 80)) == "[::1]:80"
    assert listen.write(None) == ""
    assert path.write(Path("a/b")) == "a/b"
    assert texts.write(("a", "b")) == ["a", "b"]
    assert hook.write("https://example.com/token") == "https://example.com/***"
    assert hook.write(None) is None
    assert secret.write(SecretSource("env", "K")) == "***"
    assert secret.write(None) is None
