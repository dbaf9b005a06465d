import { build, icon } from "./build.ts";

export interface ComposerEvents {
  send(text: string): void;
  stop(): void;
}

/** The field and its button, which sends, or ends the answer that is being written. */
export class Composer {
  readonly element: HTMLFormElement;
  readonly field: HTMLTextAreaElement;
  readonly #button: HTMLButtonElement;
  readonly #events: ComposerEvents;
  #busy: boolean | undefined;

  constructor(events: ComposerEvents) {
    this.#events = events;
    this.field = build("textarea", { rows: "1", part: "input", "aria-label": "Message", enterkeyhint: "send" });
    this.#button = build("button", { class: "send", part: "send", type: "submit" });
    this.element = build("form", { class: "composer", part: "composer" }, this.field, this.#button);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#busy) events.stop();
      else this.#submit();
    });
    this.field.addEventListener("keydown", (event) => {
      // Enter that ends the composition of a character does not send.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (!this.#busy) this.#submit();
    });
    this.field.addEventListener("input", () => this.#fit());
    this.show(false, true);
  }

  set placeholder(text: string) {
    this.field.placeholder = text;
    this.field.ariaLabel = text;
  }

  /** `busy` while an answer is being written; not `usable` when the server has refused the conversation. */
  show(busy: boolean, usable: boolean): void {
    this.field.disabled = !usable;
    this.#button.disabled = !usable;
    if (busy === this.#busy) return;
    this.#busy = busy;
    this.#button.ariaLabel = busy ? "Stop the answer" : "Send";
    this.#button.replaceChildren(icon(busy ? "stop" : "send"));
  }

  #submit(): void {
    const text = this.field.value.trim();
    if (!text) return;
    this.field.value = "";
    this.#fit();
    this.#events.send(text);
  }

  /** As high as the text, up to the height that the style sheet allows. */
  #fit(): void {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight + this.field.offsetHeight - this.field.clientHeight}px`;
  }
}
