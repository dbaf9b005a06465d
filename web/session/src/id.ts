/** Characters after the time: 20 of base 36 are 103 random bits. */
export const RANDOM_LENGTH = 20;

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
// 252 = 7 * 36: bytes from there on are thrown away, otherwise "0" to "3" would come up more often.
const FAIR_BYTES = 252;

// What a cutty-agent server accepts as a session id.
const ALLOWED = /^[A-Za-z0-9._~:@+=,\- ]{1,128}$/;

/** Makes `session-{milliseconds}-{random}`. `randomBytes` must be cryptographically strong. */
export function makeSessionId(now: number, randomBytes: (count: number) => Uint8Array): string {
  let random = "";
  while (random.length < RANDOM_LENGTH) {
    for (const byte of randomBytes(RANDOM_LENGTH * 2)) {
      if (byte < FAIR_BYTES && random.length < RANDOM_LENGTH) random += ALPHABET[byte % 36];
    }
  }
  return `session-${now}-${random}`;
}

/** Whether a server would take `id`: 1 to 128 letters, digits, inner spaces or `. _ ~ : @ + = , -`. */
export function isSessionId(id: string | null | undefined): id is string {
  return typeof id === "string" && ALLOWED.test(id) && id === id.trim() && id !== "." && id !== "..";
}
