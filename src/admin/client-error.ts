/** Why a client got no answer from the daemon, in words that name the socket and the next command to run. */
import { unreachable } from "../lib/result.ts";

export type ClientErrorKind = "no_daemon" | "cut" | "permission" | "timeout" | "bad_answer";

export interface ClientError {
  readonly kind: ClientErrorKind;
  /** One sentence: what failed, on which socket. */
  readonly text: string;
  /** What the operator can do next. */
  readonly help: string;
}

/** Exit codes of sysexits.h as the command line uses them. */
export function clientExitCode(error: ClientError): 69 | 70 | 75 | 77 {
  switch (error.kind) {
    case "no_daemon":
    case "cut":
      return 69;
    case "permission":
      return 77;
    case "timeout":
      return 75;
    case "bad_answer":
      return 70;
    default:
      return unreachable(error.kind);
  }
}

/**
 * What `fetch` threw, explained. Bun gives the system's code (ENOENT, ECONNREFUSED, EACCES) or
 * one of its own; an aborted call means that our own time limit ran out.
 */
export function explainFailure(socket: string, thrown: unknown, timeoutMs: number): ClientError {
  const { name, code, message } = describe(thrown);
  if (name === "TimeoutError" || name === "AbortError") {
    return {
      kind: "timeout",
      text: `the daemon behind ${socket} gave no answer within ${timeoutMs / 1000} s`,
      help: "its admin role may be restarting: try again, then look at the daemon's log",
    };
  }
  switch (code) {
    case "ENOENT":
      return noDaemon(socket, `no daemon: there is no socket ${socket}`);
    case "ECONNREFUSED":
    case "FailedToOpenSocket":
    case "ConnectionRefused":
      return noDaemon(socket, `no daemon: nobody listens on ${socket}`);
    case "ECONNRESET":
    case "ConnectionClosed":
    case "EPIPE":
      return {
        kind: "cut",
        text: `the daemon behind ${socket} closed the connection`,
        help: "it or its admin role is ending: try again, then look at the daemon's log",
      };
    case "EACCES":
    case "EPERM":
      return {
        kind: "permission",
        text: `not permitted: this user may not open ${socket}`,
        help: "run it as root or as a member of the socket's group",
      };
    default:
      return { kind: "bad_answer", text: `the call to ${socket} failed: ${message}`, help: "check the daemon's log" };
  }
}

function noDaemon(socket: string, text: string): ClientError {
  return {
    kind: "no_daemon",
    text,
    help: `start one with: ballast run (or name another socket with -S; this one was ${socket})`,
  };
}

function describe(thrown: unknown): { readonly name: string; readonly code: string; readonly message: string } {
  if (!(thrown instanceof Error)) return { name: "", code: "", message: String(thrown) };
  const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
  return { name: thrown.name, code, message: thrown.message };
}
