"""Asks one session over WebSocket and follows the answer through lost connections (protocol 3.2 to 3.9)."""

from __future__ import annotations

import asyncio
import random
import secrets
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from ..ids import Address, new_request_id
from .answer import Hearing, Listener
from .operator import NoServer, Refused

PATIENCE_S = 60.0
"""How long to try to come back to a server that is away, in seconds."""

_OPEN_S = 5.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_FRAME_BYTES = 64 * 1024 * 1024


class Ending(msgspec.Struct, frozen=True):
    """How an answer ended: an outcome of the protocol, and the error text when it failed."""

    outcome: str
    error: str | None = None


class _Asked:
    """A question under way. ``following`` is the request whose chunks are its answer."""

    def __init__(self, text: str, listener: Listener) -> None:
        self.request_id = self.following = new_request_id()
        self.message_id = f"user-{secrets.token_hex(8)}"
        self.text = text
        self.hearing = Hearing(listener)
        self.listener = listener
        self.error: str | None = None
        self.sent = False
        self.heard = False

    def frame(self) -> bytes:
        """The chat request. Sent twice it starts one turn, because its id is known by then."""
        message = {
            "id": self.message_id,
            "role": "user",
            "parts": [{"type": "text", "text": self.text}],
        }
        body = msgspec.json.encode({"message": message, "trigger": "submit-message"}).decode()
        return msgspec.json.encode(
            {
                "type": "cf_agent_use_chat_request",
                "id": self.request_id,
                "init": {"method": "POST", "body": body},
            }
        )


class Conversation:
    """Questions to one session, one after another. Between questions no connection is held."""

    def __init__(
        self, url: str, address: Address, *, token: str | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._url = url.rstrip("/")
        path = f"/agents/{quote(address.agent, safe='')}/{quote(address.session, safe='')}"
        self._http = self._url + path
        label = secrets.token_hex(8)  # the same on every connection: the server knows who came back
        self._ws = f"{self._url.replace('http', 'ws', 1)}{path}?_pk={label}&dialect=v5"
        self._patience_s = patience_s
        self._socket: ClientConnection | None = None
        self._asked: _Asked | None = None
        self._sending: asyncio.Task[None] | None = None
        self.stopping = False

    async def ask(self, text: str, listener: Listener) -> Ending:
        """Send a message and tell ``listener`` the answer, each word once, until it has ended.

        Raises:
            NoServer: there is none, or it stayed away longer than the patience lasts.
            Refused: the server does not want this session or client.
        """
        asked = self._asked = _Asked(text, listener)
        self.stopping = False
        loop = asyncio.get_running_loop()
        pause, away_since, why = _FIRST_PAUSE_S, loop.time(), "it does not answer"
        while True:
            asked.heard = False
            try:
                async with connect(
                    self._ws,
                    additional_headers=self._headers,
                    open_timeout=_OPEN_S,
                    max_size=_FRAME_BYTES,
                    proxy=None,
                    compression=None,
                ) as socket:
                    self._socket = socket
                    return await self._over(socket, asked)
            except InvalidStatus as error:
                why = f"it answered with status {error.response.status_code}"
                if error.response.status_code not in {502, 503, 504}:
                    raise self._absent(why) from error
            except InvalidURI as error:
                raise self._absent("this is not an address") from error
            except ConnectionClosed as error:
                _refuse_final(error)
                why = _why(error)
            except NoServer as error:  # it went away while the transcript was asked for
                why = error.sentence
            except (OSError, TimeoutError, InvalidHandshake) as error:
                why = _reason(error)
                if not asked.sent:
                    raise self._absent(why) from error
            finally:
                self._socket = None
            if asked.heard:
                pause, away_since = _FIRST_PAUSE_S, loop.time()
                listener.remark("The connection was lost; reconnecting …")
            elif loop.time() - away_since > self._patience_s:
                raise NoServer(
                    f"The server at {self._url} has been away for {self._patience_s:.0f} seconds: {why}.",
                    remedy="What it was asked it still answers; look later with: cutty-agent sessions show.",
                )
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 1.6, _LONGEST_PAUSE_S)

    def stop(self) -> None:
        """End the running answer; :meth:`ask` returns once the server has confirmed it."""
        self.stopping = True
        if self._socket is not None and self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._cancel(self._socket))

    async def messages(self) -> list[dict[str, Any]]:
        """The stored transcript; empty for a session that does not exist yet."""
        try:
            async with httpx.AsyncClient(timeout=10.0, trust_env=False) as http:
                answer = await http.get(f"{self._http}/get-messages", headers=self._headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._absent(_reason(error)) from error
        if answer.is_error:
            try:
                told = answer.json()["error"]
                raise Refused(told["message"], remedy=told["remedy"])
            except (ValueError, KeyError, TypeError):
                raise self._absent(f"it answered with status {answer.status_code}") from None
        found: list[dict[str, Any]] = answer.json()
        return found

    # -- one connection

    async def _over(self, socket: ClientConnection, asked: _Asked) -> Ending:
        """Follow the answer over one connection; ``ConnectionClosed`` when the connection ended first."""
        back, acknowledged = asked.sent, set[str]()
        await socket.send((_probe() if back else asked.frame()).decode())
        asked.sent = True
        if self.stopping:
            await self._cancel(socket)
        async for text in socket:
            asked.heard = True
            try:
                frame = msgspec.json.decode(text)
            except msgspec.DecodeError:
                continue
            match frame.get("type") if isinstance(frame, dict) else None:
                case "cf_agent_use_chat_response":
                    ending = await self._response(asked, frame)
                    if ending is not None:
                        return ending
                case "cf_agent_stream_resuming":
                    request_id = str(frame.get("id"))
                    if request_id not in acknowledged:
                        acknowledged.add(request_id)
                        if request_id == asked.following:
                            asked.hearing.again()
                        await socket.send(_frame("cf_agent_stream_resume_ack", id=request_id).decode())
                case "cf_agent_stream_resume_none" if back:
                    if frame.get("reason") == "idle":
                        ending = await self._look_up(asked)
                        if ending is not None:
                            return ending
                        await socket.send(asked.frame().decode())  # it never arrived
                    elif frame.get("reason") is None:
                        await socket.send(_probe().decode())
        raise socket.protocol.close_exc  # a regular close ends the loop without one

    async def _response(self, asked: _Asked, frame: dict[str, Any]) -> Ending | None:
        request_id, body = frame.get("id"), str(frame.get("body") or "")
        ours = request_id == asked.following
        if frame.get("done"):
            named = asked.message_id in (frame.get("messageIds") or ())
            if not (ours or named) or frame.get("outcome") == "recovering":
                return None
            if frame.get("error"):
                return Ending("error", body)
            if not ours:  # it went on under an id we did not follow
                ending = await self._look_up(asked)
                return ending or Ending(str(frame.get("outcome")))
            return Ending(str(frame.get("outcome") or "completed"), asked.error)
        if frame.get("error"):
            asked.error = body if ours else asked.error
            return None
        if body:
            try:
                chunk = msgspec.json.decode(body)
            except msgspec.DecodeError:
                return None
            if not isinstance(chunk, dict):
                return None
            if not ours and _continues(chunk, asked):
                asked.following, ours = str(request_id), True
                asked.hearing.again()
            if ours:
                asked.hearing.chunk(chunk)
        return None

    async def _look_up(self, asked: _Asked) -> Ending | None:
        """Nothing runs any more: tell what is stored. ``None`` when the question itself is not."""
        messages = await self.messages()
        at = next((at for at, message in enumerate(messages) if message.get("id") == asked.message_id), None)
        if at is None:
            return None
        for message in messages[at + 1 :]:
            if message.get("role") == "assistant":
                asked.hearing.message(message)
                return Ending("aborted" if self.stopping else "completed")
            if message.get("role") == "user":
                break
        return Ending("aborted" if self.stopping else "skipped")

    async def _cancel(self, socket: ClientConnection) -> None:
        asked = self._asked
        if asked is None:
            return
        try:
            for request_id in {asked.request_id, asked.following}:
                await socket.send(_frame("cf_agent_chat_request_cancel", id=request_id).decode())
        except ConnectionClosed:
            return  # sent again on the next connection
        finally:
            self._sending = None

    def _absent(self, reason: str) -> NoServer:
        return NoServer(
            f"There is no cutty-agent server at {self._url}: {reason}.",
            remedy="Start one with: cutty-agent serve. Or name another with --url.",
        )


def _continues(chunk: dict[str, Any], asked: _Asked) -> bool:
    """Whether a stream under another id is the recovered answer: it starts with the message we have heard of."""
    known = asked.hearing.message_id
    return known is not None and chunk.get("type") == "start" and chunk.get("messageId") == known


def _probe() -> bytes:
    return _frame("cf_agent_stream_resume_request", probeId=secrets.token_hex(4))


def _frame(type: str, **fields: str) -> bytes:
    return msgspec.json.encode({"type": type, **fields})


def _refuse_final(error: ConnectionClosed) -> None:
    """Raise when the close code says that coming back is of no use (protocol 1.6)."""
    close = error.rcvd
    if close is not None and (close.code in {1008, 1009} or 4000 <= close.code <= 4999):
        raise Refused(
            f"The server closed the conversation: {close.reason or close.code}.",
            remedy="Check the agent and the session id.",
        ) from error


def _why(error: ConnectionClosed) -> str:
    return (error.rcvd.reason or f"it closed with code {error.rcvd.code}") if error.rcvd else "it went away"


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, ConnectionRefusedError) or "refused" in str(error).lower():
        return "nothing listens there"
    return str(error).strip() or type(error).__name__
