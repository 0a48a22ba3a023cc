/** Unix sockets as files: one that a killed process left behind makes way, one that is in use does not. */
import { rmSync, statSync } from "node:fs";
import { AF, SOCK } from "../sys/abi.ts";
import { E } from "../sys/errno.ts";
import { close, connect, socket } from "../sys/socket.ts";

/** Removes a socket file that nobody listens on. True when somebody does; other kinds of files stay untouched. */
export function isSocketInUse(path: string): boolean {
  // An abstract address has no file and goes with its process.
  if (path.startsWith("@")) return false;
  const entry = statSync(path, { throwIfNoEntry: false });
  if (!entry?.isSocket()) return false;
  const fd = socket(AF.UNIX, SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0);
  const result = connect(fd, { kind: "unix", path });
  close(fd);
  // Only a refusal proves that it is dead: a full backlog (EAGAIN) is a sign of life.
  if (result !== -E.CONNREFUSED) return true;
  rmSync(path, { force: true });
  return false;
}
