"""What failed at a model's provider, in words that are safe to show to a visitor."""

from __future__ import annotations

from pydantic_ai import exceptions as failures

from ..errors import ConfigError, CuttyError, ModelError

_LATER = "Try again in a moment."
_OPERATOR = "The operator finds the cause in the server's log."


def explain(error: Exception) -> CuttyError | None:
    """The error to raise instead of ``error``, or ``None`` when it does not come from the model.

    Sentences name the HTTP status and never quote the provider: its texts repeat keys and parts of prompts.
    """
    if isinstance(error, failures.FallbackExceptionGroup):
        return explain(error.exceptions[-1])
    status = f" (HTTP {error.status_code})" if isinstance(error, failures.ModelHTTPError) else ""
    match error:
        case CuttyError():
            return error
        case failures.ModelAuthenticationError():
            return ModelError(
                f"The model provider refused the credentials of this server{status}.",
                remedy="Check the API key in the environment of the server and its rights at the provider.",
            )
        case failures.ModelQuotaExceededError():
            return ModelError(
                f"The account at the model provider has no quota left{status}.",
                remedy="Raise the quota or the credits at the provider.",
            )
        case failures.ModelRateLimitError():
            wait = f" Wait {error.retry_after:.0f} seconds." if error.retry_after else ""
            return ModelError(f"The model provider limits the rate of requests{status}.{wait}", remedy=_LATER)
        case failures.ModelContextWindowExceededError():
            return ModelError(
                f"The conversation is longer than the model accepts{status}.",
                remedy="Clear the history or start a new session.",
            )
        case failures.ModelNotFoundError():
            return ModelError(
                f"The model provider does not know this model{status}.",
                remedy="Check the name of the model and that the account may use it.",
            )
        case failures.ModelRequestTimeout() | failures.ModelTimeoutError() | failures.RunTimedOut():
            return ModelError("The model did not answer in time.", remedy=_LATER)
        case failures.ModelConnectionError():
            return ModelError("The connection to the model provider failed.", remedy=_LATER)
        case failures.ModelUnavailableError() | failures.ModelServerError():
            return ModelError(f"The model provider is not available{status}.", remedy=_LATER)
        case failures.ModelHTTPError():
            return _of_status(error.status_code)
        case failures.ModelAPIError():
            return ModelError("The model provider failed.", remedy=_LATER)
        case failures.ContentFilterError():
            return ModelError(
                "The model provider's content filter stopped the answer.", remedy="Ask in other words."
            )
        case failures.OutputTokenLimitExceeded():
            return ModelError(
                "The model reached its limit of output tokens before its answer was complete.",
                remedy="Ask for less at once, or raise max_tokens in the agent's model settings.",
            )
        case failures.UsageLimitExceeded():
            return ModelError(
                "The turn reached its usage limit.",
                remedy="Ask for less at once, or raise the agent's usage_limits.",
            )
        case failures.ConcurrencyLimitExceeded():
            return ModelError("Too many requests to the model wait already.", remedy=_LATER)
        case failures.UnexpectedModelBehavior():
            return ModelError("The model gave an answer that the agent cannot use.", remedy="Try again.")
        case failures.UserError():
            return ConfigError("The agent's model is not set up correctly.", remedy=_OPERATOR)
        case _:
            return None


def _of_status(status: int) -> ModelError:
    if status in {401, 403}:
        return ModelError(
            f"The model provider refused the credentials of this server (HTTP {status}).",
            remedy="Check the API key in the environment of the server and its rights at the provider.",
        )
    if status == 429 or status >= 500:
        return ModelError(f"The model provider is too busy or not available (HTTP {status}).", remedy=_LATER)
    return ModelError(f"The model provider rejected the request (HTTP {status}).", remedy=_OPERATOR)
