"""What is nginx's own: reloads of both kinds, the address of the client, TLS, the log, the shipped file itself."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from deploy.conftest import MakeNginx, MakeServer
from deploy.front import DEPLOY, NGINX_CONF, Nginx, call, replaced
from deploy.test_front import answer, some_words
from faults.visitor import Visitor, visit

pytestmark = pytest.mark.deploy

CLIENT = "127.0.0.7"
"""A visitor's address: of this machine, and none of the proxy's."""


def shipped_environment() -> dict[str, str]:
    """The variables of the shipped environment file that are not commented out."""
    lines = (DEPLOY / "systemd" / "environment.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


async def test_the_shipped_file_is_accepted(tmp_path: Path) -> None:
    """``nginx -t`` on the file, with only its log elsewhere, inside the frame that every distribution puts around it."""
    frame = tmp_path / "nginx.conf"
    site = tmp_path / "cutty-agent.conf"
    site.write_text(replaced(NGINX_CONF.read_text(), {"/var/log/nginx": str(tmp_path)}))
    frame.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{ include {site}; }}\n")
    said = await call("nginx", "-e", "stderr", "-t", "-c", frame)
    assert "test is successful" in said
    assert "[warn]" not in said


async def test_old_workers_see_their_conversations_through(
    make_server: MakeServer, make_nginx: MakeNginx
) -> None:
    """Without a ``worker_shutdown_timeout``, which is nginx's default, nobody notices a reload."""
    nginx = await make_nginx(await make_server(NUMBERED_PAUSE_MS="5"))
    async with visit(nginx, "s") as visitor:
        await visitor.ask("q", 60)
        await some_words(visitor, 10)
        await nginx.reload()
        await visitor.end()
        assert visitor.words() == answer("q", 60)
        await visitor.ask("again", 5)
        await visitor.end()
    assert visitor.words()[60:] == answer("again", 5)


async def test_cut_off_by_a_reload_a_client_comes_back_to_every_word(
    make_server: MakeServer, make_nginx: MakeNginx
) -> None:
    server = await make_server(NUMBERED_PAUSE_MS="5")
    nginx = await make_nginx(server, cut_s=0.05)
    async with visit(nginx, "s") as first:
        await first.ask("q", 150)
        await some_words(first, 10)
        await nginx.reload()
        code = await first.closed()
    assert code == 1006, "the published clients come back after it (protocol 1.6)"
    shown = first.words()
    assert 10 <= len(shown) < 150
    assert shown == answer("q", len(shown))
    async with visit(nginx, "s") as second:
        await second.rest()
    assert second.words() == answer("q", 150)


async def test_five_reloads_in_one_answer(make_server: MakeServer, make_nginx: MakeNginx) -> None:
    nginx = await make_nginx(await make_server(NUMBERED_PAUSE_MS="5"), cut_s=0.02)
    views: list[list[str]] = []
    for number in range(5):
        async with visit(nginx, "s") as visitor:
            if number == 0:
                await visitor.ask("q", 250)
            else:
                await visitor.send(type="cf_agent_stream_resume_request", probeId="p")
                resuming = await visitor.until(lambda frame: frame["type"] == "cf_agent_stream_resuming")
                await visitor.send(type="cf_agent_stream_resume_ack", id=resuming["id"])
            await some_words(visitor, len(views[-1]) + 1 if views else 5)
            await nginx.reload()
            assert await visitor.closed() == 1006
            views.append(visitor.words())
    async with visit(nginx, "s") as last:
        await last.rest()
    whole = answer("q", 250)
    assert last.words() == whole
    assert all(view == whole[: len(view)] for view in views)
    assert [len(view) for view in views] == sorted(len(view) for view in views)


async def greeted(nginx: Nginx, session: str, claimed: str) -> bool:
    """Whether a socket gets in that comes from ``CLIENT`` and says that it comes from ``claimed``."""
    headers = {"X-Forwarded-For": claimed}
    async with visit(nginx, session, local_addr=(CLIENT, 0), additional_headers=headers) as visitor:
        try:
            await visitor.until(lambda frame: frame["type"] == "cf_agent_identity")
        except ConnectionClosed:
            return False
    return True


async def test_visitors_behind_two_proxies_are_counted_one_by_one(
    make_server: MakeServer, make_nginx: MakeNginx
) -> None:
    """nginx adds the address it sees to what a load balancer before it has written; the server believes those
    proxies that it was told of, and nobody behind them."""
    limited = {
        **shipped_environment(),
        "CUTTY_ACCESS__PROXIES": f"127.0.0.1,{CLIENT}",
        "CUTTY_LIMITS__SOCKETS_PER_ADDRESS": "1",
    }
    nginx = await make_nginx(await make_server(**limited))
    headers = {"X-Forwarded-For": "198.51.100.1"}
    async with visit(nginx, "one", local_addr=(CLIENT, 0), additional_headers=headers) as visitor:
        await visitor.until(lambda frame: frame["type"] == "cf_agent_identity")
        assert not await greeted(nginx, "two", "198.51.100.1")
        assert not await greeted(nginx, "three", "203.0.113.9, 198.51.100.1")
        assert await greeted(nginx, "four", "198.51.100.2")


async def test_what_a_visitor_says_of_its_address_is_not_believed(
    make_server: MakeServer, make_nginx: MakeNginx
) -> None:
    """As shipped, the address counts that nginx sees: here one of this machine, which has no limit."""
    limited = {**shipped_environment(), "CUTTY_LIMITS__SOCKETS_PER_ADDRESS": "1"}
    nginx = await make_nginx(await make_server(**limited))
    headers = {"X-Forwarded-For": "198.51.100.1"}
    async with visit(nginx, "one", local_addr=(CLIENT, 0), additional_headers=headers) as visitor:
        await visitor.until(lambda frame: frame["type"] == "cf_agent_identity")
        assert await greeted(nginx, "two", "198.51.100.1")


async def test_tls(make_server: MakeServer, make_nginx: MakeNginx, tmp_path: Path) -> None:
    """With the lines for TLS: sockets and requests, and the visitor's cookie is for TLS only."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    await call(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", key, "-out", certificate),
    )
    trusting = ssl.create_default_context(cafile=certificate)
    nginx = await make_nginx(await make_server(**shipped_environment()), certificate=(certificate, key))
    async with httpx.AsyncClient(trust_env=False, verify=trusting) as client:
        made = await client.get(f"https://{nginx.url}/agents/chat/s/get-messages")
    assert made.json() == []
    assert "secure" in made.headers["set-cookie"].lower()
    assert made.headers["strict-transport-security"]
    cookie = {"Cookie": made.headers["set-cookie"].partition(";")[0]}
    async with connect(
        f"wss://{nginx.url}/agents/chat/s", ssl=trusting, additional_headers=cookie, proxy=None
    ) as socket:
        visitor = Visitor(socket)
        await visitor.ask("q", 20)
        await visitor.end()
    assert visitor.words() == answer("q", 20)


async def test_without_tls_the_cookie_is_not_for_tls_only(
    make_server: MakeServer, make_nginx: MakeNginx
) -> None:
    nginx = await make_nginx(await make_server(**shipped_environment()))
    async with httpx.AsyncClient(trust_env=False) as client:
        made = await client.get(f"http://{nginx.url}/agents/chat/s/get-messages")
    assert "secure" not in made.headers["set-cookie"].lower()


async def test_other_names_are_not_answered(make_server: MakeServer, make_nginx: MakeNginx) -> None:
    """The names that visitors type come through; a page that points its own name here is refused."""
    nginx = await make_nginx(await make_server(**shipped_environment()))
    answered = {}
    async with httpx.AsyncClient(trust_env=False) as client:
        for name in ("chat.example.com", "rebound.example.net"):
            response = await client.get(
                f"http://{nginx.url}/agents/chat/s/get-messages", headers={"Host": name}
            )
            answered[name] = response.status_code
    assert answered == {"chat.example.com": 200, "rebound.example.net": 400}


async def test_tokens_are_not_in_the_log(make_server: MakeServer, make_nginx: MakeNginx) -> None:
    nginx = await make_nginx(await make_server())
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(f"http://{nginx.url}/agents/chat/seen/get-messages?token=canary")
    async with visit(nginx, "seen") as visitor:
        await visitor.ask("q", 1)
        await visitor.end()
    await asyncio.wait_for(nginx.stop(), 10)
    log = nginx.access_log.read_text()
    assert '"GET /agents/chat/seen/get-messages HTTP/1.1" 200' in log
    assert '"GET /agents/chat/seen HTTP/1.1" 101' in log
    assert "canary" not in log
    assert "_pk" not in log
