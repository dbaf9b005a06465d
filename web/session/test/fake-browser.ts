import type { Environment, NavigationKind, TabChannel, TabStorage } from "../src/index.ts";
import { createSessionSource, type SessionSource } from "../src/index.ts";

/** One browser: its pages share locks and channels; time passes only when a test says so. */
export class FakeBrowser {
  readonly locks = new FakeLocks();
  readonly #channels = new Map<string, Set<FakeChannel>>();
  #timers: { at: number; run: () => void }[] = [];
  #now = 1_795_000_000_000;
  #seed = 1;

  hasLocks = true;
  hasChannels = true;

  /** Opens a page on `storage`, which belongs to a tab: hand the same one over for the next page of that tab. */
  open(storage: TabStorage | null, navigation: NavigationKind = "navigate", search = ""): Page {
    const page = new Page(this, storage);
    const environment: Environment = {
      storage,
      locks: this.hasLocks ? this.locks.of(page) : null,
      openChannel: this.hasChannels ? (name) => this.#channel(page, name) : null,
      navigation,
      search,
      now: () => this.#now,
      randomBytes: (count) => Uint8Array.from({ length: count }, () => this.#byte()),
      wait: (milliseconds) =>
        new Promise((resolve) => this.#timers.push({ at: this.#now + milliseconds, run: resolve })),
      onLeave: (left, back) => page.leaving.push({ left, back }),
    };
    page.sessions = createSessionSource(environment);
    return page;
  }

  /** Lets `milliseconds` pass, and everything that was waiting for it run. */
  async pass(milliseconds: number): Promise<void> {
    this.#now += milliseconds;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { run } of due) run();
    await settle();
  }

  forget(page: Page): void {
    this.locks.release(page);
    for (const members of this.#channels.values()) {
      for (const channel of members) if (channel.page === page) members.delete(channel);
    }
  }

  #channel(page: Page, name: string): TabChannel {
    const members = this.#channels.get(name) ?? new Set();
    this.#channels.set(name, members);
    const channel = new FakeChannel(page, members);
    members.add(channel);
    return channel;
  }

  #byte(): number {
    this.#seed = (this.#seed * 48_271) % 2_147_483_647;
    return this.#seed % 256;
  }
}

export class Page {
  sessions!: SessionSource;
  readonly leaving: { left: () => void; back: () => void }[] = [];

  constructor(
    readonly browser: FakeBrowser,
    readonly storage: TabStorage | null,
  ) {}

  id(): Promise<string> {
    return this.sessions.getSessionId({ scope: "tab" });
  }

  /** The page is told to go; its locks and channels stay until `end`. */
  leave(): void {
    for (const { left } of this.leaving) left();
  }

  end(): void {
    this.browser.forget(this);
  }

  close(): void {
    this.leave();
    this.end();
  }
}

/** Lets every promise that can go on go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

export class FakeStorage implements TabStorage {
  readonly #items: Map<string, string>;

  constructor(items: Iterable<[string, string]> = []) {
    this.#items = new Map(items);
  }

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }

  removeItem(key: string): void {
    this.#items.delete(key);
  }

  /** What a browser does when a tab is duplicated. */
  copy(): FakeStorage {
    return new FakeStorage(this.#items);
  }
}

/** Storage as it behaves where the user blocks site data. */
export const blockedStorage: TabStorage = {
  getItem: () => {
    throw new DOMException("denied", "SecurityError");
  },
  setItem: () => {
    throw new DOMException("denied", "SecurityError");
  },
  removeItem: () => {
    throw new DOMException("denied", "SecurityError");
  },
};

type Granted = (lock: Lock | null) => unknown;

class FakeLocks {
  readonly #holders = new Map<string, Page>();
  readonly #waiting: { page: Page; name: string; grant: () => void }[] = [];

  of(page: Page): Pick<LockManager, "request"> {
    const request = (name: string, options: LockOptions, granted: Granted): Promise<unknown> => {
      const lock: Lock = { name, mode: "exclusive" };
      if (!this.#holders.has(name)) {
        this.#holders.set(name, page);
        return Promise.resolve(granted(lock));
      }
      if (options.ifAvailable) return Promise.resolve(granted(null));
      return new Promise((resolve, reject) => {
        const entry = {
          page,
          name,
          grant: () => {
            this.#holders.set(name, page);
            resolve(granted(lock));
          },
        };
        this.#waiting.push(entry);
        options.signal?.addEventListener("abort", () => {
          const index = this.#waiting.indexOf(entry);
          if (index >= 0) {
            this.#waiting.splice(index, 1);
            reject(new DOMException("aborted", "AbortError"));
          }
        });
      });
    };
    return { request: request as LockManager["request"] };
  }

  release(page: Page): void {
    for (const [name, holder] of this.#holders) {
      if (holder !== page) continue;
      this.#holders.delete(name);
      const index = this.#waiting.findIndex((entry) => entry.name === name);
      if (index >= 0) this.#waiting.splice(index, 1)[0]?.grant();
    }
  }
}

class FakeChannel implements TabChannel {
  readonly #listeners: ((event: MessageEvent<unknown>) => void)[] = [];

  constructor(
    readonly page: Page,
    readonly members: Set<FakeChannel>,
  ) {}

  addEventListener(_type: "message", listener: (event: MessageEvent<unknown>) => void): void {
    this.#listeners.push(listener);
  }

  postMessage(data: unknown): void {
    for (const member of this.members) {
      if (member === this) continue;
      for (const listener of member.#listeners) listener({ data } as MessageEvent<unknown>);
    }
  }
}
