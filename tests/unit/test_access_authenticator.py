"""Who is let in under which rule, by what is shown."""

from __future__ import annotations

from typing import Any

import pytest

from cutty_agent.access import Anyone, Authenticator, Credentials, Identity
from cutty_agent.access.custom import Who
from cutty_agent.config import Access, Jwt
from cutty_agent.errors import ConfigError, NotFound, Unauthorized
from cutty_agent.ids import Address
from cutty_agent.wire.principal import NOBODY, Principal, link_of
from unit.access_lab import (
    ADDRESS,
    NOW_S,
    OTHER_SECRET,
    RSA,
    SECRET,
    SIGNING,
    ManualClock,
    at_once,
    bearer,
    in_time,
    jwk,
    open_issuer,
    shown,
    signed,
)

PAGE = "https://app.example"
TOKENS = Jwt(secret=SECRET, leeway_s=0, cookie="app")
GOOD = signed()
FALSE = signed(OTHER_SECRET)
LINK = link_of("s3cret")


def by_key(request: Credentials) -> str | None:
    """An application that knows its users by a header."""
    return request.headers.get("x-user")


def rule(
    *,
    visitors: bool = False,
    jwt: bool = False,
    who: Who | None = None,
    clock: ManualClock | None = None,
    **access: Any,
) -> Authenticator:
    settings = Access(visitors=visitors, jwt=TOKENS if jwt else None, **access)
    return Authenticator(settings, clock or ManualClock(), secrets=(SIGNING,), who=who)


def visitor(of: Authenticator) -> tuple[str, str]:
    """A new visitor's id and token."""
    met = at_once(of.identify(shown()))
    assert met.cookie is not None
    return met.principal.id, met.cookie.partition(";")[0].partition("=")[2]


PLACES = {
    "Authorization": lambda token: shown(headers={"authorization": f"Bearer {token}"}),
    "subprotocol": lambda token: shown(subprotocols=("cutty", f"cutty.bearer.{token}")),
    "query": lambda token: shown(query={"token": token}),
    "cookie": lambda token: shown(headers={"cookie": f"x=1; app={token}; y"}),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_token_is_good_in_every_place_and_refused_in_every_place(place: Any) -> None:
    for visitors in (False, True):
        here = rule(jwt=True, visitors=visitors)
        found = at_once(here.identify(place(GOOD)))
        assert (found.principal, found.cookie) == (Principal("user:ada"), None)
        for token in (FALSE, signed(exp=NOW_S), "nonsense", GOOD[:-1]):
            with pytest.raises(Unauthorized) as caught:
                here.identify(place(token))
            assert token not in str(caught.value)


@pytest.mark.parametrize("name", ["Authorization", "subprotocol", "query"])
def test_a_visitors_token_is_good_where_there_are_no_cookies(name: str) -> None:
    place = PLACES[name]
    clock = ManualClock()
    here = rule(visitors=True, jwt=True, clock=clock, visitor_s=1_000)
    known, token = visitor(here)
    clock.go_on(900)
    found = at_once(here.identify(place(token)))
    assert (found.principal.id, found.cookie) == (known, None)
    for false in (token[:-1], "v1.", f"{token}x"):
        with pytest.raises(Unauthorized, match="visitor"):
            here.identify(place(false))
    clock.go_on(100)
    with pytest.raises(Unauthorized, match="ended"):
        here.identify(place(token))


def test_a_visitors_token_is_nothing_where_visitors_are_not_known() -> None:
    _, token = visitor(rule(visitors=True))
    with pytest.raises(Unauthorized):
        rule(jwt=True).identify(bearer(token))


def test_a_visitor_comes_with_a_cookie_and_is_known_by_it() -> None:
    clock = ManualClock()
    here = rule(visitors=True, clock=clock, visitor_s=1_000)
    first = at_once(here.identify(shown(secure=True)))
    assert first.cookie is not None
    assert first.cookie.endswith("; Path=/; Max-Age=1000; HttpOnly; SameSite=Lax; Secure")
    cookie = shown(headers={"cookie": f"a=b; {first.cookie.partition(';')[0]}"})
    again = at_once(here.identify(cookie))
    assert (again.principal, again.cookie) == (first.principal, None)
    clock.go_on(501)
    renewed = at_once(here.identify(cookie))
    assert renewed.principal.id == first.principal.id
    assert renewed.principal.expires_ms == first.principal.expires_ms + 501_000
    assert renewed.cookie is not None
    assert renewed.cookie != first.cookie
    clock.go_on(499)
    stranger = at_once(here.identify(cookie))
    assert stranger.principal.id != first.principal.id
    assert stranger.cookie is not None


@pytest.mark.parametrize("value", ["", "x", "v1.x.1.y", "v1." + "A" * 22 + f".{NOW_S}." + "B" * 43])
def test_a_false_cookie_counts_as_none(value: str) -> None:
    here = rule(visitors=True)
    found = at_once(here.identify(shown(headers={"cookie": f"cutty_visitor={value}"})))
    assert found.principal.id.startswith("visitor:")
    assert "A" * 22 not in found.principal.id
    assert found.cookie is not None


def test_a_false_cookie_of_another_path_does_not_hide_the_good_one() -> None:
    here = rule(visitors=True)
    known, token = visitor(here)
    header = f"cutty_visitor=v1.bad; cutty_visitor={token}"
    assert at_once(here.identify(shown(headers={"cookie": header}))).principal.id == known


def test_cookies_across_sites_when_that_is_set() -> None:
    found = at_once(rule(visitors=True, cross_site=True).identify(shown()))
    assert found.cookie is not None
    assert found.cookie.endswith("; SameSite=None; Secure; Partitioned")


def test_who_signs_in_may_still_act_as_the_visitor_of_before() -> None:
    here = rule(visitors=True, jwt=True)
    known, token = visitor(here)
    cookie = {"cookie": f"cutty_visitor={token}"}
    found = at_once(here.identify(shown(headers={**cookie, "authorization": f"Bearer {GOOD}"})))
    assert (found.principal.id, found.principal.also, found.cookie) == ("user:ada", (known,), None)
    false = {"cookie": f"cutty_visitor={token[:-1]}", "authorization": f"Bearer {GOOD}"}
    assert at_once(here.identify(shown(headers=false))).principal.also == ()
    mine = {**cookie, "authorization": f"Bearer {token}"}
    assert at_once(here.identify(shown(headers=mine))).principal.also == ()
    # Without visitors their cookies mean nothing.
    strict = rule(jwt=True)
    headers = {**cookie, "authorization": f"Bearer {GOOD}"}
    assert at_once(strict.identify(shown(headers=headers))).principal.also == ()


RULES = {
    "tokens": rule(jwt=True),
    "a function": rule(who=by_key),
    "both": rule(jwt=True, who=by_key),
}


@pytest.mark.parametrize("here", RULES.values(), ids=RULES)
def test_who_shows_nothing_is_told_what_to_show(here: Authenticator) -> None:
    for nothing in (
        shown(),
        shown(query={"token": "", "ticket": "", "share": ""}),
        shown(subprotocols=("cutty",)),
    ):
        with pytest.raises(Unauthorized) as caught:
            here.identify(nothing)
        assert "?ticket=" in caught.value.remedy


def test_the_remedy_names_the_ways_of_this_server() -> None:
    for here, words in (
        (RULES["tokens"], ["Authorization: Bearer", "?token=", "cutty.bearer.", "cookie app"]),
        (RULES["a function"], ["signs its users in"]),
    ):
        with pytest.raises(Unauthorized) as caught:
            here.identify(shown())
        assert all(word in caught.value.remedy for word in words)


@pytest.mark.parametrize("here", RULES.values(), ids=RULES)
def test_a_link_alone_is_enough_where_visitors_are_not_known(here: Authenticator) -> None:
    for credentials in (shown(query={"share": "s3cret"}), shown(headers={"x-cutty-share": "s3cret"})):
        assert at_once(here.identify(credentials)).principal == Principal(LINK, links=(LINK,))
    with pytest.raises(Unauthorized):
        here.identify(shown(query={"share": "s3cret", "ticket": "false"}))


def test_a_link_comes_on_top_of_a_name() -> None:
    shares = {"share": "s3cret"}
    ada = at_once(rule(jwt=True).identify(shown(query={**shares, "token": GOOD})))
    assert ada.principal == Principal("user:ada", links=(LINK,))
    visiting = at_once(rule(visitors=True).identify(shown(query=shares)))
    assert visiting.principal.id.startswith("visitor:")
    assert visiting.principal.links == (LINK,)
    with pytest.raises(Unauthorized):
        rule(jwt=True).identify(shown(query={**shares, "token": FALSE}))


def test_the_application_is_asked_after_tokens_and_before_visitors() -> None:
    here = rule(jwt=True, visitors=True, who=by_key)
    header = {"x-user": "bob"}
    assert at_once(here.identify(shown(headers=header))).principal.id == "user:bob"
    assert at_once(here.identify(shown(headers=header, query={"token": GOOD}))).principal.id == "user:ada"
    with pytest.raises(Unauthorized):
        here.identify(shown(headers=header, query={"token": FALSE}))
    opaque = shown(headers=header, query={"token": "an-opaque-key"})
    assert at_once(here.identify(opaque)).principal.id == "user:bob"
    assert at_once(here.identify(shown())).principal.id.startswith("visitor:")
    known, token = visitor(here)
    found = at_once(here.identify(shown(headers={**header, "cookie": f"cutty_visitor={token}"})))
    assert (found.principal.id, found.principal.also) == ("user:bob", (known,))


async def test_an_async_function_is_waited_for_and_its_end_is_honoured() -> None:
    clock = ManualClock()

    async def who(request: Credentials) -> Principal | None:
        end = request.query.get("end")
        return Principal("user:ada", expires_ms=clock.ms + int(end)) if end else None

    here = rule(who=who, clock=clock)
    assert (await in_time(here.identify(shown(query={"end": "1"})))).principal.id == "user:ada"
    with pytest.raises(Unauthorized, match="expired"):
        await in_time(here.identify(shown(query={"end": "0"})))
    with pytest.raises(Unauthorized, match="who you are"):
        await in_time(here.identify(shown()))
    assert (await in_time(here.identify(shown(query={"share": "s3cret"})))).principal.id == LINK


async def test_fetched_keys_are_waited_for_once() -> None:
    async with open_issuer() as issuer:
        issuer.publish(jwk(RSA, "k"))
        here = Authenticator(Access(jwt=Jwt(jwks_url=issuer.url)), ManualClock())
        credentials = bearer(signed(RSA, "RS256", kid="k"))
        assert (await in_time(here.identify(credentials))).principal.id == "user:ada"
        assert at_once(here.identify(credentials)).principal.id == "user:ada"


# -- tickets


def with_ticket(
    secret: str,
    *,
    address: Address | None = ADDRESS,
    origin: str | None = PAGE,
    websocket: bool = True,
    **query: str,
) -> Credentials:
    headers = {"origin": origin} if origin else {}
    return shown(headers=headers, query={"ticket": secret, **query}, address=address, websocket=websocket)


def test_a_ticket_names_whom_it_was_made_for_once() -> None:
    here = rule(jwt=True)
    ada = at_once(here.identify(bearer(signed(jti="t-1", scope="read")))).principal
    secret, ends_ms = here.ticket(ada, ADDRESS, PAGE)
    assert ends_ms == (NOW_S + 60) * 1000
    assert at_once(here.identify(with_ticket(secret))).principal == ada
    with pytest.raises(Unauthorized, match="used") as caught:
        here.identify(with_ticket(secret))
    assert secret not in str(caught.value)


def test_a_ticket_is_looked_at_first_and_alone() -> None:
    here = rule(jwt=True, visitors=True)
    bob = at_once(here.identify(bearer(signed(sub="bob")))).principal
    secret, _ = here.ticket(bob, ADDRESS, PAGE)
    assert at_once(here.identify(with_ticket(secret, token=GOOD))).principal == bob
    with pytest.raises(Unauthorized):
        here.identify(with_ticket(secret, token=GOOD))


@pytest.mark.parametrize(
    "changed",
    [
        {"address": Address("chat", "other")},
        {"address": None},
        {"origin": "https://evil.example"},
        {"origin": None},
    ],
)
def test_a_ticket_is_no_good_elsewhere(changed: dict[str, Any]) -> None:
    here = rule(jwt=True)
    secret, _ = here.ticket(Principal("user:ada"), ADDRESS, PAGE)
    with pytest.raises(Unauthorized, match="ticket"):
        here.identify(with_ticket(secret, **changed))


def test_a_ticket_lets_requests_in_until_its_socket_opens() -> None:
    here = rule(jwt=True)
    secret, _ = here.ticket(Principal("user:ada"), ADDRESS, PAGE)
    for origin in (PAGE, None):  # a page's own GET names no origin
        assert at_once(here.identify(with_ticket(secret, origin=origin, websocket=False))).principal.signed_in
    for changed in ({"address": Address("chat", "other")}, {"origin": "https://evil.example"}):
        with pytest.raises(Unauthorized, match="ticket"):
            here.identify(with_ticket(secret, websocket=False, **changed))
    here.identify(with_ticket(secret))
    with pytest.raises(Unauthorized, match="used"):
        here.identify(with_ticket(secret, websocket=False))


def test_a_ticket_does_not_help_whoever_was_revoked_since() -> None:
    clock = ManualClock()
    here = rule(jwt=True, clock=clock)
    secret, _ = here.ticket(Principal("user:ada", token_id="t-1"), ADDRESS, PAGE)
    here.revoke("t-1", clock.ms + 1_000)
    with pytest.raises(Unauthorized, match="revoked"):
        here.identify(with_ticket(secret))


# -- revocation


def test_revocation_ends_access_at_once_and_ends_itself() -> None:
    clock = ManualClock()
    here = rule(jwt=True, visitors=True, clock=clock)
    token = signed(jti="t-1")
    ada = at_once(here.identify(bearer(token))).principal
    known, cookie = visitor(here)
    assert not here.revoked(ada)
    for key, credentials in (
        ("user:ada", bearer(token)),
        ("t-1", bearer(token)),
        (known, bearer(cookie)),
        (known, shown(headers={"cookie": f"cutty_visitor={cookie}"})),
    ):
        here.revoke(key, clock.ms + 5_000)
        with pytest.raises(Unauthorized, match="revoked"):
            here.identify(credentials)
        clock.go_on(4.999)
        with pytest.raises(Unauthorized, match="revoked"):
            here.identify(credentials)
        clock.go_on(0.001)
        at_once(here.identify(credentials))
    here.revoke("user:ada", clock.ms + 1)
    assert here.revoked(ada)
    assert not here.revoked(Principal("user:bob", token_id="t-2"))


def test_only_the_token_is_revoked_not_the_user() -> None:
    clock = ManualClock()
    here = rule(jwt=True, clock=clock)
    here.revoke("t-1", clock.ms + 5_000)
    with pytest.raises(Unauthorized):
        here.identify(bearer(signed(jti="t-1")))
    assert at_once(here.identify(bearer(signed(jti="t-2")))).principal.id == "user:ada"
    assert at_once(here.identify(bearer(GOOD))).principal.id == "user:ada"


def test_a_revoked_visitor_or_link_is_no_longer_a_second_name() -> None:
    clock = ManualClock()
    here = rule(jwt=True, visitors=True, clock=clock)
    known, cookie = visitor(here)
    here.revoke(known, clock.ms + 5_000)
    here.revoke(LINK, clock.ms + 5_000)
    headers = {"cookie": f"cutty_visitor={cookie}", "authorization": f"Bearer {GOOD}"}
    found = at_once(here.identify(shown(headers=headers, query={"share": "s3cret"})))
    assert found.principal == Principal("user:ada")
    strict = rule(jwt=True, clock=clock)
    strict.revoke(LINK, clock.ms + 5_000)
    with pytest.raises(Unauthorized, match="revoked"):
        strict.identify(shown(query={"share": "s3cret"}))


def test_revocations_of_before_are_in_force_from_the_start() -> None:
    clock = ManualClock()
    here = Authenticator(Access(jwt=TOKENS), clock, revocations={"user:ada": clock.ms + 1_000})
    with pytest.raises(Unauthorized, match="revoked"):
        here.identify(bearer(GOOD))


# -- what cannot be, and what is no rule


def test_rules_that_cannot_be_followed() -> None:
    with pytest.raises(ConfigError, match="no access rule"):
        rule()
    with pytest.raises(ConfigError, match="cutty_visitor"):
        Authenticator(Access(jwt=Jwt(secret=SECRET, cookie="cutty_visitor")), ManualClock())
    with pytest.raises(ConfigError, match="no key"):
        Authenticator(Access(jwt=Jwt()), ManualClock())


def test_without_a_rule_all_are_one() -> None:
    here: Identity = Anyone()
    assert at_once(here.identify(bearer(FALSE))).principal is NOBODY
    assert at_once(here.identify(shown(query={"ticket": "x"}))).principal is NOBODY
    assert at_once(here.identify(shown(query={"share": "s3cret"}))).principal == Principal(links=(LINK,))
    assert not here.revoked(NOBODY)
    with pytest.raises(NotFound, match="no access rule"):
        here.ticket(NOBODY, ADDRESS, None)
    with pytest.raises(NotFound, match="no access rule"):
        here.revoke("user:ada", 1)


def test_nothing_secret_is_shown() -> None:
    here = rule(visitors=True, jwt=True)
    found = at_once(here.identify(shown()))
    assert found.cookie is not None
    assert found.cookie.partition(";")[0] not in repr(found)
    for thing in (here, *vars(here).values()):
        assert SECRET not in repr(thing)
        assert SIGNING not in repr(thing)
