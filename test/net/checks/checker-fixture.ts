/** A checker on a loop, its verdicts gathered, and servers that answer as told. */
import type { Socket } from "bun";
import type { CheckConfig } from "../../../src/config/types-proxy.ts";
import type { CheckedServer } from "../../../src/checks/plan.ts";
import { Checker } from "../../../src/checks/shell/checker.ts";
import type { Verdict } from "../../../src/ipc/messages.ts";
import { Loop } from "../../../src/sys/loop.ts";
import { waitFor } from "../../support/wait.ts";

/** Long enough for a machine that stands still: tests of timeouts have times of their own. */
const PATIENT_MS = 5000;

export function checkOf(fields: Partial<CheckConfig> = {}): CheckConfig {
  return {
    probe: { kind: "tcp" },
    intervalMs: 100,
    fastIntervalMs: 20,
    downIntervalMs: 30,
    timeoutMs: PATIENT_MS,
    rise: 2,
    fall: 3,
    ...fields,
  };
}

export function httpCheck(fields: Partial<CheckConfig> = {}): CheckConfig {
  return checkOf({
    probe: { kind: "http", method: "GET", target: "/up", host: null, expect: [[200, 399]] },
    ...fields,
  });
}

export function serverAt(port: number, check: CheckConfig, name = "s1", connectTimeoutMs = PATIENT_MS): CheckedServer {
  const address = { kind: "inet", family: 4, host: "127.0.0.1", port } as const;
  return { backend: "app", server: name, address, check, connectTimeoutMs };
}

export class CheckerFixture {
  readonly verdicts: Verdict[] = [];
  readonly unable: string[] = [];
  readonly loop = new Loop();
  readonly checker: Checker;
  private readonly finished: Promise<void>;

  constructor() {
    this.checker = new Checker(this.loop, {
      random: () => 0.5,
      onVerdict: (verdict) => this.verdicts.push(verdict),
      onUnable: (_server, reason) => this.unable.push(reason),
    });
    this.finished = this.loop.run();
  }

  check(...servers: CheckedServer[]): void {
    this.checker.configure(servers, 0, () => ({ health: "unknown", isMaint: false }));
  }

  /** The first verdict that fits. */
  verdict(what: string, fits: (verdict: Verdict) => boolean): Promise<Verdict> {
    return waitFor(what, () => this.verdicts.find(fits));
  }

  async close(): Promise<void> {
    this.checker.stop();
    this.loop.stop();
    await this.finished;
  }
}

export interface RawServer {
  readonly port: number;
  /** Called for each connection that has sent something (or, with `greets`, as soon as it stands). */
  answer: (socket: Socket) => void;
  readonly connections: () => number;
  /** Errors that the server saw: resets. */
  readonly errors: () => number;
  readonly stop: () => void;
}

export function rawServer(answer: (socket: Socket) => void, greets = false): RawServer {
  let connections = 0;
  let errors = 0;
  const state = { answer };
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        connections++;
        if (greets) state.answer(socket);
      },
      data(socket) {
        if (!greets) state.answer(socket);
      },
      error() {
        errors++;
      },
    },
  });
  return Object.assign(state, {
    port: listener.port,
    connections: () => connections,
    errors: () => errors,
    stop: () => listener.stop(true),
  });
}
