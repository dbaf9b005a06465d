"""One typed settings object: every limit with its unit and default, from flags, ``CUTTY_*`` variables or TOML."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from .errors import ConfigError

MIB = 1024 * 1024


def _listed(value: object) -> object:
    """Words of a text, as environment variables have them; anything else stays."""
    if isinstance(value, str):
        return tuple(word for word in value.replace(",", " ").split() if word)
    return value


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
"""Several values; in the environment separated by commas or spaces."""


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value:
        parts = urlsplit(origin)
        whole = (
            parts.scheme and parts.netloc and parts.path in {"", "/"} and not (parts.query or parts.fragment)
        )
        if not whole and origin not in {"*", "null"}:
            raise ValueError(
                f"{origin[:60]!r} is no origin; write scheme://host[:port], such as https://app.example.com, or *"
            )
    return value


Origins = Annotated[Listed, AfterValidator(_origins)]


def _none(value: object) -> object:
    """The environment and TOML have no word for nothing."""
    return None if isinstance(value, str) and value.strip().lower() == "none" else value


Seconds = Annotated[float | None, BeforeValidator(_none)]
"""A time, or ``none`` for no end."""


class Limits(BaseModel):
    """Bounds that hold for every client and every agent. Sizes are bytes of UTF-8 unless they say otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    frame_bytes: int = Field(default=32 * MIB, ge=1024, description="largest WebSocket message accepted")
    body_bytes: int = Field(default=32 * MIB, ge=1024, description="largest HTTP request body accepted")
    message_bytes: int = Field(default=16 * MIB, ge=1024, description="largest single message stored")
    history_messages: int = Field(default=20_000, ge=1, description="messages of one session")
    answer_bytes: int = Field(default=32 * MIB, ge=1024, description="all chunks of one answer together")
    queued_turns: int = Field(default=32, ge=1, description="turns of one session that may wait")
    sockets_per_session: int = Field(default=256, ge=1, description="open sockets of one session")
    sockets: int = Field(default=50_000, ge=1, description="open sockets of this server")
    early_frames: int = Field(
        default=256,
        ge=1,
        description="frames of a socket that may wait, for its session to wake or for the agent",
    )
    unread_bytes: int = Field(
        default=4 * MIB, ge=65_536, description="what may wait for a socket that does not read"
    )
    unread_s: float = Field(
        default=30.0, gt=0, description="how long a socket may go without reading, seconds"
    )
    frames_per_second: float = Field(
        default=50.0, gt=0, description="frames one socket may send, on average over its burst"
    )
    frames_burst: int = Field(default=200, ge=1, description="frames one socket may send at once")
    requests_per_minute: float = Field(default=60.0, gt=0, description="turns one session may begin")
    principal_requests_per_minute: float = Field(
        default=120.0, gt=0, description="turns one caller may begin"
    )
    address_requests_per_minute: float = Field(
        default=600.0, gt=0, description="turns and HTTP requests of one network address"
    )
    address_connects_per_minute: float = Field(
        default=600.0, gt=0, description="sockets one network address may open"
    )
    sockets_per_principal: int = Field(default=512, ge=1, description="open sockets of one caller")
    sockets_per_address: int = Field(default=2_000, ge=1, description="open sockets of one network address")
    turns: int = Field(default=10_000, ge=1, description="turns of this server that run or wait")
    turns_per_principal: int = Field(default=64, ge=1, description="turns of one caller that run or wait")
    history_bytes: int = Field(default=256 * MIB, ge=1024, description="all messages of one session together")
    tokens_per_day: int | None = Field(
        default=None, ge=1, description="tokens one caller may consume in a day (UTC)"
    )
    dollars_per_day: float | None = Field(
        default=None, gt=0, description="money one caller may consume in a day"
    )
    session_tokens_per_day: int | None = Field(
        default=None, ge=1, description="tokens of one session in a day"
    )
    session_dollars_per_day: float | None = Field(
        default=None, gt=0, description="money of one session in a day"
    )
    total_tokens_per_day: int | None = Field(default=None, ge=1, description="tokens of this server in a day")
    total_dollars_per_day: float | None = Field(
        default=None, gt=0, description="money of this server in a day"
    )
    reserve_tokens: int = Field(
        default=2_048,
        ge=0,
        description="output tokens reserved for a model call before its real use is known",
    )
    runaway_turns_per_minute: float = Field(
        default=120.0, gt=0, description="turns of one session in a minute above which it is parked"
    )
    runaway_wakes_per_minute: float = Field(
        default=240.0, gt=0, description="wake-ups of one session in a minute above which it is parked"
    )


class Lifetimes(BaseModel):
    """How long things are kept, in seconds. All separate."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    idle_s: float = Field(default=30.0, gt=0, description="an idle session leaves memory after this")
    replay_s: float = Field(
        default=60.0, ge=0, description="the chunks of a finished answer stay replayable in memory"
    )
    flush_s: float = Field(
        default=0.01, ge=0, description="shortest pause between two chunk writes of one answer"
    )
    grace_s: float = Field(
        default=8.0, ge=0, description="how long running answers may finish when the server stops"
    )
    tool_answer_s: Seconds = Field(
        default=None,
        gt=0,
        description="a client tool or approval left open beside an answered one fails after this; none waits for ever",
    )
    anonymous_s: Seconds = Field(
        default=None,
        gt=0,
        description="a session without a signed-in owner expires after so long without activity",
    )
    signed_in_s: Seconds = Field(
        default=None,
        gt=0,
        description="a session of a signed-in owner expires after so long without activity",
    )
    max_age_s: Seconds = Field(
        default=None, gt=0, description="every session expires so long after its making"
    )
    sweep_s: float = Field(
        default=60.0, gt=0, description="pause between two rounds of removing expired sessions"
    )
    audit_s: Seconds = Field(
        default=365 * 86_400.0, gt=0, description="how long the audit log is kept; none keeps it for ever"
    )


class Jwt(BaseModel):
    """How JSON Web Tokens of the application are checked: one of ``secret``, ``public_key`` and ``jwks_url``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    secret: str | None = Field(
        default=None, min_length=32, repr=False, description="shared secret (HS256, HS384, HS512)"
    )
    public_key: str | None = Field(
        default=None, description="public key as PEM text, or the path of a PEM file"
    )
    jwks_url: str | None = Field(default=None, description="https address of the issuer's key set (JWKS)")
    algorithms: Listed = Field(
        default=(), description="accepted algorithms; by default those that fit the key"
    )
    issuer: str | None = Field(default=None, description="required iss claim")
    audience: str | None = Field(default=None, description="required aud claim")
    leeway_s: float = Field(
        default=30.0, ge=0, le=600, description="tolerated difference of the clocks, seconds"
    )
    user_claim: str = Field(default="sub", description="claim that names the user")
    scope_claim: str = Field(
        default="scope", description="claim with the scopes, a list or words in a string"
    )
    cookie: str | None = Field(default=None, description="cookie that may carry the token")
    keys_s: float = Field(default=300.0, gt=0, description="how long a fetched key set is trusted, seconds")


class Access(BaseModel):
    """Who may enter. Without ``visitors``, ``jwt`` or an identity given to ``App`` there is no rule: everybody may."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    visitors: bool = Field(
        default=False, description="give browsers a signed cookie and sessions of their own"
    )
    jwt: Jwt | None = Field(default=None, description="accept the application's JSON Web Tokens")
    secret: str | None = Field(
        default=None,
        min_length=32,
        repr=False,
        description="signs cookies; several are separated by spaces, the first signs; without it one is kept in the data directory",
    )
    visitor_s: float = Field(
        default=400 * 86_400.0, gt=0, description="how long a visitor's cookie lives, seconds"
    )
    cross_site: bool = Field(
        default=False, description="the visitor's cookie also goes with pages of other sites (needs TLS)"
    )
    ids: Literal["client", "minted"] = Field(
        default="client",
        description="who makes session ids: the client, or only the server (POST /agents/{agent})",
    )
    user_ids: bool = Field(
        default=False, description="ids of the form user-{userId}-session-… are checked against the token"
    )
    adopt: bool = Field(
        default=False, description="sessions made before there was a rule belong to the first who opens them"
    )
    ticket_s: float = Field(
        default=60.0, gt=0, le=3600, description="how long a ticket for one socket is good, seconds"
    )
    hosts: Listed = Field(
        default=(),
        description="host names this server answers to, separated by commas; by default those it listens on",
    )
    proxies: Listed = Field(
        default=(),
        description="addresses or networks of proxies whose X-Forwarded-For and -Proto are believed",
    )


class Encryption(BaseModel):
    """Encryption at rest of messages, state, values, records and chunks (AES-256-GCM)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    keys: str | None = Field(
        default=None,
        repr=False,
        description="keys as name:base64 of 32 bytes, separated by spaces; the first encrypts, all decrypt",
    )


class Settings(BaseSettings):
    """What a server runs with. Precedence: arguments, then ``CUTTY_*`` variables, then ``cutty.toml``.

    Nested settings use two underscores in the environment: ``CUTTY_LIMITS__QUEUED_TURNS=8``.
    """

    model_config = SettingsConfigDict(
        env_prefix="CUTTY_",
        env_nested_delimiter="__",
        toml_file="cutty.toml",
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        populate_by_name=True,
    )

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8789, ge=0, le=65_535, description="port to listen on; 0 takes a free one")
    data: Path = Field(default=Path("cutty-data"), description="data directory of the embedded engine")
    model: str | None = Field(
        default=None, description="model of the default agent, for example anthropic:claude-sonnet-4-5"
    )
    base_url: str | None = Field(
        default=None, description="OpenAI-compatible server, for example http://localhost:11434/v1"
    )
    api_key: str | None = Field(default=None, repr=False, description="key for base_url, where it wants one")
    demo_delay_ms: float = Field(default=30.0, ge=0, description="pause between two words of the demo model")
    allow_origins: Origins = Field(
        default=(),
        validation_alias=AliasChoices("allow_origins", "CUTTY_ALLOW_ORIGINS"),
        description="other web origins that may talk to this server, separated by commas",
    )
    admin_token: str | None = Field(
        default=None,
        min_length=16,
        repr=False,
        description="token of the operator's API; without it one is kept in the data directory",
    )
    metrics: Literal["token", "open", "off"] = Field(
        default="token",
        description="who may read /metrics: holders of the operator's token, everybody, or nobody",
    )
    debug: bool = Field(
        default=False, description="extra checks while developing; cutty-agent serve --reload turns it on"
    )
    open: bool = Field(default=False, description="listen on a public address although no access rule is set")
    allow_default: bool = Field(
        default=True, description="the session id 'default' may be used; it is shared"
    )
    analytics: bool = Field(
        default=True, description="keep sums by the hour: turns, sessions, latencies, tokens, cost"
    )
    writer: Literal["thread", "process"] | None = Field(
        default=None,
        description="what writes the database: a process of its own (cutty-agent serve) or a thread (elsewhere)",
    )
    bridge: Literal["off", "on", "gone"] = Field(
        default="off",
        description="the old shared addresses: not served, served by sessions of each caller, 410",
    )
    bridge_agent: str = Field(default="chat", description="agent behind the old shared addresses")
    log_format: Literal["auto", "console", "json"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    limits: Limits = Limits()
    lifetimes: Lifetimes = Lifetimes()
    access: Access = Access()
    encryption: Encryption = Encryption()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(**given: object) -> Settings:
    """Settings from everywhere; ``given`` wins, its ``None`` values count as not given.

    Raises:
        ConfigError: names the first setting that is wrong and what it may be.
    """
    values = {key: value for key, value in given.items() if value is not None}
    origins = values.get("allow_origins")
    if isinstance(origins, list):
        values["allow_origins"] = tuple(origins)
    try:
        return Settings(**values)  # type: ignore[arg-type]  # checked by pydantic, key by key
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        variable = f"CUTTY_{name.upper().replace('.', '__')}"
        if first["type"] == "extra_forbidden":
            raise ConfigError(
                f"There is no setting {name}.",
                remedy=f"Correct its name, or remove it, in cutty.toml or {variable}.",
            ) from error
        raise ConfigError(
            f"The setting {name} is not valid: {first['msg'].removeprefix('Value error, ')}.",
            remedy=f"Correct {name} where it was given: as an option, as {variable} or in cutty.toml.",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"cutty.toml is no TOML: {error}.", remedy="Correct it, or remove it.") from error


def unknown_variables(names: Iterable[str]) -> dict[str, str | None]:
    """Environment variables that look like settings and are none, each with the setting that may be meant."""
    known = {f"CUTTY_{name}" for name in _variables(Settings)} | _OTHER_VARIABLES
    unknown = [name for name in names if name.upper().startswith("CUTTY_") and name.upper() not in known]
    return {name: next(iter(get_close_matches(name.upper(), known, n=1)), None) for name in sorted(unknown)}


_OTHER_VARIABLES = frozenset({"CUTTY_TOKEN", "CUTTY_DEVELOPING"})
"""What the commands read that is no setting of a server."""


def _variables(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name.upper()
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from (f"{name.upper()}__{inner}" for inner in _variables(kind))


def check_access(settings: Settings) -> None:
    """See to it that the settings about access fit each other.

    Raises:
        ConfigError: names the settings that do not.
    """
    access = settings.access
    if access.cross_site and "*" in settings.allow_origins:
        raise ConfigError(
            "access.cross_site sends the visitors' cookies with pages of other sites, and allow_origins lets in all of them.",
            remedy="Name the origins in CUTTY_ALLOW_ORIGINS instead of *.",
        )
    for proxy in access.proxies:
        try:
            ipaddress.ip_network(proxy.strip(), strict=False)
        except ValueError:
            raise ConfigError(
                f"access.proxies holds {proxy[:60]!r}, which is no address or network.",
                remedy="Write addresses such as 10.0.0.1 or networks such as 10.0.0.0/8, separated by commas.",
            ) from None
