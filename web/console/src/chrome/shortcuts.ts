import { useLayoutEffect } from "react";

export const PLACES: Readonly<Record<string, { path: string; name: string }>> = {
  o: { path: "overview", name: "Overview" },
  s: { path: "sessions", name: "Sessions" },
  p: { path: "principals", name: "Principals" },
  l: { path: "limits", name: "Limits" },
  a: { path: "audit", name: "Audit log" },
  c: { path: "config", name: "Configuration" },
};

export interface ShortcutActions {
  go: (path: string) => void;
  search: () => void;
  help: () => void;
  refresh: () => void;
}

const CHORD_MS = 1500;

/** What a key means: `g` starts a chord, the rest acts at once. Pure, so that it can be tested. */
export function readShortcut(key: string, sinceG: number): keyof ShortcutActions | "chord" | { go: string } | null {
  const place = sinceG < CHORD_MS ? PLACES[key] : undefined;
  if (place) return { go: place.path };
  if (key === "g") return "chord";
  if (key === "/") return "search";
  if (key === "?") return "help";
  if (key === "r") return "refresh";
  return null;
}

/** Keys that work wherever nothing is being typed and no dialog is open. */
export function useShortcuts(actions: ShortcutActions): void {
  // A layout effect, so that a key pressed the moment the page is there is not lost.
  useLayoutEffect(() => {
    let chordAt = -Infinity;
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
      const meaning = readShortcut(event.key, event.timeStamp - chordAt);
      chordAt = meaning === "chord" ? event.timeStamp : -Infinity;
      if (meaning === null || meaning === "chord") return;
      event.preventDefault();
      if (typeof meaning === "object") actions.go(meaning.go);
      else if (meaning !== "go") actions[meaning]();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [actions]);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
