import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
import { endSession, getSessionId, isSessionId, newSession, onSessionChange, sessionUrl } from "../src/index.ts";
import { useCuttySession } from "../src/react.ts";

// This file runs without a browser, as rendering on a server does.

test("the functions say what they lack", async () => {
  for (const call of [getSessionId, newSession, endSession]) {
    await expect(call()).rejects.toThrow("cutty-session needs a browser: call it after mounting");
  }
  expect(() => onSessionChange({}, () => {})).toThrow("needs a browser");
});

test("what needs no browser works", () => {
  expect(isSessionId("session-1-a")).toBe(true);
  expect(sessionUrl({ host: "https://agents.example", id: "s" })).toBe("https://agents.example/agents/chat/s");
});

test("the hook renders without an id", () => {
  function Probe() {
    const { id, ready, error } = useCuttySession({ agent: "chat" });
    return createElement("p", null, JSON.stringify([id ?? null, ready, error ?? null]));
  }
  expect(renderToString(createElement(Probe))).toBe("<p>[null,false,null]</p>");
});
