/** What a probe found out, in HAProxy's words (check.c, check_statuses). */
import type { CheckConfig } from "../config/types-proxy.ts";

export type CheckStatus =
  "L4OK" | "L4TOUT" | "L4CON" | "L6OK" | "L6TOUT" | "L6RSP" | "L7OK" | "L7STS" | "L7RSP" | "L7TOUT";

export type ProbeResult =
  | { readonly kind: "checked"; readonly passed: boolean; readonly status: CheckStatus; readonly info: string }
  /** This machine could not ask (no descriptors, no ports): nothing is known of the server. */
  | { readonly kind: "unable"; readonly reason: string };

export const L4_OK: ProbeResult = { kind: "checked", passed: true, status: "L4OK", info: "Layer4 check passed" };
export const L4_TIMEOUT: ProbeResult = { kind: "checked", passed: false, status: "L4TOUT", info: "Layer4 timeout" };
export const L6_OK: ProbeResult = { kind: "checked", passed: true, status: "L6OK", info: "Layer6 check passed" };
export const L6_TIMEOUT: ProbeResult = { kind: "checked", passed: false, status: "L6TOUT", info: "Layer6 timeout" };
export const L7_TIMEOUT: ProbeResult = { kind: "checked", passed: false, status: "L7TOUT", info: "Layer7 timeout" };

/** reason: as errno names it, `connection refused`. */
export function connectionProblem(reason: string): ProbeResult {
  const info = reason.charAt(0).toUpperCase() + reason.slice(1);
  return { kind: "checked", passed: false, status: "L4CON", info };
}

/** The handshake failed; reason: as TLS names it, `certificate has expired`. */
export function handshakeProblem(reason: string): ProbeResult {
  return { kind: "checked", passed: false, status: "L6RSP", info: `Layer6 invalid response: ${reason}` };
}

export function invalidResponse(reason: string): ProbeResult {
  return { kind: "checked", passed: false, status: "L7RSP", info: `Layer7 invalid response: ${reason}` };
}

export type ExpectedStatuses = Extract<CheckConfig["probe"], { kind: "http" }>["expect"];

export function statusResult(status: number, expect: ExpectedStatuses): ProbeResult {
  const passed = expect.some(([low, high]) => status >= low && status <= high);
  return { kind: "checked", passed, status: passed ? "L7OK" : "L7STS", info: `HTTP ${status}` };
}
