import "cutty-chat/styles/tokens.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/table.css";
import "./styles/overview.css";
import "./styles/session.css";
import { applyStoredTheme } from "cutty-chat/chrome/theme.ts";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.tsx";
import { ErrorBoundary } from "./chrome/ErrorBoundary.tsx";

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
