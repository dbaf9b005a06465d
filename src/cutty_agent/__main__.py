"""``python -m cutty_agent``."""

from .cli.main import app

app()
