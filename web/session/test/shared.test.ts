import { beforeEach, describe, expect, test } from "vitest";
import { blockedStorage, FakeBrowser, FakeStorage } from "./fake-browser.ts";

let browser: FakeBrowser;

beforeEach(() => {
  browser = new FakeBrowser();
});

const BROWSER = { scope: "browser" } as const;
const ADA = { scope: "user", userId: "ada@example.com" } as const;

describe.each([
  ["browser", BROWSER],
  ["user", ADA],
])("the scope %s", (_scope, options) => {
  test("has one session in every tab, now and later", async () => {
    const first = browser.open(new FakeStorage());
    const id = await first.id(options);
    expect(await browser.open(new FakeStorage()).id(options)).toBe(id);
    first.close();
    expect(await browser.open(new FakeStorage()).id(options)).toBe(id);
  });

  test("has one session in a duplicated tab too", async () => {
    const storage = new FakeStorage();
    const id = await browser.open(storage).id(options);
    expect(await browser.open(storage.copy()).id(options)).toBe(id);
  });

  test("two tabs that open at once agree", async () => {
    const tabs = [browser.open(new FakeStorage()), browser.open(new FakeStorage())];
    const [one, two] = await Promise.all(tabs.map((tab) => tab.id(options)));
    expect(one).toBe(two);
  });

  test("without locks the last writer wins, and the other tab hears of it", async () => {
    browser.hasLocks = false;
    const tabs = [browser.open(new FakeStorage()), browser.open(new FakeStorage())] as const;
    const heard: (string | null)[] = [];
    tabs[0].sessions.onSessionChange(options, (id) => heard.push(id));
    await Promise.all(tabs.map((tab) => tab.id(options)));
    expect(heard.at(-1)).toBe(await tabs[1].id(options));
    expect(await tabs[0].id(options)).toBe(await tabs[1].id(options));
  });

  test("a new session in one tab is seen in the others, and so is its end", async () => {
    const [one, two] = [browser.open(new FakeStorage()), browser.open(new FakeStorage())];
    await one.id(options);
    await two.id(options);
    const heard: (string | null)[] = [];
    two.sessions.onSessionChange(options, (id) => heard.push(id));
    await browser.pass(1);
    const id = await one.sessions.newSession(options);
    expect(heard).toEqual([id]);
    expect(await two.id(options)).toBe(id);
    await one.sessions.endSession(options);
    expect(heard).toEqual([id, null]);
  });

  test("tells everyone when the whole storage was emptied", async () => {
    const page = browser.open(new FakeStorage());
    await page.id(options);
    const heard: (string | null)[] = [];
    page.sessions.onSessionChange(options, (id) => heard.push(id));
    browser.shared = new FakeStorage();
    for (const changed of page.stored) changed(null);
    expect(heard).toEqual([null]);
  });

  test("with blocked storage the id lives as long as the page", async () => {
    browser.shared = blockedStorage;
    const page = browser.open(new FakeStorage());
    const id = await page.id(options);
    expect(await page.id(options)).toBe(id);
  });
});

describe("the scope user", () => {
  test("names the user and the time", async () => {
    expect(await browser.open(new FakeStorage()).id(ADA)).toBe("user-ada@example.com-session-1795000000000");
  });

  test("keeps a session for every user of a browser", async () => {
    const page = browser.open(new FakeStorage());
    const ada = await page.id(ADA);
    const bob = await page.id({ scope: "user", userId: "bob" });
    expect(bob).toMatch(/^user-bob-session-/);
    expect(await page.id(ADA)).toBe(ada);
  });

  test("needs a user id", async () => {
    await expect(browser.open(new FakeStorage()).id({ scope: "user" })).rejects.toThrow("userId is missing");
  });

  test("refuses a user id that cannot stand in an address", async () => {
    const page = browser.open(new FakeStorage());
    await expect(page.id({ scope: "user", userId: "../admin" })).rejects.toThrow("Not a session id");
  });
});

describe("the scope server", () => {
  const SERVER = { scope: "server", agent: "support", url: "https://agents.example" } as const;
  let minted = 0;

  beforeEach(() => {
    minted = 0;
    browser.server = () => ({ status: 201, body: { id: `minted-${++minted}`, url: "https://agents.example/…" } });
  });

  test("asks once, with the visitor's cookies, and remembers over a reload", async () => {
    const storage = new FakeStorage();
    const page = browser.open(storage);
    expect(await Promise.all([page.id(SERVER), page.id(SERVER)])).toEqual(["minted-1", "minted-1"]);
    page.close();
    expect(await browser.open(storage, "reload").id(SERVER)).toBe("minted-1");
    expect(browser.requests).toEqual([
      { method: "POST", address: "https://agents.example/agents/support", credentials: "include" },
    ]);
  });

  test("a duplicated tab is given one of its own", async () => {
    const storage = new FakeStorage();
    await browser.open(storage).id(SERVER);
    expect(await browser.open(storage.copy()).id(SERVER)).toBe("minted-2");
  });

  test("a refusal is told, and the next call asks again", async () => {
    const page = browser.open(new FakeStorage());
    const works = browser.server;
    browser.server = () => ({ status: 403 });
    await expect(page.id(SERVER)).rejects.toThrow("POST https://agents.example/agents/support: 403");
    browser.server = works;
    expect(await page.id(SERVER)).toBe("minted-1");
  });

  test("something that is no id is not taken from the server", async () => {
    browser.server = () => ({ status: 201, body: { id: "../admin" } });
    await expect(browser.open(new FakeStorage()).id(SERVER)).rejects.toThrow("Not a session id");
  });
});
