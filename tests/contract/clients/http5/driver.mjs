// Plain useChat over HTTP on AI SDK 5: node driver.mjs BASE_URL SCENARIO
import { Window } from "happy-dom";
import { browser } from "../lib/browser.mjs";
import { main } from "../lib/report.mjs";
import { httpScenarios } from "../lib/http_chat.mjs";

browser(Window, null, process.argv[2] ?? "http://127.0.0.1");
const React = await import("react");
const { createRoot } = await import("react-dom/client");
const { useChat } = await import("@ai-sdk/react");
const { DefaultChatTransport, lastAssistantMessageIsCompleteWithToolCalls: complete } = await import("ai");

await main(httpScenarios({ React, createRoot, useChat, DefaultChatTransport, complete }));
