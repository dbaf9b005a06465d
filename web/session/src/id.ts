/** Characters after the time: 26 of base 32 are 130 random bits. */
export const RANDOM_LENGTH = 26;

// What a cutty-agent server accepts as a session id.
const ALLOWED = /^(?!\.{1,2}$| )[A-Za-z0-9._~:@+=,\- ]{1,128}(?<! )$/;

/** Makes `session-{milliseconds}-{random}`. `randomBytes` must be cryptographically strong. */
export function makeSessionId(now: number, randomBytes: (count: number) => Uint8Array): string {
  // 256 is a multiple of 32, so every character is equally likely.
  const random = Array.from(randomBytes(RANDOM_LENGTH), (byte) => (byte % 32).toString(32));
  return `session-${now}-${random.join("")}`;
}

/** Whether a server would take `id`: 1 to 128 letters, digits, inner spaces or `. _ ~ : @ + = , -`. */
export function isSessionId(id: unknown): id is string {
  return typeof id === "string" && ALLOWED.test(id);
}
