import type { Message } from "../protocol/message.ts";
import { build } from "./build.ts";
import { type Approve, makePartView, partKind, type PartView } from "./part-view.ts";

/** The messages of a conversation; what has not changed is not drawn again. */
export class Transcript {
  readonly element: HTMLElement;
  readonly #list = build("div", { class: "list" });
  readonly #greeting = build("p", { class: "greeting", part: "greeting" });
  readonly #dots = build("p", { class: "dots", role: "img", "aria-label": "An answer is being written" });
  readonly #views = new Map<string, MessageView>();
  readonly #approve: Approve;
  #sticks = true;

  constructor(approve: Approve) {
    this.#approve = approve;
    this.#dots.append(build("i"), build("i"), build("i"));
    this.#dots.hidden = true;
    // Not live: word by word it would drown everything else. What is finished is announced by the panel.
    this.element = build(
      "div",
      { class: "log", part: "messages", role: "log", "aria-live": "off", "aria-label": "Conversation", tabindex: "0" },
      this.#greeting,
      this.#list,
      this.#dots,
    );
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  #scrolled(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    this.#sticks = scrollHeight - scrollTop - clientHeight < 60;
  }

  /** `busy` says that an answer is on its way. */
  show(messages: Message[], agent: string, greeting: string, busy: boolean): void {
    this.#greeting.textContent = greeting;
    this.#greeting.hidden = !greeting;
    const shown = messages.filter(({ role }) => role !== "system");
    const wanted = new Set(shown.map(({ id }) => id));
    for (const [id, view] of this.#views) {
      if (wanted.has(id)) continue;
      view.element.remove();
      this.#views.delete(id);
    }
    const last = shown.at(-1);
    for (const [at, message] of shown.entries()) {
      let view = this.#views.get(message.id);
      if (!view) this.#views.set(message.id, (view = new MessageView(message, agent, this.#approve)));
      if (this.#list.children[at] !== view.element) this.#list.insertBefore(view.element, this.#list.children[at] ?? null);
      view.show(message, busy && message === last);
    }
    const waiting = busy && (last?.role !== "assistant" || !last.parts.some(partKind));
    this.#dots.hidden = !waiting;
    this.element.ariaBusy = String(busy);
    // Whoever has just asked wants to see the answer.
    if (waiting && last?.role === "user") this.#sticks = true;
  }

  /** Goes to the end, unless the visitor has scrolled up to read. Call it when everything around is in place. */
  settle(opened: boolean): void {
    this.#sticks ||= opened;
    if (this.#sticks) this.element.scrollTop = this.element.scrollHeight;
  }
}

class MessageView {
  readonly element: HTMLElement;
  readonly #body = build("div", { class: "bubble", part: "bubble" });
  readonly #approve: Approve;
  #parts: { kind: string; view: PartView }[] = [];

  constructor({ id, role }: Message, agent: string, approve: Approve) {
    this.#approve = approve;
    this.element = build(
      "article",
      { class: `message ${role}`, part: `message message-${role}`, "data-message-id": id, "data-role": role },
      build("span", { class: "unseen" }, role === "user" ? "You said:" : `${agent} said:`),
      this.#body,
    );
  }

  show(message: Message, growing: boolean): void {
    const parts = message.parts.map((part) => ({ part, kind: partKind(part) })).filter(({ kind }) => kind !== null);
    this.element.hidden = parts.length === 0;
    for (const [at, { part, kind }] of parts.entries()) {
      let entry = this.#parts[at];
      if (entry?.kind !== kind) {
        entry?.view.element.remove();
        entry = { kind: kind!, view: message.role === "user" && kind === "text" ? plainView() : makePartView(kind!, this.#approve) };
        this.#parts[at] = entry;
        this.#body.insertBefore(entry.view.element, this.#body.children[at] ?? null);
      }
      entry.view.update(part, growing);
    }
    for (const { view } of this.#parts.splice(parts.length)) view.element.remove();
  }
}

/** What a visitor has written is shown as it was written. */
function plainView(): PartView {
  const element = build("p", { class: "plain" });
  return { element, update: (part) => (element.textContent = part.text ?? "") };
}
