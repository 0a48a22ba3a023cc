/** sd_notify(3): a datagram to the service manager, nothing when there is none. */
import { AF, SOCK } from "./abi.ts";
import { pinned } from "./memory.ts";
import { close, sendto, socket } from "./socket.ts";

const scratch = pinned(1024);

/** `state` as lines, for example "READY=1". Failure is not ours to handle: the manager will notice the silence. */
export function notifyServiceManager(state: string): void {
  const path = process.env["NOTIFY_SOCKET"];
  if (!path) return;
  const fd = socket(AF.UNIX, SOCK.DGRAM | SOCK.CLOEXEC, 0);
  if (fd < 0) return;
  const { written } = new TextEncoder().encodeInto(state, scratch.bytes);
  sendto(fd, scratch.address, written, 0, { kind: "unix", path });
  close(fd);
}

/** Half of WatchdogSec in milliseconds, the interval at which WATCHDOG=1 is due; null without a watchdog. */
export function watchdogIntervalMs(): number | null {
  const micros = Number(process.env["WATCHDOG_USEC"]);
  return Number.isFinite(micros) && micros > 0 ? micros / 2000 : null;
}
