// @vitest-environment happy-dom
import { beforeEach, describe, expect, test } from "vitest";
import { perform } from "../src/actions/actions.ts";
import { readPlace, socketAddress } from "../src/protocol/place.ts";

let gone: string[];
let notices: string[];

beforeEach(() => {
  gone = [];
  notices = [];
  document.body.innerHTML = `
    <form id="other"><input name="name"></form>
    <form name="order">
      <input name="name"><textarea id="note"></textarea><input class="city">
      <select name="size"><option>S</option><option>M</option></select>
      <input type="checkbox" name="gift"><input type="radio" name="way" value="post"><input type="radio" name="way" value="ship">
      <input type="password" name="secret"><input type="hidden" name="token" value="t"><input name="off" disabled>
    </form>`;
});

const act = (action: string, data: unknown): void =>
  perform({ action, data }, {
    page: document,
    href: "https://shop.example/cart",
    go: (url) => gone.push(url),
    notice: (text, tone) => notices.push(`${tone}: ${text}`),
  });

describe("NAVIGATE", () => {
  test.each([
    [{ path: "/upload?x=1" }, "https://shop.example/upload?x=1"],
    ["upload", "https://shop.example/upload"],
    [{ url: "https://shop.example/a" }, "https://shop.example/a"],
  ])("%j", (data, url) => {
    act("NAVIGATE", data);
    expect(gone).toEqual([url]);
  });

  test.each(["https://evil.example/", "//evil.example", "javascript:alert(1)", "data:text/html,x", "blob:https://shop.example/1", undefined])(
    "not to %s",
    (path) => {
      expect(() => act("NAVIGATE", { path })).toThrow("not a path of this site");
      expect(gone).toEqual([]);
    },
  );
});

describe("FILL_FORM", () => {
  const values = () =>
    [...document.querySelectorAll<HTMLInputElement>("form[name=order] *:is(input, textarea, select)")].map((field) =>
      ["checkbox", "radio"].includes(field.type) ? field.checked : field.value,
    );

  test("fills by name, id and selector, and tells the page", () => {
    const heard: string[] = [];
    for (const type of ["input", "change"]) {
      document.addEventListener(type, ({ target }) => heard.push(`${type} ${(target as HTMLInputElement).name}`), { once: true });
    }
    const fields = { name: "Ada", note: "hello", ".city": "Oslo", size: "M", gift: true, way: "ship" };
    act("FILL_FORM", { form: "order", fields });
    expect(values()).toEqual(["Ada", "hello", "Oslo", "M", true, false, true, "", "t", ""]);
    expect(heard).toEqual(["input name", "change name"]);
    expect(document.querySelector<HTMLInputElement>("#other input")!.value).toBe("");
  });

  test.each(["secret", "token", "off", "nowhere", "]["])("never touches %s, and says so", (name) => {
    expect(() => act("FILL_FORM", { form: "order", fields: { [name]: "x", name: "Ada" } })).toThrow(`“${name}”`);
    expect(values().slice(0, 1)).toEqual(["Ada"]);
    expect(values().slice(-3)).toEqual(["", "t", ""]);
  });

  test("says which form is missing, and that fields are", () => {
    expect(() => act("FILL_FORM", { form: "#nowhere", fields: {} })).toThrow("there is no form “#nowhere”");
    expect(() => act("FILL_FORM", null)).toThrow("“fields” is missing");
  });

  test("goes by the setter of the class, past one that a framework has put on the element", () => {
    const field = document.querySelector<HTMLInputElement>("form[name=order] [name=name]")!;
    let tracked = "";
    Object.defineProperty(field, "value", { set: (value: string) => (tracked = value), get: () => "", configurable: true });
    act("FILL_FORM", { form: "order", fields: { name: "Ada" } });
    expect(tracked).toBe("");
    delete (field as Partial<HTMLInputElement>).value;
    expect(field.value).toBe("Ada");
  });
});

test("SHOW_MESSAGE shows a message in its tone, and GENERATE_DATA is the application's", () => {
  act("SHOW_MESSAGE", { message: "saved", type: "success" });
  act("SHOW_MESSAGE", { text: "odd", type: "loud" });
  act("GENERATE_DATA", { rows: 10 });
  expect(notices).toEqual(["success: saved", "info: odd"]);
  expect(gone).toEqual([]);
});

describe("agent-url", () => {
  test.each([
    ["https://h.example/agents/chat", "https://h.example/agents/chat", "https://h.example", "chat"],
    ["/agents/my-agent/", "https://shop.example/agents/my-agent", "https://shop.example", "my-agent"],
    ["http://localhost:8789/ai/agents/chat?x", "http://localhost:8789/ai/agents/chat", "http://localhost:8789/ai", "chat"],
  ])("%s", (attribute, url, server, agent) => {
    expect(readPlace(attribute, "https://shop.example/cart")).toEqual({ url, server, agent });
  });

  test.each([null, "", "https://h.example/", "https://h.example/agents/", "ftp://h/agents/chat"])("not %s", (attribute) => {
    expect(() => readPlace(attribute, "https://shop.example/")).toThrow("agent-url must look like");
  });

  test("the token goes into the query of the socket, where there is one", () => {
    const place = readPlace("https://h.example/agents/chat", "https://shop.example/");
    expect(socketAddress(place, "s 1", "c", "a&b")).toBe("wss://h.example/agents/chat/s%201?_pk=c&token=a%26b");
    expect(socketAddress(place, "s-1", "c", null)).toBe("wss://h.example/agents/chat/s-1?_pk=c");
  });
});
