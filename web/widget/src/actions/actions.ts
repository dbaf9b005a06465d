import { fillForm } from "./form.ts";

/** What an agent may ask a page for, as it comes in a frame `{"type": "action", "action": …, "data": …}`. */
export interface Action {
  action: string;
  data: unknown;
}

export interface ActionWorld {
  page: Document;
  /** The address of the page, which decides what is the same origin. */
  href: string;
  go(url: string): void;
  notice(text: string, tone: Tone): void;
}

export const TONES = ["info", "success", "warning", "error"] as const;
export type Tone = (typeof TONES)[number];

/**
 * Does what the agent asks for, where that is harmless: goes to a page of this origin, fills in a form without sending
 * it, shows a message. Actions of any other name are the application's.
 *
 * @throws Error saying what is wrong with the data.
 */
export function perform({ action, data }: Action, world: ActionWorld): void {
  switch (action) {
    case "NAVIGATE":
      return world.go(sameOrigin(field(data, "path", "url", "to"), world.href));
    case "FILL_FORM":
      return fillForm(data, world.page);
    case "SHOW_MESSAGE": {
      const tone = TONES.find((each) => each === field(data, "type", "tone", "level"));
      return world.notice(field(data, "message", "text") ?? "", tone ?? "info");
    }
  }
}

function field(data: unknown, ...names: string[]): string | undefined {
  if (typeof data === "string") return data;
  const values = typeof data === "object" && data !== null ? (data as Record<string, unknown>) : {};
  return names.map((name) => values[name]).find((value) => typeof value === "string");
}

function sameOrigin(path: string | undefined, href: string): string {
  const url = path === undefined ? null : URL.parse(path, href);
  if (!url || url.origin !== new URL(href).origin || !/^https?:$/.test(url.protocol)) {
    throw new Error(`NAVIGATE: “${path ?? ""}” is not a path of this site`);
  }
  return url.href;
}
