import type { Message } from "../protocol/message.ts";
import { build, button, icon } from "./build.ts";
import { Composer } from "./composer.ts";
import { type Notice, Notices } from "./notices.ts";
import { Transcript } from "./transcript.ts";

export interface PanelEvents {
  toggle(): void;
  close(): void;
  renew(): void;
  send(text: string): void;
  stop(): void;
  approve(toolCallId: string, approved: boolean): void;
}

/** Everything that is to be seen at one moment. */
export interface PanelState {
  open: boolean;
  title: string;
  placeholder: string;
  greeting: string;
  /** How the connection is, where that is worth a word. */
  status: string;
  messages: Message[];
  busy: boolean;
  usable: boolean;
  notices: Notice[];
  /** Answers that came while the panel was closed. */
  unread: number;
}

/** The button and the panel: the whole content of the shadow root. */
export class Panel {
  readonly element: HTMLElement;
  readonly composer: Composer;
  readonly #launcher: HTMLButtonElement;
  readonly #badge = build("span", { class: "badge", part: "badge" });
  readonly #dialog: HTMLElement;
  readonly #title = build("h2", { id: "title", part: "title" });
  readonly #status = build("p", { class: "status", part: "status", role: "status" });
  readonly #transcript: Transcript;
  readonly #notices = new Notices();
  readonly #announcer = build("div", { class: "unseen", "aria-live": "polite" });
  #open: boolean | undefined;

  constructor(events: PanelEvents) {
    this.composer = new Composer(events);
    this.#transcript = new Transcript((toolCallId, approved) => {
      events.approve(toolCallId, approved);
      this.composer.field.focus(); // The button that had the focus is gone.
    });
    this.#launcher = button(
      { class: "launcher", part: "launcher", "aria-haspopup": "dialog", "aria-controls": "panel" },
      () => events.toggle(),
      icon("chat"),
      icon("close"),
      this.#badge,
    );
    this.#dialog = build(
      "section",
      { id: "panel", class: "panel", part: "panel", role: "dialog", "aria-labelledby": "title" },
      build(
        "header",
        { part: "header" },
        build("div", { class: "heading" }, this.#title, this.#status),
        button({ class: "plain-button", "aria-label": "New conversation", part: "new" }, () => events.renew(), icon("renew")),
        button({ class: "plain-button", "aria-label": "Close", part: "close" }, () => events.close(), icon("close")),
      ),
      this.#transcript.element,
      this.#notices.element,
      this.composer.element,
    );
    this.#dialog.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.stopPropagation(); // A dialog of the page around it stays open.
      events.close();
    });
    // The attribute `title` of the element names the chat. The empty ones keep it from popping up over everything.
    this.element = build("div", { class: "widget", title: "" }, this.#dialog, this.#launcher, this.#announcer);
  }

  show(state: PanelState): void {
    const opened = state.open && this.#open === false;
    this.#open = state.open;
    this.#dialog.hidden = !state.open;
    this.element.classList.toggle("open", state.open);
    this.#launcher.ariaExpanded = String(state.open);
    const news = state.unread > 0 ? `, ${state.unread} new` : "";
    this.#launcher.ariaLabel = state.open ? `Close ${state.title}` : `Open ${state.title}${news}`;
    this.#badge.hidden = state.unread === 0;
    this.#badge.textContent = state.unread > 9 ? "9+" : String(state.unread);
    setText(this.#title, state.title);
    setText(this.#status, state.status);
    this.composer.placeholder = state.placeholder;
    this.composer.show(state.busy, state.usable);
    this.#notices.show(state.notices);
    if (!state.open) return; // What nobody sees is drawn when it is opened.
    this.#transcript.show(state.messages, state.title, state.greeting, state.busy);
    this.#transcript.settle(opened);
  }

  /** Puts the cursor where one writes. */
  focusField(): void {
    if (this.composer.field.disabled) this.#dialog.querySelector<HTMLElement>("button")?.focus();
    else this.composer.field.focus();
  }

  focusLauncher(): void {
    this.#launcher.focus();
  }

  /** Whether the focus is inside the panel. */
  hasFocus(root: ShadowRoot): boolean {
    return this.#dialog.contains(root.activeElement);
  }

  /** Reads `text` to those who listen to a screen reader. */
  announce(text: string): void {
    this.#announcer.textContent = text;
  }
}

/** Without touching it when it is the same: a screen reader would read it again. */
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
