/** Something the API refused or could not do, in its own words: what is wrong, and what to do about it. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly remedy: string;
  /** Whether the same request may succeed later. */
  readonly retry: boolean;

  constructor(status: number, code: string, message: string, remedy: string, retry: boolean) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.remedy = remedy;
    this.retry = retry;
  }
}

/** The problem in the body of an answer; what a proxy or another server answered becomes a problem too. */
export function problemFrom(status: number, body: string): Problem {
  const error = errorIn(body);
  if (!error) {
    return new Problem(
      status,
      "unexpected",
      `The server answered ${status}${body.trim() ? ` with: ${body.trim().slice(0, 200)}` : " without a reason"}.`,
      "Something between this page and cutty-agent may have answered instead; the server's log says more.",
      status >= 500,
    );
  }
  const text = (key: string) => (typeof error[key] === "string" ? error[key] : "");
  return new Problem(status, text("code") || "unexpected", text("message"), text("remedy"), error.retry === true);
}

/** What to show for anything that was thrown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError) {
    return new Problem(0, "unreachable", "The server cannot be reached.", "Look whether it runs; this page tries again.", true);
  }
  return new Problem(0, "page", error instanceof Error ? error.message : String(error), "Reload this page.", false);
}

function errorIn(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    const error = isRecord(value) ? value.error : null;
    return isRecord(error) && typeof error.message === "string" ? error : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
