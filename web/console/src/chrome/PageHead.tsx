import { type ReactNode, useLayoutEffect, useRef } from "react";

let first = true;

/**
 * The heading of a view, with its controls beside it. It takes the focus when the view changes, as a new page would,
 * and names the window.
 */
export function PageHead({ title, children }: { title: string; children?: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  // A layout effect, so that it never takes the focus back from where a quick hand has moved it.
  useLayoutEffect(() => {
    document.title = `${title} · Cutty console`;
    if (first) first = false;
    else if (!isInView(document.activeElement)) heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <div className="page-head">
      <h1 ref={heading} tabIndex={-1} data-testid="page-title">
        {title}
      </h1>
      {children && <div className="page-controls">{children}</div>}
    </div>
  );
}

/** Whether a field of the new view has taken the focus already, as the search does after its key. */
function isInView(focused: Element | null): boolean {
  return focused instanceof HTMLInputElement && focused.closest("main") !== null;
}
