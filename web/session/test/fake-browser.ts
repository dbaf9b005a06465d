import type { Environment, KeyStorage, TabChannel } from "../src/environment.ts";
import { createSessionSource, type SessionOptions, type SessionSource } from "../src/source.ts";

/** One browser: its pages share locks and channels; time passes only when a test says so. */
export class FakeBrowser {
  readonly locks = new FakeLocks();
  readonly #channels = new Map<string, Set<FakeChannel>>();
  #timers: { at: number; run: () => void }[] = [];
  #now = 1_795_000_000_000;
  #seed = 1;

  hasLocks = true;
  hasChannels = true;
  /** What `localStorage` is to every page; it tells the others of a change, as a browser does. */
  shared: KeyStorage = new FakeStorage();
  /** What the server answers; a page that asks without one being set fails the test. */
  server: (method: string, address: string) => { status: number; body?: unknown } = (method, address) => {
    throw new Error(`unexpected ${method} ${address}`);
  };
  readonly requests: { method: string; address: string; credentials: string | undefined }[] = [];
  readonly #pages = new Set<Page>();

  /** Opens a page on `storage`, which belongs to a tab: hand the same one over for the next page of that tab. */
  open(storage: KeyStorage | null, navigation = "navigate", search = ""): Page {
    const page = new Page(this, storage);
    this.#pages.add(page);
    const environment: Environment = {
      tab: () => storage!, // Where it is null every use of it throws, as where site data is blocked.
      shared: () => this.#sharedOf(page),
      locks: this.hasLocks ? this.locks.of(page) : undefined,
      openChannel: (name) => {
        if (!this.hasChannels) throw new ReferenceError("BroadcastChannel is not defined");
        return this.#channel(page, name);
      },
      navigation,
      search,
      fetch: async (address, { method = "GET", credentials }) => {
        this.requests.push({ method, address, credentials });
        const { status, body } = this.server(method, address);
        return new Response(body === undefined ? null : JSON.stringify(body), { status });
      },
      now: () => this.#now,
      randomBytes: (count) => Uint8Array.from({ length: count }, () => this.#byte()),
      wait: (milliseconds) => this.#wait(milliseconds),
      timeout: (milliseconds) => {
        const abort = new AbortController();
        void this.#wait(milliseconds).then(() => abort.abort());
        return abort.signal;
      },
      onLeave: (seen) => page.leaving.push(seen),
      onStored: (changed) => page.stored.push(changed),
    };
    page.sessions = createSessionSource(environment);
    return page;
  }

  /** What a page sees as `localStorage`: a write by it is told to every other page. */
  #sharedOf(page: Page): KeyStorage {
    const tell = (key: string): void => {
      for (const other of this.#pages) if (other !== page) for (const changed of other.stored) changed(key);
    };
    return {
      getItem: (key) => this.shared.getItem(key),
      setItem: (key, value) => {
        this.shared.setItem(key, value);
        tell(key);
      },
      removeItem: (key) => {
        this.shared.removeItem(key);
        tell(key);
      },
    };
  }

  #wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#timers.push({ at: this.#now + milliseconds, run: resolve }));
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
    this.#pages.delete(page);
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
  readonly leaving: ((leaving: boolean) => void)[] = [];
  readonly stored: ((key: string | null) => void)[] = [];

  constructor(
    readonly browser: FakeBrowser,
    readonly storage: KeyStorage | null,
  ) {}

  id(options: SessionOptions = {}): Promise<string> {
    return this.sessions.getSessionId(options);
  }

  /** The page is told to go; its locks and channels stay until `end`. */
  leave(): void {
    for (const seen of this.leaving) seen(true);
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

export class FakeStorage implements KeyStorage {
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
export const blockedStorage: KeyStorage = {
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

/** Storage that can be read, but has no room for anything new. */
export class FullStorage extends FakeStorage {
  override setItem(): void {
    throw new DOMException("full", "QuotaExceededError");
  }
}

type Granted = (lock: Lock | null) => unknown;

interface Request {
  page: Page;
  name: string;
  grant: () => void;
}

class FakeLocks {
  readonly #holders = new Map<string, Page>();
  readonly #waiting: Request[] = [];

  of(page: Page): Pick<LockManager, "request"> {
    const request = (name: string, ...rest: [LockOptions, Granted] | [Granted]): Promise<unknown> => {
      const granted = rest.at(-1) as Granted;
      const options = rest.length === 2 ? rest[0] : {};
      if (this.#holders.has(name) && options.ifAvailable) return Promise.resolve(granted(null));
      return new Promise((resolve, reject) => {
        const entry: Request = {
          page,
          name,
          grant: () => {
            this.#holders.set(name, page);
            const work = Promise.resolve(granted({ name, mode: "exclusive" }));
            work.then(resolve, reject);
            work.catch(() => {}).then(() => this.#free(name));
          },
        };
        if (!this.#holders.has(name)) return entry.grant();
        this.#waiting.push(entry);
        options.signal?.addEventListener("abort", () => {
          const index = this.#waiting.indexOf(entry);
          if (index < 0) return;
          this.#waiting.splice(index, 1);
          reject(new DOMException("aborted", "AbortError"));
        });
      });
    };
    return { request: request as LockManager["request"] };
  }

  /** A page is gone, and with it what it holds. */
  release(page: Page): void {
    for (const [name, holder] of this.#holders) if (holder === page) this.#free(name);
  }

  #free(name: string): void {
    this.#holders.delete(name);
    const index = this.#waiting.findIndex((entry) => entry.name === name);
    if (index >= 0) this.#waiting.splice(index, 1)[0]?.grant();
  }
}

class FakeChannel implements TabChannel {
  onmessage: ((event: MessageEvent<string>) => void) | null = null;

  constructor(
    readonly page: Page,
    readonly members: Set<FakeChannel>,
  ) {}

  postMessage(data: string): void {
    for (const member of this.members) {
      if (member !== this) member.onmessage?.({ data } as MessageEvent<string>);
    }
  }
}
