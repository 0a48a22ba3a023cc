/** A service manager's end of sd_notify(3): a Unix datagram socket that keeps what it is told. */
import { rmSync } from "node:fs";
import { AF, SOCK } from "../../src/sys/abi.ts";
import { must } from "../../src/sys/errno.ts";
import { pinned } from "../../src/sys/memory.ts";
import { bind, close, recv, socket } from "../../src/sys/socket.ts";
import { waitFor } from "./wait.ts";

export interface NotifySocket {
  /** Messages so far. */
  readonly messages: () => readonly string[];
  readonly waitFor: (pattern: RegExp, timeoutMs?: number) => Promise<string>;
  readonly close: () => void;
}

const scratch = pinned(4096);

/** Listens on `path`; NOTIFY_SOCKET for the program under test. */
export function openNotifySocket(path: string): NotifySocket {
  const fd = must("socket", socket(AF.UNIX, SOCK.DGRAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0), path);
  must("bind", bind(fd, { kind: "unix", path }), path);
  const kept: string[] = [];
  const messages = (): readonly string[] => {
    for (let length = recv(fd, scratch.address, 4096, 0); length > 0; length = recv(fd, scratch.address, 4096, 0)) {
      kept.push(new TextDecoder().decode(scratch.bytes.subarray(0, length)));
    }
    return kept;
  };
  return {
    messages,
    waitFor: (pattern, timeoutMs) =>
      waitFor(`${pattern} on ${path}`, () => messages().find((message) => pattern.test(message)), timeoutMs),
    close: () => {
      close(fd);
      rmSync(path, { force: true });
    },
  };
}
