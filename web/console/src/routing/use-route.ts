import { useCallback, useMemo, useSyncExternalStore } from "react";
import { hrefTo, parseRoute, type Route } from "./route.ts";

function subscribe(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  addEventListener("popstate", listener);
  return () => {
    removeEventListener("hashchange", listener);
    removeEventListener("popstate", listener);
  };
}

/** The route the address bar shows. */
export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return useMemo(() => parseRoute(hash), [hash]);
}

/** Go to an address made by `hrefTo`. With `replace`, Back leads past the place left. */
export function goTo(href: string, { replace = false } = {}): void {
  if (href === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", href);
  dispatchEvent(new PopStateEvent("popstate"));
}

/** The parameters of this view, and a function that changes some of them; `undefined` removes one. */
export function useParameters(): [
  Readonly<Record<string, string>>,
  (changes: Readonly<Record<string, string | undefined>>) => void,
] {
  const route = useRoute();
  const change = useCallback((changes: Readonly<Record<string, string | undefined>>) => {
    const now = parseRoute(location.hash);
    goTo(hrefTo(now.path, { ...now.query, ...changes }), { replace: true });
  }, []);
  return [route.query, change];
}
