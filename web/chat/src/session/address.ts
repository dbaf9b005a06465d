import { isSessionId } from "cutty-session";

/** The page's address carries two choices: `?agent=` and `?session=`. */

export function wantedAgent(href: string = location.href): string | null {
  return new URL(href).searchParams.get("agent");
}

/** Whether the address names a session, so that this window shows one that another tab may show too. */
export function wantsSharedSession(href: string = location.href): boolean {
  return isSessionId(new URL(href).searchParams.get("session"));
}

/** Whether the address names a session that cannot exist, such as one whose link was cut off or mangled. */
export function namesImpossibleSession(href: string = location.href): boolean {
  return Boolean(new URL(href).searchParams.get("session")) && !wantsSharedSession(href);
}

/** This page with a session of the tab's own. */
export function ownSessionUrl(href: string = location.href): string {
  const url = new URL(href);
  url.searchParams.delete("session");
  url.hash = "";
  return url.href;
}

/** This page with another agent. */
export function agentUrl(agent: string, href: string = location.href): string {
  const url = new URL(ownSessionUrl(href));
  url.searchParams.set("agent", agent);
  return url.href;
}

/** A window onto the same session, for someone who is meant to see it. */
export function sharedSessionUrl(agent: string, sessionId: string, href: string = location.href): string {
  const url = new URL(agentUrl(agent, href));
  url.searchParams.set("session", sessionId);
  return url.href;
}
