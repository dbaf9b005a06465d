import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from "react";
import { Icon } from "./Icon.tsx";

const SHOWN_MS = 8000;

const NoticeContext = createContext<(text: string) => void>(() => {});

/** Says at the edge of the page that something has been done, also to a screen reader. */
export function useNotice(): (text: string) => void {
  return useContext(NoticeContext);
}

export function Notices({ children }: { children: ReactNode }) {
  const [notice, setNotice] = useState<{ text: string } | null>(null);
  const tell = useCallback((text: string) => setNotice({ text }), []);
  useEffect(() => {
    if (!notice) return;
    const timer = setTimeout(() => setNotice(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <NoticeContext value={tell}>
      {children}
      <div className="notices" role="status" aria-live="polite">
        {notice && (
          <div className="notice" data-testid="notice">
            <span>{notice.text}</span>
            <button type="button" className="icon-button icon-button-small" aria-label="Dismiss" onClick={() => setNotice(null)}>
              <Icon name="close" size={16} />
            </button>
          </div>
        )}
      </div>
    </NoticeContext>
  );
}
