/**
 * TLS on the connection of a probe, by Bun: the descriptor is handed over once it stands, and what is decrypted comes
 * back. Without `verify` any certificate will do, as for keepalived. test/net/checks/tls.test.ts is the conformance
 * test for every new Bun.
 */
import type { Socket } from "bun";
import type { CheckTlsConfig } from "../../config/types-proxy.ts";
import { monoNow } from "../../sys/clock.ts";
import type { Loop } from "../../sys/loop.ts";
import { handshakeProblem } from "../result.ts";
import type { ProbeSocket, RunningProbe } from "./probe-socket.ts";

export interface TlsSteps {
  /** The handshake is done; what is sent with `send` is encrypted. */
  secured(send: (bytes: Uint8Array) => void): void;
  received(bytes: Uint8Array): void;
  ended(): void;
}

interface Upgradable {
  upgradeTLS(options: {
    readonly tls: Readonly<Record<string, unknown>>;
    readonly data: undefined;
    readonly socket: Readonly<Record<string, unknown>>;
  }): readonly [raw: Socket, secure: Socket];
}

/** How long a server may take to follow our close. */
const CLOSE_MS = 1000;

const ignore = (): void => undefined;
const inert = { open: ignore, data: ignore, drain: ignore, end: ignore, close: ignore, error: ignore };

/** Begins the handshake on a connection that stands. The caller sets the deadline. */
export function startTls(loop: Loop, socket: ProbeSocket, tls: CheckTlsConfig, steps: TlsSteps): void {
  const stream = new TlsStream(loop, socket, steps);
  void stream.open(socket.handOver(stream), tls);
}

class TlsStream implements RunningProbe {
  private readonly loop: Loop;
  private readonly socket: ProbeSocket;
  private readonly steps: TlsSteps;
  private secure: Socket | null = null;
  private isSecured = false;
  private isClosed = false;
  private cancelled = false;

  constructor(loop: Loop, socket: ProbeSocket, steps: TlsSteps) {
    this.loop = loop;
    this.socket = socket;
    this.steps = steps;
  }

  async open(fd: number, tls: CheckTlsConfig): Promise<void> {
    this.loop.yieldToBun();
    try {
      const raw = (await Bun.connect({ fd, allowHalfOpen: true, socket: inert } as never)) as unknown as Upgradable;
      const [, secure] = raw.upgradeTLS({ tls: optionsOf(tls), data: undefined, socket: this.handlers(tls.verify) });
      this.secure = secure;
      if (this.cancelled) secure.terminate();
    } catch (error) {
      this.enter(() => this.socket.result(handshakeProblem(wordsOf(error))));
    }
  }

  cancel(): void {
    const { secure } = this;
    this.cancelled = true;
    if (secure === null || this.isClosed) return;
    if (!this.isSecured) return void secure.terminate();
    // An orderly end keeps the server's log quiet; one that does not follow it is cut.
    secure.shutdown();
    this.loop.after(CLOSE_MS, () => {
      if (!this.isClosed) secure.terminate();
    });
  }

  private handlers(verify: boolean): Readonly<Record<string, unknown>> {
    return {
      open: ignore,
      drain: ignore,
      handshake: (socket: Socket, success: boolean, error: unknown) =>
        this.enter(() => {
          if (!success && (verify || !isAboutCertificate(error))) {
            return this.socket.result(handshakeProblem(wordsOf(error)));
          }
          this.isSecured = true;
          this.steps.secured((bytes) => void socket.write(bytes));
        }),
      data: (_: Socket, bytes: Uint8Array) => this.enter(() => this.steps.received(bytes)),
      end: () => this.enter(() => this.over()),
      close: () => {
        this.isClosed = true;
        this.enter(() => this.over());
      },
      error: (_: Socket, error: unknown) => this.enter(() => this.socket.result(handshakeProblem(wordsOf(error)))),
    };
  }

  private over(): void {
    if (this.isSecured) this.steps.ended();
    else this.socket.result(handshakeProblem("the connection ended during the handshake"));
  }

  /** Callbacks of Bun come outside our loop's turn: its clock stands at the last turn. */
  private enter(run: () => void): void {
    if (this.cancelled) return;
    this.loop.now = monoNow();
    run();
  }
}

function optionsOf({ verify, serverName }: CheckTlsConfig): Readonly<Record<string, unknown>> {
  return { rejectUnauthorized: verify, ...(serverName === null ? {} : { serverName }) };
}

/**
 * Bun calls a finished handshake with a certificate that it does not trust a failure as well. Its code is then one of
 * OpenSSL's (DEPTH_ZERO_SELF_SIGNED_CERT); a handshake that did not come about has one like an errno's (EPROTO).
 */
function isAboutCertificate(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && /_/.test(String(error.code));
}

function wordsOf(error: unknown): string {
  return error instanceof Error && error.message !== "" ? error.message : "handshake failed";
}
