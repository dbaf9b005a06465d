import type { Tone } from "../actions/actions.ts";
import { build, button, icon } from "./build.ts";

export interface Notice {
  tone: Tone;
  text: string;
  /** Small print below it: what the server has said. */
  detail?: string;
  actions?: { label: string; press: () => void }[];
  dismiss?: () => void;
}

/** What the visitor should know, above the field; drawn anew only when it has changed. */
export class Notices {
  readonly element = build("div", { class: "notices", part: "notices" });
  #drawn = "";

  show(notices: Notice[]): void {
    const now = JSON.stringify(notices.map(({ tone, text, detail, actions }) => [tone, text, detail, actions?.map(({ label }) => label)]));
    if (now === this.#drawn) return;
    this.#drawn = now;
    this.element.replaceChildren(...notices.map(draw));
  }
}

function draw({ tone, text, detail, actions = [], dismiss }: Notice): HTMLElement {
  return build(
    "div",
    { class: `notice ${tone}`, part: `notice notice-${tone}`, role: tone === "error" ? "alert" : "status" },
    build(
      "div",
      { class: "notice-text" },
      build("p", {}, text),
      detail ? build("p", { class: "detail" }, detail) : null,
      actions.length > 0 &&
        build("div", { class: "actions" }, ...actions.map(({ label, press }) => button({ class: "button" }, press, label))),
    ),
    dismiss && button({ class: "plain-button", "aria-label": "Dismiss" }, dismiss, icon("close")),
  );
}

/** What a refusal means for a visitor, by the close code of the server. */
export function describeRefusal(code: number): { text: string; renew: boolean } {
  switch (code) {
    case 4401:
      return { text: "Please sign in to use the chat.", renew: false };
    case 4403:
      return { text: "This page may not use the chat.", renew: false };
    case 4404:
      return { text: "This conversation does not exist, or it belongs to someone else.", renew: true };
    case 4410:
      return { text: "This conversation has ended.", renew: true };
    case 4429:
      return { text: "Too much at once. Please try again later.", renew: false };
    case 1009:
      return { text: "The message is too long.", renew: true };
    case 0:
      return { text: "The chat could not be started.", renew: false };
    default:
      return { text: "The server has closed this conversation.", renew: true };
  }
}
