// What AI SDK 4 makes of a data stream: reads its lines on stdin, prints the message, finish reason and usage as JSON.
import { callChatApi } from "@ai-sdk/ui-utils";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const lines = Buffer.concat(chunks);

let latest = null;
let finish = null;
try {
  await callChatApi({
    api: "http://127.0.0.1/",
    body: { messages: [] },
    streamProtocol: "data",
    fetch: async () => new Response(lines),
    generateId: () => "made-by-client",
    restoreMessagesOnFailure: () => {},
    onUpdate: ({ message, data }) => (latest = { message, data }),
    onFinish: (message, { usage, finishReason }) => (finish = { usage, finishReason }),
  });
  console.log(JSON.stringify({ ...latest, ...finish }));
} catch (error) {
  console.log(JSON.stringify({ ...latest, error: error.message }));
}
