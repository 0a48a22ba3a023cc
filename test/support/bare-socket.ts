/** A TCP socket without a library around it: what recv answers, to the errno, and resets on demand. */
import { AF, MSG, SHUT, SO, SOCK, SOL } from "../../src/sys/abi.ts";
import { E } from "../../src/sys/errno.ts";
import { pinned } from "../../src/sys/memory.ts";
import * as sockets from "../../src/sys/socket.ts";
import { PATIENCE_MS, waitFor } from "./wait.ts";

const scratch = pinned(256 * 1024);

export class BareSocket {
  readonly fd: number;
  receivedBytes = 0;
  /** Kept when asked for: tests of bulk data compare it. */
  readonly received: Buffer[] = [];
  /** null: open; 0: the peer's FIN was read; otherwise the errno that recv or send met. */
  end: number | null = null;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Reads what is there. */
  read(): void {
    while (this.end === null) {
      const result = sockets.recv(this.fd, scratch.address, scratch.bytes.length, MSG.DONTWAIT);
      if (result === -E.AGAIN) return;
      if (result <= 0) this.end = Math.abs(result);
      else {
        this.receivedBytes += result;
        this.received.push(Buffer.from(scratch.bytes.slice(0, result)));
      }
    }
  }

  /** Bytes taken; fewer when the peer does not read. */
  send(bytes: Uint8Array): number {
    let sent = 0;
    while (sent < bytes.length) {
      const length = Math.min(scratch.bytes.length, bytes.length - sent);
      scratch.bytes.set(bytes.subarray(sent, sent + length));
      const result = sockets.send(this.fd, scratch.address, length, MSG.DONTWAIT);
      if (result === -E.AGAIN) return sent;
      if (result < 0) {
        this.end ??= -result;
        return sent;
      }
      sent += result;
    }
    return sent;
  }

  /** Sends everything, however slowly it is taken, reading nothing. */
  async sendAll(bytes: Uint8Array, timeoutMs = PATIENCE_MS): Promise<void> {
    let sent = 0;
    await waitFor(
      "the peer to take all bytes",
      () => {
        sent += this.send(bytes.subarray(sent));
        return sent === bytes.length || this.end !== null;
      },
      timeoutMs,
    );
  }

  async readUntil(what: string, condition: () => boolean, timeoutMs = PATIENCE_MS): Promise<void> {
    await waitFor(
      what,
      () => {
        this.read();
        return condition();
      },
      timeoutMs,
    );
  }

  halfClose(): void {
    sockets.shutdown(this.fd, SHUT.WR);
  }

  reset(): void {
    sockets.closeWithReset(this.fd);
  }

  close(): void {
    sockets.close(this.fd);
  }
}

export async function connectBare(port: number, receiveBufferBytes = 0): Promise<BareSocket> {
  const fd = sockets.socket(AF.INET, SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0);
  if (receiveBufferBytes > 0) sockets.setOption(fd, SOL.SOCKET, SO.RCVBUF, receiveBufferBytes);
  const target = { kind: "inet", family: 4, host: "127.0.0.1", port } as const;
  const isConnected = (): boolean => {
    const result = sockets.connect(fd, target);
    return result === 0 || result === -E.ISCONN;
  };
  // On loopback the second look is enough as a rule, and some tests open thousands.
  if (!isConnected() && !isConnected()) await waitFor("the connection", isConnected);
  return new BareSocket(fd);
}

/** A listener on 127.0.0.1; `accept` waits for the next connection. */
export function listenBare(): { readonly port: number; accept(): Promise<BareSocket>; close(): void } {
  const fd = sockets.openListener(
    { kind: "inet", family: 4, host: "127.0.0.1", port: 0 },
    { freebind: false, subject: "bare listener" },
  );
  return {
    port: sockets.localAddress(fd)?.port ?? 0,
    accept: async () => {
      let accepted = -1;
      await waitFor("a connection", () => {
        accepted = sockets.accept(fd);
        return accepted >= 0;
      });
      return new BareSocket(accepted);
    },
    close: () => void sockets.close(fd),
  };
}
