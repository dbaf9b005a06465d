/** The calls of `Storage` that are used. Every call may throw: storage can be blocked or full. */
export type KeyStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** The part of `BroadcastChannel` that is used. */
export interface TabChannel {
  postMessage(message: string): void;
  onmessage: ((event: MessageEvent<string>) => void) | null;
}

/** Everything of a browser that session ids need; tests pass one of their own. */
export interface Environment {
  /** Gives `sessionStorage`; throws where it is blocked. */
  tab(): KeyStorage;
  /** Gives `localStorage`; throws where it is blocked. */
  shared(): KeyStorage;
  /** `navigator.locks`; missing on plain HTTP at a public name. */
  locks: Pick<LockManager, "request"> | undefined;
  /** Opens a `BroadcastChannel`; throws where there is none. */
  openChannel(name: string): TabChannel;
  /** How this page came to be: `navigate`, `reload`, `back_forward` or `prerender`. */
  navigation: string | undefined;
  /** The query of the page's address, for example `?session=abc`. */
  search: string;
  fetch(address: string, options: RequestInit): Promise<Response>;
  /** Milliseconds since 1970. */
  now(): number;
  randomBytes(count: number): Uint8Array;
  /** Resolves after `milliseconds`. */
  wait(milliseconds: number): Promise<void>;
  /** Aborts after `milliseconds`. */
  timeout(milliseconds: number): AbortSignal;
  /** Calls `seen` when the page goes away (true), and when the browser shows it again from its page cache (false). */
  onLeave(seen: (leaving: boolean) => void): void;
  /** Calls `changed` when another page of this origin writes its storage; a null key means that all was deleted. */
  onStored(changed: (key: string | null) => void): void;
}

/** The environment of the page that runs this code. */
export function browserEnvironment(): Environment {
  return {
    tab: () => sessionStorage,
    shared: () => localStorage,
    locks: navigator.locks,
    openChannel: (name) => new BroadcastChannel(name),
    navigation: (performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined)?.type,
    search: location.search,
    fetch: (address, options) => fetch(address, options),
    now: Date.now,
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    timeout: (milliseconds) => AbortSignal.timeout(milliseconds),
    onLeave: (seen) => {
      addEventListener("pagehide", () => seen(true));
      addEventListener("pageshow", () => seen(false));
    },
    onStored: (changed) => addEventListener("storage", ({ key }) => changed(key)),
  };
}
