import { endSession, getSessionId, newSession, onSessionChange, type SessionOptions, type SessionScope } from "cutty-session";
import { perform, type Tone } from "./actions/actions.ts";
import { type Message, textOf } from "./protocol/message.ts";
import { type Place, readPlace } from "./protocol/place.ts";
import { ChatSession } from "./session.ts";
import styles from "./styles/widget.css?inline";
import { describeRefusal, type Notice } from "./view/notices.ts";
import { Panel } from "./view/panel.ts";

const SCOPES: readonly string[] = ["tab", "browser", "user", "server"] satisfies SessionScope[];
/** Attributes that decide which session it is; another value is another conversation. */
const PLACING = new Set(["agent-url", "scope", "user-id"]);
const ANNOUNCED = 600; // characters of an answer that are read out

/** A floating chat: `<cutty-chat agent-url="https://host/agents/chat">`. Attributes and events are in docs/clients.md. */
export class CuttyChat extends HTMLElement {
  static readonly observedAttributes = [
    ...PLACING,
    ...["title", "placeholder", "greeting", "token", "open", "position", "theme"],
  ];

  /** Gives a token for the next connection or request, instead of the attribute `token`. */
  declare getToken: (() => string | null | Promise<string | null>) | undefined;

  readonly #root: ShadowRoot;
  readonly #panel: Panel;
  #session: ChatSession | null = null;
  #place: Place | null = null;
  /** Why there is no session, for developer and visitor. */
  #mistake: string | null = null;
  #starting: Promise<void> | null = null;
  #unfollow: (() => void) | null = null;
  #notes: { text: string; tone: Tone }[] = [];
  #unread = 0;
  #drawing = 0;
  /** Whether it has been put into the page; what the markup says is no wish of the visitor yet. */
  #placed = false;

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [sheet()]; // Allowed under every content security policy, unlike <style>.
    this.#panel = new Panel({
      toggle: () => (this.isOpen ? this.close() : this.open()),
      close: () => this.close(),
      renew: () => void this.newSession().catch((error: unknown) => this.#fail(error)),
      send: (text) => void this.send(text).catch((error: unknown) => this.#fail(error)),
      stop: () => this.#session?.conversation.stop(),
      approve: (toolCallId, approved) => this.#session?.conversation.approve(toolCallId, approved),
    });
    this.#root.append(this.#panel.element);
  }

  /** Whether the panel is open; the attribute `open` says the same. */
  get isOpen(): boolean {
    return this.hasAttribute("open");
  }

  /** The id of the session, once there is one. */
  get sessionId(): string | null {
    return this.#session?.id ?? null;
  }

  /** The messages as the AI SDK knows them. */
  get messages(): readonly Message[] {
    return this.#session?.conversation.messages ?? [];
  }

  /** Opens the panel and, the first time, the connection. */
  open(): void {
    this.toggleAttribute("open", true);
  }

  close(): void {
    this.toggleAttribute("open", false);
  }

  /**
   * Sends a message of the visitor, as soon as there is a connection. The panel stays as it is.
   *
   * Rejects where there is no session, or the server has refused it.
   */
  async send(text: string): Promise<void> {
    await this.#start();
    const session = this.#session;
    if (!session || session.refusal) throw new Error(`<cutty-chat>: not sent, ${this.#mistake ?? "the server refuses"}`);
    const { id } = session.conversation.submit(text);
    this.#emit("message", { id, text });
  }

  /** Begins a new conversation and resolves with its id; the old one stays on the server. */
  async newSession(): Promise<string> {
    return newSession(this.#options());
  }

  /** Deletes the messages of this conversation, here and on the server. */
  clear(): void {
    this.#session?.conversation.clear();
  }

  /** Forgets the conversation, for example when the visitor signs out; with `erase` the server deletes it. */
  async endSession(options: { erase?: boolean } = {}): Promise<void> {
    await endSession({ ...this.#options(), ...options });
  }

  connectedCallback(): void {
    if (this.#remembered()) this.open();
    this.#placed = true;
    if (this.isOpen) void this.#start();
    this.#draw();
  }

  disconnectedCallback(): void {
    this.#placed = false;
    this.#leave();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after) return;
    if (name === "open") this.#turned();
    else if (PLACING.has(name) && before !== null) {
      this.#leave();
      if (this.isOpen && this.#placed) void this.#start();
    }
    this.#draw();
  }

  #turned(): void {
    if (!this.#placed) return;
    this.#remember();
    if (this.isOpen) {
      this.#unread = 0;
      void this.#start();
      this.#drawNow();
      this.#panel.focusField();
      this.#emit("open", {});
    } else {
      const focused = this.#panel.hasFocus(this.#root);
      this.#drawNow();
      if (focused) this.#panel.focusLauncher();
      this.#emit("close", {});
    }
  }

  #options(): SessionOptions {
    this.#place ??= readPlace(this.getAttribute("agent-url"), document.baseURI);
    const scope = this.getAttribute("scope") ?? "tab";
    if (!SCOPES.includes(scope)) throw new TypeError(`<cutty-chat>: scope must be one of ${SCOPES.join(", ")}`);
    const { agent, server } = this.#place;
    return { agent, url: server, scope: scope as SessionScope, userId: this.getAttribute("user-id") ?? undefined };
  }

  /** Finds the session and connects, once. */
  #start(): Promise<void> {
    this.#starting ??= this.#find().catch((error: unknown) => this.#fail(error));
    return this.#starting;
  }

  async #find(): Promise<void> {
    this.#mistake = null;
    const options = this.#options();
    this.#unfollow?.();
    let current = true;
    const end = onSessionChange(options, (id) => {
      if (current && id !== this.#session?.id) this.#enter(id);
    });
    this.#unfollow = () => {
      current = false;
      end();
    };
    const id = await getSessionId(options);
    if (current && !this.#session) this.#enter(id);
  }

  #enter(id: string | null): void {
    const previous = this.#session?.id ?? null;
    this.#session?.close();
    this.#session = null;
    this.#notes = [];
    if (id !== null) this.#join(id);
    else this.#starting = null; // What is sent next begins another.
    this.#emit("session", { id, previous });
    this.#draw();
  }

  #join(id: string): void {
    const guarded =
      <Arguments extends unknown[]>(act: (...given: Arguments) => void) =>
      (...given: Arguments): void => {
        if (this.#session === session) act(...given);
      };
    const session: ChatSession = new ChatSession(
      {
        place: this.#place!,
        id,
        token: async () => (this.getToken ? await this.getToken() : this.getAttribute("token")),
        renewable: this.getToken !== undefined,
        credentials: (this.getAttribute("credentials") as RequestCredentials | null) ?? undefined,
      },
      {
        changed: guarded(() => this.#draw()),
        answered: guarded((message, outcome) => this.#answered(message, outcome)),
        failed: guarded((message) => this.#emit("error", { message, code: null })),
        action: guarded((action, data) => this.#act(action, data)),
        refused: guarded((code, reason) => this.#emit("error", { message: reason || describeRefusal(code).text, code })),
      },
    );
    this.#session = session;
    session.open();
  }

  #leave(): void {
    this.#unfollow?.();
    this.#unfollow = null;
    this.#session?.close();
    this.#session = null;
    this.#place = null;
    this.#starting = null;
    this.#mistake = null;
    this.#notes = [];
  }

  #fail(error: unknown): void {
    this.#unfollow?.();
    this.#unfollow = null;
    this.#starting = null; // The next try starts anew.
    this.#mistake = error instanceof Error ? error.message : String(error);
    console.error(error);
    this.#emit("error", { message: this.#mistake, code: null });
    this.#draw();
  }

  #answered(message: Message, outcome: string): void {
    const text = textOf(message);
    if (text) this.#panel.announce(`${this.#name}: ${text.slice(0, ANNOUNCED)}`);
    if (!this.isOpen) this.#unread += 1;
    this.#emit("answer", { message, text, outcome });
  }

  #act(action: string, data: unknown): void {
    const allowed = this.getAttribute("actions");
    const wanted = this.#emit("action", { action, data });
    if (!wanted || (allowed !== null && !allowed.split(/[\s,]+/).includes(action))) return;
    try {
      perform(
        { action, data },
        {
          page: document,
          href: location.href,
          go: (url) => location.assign(url),
          notice: (text, tone) => {
            this.#notes.push({ text, tone });
            if (!this.isOpen) this.#unread += 1;
          },
        },
      );
    } catch (error) {
      this.#emit("error", { message: (error as Error).message, code: null });
    }
  }

  get #name(): string {
    return this.getAttribute("title") || "Chat";
  }

  /** At most once a frame: words come faster than anyone can see. */
  #draw(): void {
    this.#drawing ||= requestAnimationFrame(() => this.#drawNow());
  }

  #drawNow(): void {
    cancelAnimationFrame(this.#drawing);
    this.#drawing = 0;
    const session = this.#session;
    const conversation = session?.conversation;
    this.#panel.element.dataset.theme = this.getAttribute("theme") ?? "auto";
    this.#panel.element.dataset.position = this.getAttribute("position") ?? "bottom-right";
    this.#panel.element.dataset.state = session?.refusal ? "refused" : (session?.state ?? "closed");
    this.#panel.show({
      open: this.isOpen,
      title: this.#name,
      placeholder: this.getAttribute("placeholder") || "Write a message",
      greeting: this.getAttribute("greeting") ?? "",
      status: this.#status(),
      messages: conversation?.messages ?? [],
      busy: conversation?.busy ?? false,
      usable: !session?.refusal && this.#mistake === null,
      notices: this.#notices(),
      unread: this.#unread,
    });
  }

  #status(): string {
    const session = this.#session;
    if (!session || session.refusal) return "";
    if (session.state !== "open" && !navigator.onLine) return "Offline";
    if (session.state === "waiting") return "Reconnecting…";
    if (session.state === "connecting") return session.conversation.loaded ? "Reconnecting…" : "Connecting…";
    return session.conversation.recovering ? "Taking up the answer again…" : "";
  }

  #notices(): Notice[] {
    const again = { label: "Try again", press: () => this.#again() };
    const renew = { label: "New conversation", press: () => void this.newSession().catch((error: unknown) => this.#fail(error)) };
    const notices: Notice[] = this.#notes.map((note) => ({
      ...note,
      dismiss: () => {
        this.#notes = this.#notes.filter((each) => each !== note);
        this.#drawNow();
        this.#panel.focusField();
      },
    }));
    if (this.#mistake !== null) {
      return [...notices, { tone: "error", text: describeRefusal(0).text, detail: this.#mistake, actions: [again] }];
    }
    const { refusal = null, conversation } = this.#session ?? {};
    if (refusal) {
      const { text, renew: useful } = describeRefusal(refusal.code);
      const actions = useful ? [renew, again] : [again];
      notices.push({ tone: "error", text, detail: refusal.reason, actions });
    } else if (conversation?.failure) {
      notices.push({
        tone: "error",
        text: conversation.failure,
        actions: [{ label: "Try again", press: () => conversation.retry() }],
      });
    }
    return notices;
  }

  #again(): void {
    if (this.#session) this.#session.open();
    else void this.#start();
    this.#drawNow();
    this.#panel.focusField();
  }

  /** Dispatches `cutty-{name}`; false when a listener has prevented what would follow. */
  #emit(name: string, detail: unknown): boolean {
    const options = { detail, bubbles: true, composed: true, cancelable: name === "action" };
    return this.dispatchEvent(new CustomEvent(`cutty-${name}`, options));
  }

  /** An open panel stays open on the next page of this tab. */
  #remember(): void {
    try {
      if (this.isOpen) sessionStorage.setItem(OPEN_KEY, "yes");
      else sessionStorage.removeItem(OPEN_KEY);
    } catch {
      // Without storage it is closed on the next page.
    }
  }

  #remembered(): boolean {
    try {
      return sessionStorage.getItem(OPEN_KEY) === "yes";
    } catch {
      return false;
    }
  }
}

const OPEN_KEY = "cutty-chat-open";

let shared: CSSStyleSheet | undefined;

function sheet(): CSSStyleSheet {
  if (!shared) {
    shared = new CSSStyleSheet();
    shared.replaceSync(styles);
  }
  return shared;
}
