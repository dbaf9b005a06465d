// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readPlace } from "../src/protocol/place.ts";
import type { ChatSession, SessionSettings } from "../src/session.ts";

class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  constructor(readonly url: string) {
    sockets.push(this);
  }
  send(): void {}
  close(): void {}
}

let sockets: FakeSocket[];
let requests: [string, RequestInit][];
let respond: (credentials: string) => Response;
let heard: string[];
let session: ChatSession;

beforeEach(() => {
  sockets = [];
  requests = [];
  heard = [];
  respond = () => Response.json([{ id: "u", role: "user", parts: [] }]);
  vi.resetModules();
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", async (url: string, options: RequestInit) => {
    requests.push([url, options]);
    return respond(options.credentials!);
  });
});

afterEach(() => {
  session.close();
  vi.unstubAllGlobals();
});

async function open(settings: Partial<SessionSettings> = {}): Promise<void> {
  const { ChatSession } = await import("../src/session.ts");
  session = new ChatSession(
    {
      place: readPlace("https://h.example/agents/chat", "https://page.example/"),
      id: "s-1",
      token: async () => null,
      renewable: false,
      credentials: undefined,
      ...settings,
    },
    {
      changed: () => {},
      answered: () => {},
      failed: () => {},
      action: () => {},
      refused: (code, reason) => heard.push(`${code} ${reason}`),
    },
  );
  session.open();
  await vi.waitFor(() => expect(sockets).toHaveLength(1));
}

async function greet(): Promise<void> {
  sockets.at(-1)!.onopen!();
  sockets.at(-1)!.onmessage!({ data: '{"type":"cf_agent_identity","name":"s-1","agent":"chat"}' });
  await vi.waitFor(() => expect(session.conversation.loaded).toBe(true));
}

test("nothing is read before the server has said something, because it may be about to refuse", async () => {
  await open();
  sockets[0]!.onopen!();
  sockets[0]!.onclose!({ code: 4403, reason: "not from here" });
  expect(requests).toEqual([]);
  expect(heard).toEqual(["4403 not from here"]);
  expect(session.refusal).toEqual({ code: 4403, reason: "not from here" });
});

test("without a token the transcript is asked for with the cookies that the socket has sent", async () => {
  await open();
  await greet();
  expect(requests.map(([url, { credentials }]) => [url, credentials])).toEqual([
    ["https://h.example/agents/chat/s-1/get-messages", "include"],
  ]);
  expect(session.conversation.messages).toHaveLength(1);
});

test("where the server takes no cookies it is asked without", async () => {
  respond = (credentials) => {
    if (credentials === "include") throw new TypeError("refused by the browser");
    return Response.json([{ id: "u", role: "user", parts: [] }]);
  };
  await open();
  await greet();
  expect(requests.map(([, { credentials }]) => credentials)).toEqual(["include", "same-origin"]);
  expect(session.conversation.messages).toHaveLength(1);
});

test("a token goes with the socket and with requests, and no cookies do", async () => {
  await open({ token: async () => "t&1" });
  expect(sockets[0]!.url).toContain("token=t%261");
  await greet();
  const [, { headers, credentials }] = requests[0]!;
  expect(headers).toMatchObject({ Authorization: "Bearer t&1" });
  expect(credentials).toBe("same-origin");
});

test("a token that has run out is asked for once more, then the refusal counts", async () => {
  let tokens = 0;
  await open({ token: async () => `t-${++tokens}`, renewable: true });
  sockets[0]!.onclose!({ code: 4401, reason: "expired" });
  await vi.waitFor(() => expect(sockets).toHaveLength(2));
  expect(sockets[1]!.url).toContain("token=t-2");
  expect(heard).toEqual([]);
  sockets[1]!.onclose!({ code: 4401, reason: "expired" });
  expect(heard).toEqual(["4401 expired"]);
});

test("a transcript that cannot be had leaves what is there", async () => {
  respond = () => new Response("gone", { status: 404 });
  await open();
  await greet();
  expect(session.conversation.messages).toEqual([]);
});
