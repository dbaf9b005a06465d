import { startTransition, useRef, useState } from "react";
import { forgetToken, tokensSoFar, userToken } from "../../token.ts";

const query = async () => ({ token: await userToken() });

/** Longer than a page lives: `useAgent` would otherwise ask again, and hide the chat meanwhile, while nothing is wrong. */
const CACHE_MS = 86_400_000;

/**
 * Options of `useAgent` that show the token of whoever is signed in: for its socket, and for the history that
 * `useAgentChat` fetches from the same address.
 *
 * An expired token closes the socket with 4401, which `useAgent` takes for final. A new query makes it connect again
 * with a new token. Every other refusal, and a token that is refused as soon as it is shown, is thrown.
 */
export function useCredentials() {
  const [number, setNumber] = useState(tokensSoFar); // `useAgent` keeps what a query gave; this asks for another.
  const worked = useRef(true); // The first token may have been kept for too long.
  const [refusal, setRefusal] = useState<Error>();
  const [id] = useState(() => crypto.randomUUID());
  if (refusal) throw refusal;
  return {
    id, // The same for every socket, so the server knows who has missed the end of an answer.
    query,
    queryDeps: [number],
    cacheTtl: CACHE_MS,
    onIdentity: () => {
      worked.current = true;
    },
    onConnectionError: (error: Error & { code: number }) => {
      if (error.code !== 4401 || !worked.current) return setRefusal(error);
      worked.current = false;
      forgetToken();
      startTransition(() => setNumber(tokensSoFar() + 1)); // What is on the page stays there while the token is fetched.
    },
  };
}
