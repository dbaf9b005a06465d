"""One typed settings object: every limit with its unit and default, from flags, ``CUTTY_*`` variables or TOML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from .errors import ConfigError

MIB = 1024 * 1024


class Limits(BaseModel):
    """Bounds that hold for every client and every agent. Sizes are bytes of UTF-8 unless they say otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame_bytes: int = Field(default=32 * MIB, ge=1024, description="largest WebSocket message accepted")
    body_bytes: int = Field(default=32 * MIB, ge=1024, description="largest HTTP request body accepted")
    message_bytes: int = Field(default=16 * MIB, ge=1024, description="largest single message stored")
    history_messages: int = Field(default=20_000, ge=1, description="messages of one session")
    answer_bytes: int = Field(default=32 * MIB, ge=1024, description="all chunks of one answer together")
    queued_turns: int = Field(default=32, ge=1, description="turns of one session that may wait")
    sockets_per_session: int = Field(default=256, ge=1, description="open sockets of one session")
    sockets: int = Field(default=50_000, ge=1, description="open sockets of this server")
    early_frames: int = Field(
        default=256, ge=1, description="frames a socket may send before its session is awake"
    )
    unread_bytes: int = Field(
        default=4 * MIB, ge=65_536, description="what may wait for a socket that does not read"
    )
    unread_s: float = Field(
        default=30.0, gt=0, description="how long a socket may go without reading, seconds"
    )


class Lifetimes(BaseModel):
    """How long things are kept, in seconds. All separate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    allow_origins: Annotated[tuple[str, ...], NoDecode] = Field(
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
    open: bool = Field(default=False, description="listen on a public address although no access rule is set")
    allow_default: bool = Field(
        default=True, description="the session id 'default' may be used; it is shared"
    )
    log_format: Literal["auto", "console", "json"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    limits: Limits = Limits()
    lifetimes: Lifetimes = Lifetimes()

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
        raise ConfigError(
            f"The setting {name} is not valid: {first['msg']}.",
            remedy=f"Correct {name} on the command line, in CUTTY_{name.upper().replace('.', '__')} or in cutty.toml.",
        ) from error
