/**
 * Every fetch that the condition language knows (HAProxy's configuration.txt, section 7.3): what it samples,
 * where it can be asked, what stands in its parentheses, and whether Ballast evaluates it yet.
 */

export type SampleKind = "text" | "integer" | "ip" | "boolean";

export interface FetchRow {
  readonly sample: SampleKind;
  /** tcp: known for every connection; http: needs a parsed request (or response). */
  readonly layer: "tcp" | "http";
  readonly args: "none" | "name" | "optional" | "backend";
  /** Whether `_beg _end _sub _dir _dom _reg _len` may follow the name. */
  readonly suffixes: boolean;
  readonly since: "supported" | "not supported yet";
}

const now = "supported" as const;
const later = "not supported yet" as const;

/** Keys are the base names that a `Match` can carry in `fetch`. */
export const fetches: Readonly<Record<string, FetchRow>> = {
  path: { sample: "text", layer: "http", args: "none", suffixes: true, since: now },
  url: { sample: "text", layer: "http", args: "none", suffixes: true, since: now },
  query: { sample: "text", layer: "http", args: "none", suffixes: true, since: now },
  method: { sample: "text", layer: "http", args: "none", suffixes: false, since: now },
  hdr: { sample: "text", layer: "http", args: "name", suffixes: true, since: now },
  hdr_cnt: { sample: "integer", layer: "http", args: "name", suffixes: false, since: now },
  "req.ver": { sample: "text", layer: "http", args: "none", suffixes: false, since: now },
  src: { sample: "ip", layer: "tcp", args: "none", suffixes: false, since: now },
  dst: { sample: "ip", layer: "tcp", args: "none", suffixes: false, since: now },
  src_port: { sample: "integer", layer: "tcp", args: "none", suffixes: false, since: now },
  dst_port: { sample: "integer", layer: "tcp", args: "none", suffixes: false, since: now },
  ssl_fc: { sample: "boolean", layer: "tcp", args: "none", suffixes: false, since: now },
  nbsrv: { sample: "integer", layer: "tcp", args: "backend", suffixes: false, since: now },

  url_param: { sample: "text", layer: "http", args: "name", suffixes: true, since: later },
  hdr_ip: { sample: "ip", layer: "http", args: "name", suffixes: false, since: later },
  hdr_val: { sample: "integer", layer: "http", args: "name", suffixes: false, since: later },
  base: { sample: "text", layer: "http", args: "none", suffixes: true, since: later },
  cook: { sample: "text", layer: "http", args: "optional", suffixes: true, since: later },
  ssl_fc_sni: { sample: "text", layer: "tcp", args: "none", suffixes: true, since: later },
  "req.ssl_sni": { sample: "text", layer: "tcp", args: "none", suffixes: true, since: later },
  srv_is_up: { sample: "boolean", layer: "tcp", args: "name", suffixes: false, since: later },
  fe_conn: { sample: "integer", layer: "tcp", args: "optional", suffixes: false, since: later },
  be_conn: { sample: "integer", layer: "tcp", args: "optional", suffixes: false, since: later },
  queue: { sample: "integer", layer: "tcp", args: "optional", suffixes: false, since: later },
  status: { sample: "integer", layer: "http", args: "none", suffixes: false, since: later },
  "res.hdr": { sample: "text", layer: "http", args: "name", suffixes: true, since: later },
  rand: { sample: "integer", layer: "tcp", args: "optional", suffixes: false, since: later },
  wait_end: { sample: "boolean", layer: "tcp", args: "none", suffixes: false, since: later },
};

/** HAProxy's other spellings of the same fetch. */
const aliases: Readonly<Record<string, string>> = {
  "req.hdr": "hdr",
  "req.hdr_cnt": "hdr_cnt",
  "req.hdr_ip": "hdr_ip",
  "req.hdr_val": "hdr_val",
  "req.cook": "cook",
  req_ver: "req.ver",
  req_ssl_sni: "req.ssl_sni",
  shdr: "res.hdr",
  urlp: "url_param",
};

export const fetchSuffixes = ["beg", "end", "sub", "dir", "dom", "reg", "len"] as const;
export type FetchSuffix = (typeof fetchSuffixes)[number];

export interface FetchName {
  readonly name: string;
  readonly row: FetchRow;
  readonly suffix: FetchSuffix | null;
}

/** Base fetch and suffix of a written name: "path_beg" is path with beg, "src_port" stands for itself. */
export function findFetch(written: string): FetchName | null {
  const whole = baseName(written);
  if (whole !== null) return { name: whole, row: fetches[whole], suffix: null };
  for (const suffix of fetchSuffixes) {
    if (!written.endsWith(`_${suffix}`)) continue;
    const base = baseName(written.slice(0, -suffix.length - 1));
    if (base === null || !fetches[base].suffixes) return null;
    return { name: base, row: fetches[base], suffix };
  }
  return null;
}

function baseName(written: string): string | null {
  const name = Object.hasOwn(aliases, written) ? aliases[written] : written;
  return Object.hasOwn(fetches, name) ? name : null;
}

/** Every name that can be written, for "did you mean". */
export function fetchWords(): readonly string[] {
  const words = Object.keys(aliases);
  for (const [name, row] of Object.entries(fetches)) {
    words.push(name);
    if (row.suffixes) words.push(...fetchSuffixes.map((suffix) => `${name}_${suffix}`));
  }
  return words;
}

/** Names that are always defined (configuration.txt, section 7.4), as conditions in the same language. */
export const predefinedAcls: Readonly<Record<string, string>> = {
  LOCALHOST: "src 127.0.0.1/8 ::1",
  METH_CONNECT: "method CONNECT",
  METH_DELETE: "method DELETE",
  METH_GET: "method GET HEAD",
  METH_HEAD: "method HEAD",
  METH_OPTIONS: "method OPTIONS",
  METH_POST: "method POST",
  METH_PUT: "method PUT",
  METH_TRACE: "method TRACE",
  "HTTP_1.0": "req.ver 1.0",
  "HTTP_1.1": "req.ver 1.1",
  HTTP_URL_ABS: 'url_reg "^[^/:]*://"',
  HTTP_URL_SLASH: "url_beg /",
  HTTP_URL_STAR: 'url "*"',
};

/** Words that are conditions by themselves, whatever the traffic. */
export const constantWords: Readonly<Record<string, boolean>> = {
  TRUE: true,
  FALSE: false,
  always_true: true,
  always_false: false,
};
