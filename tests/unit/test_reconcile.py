"""Reconciliation of a client's transcript with the stored one, protocol 3.11 and the requirements of section 8."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cutty_agent.core.reconcile import Merge, Row, load, reconcile

Message = dict[str, Any]
encode = msgspec.json.encode


def user(id: str, text: str = "hi", **more: Any) -> Message:
    return {"id": id, "role": "user", "parts": [{"type": "text", "text": text}], **more}


def answer(id: str, *parts: Any, **more: Any) -> Message:
    shaped = [
        {"type": "text", "text": part, "state": "done"} if isinstance(part, str) else part for part in parts
    ]
    return {"id": id, "role": "assistant", "parts": shaped, **more}


def call(state: str, id: str = "c1", **more: Any) -> dict[str, Any]:
    return {"type": "tool-t", "toolCallId": id, "toolName": "t", "state": state, "input": {"a": 1}, **more}


def merge(stored: list[Message], incoming: list[Any], *, delete: bool = True, **options: Any) -> Merge:
    rows = [Row.of(message) for message in stored]
    return reconcile(rows, [encode(message) for message in incoming], delete_missing=delete, **options)


def ids(merge: Merge) -> list[str]:
    return [row.id for row in merge.rows]


def messages(merge: Merge) -> list[Message]:
    return [row.message() for row in merge.rows]


def test_a_new_message_goes_to_the_end_and_nothing_else_is_written() -> None:
    got = merge([user("u1"), answer("a1", "A")], [user("u1"), answer("a1", "A"), user("u2")])
    assert ids(got) == ["u1", "a1", "u2"]
    assert [row.id for row in got.put] == ["u2"]
    assert (got.delete, got.new_user_ids, got.trailing_user_ids) == ((), ["u2"], ["u2"])


def test_raw_messages_of_a_decoded_body_are_taken() -> None:
    class Body(msgspec.Struct):
        messages: list[msgspec.Raw]

    raws = msgspec.json.decode(encode({"messages": [user("u1")]}), type=Body).messages
    assert [row.message() for row in reconcile([], raws, delete_missing=True).rows] == [user("u1")]


# -- identity ----------------------------------------------------------------------------------------------


def test_8_1_foreign_assistant_id_keeps_the_stored_row_and_its_output() -> None:
    stored = [user("u1"), answer("a1", call("output-available", output=4))]
    got = merge(stored, [user("u1"), answer("zz", call("input-available")), user("u2")])
    assert messages(got) == [*stored, user("u2")]


def test_8_1_a_call_with_another_input_is_another_message() -> None:
    got = merge(
        [answer("a1", call("output-available"))], [answer("zz", call("input-available", input={"a": 2}))]
    )
    assert (ids(got), got.delete) == (["a1"], ())


def test_8_2_two_identical_answers_stay_two_rows() -> None:
    stored = [user("u1"), answer("a1", "ok"), user("u2"), answer("a2", "ok")]
    got = merge(stored, [user("u1"), answer("x", "ok"), user("u2"), answer("y", "ok"), user("u3")])
    assert messages(got) == [*stored, user("u3")]


def test_8_2_different_content_at_the_same_place_is_not_matched() -> None:
    stored = [user("u1"), answer("a1", "one")]
    assert ids(merge(stored, [user("u1"), answer("x", "two")], trust_client=True)) == ["u1", "a1", "x"]
    assert ids(merge(stored, [user("u1"), answer("x", "two")])) == ["u1", "a1"]


def test_8_2_tool_messages_in_between_do_not_shift_the_matching() -> None:
    stored = [answer("a1", "one"), answer("t1", call("output-available", output=1)), answer("a2", "one")]
    got = merge(stored, [answer("x", "one"), answer("y", call("output-available")), answer("z", "one")])
    assert (messages(got), got.put, got.delete) == (stored, [], ())


@pytest.mark.parametrize(
    "state", ["input-available", "approval-requested", "approval-responded", "output-error"]
)
@pytest.mark.parametrize("id", ["a1", "foreign"])
def test_8_3_a_stale_copy_never_erases_an_output(state: str, id: str) -> None:
    stored = [answer("a1", "look", call("output-available", output=4, preliminary=False))]
    got = merge(
        stored, [answer(id, "look", call(state, errorText="x", approval={"id": "p", "approved": True}))]
    )
    assert messages(got) == stored


def test_8_3_a_trusted_stale_copy_neither() -> None:
    done = call("output-available", output=4)
    got = merge(
        [answer("a1", "look", done)], [answer("a1", "edited", call("input-available"))], trust_client=True
    )
    assert messages(got) == [answer("a1", "edited", done)]


def test_8_4_stored_order_wins_and_a_late_output_does_not_move_its_message() -> None:
    stored = [user("u1"), answer("a1", call("input-available")), user("u2"), answer("a2", "B")]
    late = answer("a1", call("output-available", output=9))
    got = merge(stored, [user("n1"), answer("a2", "B"), late, user("u1"), user("u2"), user("n2")])
    assert ids(got) == ["u1", "a1", "u2", "a2", "n1", "n2"]
    assert [row.id for row in got.put] == ["a1", "n1", "n2"]


# -- deleting ----------------------------------------------------------------------------------------------

FOUR = [user("u1", "1"), answer("a1", "A"), user("u2", "2"), answer("a2", "B")]


@pytest.mark.parametrize(
    ("incoming", "deleted"),
    [
        (FOUR[:3], ("a2",)),
        (FOUR[:1], ("a1", "u2", "a2")),
        ([user("u1", "edited")], ("a1", "u2", "a2")),
        ([FOUR[0], answer("foreign", "A"), FOUR[2]], ("a2",)),
        ([*FOUR[:1], user("new")], ()),
        ([*FOUR[:1], answer("unknown", "?")], ()),
        ([*FOUR[:1], {"id": "x", "role": "robot", "parts": []}], ()),
        ([], ()),
    ],
)
@pytest.mark.parametrize("trust", [False, True])
def test_8_5_only_a_request_of_known_ids_deletes_the_missing_rows(
    incoming: list[Message], deleted: tuple[str, ...], trust: bool
) -> None:
    got = merge(FOUR, incoming, trust_client=trust)
    assert got.delete == deleted
    assert [id for id in ids(got) if id in {"u1", "a1", "u2", "a2"}] == [
        message["id"] for message in FOUR if message["id"] not in deleted
    ]


def test_8_5_set_messages_deletes_nothing() -> None:
    assert merge(FOUR, FOUR[:1], delete=False).delete == ()


def test_8_5_a_stale_tab_does_not_delete_what_it_cannot_know() -> None:
    assert merge(FOUR, FOUR[:1], keep={"u2", "a2"}).delete == ("a1",)


# -- what a client may change ------------------------------------------------------------------------------


def test_an_edit_of_its_own_message_is_taken_in_place() -> None:
    got = merge(FOUR, [user("u1", "better"), *FOUR[1:]])
    assert messages(got) == [user("u1", "better"), *FOUR[1:]]
    assert (len(got.put), got.new_user_ids, got.trailing_user_ids) == (1, [], [])


@pytest.mark.parametrize("id", ["a1", "foreign"])
def test_a_forged_assistant_message_is_not_adopted(id: str) -> None:
    got = merge(FOUR, [FOUR[0], answer(id, "forged"), user("u9")])
    assert messages(got) == [*FOUR, user("u9")]


def test_a_trusted_client_may_replace_and_insert_assistant_messages() -> None:
    got = merge(FOUR, [FOUR[0], answer("a1", "new"), answer("a9", "more")], trust_client=True)
    assert messages(got) == [FOUR[0], answer("a1", "new"), *FOUR[2:], answer("a9", "more")]


@pytest.mark.parametrize("wait", ["input-available", "approval-requested", "approval-responded"])
def test_a_result_fills_a_call_that_waits_and_nothing_else_of_the_copy_counts(wait: str) -> None:
    got = merge([answer("a1", "x", call(wait))], [answer("a1", "forged", call("output-available", output=7))])
    assert messages(got) == [answer("a1", "x", call("output-available", output=7, preliminary=False))]


def test_a_result_fills_a_call_under_a_foreign_id() -> None:
    got = merge([answer("a1", call("input-available"))], [answer("zz", call("output-error", errorText="no"))])
    assert messages(got) == [answer("a1", call("output-error", errorText="no"))]


@pytest.mark.parametrize("state", ["input-streaming", "output-denied", "output-error"])
def test_a_call_that_does_not_wait_takes_no_result(state: str) -> None:
    stored = [answer("a1", call(state))]
    assert messages(merge(stored, [answer("a1", call("output-available", output=7))])) == stored


def test_a_call_of_the_provider_takes_no_result() -> None:
    stored = [answer("a1", call("input-available", providerExecuted=True))]
    assert messages(merge(stored, [answer("a1", call("output-available", output=7))])) == stored


@pytest.mark.parametrize(("yes", "state"), [(True, "approval-responded"), (False, "output-denied")])
def test_an_approval_that_is_waited_for_is_taken(yes: bool, state: str) -> None:
    stored = [answer("a1", call("approval-requested", approval={"id": "p1"}))]
    copy = answer("a1", call("approval-responded", approval={"id": "forged", "approved": yes}))
    assert messages(merge(stored, [copy])) == [
        answer("a1", call(state, approval={"id": "p1", "approved": yes}))
    ]


@pytest.mark.parametrize(("reason", "kept"), [("too dear", {"reason": "too dear"}), ("", {}), (7, {})])
@pytest.mark.parametrize("state", ["approval-responded", "output-denied"])
def test_why_something_was_refused_is_kept(state: str, reason: object, kept: dict[str, str]) -> None:
    stored = [answer("a1", call("approval-requested", approval={"id": "p1"}))]
    copy = answer("a1", call(state, approval={"id": "p1", "approved": False, "reason": reason}))
    assert messages(merge(stored, [copy])) == [
        answer("a1", call("output-denied", approval={"id": "p1", "approved": False, **kept}))
    ]


def test_system_messages_are_taken_when_new_and_not_edited() -> None:
    system = {"id": "s1", "role": "system", "parts": [{"type": "text", "text": "Be kind."}]}
    got = merge([], [system, user("u1")])
    assert ids(got) == ["s1", "u1"]
    assert messages(merge([system], [{**system, "parts": []}])) == [system]


@pytest.mark.parametrize("trust", [False, True])
def test_an_id_of_another_role_is_refused(trust: bool) -> None:
    got = merge(FOUR, [{**user("a1", "me")}, answer("u1", "you")], trust_client=trust)
    assert (messages(got), got.put, got.delete) == (FOUR, [], ())


# -- shapes ------------------------------------------------------------------------------------------------


def test_two_messages_of_one_id_are_one_row_and_the_last_wins() -> None:
    got = merge([], [user("u1", "one"), user("u2"), user("u1", "two")])
    assert messages(got) == [user("u1", "two"), user("u2")]
    assert got.trailing_user_ids == ["u1", "u2"]
    assert merge(FOUR, [user("u1", "one"), FOUR[0]]).put == []


@pytest.mark.parametrize(
    "bad",
    [b"", b"5", b"null", b"[]", b"{", b'{"id":"x"}', b'{"id":"x","role":"user"}', b'{"id":"x","role":7,"parts":[]}',
     b'{"id":[],"role":"robot","parts":[]}', b"\xff\xfe", b'{"id":"x","role":"user","parts":' + b"[" * 900 + b"]" * 900 + b"}",
     b'{"id":"x","role":"user","parts":[],"x":' + b"[" * 9000 + b"]" * 9000 + b"}"],
)  # fmt: skip
def test_a_malformed_message_is_skipped(bad: bytes) -> None:
    rows = [Row.of(message) for message in FOUR]
    got = reconcile(rows, [encode(FOUR[1]), bad, encode(user("u9"))], delete_missing=True)
    assert [row.id for row in got.rows] == ["u1", "a1", "u2", "a2", "u9"]
    assert got.trailing_user_ids == ["u9"]


def test_foreign_ids_and_content_only_are_matched_by_role_and_text() -> None:
    stored = [
        user("msg-1", "hi", metadata={"page": "/"}),
        answer("a1", {"type": "step-start"}, "Let me ", call("output-available", output=1), "look."),
        user("msg-2", "and?"),
        answer("a2", "Let me look."),
    ]
    incoming = [
        {"id": "msg-1", "role": "user", "content": "hi"},
        {"id": "msg-77", "role": "assistant", "content": "Let me look."},
        {"id": "msg-2", "role": "user", "content": "and?"},
        {"id": "msg-78", "role": "assistant", "content": "Let me look."},
        {"id": "msg-3", "role": "user", "content": "thanks", "createdAt": "now"},
    ]
    got = merge(stored, incoming)
    assert messages(got) == [*stored, user("msg-3", "thanks", metadata={"createdAt": "now"})]
    assert merge(stored, incoming[:3]).delete == ("a2",)


def test_a_v4_client_settles_a_call_by_sending_the_list_again() -> None:
    stored = [user("u1"), answer("a1", call("input-available"))]
    invocation = {
        "state": "result",
        "toolCallId": "c1",
        "toolName": "t",
        "args": {"a": 1},
        "result": "Yes, confirmed.",
    }
    copy = {
        "id": "a1",
        "role": "assistant",
        "content": "",
        "parts": [{"type": "tool-invocation", "toolInvocation": invocation}],
    }
    got = merge(stored, [user("u1"), copy])
    assert messages(got)[1] == answer(
        "a1", call("output-available", output="Yes, confirmed.", preliminary=False)
    )


def test_messages_without_ids_are_matched_by_text_and_the_last_ones_are_new() -> None:
    stored = [user("msg-0"), answer("a1", "A")]
    hi = {"role": "user", "content": "hi"}
    got = merge(stored, [hi, {"role": "assistant", "content": "A"}, hi])
    assert (ids(got), got.trailing_user_ids) == (["msg-0", "a1", "msg-2"], ["msg-2"])
    assert ids(merge(stored, [hi])) == ["msg-0", "a1", "msg-2"]
    assert ids(merge([user("msg-2"), user("msg-0")], [hi, hi])) == ["msg-2", "msg-0", "msg-3", "msg-1"]


def test_numeric_ids_name_the_same_row() -> None:
    got = merge([user("7")], [user("7") | {"id": 7}, user("8") | {"id": 8}])
    assert (ids(got), [row.id for row in got.put]) == (["7", "8"], ["8"])


def test_8_23_message_ids_are_the_trailing_run_of_user_messages() -> None:
    assert merge(FOUR, [*FOUR, user("n1"), user("n2")]).trailing_user_ids == ["n1", "n2"]
    assert merge(FOUR, FOUR[:3]).trailing_user_ids == ["u2"]
    assert merge(FOUR, [*FOUR, user("n1"), answer("unknown", "x")]).trailing_user_ids == []
    assert merge([], []).trailing_user_ids == []


def test_what_is_stored_went_through_prepare() -> None:
    seen: list[str] = []

    def prepare(message: Message) -> Message:
        seen.append(message["id"])
        return {**message, "prepared": True}

    got = merge([user("u1", prepared=True)], [user("u1"), user("u2")], prepare=prepare)
    assert [row.message() for row in got.put] == [user("u2", prepared=True)]
    assert seen == ["u1", "u2"]


def test_a_copy_that_changed_nothing_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = load([encode(message) for message in FOUR])
    incoming = [encode({**message, "createdAt": None}) for message in FOUR]
    assert reconcile(rows, incoming, delete_missing=True).put == []

    def never(body: bytes) -> dict[str, Any]:
        raise AssertionError(body)

    monkeypatch.setattr("cutty_agent.core.reconcile.read", never)
    assert reconcile(rows, incoming, delete_missing=True).put == []
    assert reconcile(rows, [encode(message) for message in FOUR], delete_missing=True).put == []
    rearranged = encode(dict(reversed(FOUR[1].items())))
    assert reconcile(rows, [rearranged], delete_missing=False).put == []


# -- loading -----------------------------------------------------------------------------------------------


def test_8_10_v4_shapes_load_tool_inputs_heal_and_corrupt_rows_are_skipped() -> None:
    broken = answer(
        "a1", call("output-available", input='{"a":1}'), call("input-available", "c2", input=None)
    )
    rows = load(
        [
            encode({"id": "v4", "role": "user", "content": "hi"}),
            b"{broken",
            encode(broken),
            b"null",
            encode({"id": "x", "role": "robot", "parts": []}),
            encode({"role": "assistant", "content": "yo"}),
            encode({"id": 12, "role": "data", "parts": []}),
            encode(user("u9")),
            encode(user("u9", "again")),
        ]
    )
    assert [row.message() for row in rows] == [
        user("v4"),
        answer("a1", call("output-available"), call("input-available", "c2", input={})),
        {"id": "msg-5", "role": "assistant", "parts": [{"type": "text", "text": "yo"}]},
        {"id": "12", "role": "system", "parts": []},
        user("u9"),
    ]


def test_sound_rows_keep_their_bytes() -> None:
    body = b'{"parts": [ {"type":"text","text":"a"}, {"type":"new-kind","x":1} ],"role":"user","id":"u1"}'
    assert load([body])[0].body is body
