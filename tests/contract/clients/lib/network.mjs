// The network as a test sees it: every WebSocket of the process is recorded, and can be cut or kept offline.
import { emit } from "./report.mjs";

/**
 * Builds two recording WebSocket classes on top of the one of the `ws` package, and the switch board for them:
 * `Bare` is used as `ws` is, `Socket` as a browser's WebSocket is.
 */
export function network(WebSocket) {
  const net = { frames: [], sockets: new Set(), offline: false, opened: 0, listeners: new Set() };

  net.Bare = class extends WebSocket {
    constructor(url, protocols, options) {
      // Offline means that connecting fails at once, as with a lost network: nobody listens on port 9.
      super(net.offline ? "ws://127.0.0.1:9/" : url, protocols, options);
      this.on("open", () => {
        net.sockets.add(this);
        net.opened += 1;
        note({ event: "open", url: String(url) });
      });
      this.on("close", (code, reason) => {
        net.sockets.delete(this);
        note({ event: "close", code, reason: String(reason) });
      });
      this.on("message", (data, binary) => note({ event: "in", frame: binary ? "(binary)" : parse(String(data)) }));
    }

    send(data, ...rest) {
      note({ event: "out", frame: parse(String(data)) });
      return super.send(data, ...rest);
    }
  };

  net.Socket = browserSocket(net.Bare);

  function note(entry) {
    net.frames.push(entry);
    emit(entry);
    for (const listener of net.listeners) listener();
  }

  /** Ends every open socket without a close frame, as a lost network does. */
  net.cut = () => {
    for (const socket of [...net.sockets]) socket.terminate();
  };

  net.inbound = (type) => net.frames.filter((f) => f.event === "in" && f.frame?.type === type).map((f) => f.frame);
  net.outbound = (type) => net.frames.filter((f) => f.event === "out" && f.frame?.type === type).map((f) => f.frame);
  return net;
}

class CloseEvent extends Event {
  constructor(type, init = {}) {
    super(type, init);
    this.code = init.code ?? 1005;
    this.reason = init.reason ?? "";
    this.wasClean = init.wasClean ?? false;
  }
}

/** The browser's form of a socket: an EventTarget of this process, with events that clients may copy and dispatch. */
function browserSocket(Bare) {
  return class WebSocket extends EventTarget {
    static CONNECTING = 0;
    static OPEN = 1;
    static CLOSING = 2;
    static CLOSED = 3;
    CONNECTING = 0;
    OPEN = 1;
    CLOSING = 2;
    CLOSED = 3;
    extensions = "";
    binaryType = "blob";
    #bare;

    constructor(url, protocols = []) {
      super();
      this.url = String(url);
      this.#bare = new Bare(url, protocols);
      const tell = (event) => {
        this.dispatchEvent(event);
        this[`on${event.type}`]?.(event);
      };
      this.#bare.on("open", () => tell(new Event("open")));
      this.#bare.on("message", (data, binary) =>
        tell(new MessageEvent("message", { data: binary ? data : String(data) })));
      this.#bare.on("error", () => tell(new Event("error")));
      this.#bare.on("close", (code, reason) =>
        tell(new CloseEvent("close", { code, reason: String(reason), wasClean: code !== 1006 })));
    }

    get readyState() {
      return this.#bare.readyState;
    }

    get protocol() {
      return this.#bare.protocol;
    }

    get bufferedAmount() {
      return this.#bare.bufferedAmount;
    }

    send(data) {
      this.#bare.send(data);
    }

    close(code, reason) {
      this.#bare.close(code, reason);
    }
  };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
