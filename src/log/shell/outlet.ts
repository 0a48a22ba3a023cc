/**
 * Where the bytes of one log target go: a descriptor of ours or an inherited one, never one that blocks the loop.
 *
 * stderr and stdout are shared with other processes and may be in blocking mode, which we must not change for them.
 * A descriptor that can be polled is written only when it is writable, and no more than PIPE_BUF bytes at once: that
 * much never blocks then. Files cannot be polled (EPERM) and never block for long.
 */
import { constants, openSync } from "node:fs";
import type { LogSink } from "../../config/types.ts";
import { unreachable } from "../../lib/result.ts";
import { AF, EPOLL, MSG, SOCK } from "../../sys/abi.ts";
import { E, errnoText } from "../../sys/errno.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { close, connect, send, socket, type SocketTarget, write } from "../../sys/socket.ts";

/** pipe(7): a pipe that polls writable takes this much without blocking. */
const PIPE_BUF = 4096;

/** Takes bytes of pinned memory. */
export interface Outlet {
  /** One line a call, sent whole or not at all. */
  readonly isDatagram: boolean;
  /** Bytes taken; 0: not now, `onWritable` follows or the next flush tries again; -errno: this target has failed. */
  write(address: number, length: number): number;
  close(): void;
}

/** onWritable: the outlet takes bytes again. Answers the outlet, or in words why there is none. */
export function openOutlet(loop: Loop, sink: LogSink, onWritable: () => void): Outlet | string {
  switch (sink.kind) {
    case "stderr":
      return inherited(loop, 2, onWritable);
    case "stdout":
      return inherited(loop, 1, onWritable);
    case "file":
      return openFile(loop, sink.path, onWritable);
    case "syslog":
      return datagram(sink.address);
    case "unix":
      return datagram({ kind: "unix", path: sink.path });
    default:
      return unreachable(sink);
  }
}

/** O_NONBLOCK, so that a FIFO without a reader is an error and not a wait. */
function openFile(loop: Loop, path: string, onWritable: () => void): Outlet | string {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o640);
    const outlet = inherited(loop, fd, onWritable);
    return {
      ...outlet,
      close: () => {
        outlet.close();
        close(fd);
      },
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function inherited(loop: Loop, fd: number, onWritable: () => void): Outlet {
  let watch: Watch | null = null;
  let isWritable = true;
  try {
    watch = loop.watch(fd, EPOLL.OUT, (events) => {
      if (events & (EPOLL.ERR | EPOLL.HUP)) {
        // The reader is gone: a level-triggered error would wake us for ever. The next write reports it.
        watch?.close();
        watch = null;
      } else watch?.modify(0);
      isWritable = true;
      onWritable();
    });
    isWritable = false;
  } catch (error) {
    // EPERM: a file. EEXIST: stdout and stderr are watched already, or one and the same.
    if (!(error instanceof Error)) throw error;
  }
  return {
    isDatagram: false,
    write(address, length) {
      if (!isWritable) return 0;
      const wanted = watch === null ? length : Math.min(length, PIPE_BUF);
      let taken = send(fd, address, wanted, MSG.DONTWAIT);
      if (taken === -E.NOTSOCK) taken = write(fd, address, wanted);
      if (taken === -E.INTR) return 0;
      if (taken < 0 && taken !== -E.AGAIN) return taken;
      if (watch !== null) {
        isWritable = false;
        watch.modify(EPOLL.OUT);
      }
      return Math.max(taken, 0);
    },
    close: () => watch?.close(),
  };
}

function datagram(target: SocketTarget): Outlet | string {
  const family = target.kind === "unix" ? AF.UNIX : target.family === 4 ? AF.INET : AF.INET6;
  const fd = socket(family, SOCK.DGRAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0);
  if (fd < 0) return errnoText(fd);
  const connected = connect(fd, target);
  if (connected < 0) {
    close(fd);
    return errnoText(connected);
  }
  return {
    isDatagram: true,
    write(address, length) {
      const taken = send(fd, address, length, MSG.DONTWAIT);
      if (taken === -E.AGAIN || taken === -E.NOBUFS || taken === -E.INTR) return 0;
      // UDP reports here that an earlier line met nobody; this one was not sent and is tried again.
      return taken === -E.CONNREFUSED && family !== AF.UNIX ? send(fd, address, length, MSG.DONTWAIT) : taken;
    },
    close: () => void close(fd),
  };
}
