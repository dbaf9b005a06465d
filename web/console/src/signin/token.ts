const KEY = "cutty-console-token";

/** The token of this tab; it ends with the tab and is never in local storage or a cookie. */
export function keptToken(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export function keepToken(token: string | null): void {
  try {
    if (token === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // Where storage is blocked, a reload asks for the token again.
  }
}
