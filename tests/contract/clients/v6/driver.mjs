// agents/react with @cloudflare/ai-chat/react on AI SDK 6: node driver.mjs BASE_URL SCENARIO
import { Window } from "happy-dom";
import { WebSocket } from "ws";
import { agentChatScenarios } from "../lib/agent_chat.mjs";
import { browser } from "../lib/browser.mjs";
import { network } from "../lib/network.mjs";
import { main } from "../lib/report.mjs";

const net = network(WebSocket);
browser(Window, net.Socket, process.argv[2] ?? "http://127.0.0.1");
const React = await import("react");
const { createRoot } = await import("react-dom/client");
const { useAgent } = await import("agents/react");
const { useAgentChat } = await import("@cloudflare/ai-chat/react");
const { lastAssistantMessageIsCompleteWithToolCalls: complete } = await import("ai");

await main(agentChatScenarios({ React, createRoot, useAgent, useAgentChat, complete, net }));
