/** The script that pages include: it defines `<cutty-chat>`. Included twice, it defines it once. */
import { CuttyChat } from "./element.ts";

if (!customElements.get("cutty-chat")) customElements.define("cutty-chat", CuttyChat);
