import type { Environment } from "./environment.ts";

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
export function holdSession(environment: Environment, id: string, patient: boolean): Promise<boolean> {
  const name = `cutty-session:${id}`;
  const withoutLocks = (): Promise<boolean> => holdByChannel(environment, name).catch(() => true);
  if (!environment.locks) return withoutLocks();
  return holdByLock(environment, environment.locks, name, patient).catch(withoutLocks);
}

/** Rejects where locks are refused, as they are to a page without an origin. */
function holdByLock(
  environment: Environment,
  locks: Pick<LockManager, "request">,
  name: string,
  patient: boolean,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // The browser takes one of the two, not both.
    const options: LockOptions = patient ? { signal: environment.timeout(HANDOVER_MS) } : { ifAvailable: true };
    const granted = (lock: Lock | null): Promise<never> | undefined => {
      resolve(!!lock);
      return lock ? new Promise<never>(() => {}) : undefined; // Never settled: released when the page ends.
    };
    locks.request(name, options, granted).catch((error) => (options.signal?.aborted ? resolve(false) : reject(error)));
  });
}

const OBJECTION = "";

async function holdByChannel(environment: Environment, name: string): Promise<boolean> {
  const channel = environment.openChannel(name);
  const token = environment.randomBytes(16).join();
  let held = false;
  let lost = false;
  channel.onmessage = ({ data }) => {
    // A claim is the token of the page that makes it. Of two pages that claim at the same time the lower token wins.
    const mine = held || (!lost && token < data);
    if (mine && data !== OBJECTION) channel.postMessage(OBJECTION);
    if (!mine) lost = true;
  };
  channel.postMessage(token);
  await environment.wait(OBJECTION_MS);
  held = !lost;
  return held;
}
