import { afterEach, expect, test, vi } from "vitest";
import { sessionUrl, websocketUrl } from "../src/index.ts";

afterEach(() => vi.unstubAllGlobals());

function onPage(href: string): void {
  vi.stubGlobal("location", new URL(href));
}

test.each([
  [{ host: "https://agents.example", id: "s-1" }, "https://agents.example/agents/chat/s-1"],
  [{ host: "https://agents.example/ai/", agent: "support", id: "s-1" }, "https://agents.example/ai/agents/support/s-1"],
  [{ host: "http://localhost:8789", id: "s 1", path: "get-messages" }, "http://localhost:8789/agents/chat/s%201/get-messages"],
  [{ host: "https://a.example", id: "s-1", query: { token: "a&b" } }, "https://a.example/agents/chat/s-1?token=a%26b"],
])("the address of %o", (place, expected) => {
  expect(sessionUrl(place)).toBe(expected);
  expect(websocketUrl(place)).toBe(expected.replace(/^http/, "ws"));
});

test("without a server it is the page's own", () => {
  onPage("https://app.example:8443/path?query");
  expect(sessionUrl({ id: "s-1" })).toBe("https://app.example:8443/agents/chat/s-1");
  expect(websocketUrl({ id: "s-1" })).toBe("wss://app.example:8443/agents/chat/s-1");
});

test("a bare host has the page's scheme", () => {
  onPage("http://localhost:5173/");
  expect(websocketUrl({ host: "localhost:8789", id: "s-1" })).toBe("ws://localhost:8789/agents/chat/s-1");
});
