/** What the request and the response side of an HTTP session ask of the session itself. */
import type { MessageHead } from "../../http/head.ts";
import type { Outcome } from "../rules.ts";
import type { FrontendRuntime } from "./runtime.ts";
import type { Cause } from "./session-kind.ts";
import type { Sessions } from "./sessions.ts";

export interface HttpExchange {
  readonly sessions: Sessions;
  /** Ends what is under way and answers with our own page; the connection ends after it. */
  answer(client: number, status: number, cause: Cause): void;
  redirect(client: number, redirect: Outcome["redirect"], head: MessageHead): void;
  /** Closes a connection on which no whole request is under way; logged when one was owed (see `dontlognull`). */
  closeIdle(client: number): void;
  /** The configuration that the request which begins now uses. */
  adoptConfiguration(client: number): FrontendRuntime;
  /** The response was forwarded to its end. */
  responded(client: number): void;
  /** The server broke off or spoke nonsense: 502 or a cut connection, whatever is still possible. */
  serverFailed(client: number, cause: Cause): void;
  /** The client broke off. */
  clientFailed(client: number, cause: Cause): void;
  /** After a 101: from here on the bytes are nobody's business. */
  becomeTunnel(client: number): void;
}
