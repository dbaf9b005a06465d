import { MarkdownView } from "../markdown/markdown.ts";
import { isTool, type Part, toolTitle } from "../protocol/message.ts";
import { build, button } from "./build.ts";

/** Shows one part of a message, and shows it again when it has changed. */
export interface PartView {
  element: HTMLElement;
  update(part: Part, growing: boolean): void;
}

export type Approve = (toolCallId: string, approved: boolean) => void;

/** What shows a part of this kind; null for kinds that are not shown. */
export function partKind(part: Part): "text" | "reasoning" | "tool" | "link" | null {
  if (part.type === "text") return part.text ? "text" : null;
  if (part.type === "reasoning") return part.text?.trim() ? "reasoning" : null;
  if (isTool(part)) return "tool";
  if (part.type === "file" || part.type === "source-url") return "link";
  return null;
}

export function makePartView(kind: NonNullable<ReturnType<typeof partKind>>, approve: Approve): PartView {
  switch (kind) {
    case "text":
      return textView();
    case "reasoning":
      return reasoningView();
    case "tool":
      return toolView(approve);
    case "link":
      return linkView();
  }
}

function textView(): PartView {
  const element = build("div", { class: "prose" });
  const markdown = new MarkdownView(element);
  return { element, update: (part, growing) => markdown.show(part.text ?? "", growing && part.state !== "done") };
}

function reasoningView(): PartView {
  const summary = build("summary");
  const text = build("p");
  const element = build("details", { class: "reasoning" }, summary, text);
  return {
    element,
    update: (part, growing) => {
      summary.textContent = growing && part.state === "streaming" ? "Thinking…" : "Thoughts";
      text.textContent = part.text?.trim() ?? "";
    },
  };
}

const STATES: Record<string, string> = {
  "input-streaming": "running",
  "input-available": "running",
  "approval-requested": "needs your permission",
  "approval-responded": "answered",
  "output-available": "done",
  "output-error": "failed",
  "output-denied": "not allowed",
};

function toolView(approve: Approve): PartView {
  const element = build("div", { class: "tool", part: "tool" });
  let drawn = "";
  const update = (part: Part, growing: boolean): void => {
    const state = part.state ?? "";
    const asks = state === "approval-requested";
    const idle = !growing && state.startsWith("input-");
    const now = JSON.stringify([state, idle, asks && part.input, part.errorText]);
    if (now === drawn) return;
    drawn = now;
    const title = toolTitle(part);
    const word = idle ? "not finished" : (STATES[state] ?? state);
    element.dataset.state = idle ? "idle" : state;
    const choose = (approved: boolean) => () => approve(part.toolCallId!, approved);
    element.replaceChildren(
      build("p", { class: "tool-line" }, build("span", { class: "tool-name" }, title), build("span", {}, word)),
      ...(asks ? [build("pre", { tabindex: "0", role: "region", "aria-label": `What ${title} would do` }, shown(part.input))] : []),
      ...(part.errorText ? [build("p", { class: "tool-error" }, part.errorText)] : []),
      ...(asks
        ? [
            build(
              "div",
              { class: "actions" },
              button({ class: "button primary", "aria-label": `Allow ${title}` }, choose(true), "Allow"),
              button({ class: "button", "aria-label": `Do not allow ${title}` }, choose(false), "Don’t allow"),
            ),
          ]
        : []),
    );
  };
  return { element, update };
}

function shown(input: unknown): string {
  return input === undefined ? "" : JSON.stringify(input, null, 2);
}

function linkView(): PartView {
  const link = build("a", { target: "_blank", rel: "noopener noreferrer" });
  const element = build("p", { class: "source" }, link);
  const update = (part: Part): void => {
    const url = URL.parse(part.url ?? "");
    link.textContent = String(part.title ?? part.filename ?? url?.host ?? "") || "file";
    // Data of a file is saved, not opened: as a page of its own it could be anything.
    if (url?.protocol === "data:") link.download = part.filename ?? "file";
    if (url && /^(https?|data):$/.test(url.protocol)) link.href = url.href;
    else link.removeAttribute("href");
  };
  return { element, update };
}
