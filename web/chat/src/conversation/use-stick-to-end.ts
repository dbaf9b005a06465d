import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** How near to the end, in pixels, still counts as being there. */
const NEAR = 80;

/**
 * Keeps the end of a scrolling box in view while `content` grows, until the visitor scrolls up to read.
 * Returns whether the end is in view, and a function that goes there.
 */
export function useStickToEnd(
  box: RefObject<HTMLElement | null>,
  content: readonly unknown[],
): [boolean, () => void] {
  const [atEnd, setAtEnd] = useState(true);
  const sticking = useRef(true);
  const empty = content.length === 0; // Then there is a welcome, which is read from its beginning.

  useEffect(() => {
    const element = box.current;
    if (!element || empty) return;
    const scrolled = () => {
      const near = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
      sticking.current = near;
      setAtEnd(near);
    };
    // Also when the box itself changes: the keyboard of a phone, the debug panel, a growing composer.
    const observer = new ResizeObserver(() => {
      if (sticking.current) element.scrollTop = element.scrollHeight;
    });
    element.addEventListener("scroll", scrolled, { passive: true });
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    return () => {
      element.removeEventListener("scroll", scrolled);
      observer.disconnect();
    };
  }, [box, empty]);

  useLayoutEffect(() => {
    if (box.current && (empty || sticking.current)) box.current.scrollTop = empty ? 0 : box.current.scrollHeight;
  }, [box, content, empty]);

  const goToEnd = useCallback(() => {
    sticking.current = true;
    setAtEnd(true);
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [box]);

  return [atEnd || empty, goToEnd];
}
