// @vitest-environment happy-dom
import { act, createElement, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { getSessionId, newSession, type SessionOptions } from "../src/index.ts";
import { type CuttySession, useCuttySession } from "../src/react.ts";

let root: Root;
let now: CuttySession;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  sessionStorage.clear();
  localStorage.clear();
  root = createRoot(document.createElement("div"));
});

afterEach(() => {
  act(() => root.unmount());
  vi.unstubAllGlobals();
});

function Probe({ options }: { options: SessionOptions }) {
  now = useCuttySession(options);
  return null;
}

const render = (options: SessionOptions): Promise<void> =>
  act(async () => root.render(createElement(StrictMode, null, createElement(Probe, { options }))));

test("gives the id of the tab after mounting", async () => {
  await render({ agent: "hooked" });
  expect(now.ready).toBe(true);
  expect(now.id).toBe(await getSessionId({ agent: "hooked" }));
});

test("follows a new session, its own and the page's, and forgets an ended one", async () => {
  await render({ agent: "renewed" });
  const before = now.id;
  await act(async () => void (await now.newSession()));
  expect(now.id).not.toBe(before);
  let other = "";
  await act(async () => void (other = await newSession({ agent: "renewed" })));
  expect(now.id).toBe(other);
  await act(() => now.endSession());
  expect([now.id, now.ready]).toEqual([undefined, false]);
});

test("never shows the session of one user to the next", async () => {
  await render({ scope: "user", userId: "ada" });
  expect(now.id).toMatch(/^user-ada-/);
  await render({ scope: "user", userId: "bob" });
  expect(now.id).toMatch(/^user-bob-/);
});

test("tells why there is no session", async () => {
  await render({ scope: "user" });
  expect(now.ready).toBe(false);
  expect(now.error?.message).toBe("userId is missing");
});
