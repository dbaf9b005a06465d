/** The two calls of `Storage` that are used. Every call may throw: storage can be blocked or full. */
export type TabStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** The part of `BroadcastChannel` that is used. */
export interface TabChannel {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: MessageEvent<unknown>) => void): void;
}

/** How this page came to be, as `PerformanceNavigationTiming.type` tells it. */
export type NavigationKind = "navigate" | "reload" | "back_forward" | "prerender";

/** Everything of a browser that session ids need; tests pass one of their own. */
export interface Environment {
  /** `sessionStorage`, or null where it is missing or blocked. */
  storage: TabStorage | null;
  /** `navigator.locks`, or null (plain HTTP on a public name, old browsers). */
  locks: Pick<LockManager, "request"> | null;
  /** Opens a `BroadcastChannel`, or null where there is none. */
  openChannel: ((name: string) => TabChannel) | null;
  navigation: NavigationKind;
  /** The query of the page's address, for example `?session=abc`. */
  search: string;
  /** Milliseconds since 1970. */
  now(): number;
  randomBytes(count: number): Uint8Array;
  /** Resolves after `milliseconds`. */
  wait(milliseconds: number): Promise<void>;
  /** Calls `left` when the page goes away, and `back` when the browser shows it again from its page cache. */
  onLeave(left: () => void, back: () => void): void;
}

/** The environment of the page that runs this code. */
export function browserEnvironment(): Environment {
  return {
    storage: openStorage(),
    locks: navigator.locks ?? null,
    openChannel: typeof BroadcastChannel === "function" ? (name) => new BroadcastChannel(name) : null,
    navigation: navigationKind(),
    search: location.search,
    now: () => Date.now(),
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    onLeave: (left, back) => {
      addEventListener("pagehide", left);
      addEventListener("pageshow", (event) => {
        if (event.persisted) back();
      });
    },
  };
}

function openStorage(): TabStorage | null {
  try {
    return window.sessionStorage;
  } catch {
    return null; // Reading the property throws where the user blocks site data.
  }
}

function navigationKind(): NavigationKind {
  const [entry] = performance.getEntriesByType("navigation");
  return entry instanceof PerformanceNavigationTiming ? entry.type : "navigate";
}
