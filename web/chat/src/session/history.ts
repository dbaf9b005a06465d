import type { UIMessage } from "ai";

const FAILED = "The history could not be loaded";
const PAUSES_MS = [400, 1200];

/**
 * The transcript of the session behind `url`. A server that cannot be reached or fails is asked three times, then the
 * error is thrown. A refusal (4xx) gives an empty transcript: the socket is refused too, and closes with the reason.
 */
export async function loadHistory({ url }: { url?: string }): Promise<UIMessage[]> {
  if (!url) return [];
  const address = new URL(url);
  address.pathname += "/get-messages";
  for (let attempt = 0; ; attempt += 1) {
    const pause = PAUSES_MS[attempt];
    try {
      const response = await fetch(address, { headers: { Accept: "application/json" } });
      if (response.ok) return readMessages(await response.text());
      if (response.status < 500) return [];
      if (pause === undefined) throw new Error(`${FAILED}: the server answered ${response.status}.`);
    } catch (error) {
      if (pause === undefined) throw error instanceof TypeError ? new Error(`${FAILED}: no connection.`) : error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

function readMessages(text: string): UIMessage[] {
  if (!text.trim()) return [];
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) throw new Error("The history could not be read: the answer is not a list of messages.");
  return value as UIMessage[];
}
