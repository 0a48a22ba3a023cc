/** The body of POST /v1/request: JSON text → a Request, or what is wrong with it. */
import { adminStates, type AdminState } from "../ipc/messages.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { safeText } from "../lib/safe-text.ts";
import { didYouMean } from "../lib/suggest.ts";
import type { Request } from "./api.ts";

/** Reasons are shown in one line of the event list. */
export const REASON_CHARS_MAX = 200;
/** haproxy: weights are 0–256. */
const WEIGHT_MAX = 256;
const ORDERS = ["failover", "maint", "resume"] as const;

const fieldsOf = {
  reload: [],
  stop: ["now"],
  server: ["backend", "server", "state", "reason"],
  server_weight: ["backend", "server", "weight"],
  vrrp: ["order", "instance"],
  lvs: ["virtual", "real", "state"],
} as const satisfies Record<Request["op"], readonly string[]>;

type Fields = Readonly<Record<string, unknown>>;
type Parsed<T> = Result<T, string>;

/** Strict: every field is there, of its type and in its range, and there is no other. */
export function parseRequest(text: string): Parsed<Request> {
  const body = parseObject(text);
  if (!body.ok) return body;
  const fields = body.value;
  const op = fields["op"];
  if (typeof op !== "string" || !isOp(op)) {
    const names = Object.keys(fieldsOf);
    return err(`op is ${show(op)}; wanted ${names.join(", ")}${typeof op === "string" ? didYouMean(op, names) : ""}`);
  }
  const known: readonly string[] = ["op", ...fieldsOf[op]];
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined) return err(`${op}: unknown field ${show(unknown)}${didYouMean(unknown, known)}`);
  switch (op) {
    case "reload":
      return ok({ op });
    case "stop":
      return typeof fields["now"] === "boolean"
        ? ok({ op, now: fields["now"] })
        : wrong(op, "now", fields, "true or false");
    case "server":
      return serverRequest(fields);
    case "server_weight":
      return weightRequest(fields);
    case "vrrp":
      return vrrpRequest(fields);
    case "lvs":
      return lvsRequest(fields);
  }
}

/** One line for the journal: `drain server app/web1: kernel update`. */
export function describeRequest(request: Request): string {
  switch (request.op) {
    case "reload":
      return "reload";
    case "stop":
      return request.now ? "stop now" : "stop";
    case "server":
      return `${request.state} server ${request.backend}/${request.server}${request.reason === "" ? "" : `: ${request.reason}`}`;
    case "server_weight":
      return `weight of server ${request.backend}/${request.server} to ${request.weight}`;
    case "vrrp":
      return `vrrp ${request.order}${request.instance === null ? "" : ` ${request.instance}`}`;
    case "lvs":
      return `${request.state} real server ${request.virtual}/${request.real}`;
  }
}

/** The object that an event about this request concerns; empty: the appliance. */
export function objectOf(request: Request): string {
  switch (request.op) {
    case "server":
    case "server_weight":
      return `${request.backend}/${request.server}`;
    case "vrrp":
      return request.instance ?? "";
    case "lvs":
      return `${request.virtual}/${request.real}`;
    case "reload":
    case "stop":
      return "";
  }
}

function parseObject(text: string): Parsed<Fields> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return ok(value as Fields);
    return err(`the body is ${show(value)}; wanted a JSON object with "op"`);
  } catch (error) {
    return err(`the body is not JSON: ${safeText(error instanceof Error ? error.message : String(error))}`);
  }
}

function isOp(op: string): op is Request["op"] {
  return Object.hasOwn(fieldsOf, op);
}

function serverRequest(fields: Fields): Parsed<Request> {
  const { backend, server, state, reason } = fields;
  if (!isName(backend)) return wrong("server", "backend", fields, "a backend's name");
  if (!isName(server)) return wrong("server", "server", fields, "a server's name");
  if (!isAdminState(state)) return wrong("server", "state", fields, adminStates.join(", "));
  if (typeof reason !== "string" || reason.length > REASON_CHARS_MAX) {
    return wrong("server", "reason", fields, `text of at most ${REASON_CHARS_MAX} characters`);
  }
  return ok({ op: "server", backend, server, state, reason: safeText(reason) });
}

function weightRequest(fields: Fields): Parsed<Request> {
  const { backend, server, weight } = fields;
  if (!isName(backend)) return wrong("server_weight", "backend", fields, "a backend's name");
  if (!isName(server)) return wrong("server_weight", "server", fields, "a server's name");
  if (typeof weight !== "number" || !Number.isInteger(weight) || weight < 0 || weight > WEIGHT_MAX) {
    return wrong("server_weight", "weight", fields, `a whole number from 0 to ${WEIGHT_MAX}`);
  }
  return ok({ op: "server_weight", backend, server, weight });
}

function vrrpRequest(fields: Fields): Parsed<Request> {
  const { order, instance } = fields;
  const known = ORDERS.find((name) => name === order);
  if (known === undefined) return wrong("vrrp", "order", fields, ORDERS.join(", "));
  if (instance !== null && !isName(instance)) return wrong("vrrp", "instance", fields, "an instance's name or null");
  return ok({ op: "vrrp", order: known, instance });
}

function lvsRequest(fields: Fields): Parsed<Request> {
  const { virtual, real, state } = fields;
  if (!isName(virtual)) return wrong("lvs", "virtual", fields, "a virtual server's name");
  if (!isName(real)) return wrong("lvs", "real", fields, "a real server's name");
  if (state !== "ready" && state !== "drain") return wrong("lvs", "state", fields, "ready, drain");
  return ok({ op: "lvs", virtual, real, state });
}

/** Whether an object of this name exists is the supervisor's to say; here the text only has to be harmless. */
function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= 256 && safeText(value) === value;
}

function isAdminState(value: unknown): value is AdminState {
  return adminStates.some((state) => state === value);
}

function wrong(
  op: string,
  field: string,
  fields: Fields,
  wanted: string,
): { readonly ok: false; readonly error: string } {
  return err(`${op}: ${field} is ${show(fields[field])}; wanted ${wanted}`);
}

function show(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return safeText(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
