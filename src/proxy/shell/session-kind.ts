/** What every kind of session answers to, and why sessions end. */

/**
 * HAProxy's termination codes (features 2g, configuration.txt 8.5): who ended the session, and in which phase.
 * First letter: C client, S server, P proxy, L local, R resource, c and s timeouts, K killed, D server marked down.
 */
export type Cause =
  | "--"
  | "CD"
  | "CH"
  | "CQ"
  | "CC"
  | "CR"
  | "cD"
  | "cH"
  | "cR"
  | "SC"
  | "sC"
  | "SD"
  | "sD"
  | "SH"
  | "sH"
  | "sQ"
  | "PR"
  | "PH"
  | "PD"
  | "PC"
  | "RC"
  | "RR"
  | "LR"
  | "KD"
  | "KR";

/** What tcp and http sessions do with what happens to them. */
export interface SessionKind {
  clientReady(client: number): void;
  serverReady(server: number): void;
  /** `server` is connected (fresh or pooled) and joined to the client. */
  connected(client: number, server: number): void;
  /** No server could be had. `cause`: HAProxy's two letters; `status`: what an HTTP client is answered. */
  failed(client: number, cause: Cause, status: number): void;
  clientTimeout(client: number): void;
  serverTimeout(server: number): void;
}
