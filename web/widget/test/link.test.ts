import { beforeEach, expect, test } from "vitest";
import { Link, type LinkWorld } from "../src/protocol/link.ts";

class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  closed = false;
  readonly sent: string[] = [];

  constructor(readonly url: string) {
    sockets.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }
}

let sockets: FakeSocket[];
let timers: Map<number, { run: () => void; milliseconds: number }>;
let seen: string[];
let address: () => Promise<string>;
let link: Link;

beforeEach(() => {
  sockets = [];
  timers = new Map();
  seen = [];
  address = async () => "ws://host/";
  let numbers = 0;
  const world: LinkWorld = {
    WebSocket: FakeSocket as unknown as LinkWorld["WebSocket"],
    setTimeout: (run, milliseconds) => {
      timers.set(++numbers, { run, milliseconds });
      return numbers;
    },
    clearTimeout: (timer) => void timers.delete(timer as number),
    random: () => 0.5,
  };
  link = new Link(
    () => address(),
    {
      state: (state) => seen.push(state),
      frame: ({ type }) => seen.push(type),
      refused: (code, reason) => seen.push(`refused ${code} ${reason}`),
    },
    world,
  );
});

async function open(): Promise<FakeSocket> {
  link.open();
  await Promise.resolve();
  await Promise.resolve();
  return sockets.at(-1)!;
}

/** Lets the only timer there is go off, and gives its pause. */
async function pass(): Promise<number> {
  expect(timers.size).toBe(1);
  const [[key, { run, milliseconds }]] = [...timers] as [[number, { run: () => void; milliseconds: number }]];
  timers.delete(key);
  run();
  await Promise.resolve();
  await Promise.resolve();
  return milliseconds;
}

test("opens, passes frames on and sends", async () => {
  const socket = await open();
  expect(link.send({ type: "cf_agent_chat_clear" })).toBe(false);
  socket.onopen!();
  for (const data of ['{"type":"a"}', "no json", "[]", "null", new ArrayBuffer(1)]) socket.onmessage!({ data });
  expect(link.send({ type: "cf_agent_chat_clear" })).toBe(true);
  expect(socket.sent).toEqual(['{"type":"cf_agent_chat_clear"}']);
  expect(seen).toEqual(["connecting", "open", "a"]);
});

test("comes back after growing pauses, which begin anew after a connection that lasted", async () => {
  let socket = await open();
  const pauses: number[] = [];
  for (let round = 0; round < 9; round += 1) {
    socket.onclose!({ code: 1006, reason: "" });
    pauses.push(Math.round(await pass()));
    socket = sockets.at(-1)!;
  }
  expect(pauses).toEqual([400, 640, 1024, 1638, 2621, 4194, 6711, 10_000, 10_000]);
  socket.onopen!();
  await pass(); // It has lasted.
  socket.onclose!({ code: 1012, reason: "" });
  expect(Math.round(await pass())).toBe(400);
});

test.each([1008, 1009, 4401, 4403, 4404, 4410])("%i is final", async (code) => {
  const socket = await open();
  socket.onopen!();
  socket.onclose!({ code, reason: "because" });
  expect(seen.slice(-2)).toEqual(["closed", `refused ${code} because`]);
  expect(timers.size).toBe(0);
  await open(); // Until someone asks for it.
  expect(sockets).toHaveLength(2);
});

test("an attempt that hangs is given up", async () => {
  await open();
  expect(await pass()).toBe(8000);
  expect(sockets[0]!.closed).toBe(true);
  expect(link.state).toBe("waiting");
});

test("an attempt is not waited for when the network is back", async () => {
  const socket = await open();
  socket.onclose!({ code: 1006, reason: "" });
  await open();
  expect(sockets).toHaveLength(2);
  await open();
  expect(sockets).toHaveLength(2);
});

test("a token that cannot be had is told", async () => {
  address = async () => {
    throw new Error("no token");
  };
  await open();
  expect(seen).toEqual(["connecting", "closed", "refused 0 no token"]);
});

test("after close nothing of an old socket counts", async () => {
  const socket = await open();
  socket.onopen!();
  link.close();
  socket.onmessage!({ data: '{"type":"late"}' });
  socket.onclose!({ code: 4403, reason: "" });
  expect(seen).toEqual(["connecting", "open", "closed"]);
  expect(timers.size).toBe(0);
});
