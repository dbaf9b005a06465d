// agents/ai-react of 0.0.106 on AI SDK 4: node driver.mjs BASE_URL SCENARIO
import { Window } from "happy-dom";
import { WebSocket } from "ws";
import { browser } from "../lib/browser.mjs";
import { network } from "../lib/network.mjs";
import { main } from "../lib/report.mjs";
import { oldAgentScenarios } from "../lib/old_agent_chat.mjs";

const net = network(WebSocket);
browser(Window, net.Socket, process.argv[2] ?? "http://127.0.0.1");
const React = await import("react");
const { createRoot } = await import("react-dom/client");
const { useAgent } = await import("agents/react");
const { useAgentChat } = await import("agents/ai-react");
const { useChat } = await import("@ai-sdk/react");

await main(oldAgentScenarios({ React, createRoot, useAgent, useAgentChat, useChat, net }));
