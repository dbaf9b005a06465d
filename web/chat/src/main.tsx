import "./quiet-zod.ts";
import "./styles/tokens.css";
import "./styles/page.css";
import "./styles/conversation.css";
import "./styles/prose.css";
import "./styles/debug.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.tsx";
import { ErrorBoundary } from "./chrome/ErrorBoundary.tsx";
import { applyStoredTheme } from "./chrome/theme.ts";

applyStoredTheme();

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root element");
createRoot(root).render(
  <StrictMode>
    <ErrorBoundary>
      <App />
    </ErrorBoundary>
  </StrictMode>,
);
