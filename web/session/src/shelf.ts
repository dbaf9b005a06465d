import type { KeyStorage } from "./environment.ts";

/** A `Storage` that cannot fail: what it refuses to keep (blocked, full) is kept for as long as the page lives. */
export class Shelf {
  readonly #memory = new Map<string, string | null>();
  readonly #storage: () => KeyStorage;

  constructor(storage: () => KeyStorage) {
    this.#storage = storage;
  }

  get(key: string): string | null {
    try {
      return this.#memory.get(key) ?? this.#storage().getItem(key);
    } catch {
      return null;
    }
  }

  /** Keeps `value`; null forgets the key. */
  set(key: string, value: string | null): void {
    this.#memory.set(key, value);
    try {
      if (value === null) this.#storage().removeItem(key);
      else this.#storage().setItem(key, value);
      this.#memory.delete(key);
    } catch {
      // Blocked or full: it stays in memory.
    }
  }

  /** Another page has written `key`, so what this page has for itself is out of date. */
  refresh(key: string | null): void {
    this.#memory.delete(key ?? "");
  }
}
