"""Sessions in the memory of this process: the reference implementation, for tests and short demonstrations."""

from .store import MemoryStore

__all__ = ["MemoryStore"]
