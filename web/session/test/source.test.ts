import { beforeEach, describe, expect, test } from "vitest";
import { HANDOVER_MS, OBJECTION_MS } from "../src/hold.ts";
import { STORAGE_KEY } from "../src/source.ts";
import { blockedStorage, FakeBrowser, FakeStorage, FullStorage, settle } from "./fake-browser.ts";

let browser: FakeBrowser;
let storage: FakeStorage;

beforeEach(() => {
  browser = new FakeBrowser();
  storage = new FakeStorage();
});

test("a new tab gets an id and stores it", async () => {
  const id = await browser.open(storage).id();
  expect(id).toMatch(/^session-1795000000000-[0-9a-v]{26}$/);
  expect(storage.getItem(STORAGE_KEY)).toBe(id);
});

test("a page that asks twice gets one answer", async () => {
  const page = browser.open(storage);
  const [first, second] = await Promise.all([page.id(), page.id()]);
  expect(second).toBe(first);
});

test("two tabs get two ids", async () => {
  const one = await browser.open(new FakeStorage()).id();
  const two = await browser.open(new FakeStorage()).id();
  expect(one).not.toBe(two);
});

describe("with Web Locks", () => {
  test("a reload keeps the id, also when the old page lets go late", async () => {
    const old = browser.open(storage);
    const id = await old.id();
    old.leave();
    const answer = browser.open(storage, "reload").id();
    await browser.pass(HANDOVER_MS - 1);
    old.end();
    expect(await answer).toBe(id);
  });

  test("a link to the page itself keeps the id, because the old page said that it leaves", async () => {
    const old = browser.open(storage);
    const id = await old.id();
    old.leave();
    const answer = browser.open(storage, "navigate").id();
    await settle();
    old.end();
    expect(await answer).toBe(id);
  });

  test("a duplicated tab gets an id of its own at once, and the original keeps its id", async () => {
    const original = browser.open(storage);
    const id = await original.id();
    const copied = storage.copy();
    const duplicate = browser.open(copied);
    const other = await duplicate.id();
    expect(other).not.toBe(id);
    expect(copied.getItem(STORAGE_KEY)).toBe(other);

    duplicate.close();
    expect(await browser.open(copied, "reload").id()).toBe(other);
    original.close();
    expect(await browser.open(storage, "reload").id()).toBe(id);
  });

  test("a duplicate that the browser reports as a return to history gets its own id after the wait", async () => {
    const id = await browser.open(storage).id();
    const answer = browser.open(storage.copy(), "back_forward").id();
    await browser.pass(HANDOVER_MS);
    expect(await answer).not.toBe(id);
  });

  test("a copy of a duplicate gets a third id", async () => {
    const ids = [await browser.open(storage).id()];
    const second = storage.copy();
    ids.push(await browser.open(second).id());
    ids.push(await browser.open(second.copy()).id());
    expect(new Set(ids).size).toBe(3);
  });

  test("a restored tab keeps its id", async () => {
    const before = browser.open(storage);
    const id = await before.id();
    before.close();
    const restarted = new FakeBrowser();
    expect(await restarted.open(storage.copy(), "back_forward").id()).toBe(id);
  });

  test("a page that comes back from the page cache no longer counts as leaving", async () => {
    const page = browser.open(storage);
    const id = await page.id();
    page.leave();
    for (const seen of page.leaving) seen(false);
    expect(await browser.open(storage.copy()).id()).not.toBe(id);
  });
});

describe("without Web Locks", () => {
  beforeEach(() => {
    browser.hasLocks = false;
  });

  test("a reload keeps the id", async () => {
    const old = browser.open(storage);
    const id = await old.id();
    old.close();
    const answer = browser.open(storage, "reload").id();
    await browser.pass(OBJECTION_MS);
    expect(await answer).toBe(id);
  });

  test("the original objects to a duplicate", async () => {
    const id = await browser.open(storage).id();
    await browser.pass(OBJECTION_MS);
    const answer = browser.open(storage.copy()).id();
    await browser.pass(OBJECTION_MS);
    expect(await answer).not.toBe(id);
  });

  test("of two pages that claim an id at once exactly one keeps it", async () => {
    const id = await browser.open(storage).id();
    const restarted = new FakeBrowser();
    restarted.hasLocks = false;
    const answers = [restarted.open(storage.copy()).id(), restarted.open(storage.copy()).id()];
    await restarted.pass(OBJECTION_MS);
    const ids = await Promise.all(answers);
    expect(ids.filter((answer) => answer === id)).toHaveLength(1);
  });

  test("without channels too, the stored id is kept", async () => {
    browser.hasChannels = false;
    const id = await browser.open(storage).id();
    expect(await browser.open(storage, "reload").id()).toBe(id);
  });
});

describe.each([
  ["missing", null],
  ["blocked", blockedStorage],
  ["full", new FullStorage()],
])("with storage %s", (_what, none) => {
  test("the id lives as long as the page", async () => {
    const page = browser.open(none);
    const id = await page.id();
    expect(id).toMatch(/^session-/);
    expect(await page.id()).toBe(id);
    expect(await browser.open(none).id()).not.toBe(id);
  });
});

test("something that is no id is not taken from storage", async () => {
  storage.setItem(STORAGE_KEY, "../admin");
  expect(await browser.open(storage).id()).toMatch(/^session-/);
});

describe("newSession", () => {
  test("replaces the id, for this page and after a reload", async () => {
    const page = browser.open(storage);
    const before = await page.id();
    const after = await page.sessions.newSession();
    expect(after).not.toBe(before);
    expect(await page.id()).toBe(after);
    page.close();
    expect(await browser.open(storage, "reload").id()).toBe(after);
  });

  test("the new id is held like the first one", async () => {
    const page = browser.open(storage);
    await page.id();
    const after = await page.sessions.newSession();
    expect(await browser.open(storage.copy()).id()).not.toBe(after);
  });
});

describe("a session named in the address", () => {
  const named = (search: string) =>
    browser.open(storage, "navigate", search).sessions.getSessionId({ scope: "tab", parameter: "session" });

  test("is opened and shared, and does not replace the tab's own", async () => {
    expect(await named("?session=room-1")).toBe("room-1");
    expect(await named("?session=room-1")).toBe("room-1");
    expect(storage.getItem(STORAGE_KEY)).toBeNull();
  });

  test("counts only when it may be a session id", async () => {
    expect(await named("?session=a%2Fb")).toMatch(/^session-/);
  });

  test("counts only when the page asks for it", async () => {
    expect(await browser.open(storage, "navigate", "?session=room-1").id()).toMatch(/^session-/);
  });
});

describe("of one tab", () => {
  test("two keys are two sessions", async () => {
    const { sessions } = browser.open(storage);
    expect(await sessions.getSessionId({ key: "one" })).not.toBe(await sessions.getSessionId({ key: "two" }));
  });

  test("two agents have two sessions, and only the agent chat has the plain key", async () => {
    const page = browser.open(storage);
    const [chat, support] = [await page.id(), await page.id({ agent: "support" })];
    expect(chat).not.toBe(support);
    expect(storage.getItem("cutty-chat-session-id")).toBe(chat);
    expect(storage.getItem("cutty-support-session-id")).toBe(support);
  });

  test("the scopes do not take each other's ids", async () => {
    browser.server = () => ({ status: 201, body: { id: "minted-1" } });
    const page = browser.open(storage);
    const ids = [
      await page.id(),
      await page.id({ scope: "browser" }),
      await page.id({ scope: "user", userId: "ada" }),
      await page.id({ scope: "server", url: "https://agents.example" }),
    ];
    expect(new Set(ids).size).toBe(4);
  });
});

describe("a full storage that holds an older id", () => {
  test("gives way to the new one for the life of the page", async () => {
    const full = new FullStorage([[STORAGE_KEY, "session-1-old"]]);
    const page = browser.open(full);
    expect(await page.id()).toBe("session-1-old");
    const id = await page.sessions.newSession();
    expect(await page.id()).toBe(id);
  });

  test("also for a scope that all tabs share", async () => {
    browser.shared = new FullStorage([["cutty-chat-session-id:browser", "session-1-old"]]);
    const page = browser.open(storage);
    const id = await page.sessions.newSession({ scope: "browser" });
    expect(await page.id({ scope: "browser" })).toBe(id);
  });
});

describe("endSession", () => {
  test("forgets the id, so that the next one is another", async () => {
    const page = browser.open(storage);
    const id = await page.id();
    await page.sessions.endSession();
    expect(storage.getItem(STORAGE_KEY)).toBeNull();
    expect(await page.id()).not.toBe(id);
    expect(browser.requests).toEqual([]);
  });

  test("erases on the server when asked to", async () => {
    browser.server = () => ({ status: 204 });
    const page = browser.open(storage);
    const id = await page.id({ agent: "support" });
    await page.sessions.endSession({ agent: "support", url: "https://agents.example/", erase: true });
    expect(browser.requests).toEqual([
      { method: "DELETE", address: `https://agents.example/agents/support/${id}`, credentials: "include" },
    ]);
  });

  test("keeps the id when the server does not erase", async () => {
    browser.server = () => ({ status: 503 });
    const page = browser.open(storage);
    const id = await page.id();
    await expect(page.sessions.endSession({ url: "https://agents.example", erase: true })).rejects.toThrow("503");
    expect(await page.id()).toBe(id);
  });
});

describe("onSessionChange", () => {
  test("tells of this page's new session and of its end, until it is ended itself", async () => {
    const page = browser.open(storage);
    await page.id();
    const seen: (string | null)[] = [];
    const end = page.sessions.onSessionChange({}, (id) => seen.push(id));
    const id = await page.sessions.newSession();
    await page.sessions.endSession();
    expect(seen).toEqual([id, null]);
    end();
    await page.sessions.newSession();
    expect(seen).toHaveLength(2);
  });

  test("tells nothing of another agent, scope or tab", async () => {
    const page = browser.open(storage);
    const seen: (string | null)[] = [];
    page.sessions.onSessionChange({}, (id) => seen.push(id));
    await page.sessions.newSession({ agent: "support" });
    await page.sessions.newSession({ scope: "browser" });
    await browser.open(new FakeStorage()).sessions.newSession();
    expect(seen).toEqual([]);
  });
});

describe("a new session begun while the page waits for its predecessor", () => {
  test("is not overwritten when the wait ends in vain", async () => {
    await browser.open(storage).id();
    const duplicate = browser.open(storage.copy(), "back_forward");
    const waiting = duplicate.id();
    const id = await duplicate.sessions.newSession();
    await browser.pass(HANDOVER_MS);
    expect(await waiting).toBe(id);
    expect(await duplicate.id()).toBe(id);
  });
});
