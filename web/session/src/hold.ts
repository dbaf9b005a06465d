import type { Environment, TabChannel } from "./environment.ts";

/** How long, in milliseconds, a page waits for the one it replaces to let go of the session. */
export const HANDOVER_MS = 1000;
/** How long, in milliseconds, other tabs have to object where Web Locks are missing. */
export const OBJECTION_MS = 250;

/**
 * Tries to become the only page of this browser that holds `id`, for as long as the page lives.
 *
 * `patient` says that this page replaces an earlier one of the same tab, whose hold may end a moment late.
 * Returns false when another page holds the id. Without Web Locks and BroadcastChannel it cannot know, and says true.
 */
export async function holdSession(environment: Environment, id: string, patient: boolean): Promise<boolean> {
  if (environment.locks) {
    const answer = await holdByLock(environment, environment.locks, id, patient);
    if (answer !== "unavailable") return answer === "held";
  }
  if (environment.openChannel) return holdByChannel(environment, environment.openChannel(channelName(id)));
  return true;
}

type LockAnswer = "held" | "taken" | "unavailable";

function holdByLock(
  environment: Environment,
  locks: Pick<LockManager, "request">,
  id: string,
  patient: boolean,
): Promise<LockAnswer> {
  return new Promise((resolve) => {
    const name = `cutty-session:${id}`;
    const giveUp = new AbortController();
    // `signal` and `ifAvailable` exclude each other, so the impatient request is the one without a signal.
    const options: LockOptions = patient ? { signal: giveUp.signal } : { ifAvailable: true };
    const granted = (lock: Lock | null): Promise<never> | undefined => {
      resolve(lock ? "held" : "taken");
      return lock ? new Promise<never>(() => {}) : undefined; // Never settled: released when the page ends.
    };
    locks.request(name, options, granted).catch(() => resolve(giveUp.signal.aborted ? "taken" : "unavailable"));
    if (patient) void environment.wait(HANDOVER_MS).then(() => giveUp.abort());
  });
}

interface Claim {
  kind: "claim" | "held";
  token: string;
}

async function holdByChannel(environment: Environment, channel: TabChannel): Promise<boolean> {
  const token = Array.from(environment.randomBytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let state: "claiming" | "held" | "lost" = "claiming";
  channel.addEventListener("message", ({ data }) => {
    const message = data as Partial<Claim> | null;
    if (typeof message?.token !== "string" || message.token === token || state === "lost") return;
    // Of two pages that claim at the same time the lower token wins.
    const mine = state === "held" || (message.kind === "claim" && token < message.token);
    if (!mine) state = "lost";
    else if (message.kind === "claim") channel.postMessage({ kind: "held", token } satisfies Claim);
  });
  channel.postMessage({ kind: "claim", token } satisfies Claim);
  await environment.wait(OBJECTION_MS);
  if (wasLost(state)) return false;
  state = "held";
  return true;
}

// A function, because the compiler does not see that a message handler changes the variable meanwhile.
function wasLost(state: string): boolean {
  return state === "lost";
}

function channelName(id: string): string {
  return `cutty-session:${id}`;
}
