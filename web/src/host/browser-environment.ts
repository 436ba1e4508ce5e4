import type { Environment, Socket, SocketHandlers } from "../connection/environment";
import { hex } from "./hex";
import { browserTabs } from "./tabs";
import { browserVault } from "./vault";

/** The browser behind the connection core, for one instance of the widget, and how to let go of it. */
export function browserEnvironment(server: string): { environment: Environment; signals: InstanceSignals; close(): void } {
  const me = `parley ${uuid()}`;
  const own = browserTabs(me);
  own?.hold();
  const vault = browserVault(server, me);
  return {
    environment: { ...BASE, vault, ...(own && { tabs: own.tabs }) },
    signals: { away: () => own?.release(), back: () => own?.hold() },
    close() {
      own?.release();
      vault.close();
    },
  };
}

/** A page that is put away is none of the living: others may take over what it left. */
export interface InstanceSignals {
  away(): void;
  back(): void;
}

const BASE: Environment = {
  detour: async (env, base) => (await import("./http")).default(env, base),
  now: () => performance.now(),
  wallClock: () => Date.now(),
  random: () => Math.random(),
  uuid,
  schedule(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
  openSocket,
};

function openSocket(url: string, handlers: SocketHandlers): Socket {
  const socket = new WebSocket(url);
  socket.onopen = () => handlers.onOpen();
  socket.onmessage = (event: MessageEvent<unknown>) => {
    if (typeof event.data === "string") handlers.onMessage(event.data);
  };
  socket.onclose = (event) => handlers.onClose(event.code, event.reason);
  return {
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close(code) {
      socket.close(code);
    },
  };
}

/** `crypto.randomUUID` exists only on secure pages; random bytes exist everywhere. */
function uuid(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return hex(bytes).replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
