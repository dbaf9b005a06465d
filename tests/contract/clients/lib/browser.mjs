// A browser as far as React and the clients need one, inside Node.

/** Puts a DOM and a WebSocket class into the global scope; call it before React DOM is imported. */
export function browser(Window, Socket, base) {
  process.env.NODE_ENV ??= "production";
  const window = new Window({ url: `${base}/` });
  for (const name of ["document", "HTMLElement", "HTMLIFrameElement", "Node", "Element", "MutationObserver"]) {
    globalThis[name] = window[name];
  }
  // Newer versions of Node have a navigator of their own behind a getter.
  Object.defineProperty(globalThis, "navigator", { value: window.navigator, configurable: true });
  globalThis.window = window;
  if (Socket) {
    globalThis.WebSocket = Socket;
    window.WebSocket = Socket;
  }
  // fetch stays Node's own: the DOM's would apply cross-origin rules that a test does not want to depend on.
  window.fetch = globalThis.fetch;
  return window;
}
