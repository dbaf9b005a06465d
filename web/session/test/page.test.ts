// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
});

test("the page's own storage is used", async () => {
  const { getSessionId } = await import("../src/index.ts");
  const id = await getSessionId({ agent: "chat", scope: "tab" });
  expect(sessionStorage.getItem("cutty-chat-session-id")).toBe(id);
  const shared = await getSessionId({ scope: "browser" });
  expect(localStorage.getItem("cutty-chat-session-id:browser")).toBe(shared);
});

test("two copies of the module on one page are one source", async () => {
  const one = await import("../src/index.ts");
  const id = await one.newSession();
  vi.resetModules();
  const two = await import("../src/index.ts");
  expect(two.getSessionId).not.toBe(one.getSessionId);
  expect(await two.getSessionId()).toBe(id);
});
