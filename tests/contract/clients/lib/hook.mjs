// Runs a React hook outside of a page and lets a test wait for what it returns.

/**
 * Mounts `useHook` in its own root. `current` is what it returned last; `until` waits, without polling, for a
 * render or frame after which `holds(current)` is true; `unmount` takes the component away as a navigation does.
 */
export function mount({ React, createRoot, net }, useHook) {
  const waiting = new Set();
  const check = () => {
    for (const waiter of [...waiting]) waiter();
  };
  const handle = { current: null, error: null };

  function Host() {
    handle.current = useHook();
    React.useEffect(check);
    return null;
  }

  class Guard extends React.Component {
    state = { failed: false };
    static getDerivedStateFromError() {
      return { failed: true };
    }
    componentDidCatch(error) {
      handle.error = error;
      check();
    }
    render() {
      return this.state.failed ? null : this.props.children;
    }
  }

  const root = createRoot(document.createElement("div"));
  root.render(
    React.createElement(Guard, null,
      React.createElement(React.Suspense, { fallback: null }, React.createElement(Host))),
  );
  net?.listeners.add(check);

  handle.until = (holds, what, ms = 20_000) =>
    new Promise((resolve, reject) => {
      const waiter = () => {
        if (handle.error) return settle(() => reject(handle.error));
        if (handle.current !== null && holds(handle.current)) return settle(() => resolve(handle.current));
      };
      const timer = setTimeout(
        () => settle(() => reject(new Error(`time is up after ${ms} ms: ${what} did not happen`))),
        ms,
      );
      const settle = (act) => {
        clearTimeout(timer);
        waiting.delete(waiter);
        act();
      };
      waiting.add(waiter);
      waiter();
    });

  handle.unmount = () => {
    net?.listeners.delete(check);
    root.unmount();
  };
  return handle;
}
