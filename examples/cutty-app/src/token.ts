/** The token that tells the agent server who is signed in. It lives for minutes; the application makes new ones. */
import { newToken } from "./api.ts";

interface Kept {
  token: string;
  /** Milliseconds since 1970: from then on it is too old to be used once more. */
  until: number;
}

let kept: Promise<Kept> | undefined;
let count = 0;

/** A token that is good for some time yet. Rejects when nobody is signed in any more. */
export async function userToken(): Promise<string> {
  kept ??= fresh();
  const mine = kept;
  const { token, until } = await mine;
  if (Date.now() < until) return token;
  if (kept === mine) forgetToken();
  return userToken();
}

/** How many there were: another number, another token. */
export const tokensSoFar = () => count;

/** For a token that was refused, and for another user. */
export function forgetToken(): void {
  kept = undefined;
}

async function fresh(): Promise<Kept> {
  const asked = Date.now();
  try {
    const { token, seconds } = await newToken();
    count += 1;
    return { token, until: asked + seconds * 800 };
  } catch (error) {
    forgetToken(); // The next call tries again.
    throw error;
  }
}
