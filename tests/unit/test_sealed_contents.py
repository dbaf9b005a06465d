"""What an encrypted body is bound to, and what becomes of one that was moved, altered or written with another key."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.engines.sealed import KeyMissing, Keyring
from cutty_agent.engines.sealed.contents import Contents
from cutty_agent.engines.sealed.envelope import off_one_line, on_one_line, parse
from cutty_agent.errors import ConfigError, StoreCorrupt
from cutty_agent.ids import Address
from cutty_agent.ports.store import (
    AppendChunks,
    DeleteMessages,
    Op,
    PutMessage,
    PutState,
    PutTurn,
    PutValue,
    StoredMessage,
    StoredTurn,
)

ADA = Address("chat", "ada")
BOB = Address("chat", "bob")
OLD = base64.b64encode(b"o" * 32).decode()
NEW = base64.b64encode(b"n" * 32).decode()
RING = Keyring.parse(f"new:{NEW} old:{OLD}")


def sealed(op: Op, ring: Keyring = RING, address: Address = ADA) -> Op:
    (result,) = Contents(ring, address).seal([op])
    return result


def message(id: str = "m", body: bytes = b'{"id":"m"}', ring: Keyring = RING) -> StoredMessage:
    op = sealed(PutMessage(id, body), ring)
    assert isinstance(op, PutMessage)
    return StoredMessage(op.id, op.body)


def chunks(*bodies: bytes, first: int = 0, turn: str = "t", ring: Keyring = RING) -> list[bytes]:
    op = sealed(AppendChunks(turn, first, bodies), ring)
    assert isinstance(op, AppendChunks)
    assert (op.turn, op.first, len(op.bodies)) == (turn, first, len(bodies))
    return list(op.bodies)


def test_every_body_comes_back_and_none_is_plain() -> None:
    contents = Contents(RING, ADA)
    ops: list[Op] = [
        PutMessage("m", b'{"canary":1}'),
        PutTurn("t", b"\x00 canary \n", open=True),
        PutState(b'"canary"'),
        PutValue("k", b'"canary"'),
        AppendChunks("t", 7, (b'"canary"', b"2")),
    ]
    done = contents.seal(ops)
    assert b"canary" not in repr(done).encode()
    put, turn, state, value, append = done
    assert isinstance(put, PutMessage)
    assert isinstance(turn, PutTurn)
    assert isinstance(state, PutState)
    assert isinstance(value, PutValue)
    assert isinstance(append, AppendChunks)
    assert value.body is not None
    assert turn.open
    assert contents.messages([StoredMessage("m", put.body)]) == [StoredMessage("m", b'{"canary":1}')]
    assert contents.turns([StoredTurn("t", turn.record, True)]) == [StoredTurn("t", b"\x00 canary \n", True)]
    assert contents.state(state.body) == b'"canary"'
    assert contents.values({"k": value.body}) == {"k": b'"canary"'}
    assert contents.chunks("t", append.bodies) == [b'"canary"', b"2"]


def test_what_has_no_body_passes_as_it_is() -> None:
    for op in (PutState(None), PutValue("k", None), DeleteMessages(("m",))):
        assert sealed(op) is op


def test_a_body_twice_does_not_look_the_same() -> None:
    assert message().body != message().body
    assert len(set(chunks(*[b"1"] * 50))) == 50


@given(st.binary())
def test_an_envelope_survives_its_line(data: bytes) -> None:
    line = on_one_line(data)
    assert b"\n" not in line
    assert off_one_line(line) == data


def test_chunks_hold_no_newline() -> None:
    assert not any(b"\n" in body for body in chunks(*[b'"%d"' % n for n in range(2000)]))


@pytest.mark.parametrize(
    ("address", "id"),
    [(BOB, "m"), (ADA, "other"), (Address("other", "ada"), "m"), (Address("cha", "tada"), "m")],
)
def test_a_message_opens_nowhere_else(address: Address, id: str) -> None:
    with pytest.raises(StoreCorrupt, match=f"message {id} of session {address} .*'new'"):
        Contents(RING, address).messages([StoredMessage(id, message().body)])


def test_a_body_opens_as_nothing_else() -> None:
    contents = Contents(RING, ADA)
    body = message().body
    for opened in (
        lambda: contents.turns([StoredTurn("m", body, False)]),
        lambda: contents.values({"m": body}),
        lambda: contents.state(body),
        lambda: contents.chunks("m", [on_one_line(body)]),
    ):
        with pytest.raises(StoreCorrupt):
            opened()


def test_every_altered_byte_is_noticed() -> None:
    contents = Contents(RING, ADA)
    body = message().body
    for at in range(len(body)):
        altered = body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :]
        with pytest.raises((StoreCorrupt, KeyMissing)):
            contents.messages([StoredMessage("m", altered)])
    for end in range(1, len(body)):
        with pytest.raises((StoreCorrupt, KeyMissing)):
            contents.messages([StoredMessage("m", body[:end])])


def test_chunks_cannot_be_exchanged_doubled_or_taken_out() -> None:
    contents = Contents(RING, ADA)
    a, b, c = chunks(b"1", b"2", b"3")
    for wrong in ([b, a, c], [a, a, b, c], [a, c]):
        with pytest.raises(StoreCorrupt, match=r"chunks of turn t of session chat/ada .* chunk"):
            contents.chunks("t", wrong)
    with pytest.raises(StoreCorrupt):
        contents.chunks("u", [a])


def test_chunks_from_before_encryption_are_followed_by_sealed_ones() -> None:
    assert Contents(RING, ADA).chunks("t", [b"1", b"2", *chunks(b"3", b"4", first=2)]) == [
        b"1",
        b"2",
        b"3",
        b"4",
    ]


@pytest.mark.parametrize("plain", [b"{}", b"[]", b'"a"', b"1", b"-1", b"null", b"true", b" 1", b""])
def test_plain_rows_are_still_read(plain: bytes) -> None:
    assert Contents(RING, ADA).messages([StoredMessage("m", plain)]) == [StoredMessage("m", plain)]
    assert Contents(RING, ADA).state(plain) == plain


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    old = Keyring.parse(f"old:{OLD}")
    row = message(ring=old)
    assert Contents(RING, ADA).messages([row]) == Contents(old, ADA).messages([row])
    assert not Contents(RING, ADA).is_current(row.body)
    assert Contents(RING, ADA).is_current(message().body)
    assert Contents(RING, ADA).is_current(chunks(b"1")[0])
    envelope = parse(message().body)
    assert envelope is not None
    assert envelope.key == "new"


def test_a_missing_key_is_named() -> None:
    old = Keyring.parse(f"old:{OLD}")
    with pytest.raises(KeyMissing, match=r"'new'.*it has old.*CUTTY_ENCRYPTION__KEYS") as caught:
        Contents(old, ADA).messages([message()])
    assert not caught.value.retry
    with pytest.raises(KeyMissing, match=r"'new'.*it has none"):
        Contents(Keyring(), ADA).messages([message()])


def test_another_key_of_the_same_name_is_named_too() -> None:
    with pytest.raises(StoreCorrupt, match="'new' does not open it"):
        Contents(Keyring.parse(f"new:{OLD}"), ADA).messages([message()])


def test_without_keys_nothing_changes() -> None:
    contents = Contents(Keyring.parse(None), ADA)
    ops: list[Op] = [PutMessage("m", b"1"), AppendChunks("t", 0, (b"1",))]
    assert contents.seal(ops) == ops
    assert contents.is_current(b"1")
    assert not contents.is_current(message().body)


@pytest.mark.parametrize("length", [1, 10, 13, 64])
def test_names_of_every_length_are_recognised(length: int) -> None:
    ring = Keyring.parse(f"{'k' * length}:{NEW}")
    contents = Contents(ring, ADA)
    for body in chunks(b"1", b"2", ring=ring):
        assert contents.is_current(body)
    assert contents.messages([message(ring=ring)])[0].body == b'{"id":"m"}'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (NEW, "Entry 1 has no colon"),
        (f"a:{NEW} {OLD}", "Entry 2 has no colon"),
        (f":{NEW}", "name of entry 1"),
        (f"ä:{NEW}", "name of entry 1"),
        (f"{'k' * 65}:{NEW}", "name of entry 1"),
        (f"a:{NEW} a:{OLD}", "a occurs twice"),
        ("a:!!!!", "a is not base64"),
        (f"a:{base64.b64encode(b'x' * 31).decode()}", "a has 31 bytes instead of 32"),
        ("a:", "a has 0 bytes"),
    ],
)
def test_a_wrong_setting_says_what_is_wrong_and_shows_no_key(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        Keyring.parse(text)
    for secret in re.findall(r"[A-Za-z0-9+/=!]{20,}", text):
        assert secret not in str(caught.value)


def test_keys_are_parsed_with_either_alphabet_and_any_blanks() -> None:
    raw = b"\xfb\xff" * 16
    standard = base64.b64encode(raw).decode()
    url = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    first, second = Keyring.parse(f"  a:{standard}\n\ta2:{NEW} "), Keyring.parse(f"a:{url}")
    assert first.names == ("a", "a2")
    assert Contents(second, ADA).messages([message(ring=first)])[0].body == b'{"id":"m"}'
    assert NEW not in repr(first)
    assert Keyring.parse(" ").first is None
