/** HAProxy's condition language after parsing (configuration.txt, section 7). Plain data, no functions. */

export type Condition =
  | { readonly kind: "and"; readonly terms: readonly Condition[] }
  | { readonly kind: "or"; readonly terms: readonly Condition[] }
  | { readonly kind: "not"; readonly term: Condition }
  | { readonly kind: "constant"; readonly value: boolean }
  | Match;

export const matchMethods = [
  "exact",
  "beg",
  "end",
  "sub",
  "dir",
  "dom",
  "reg",
  "len",
  "found",
  "int",
  "ip",
  "bool",
] as const;
export type MatchMethod = (typeof matchMethods)[number];
export type Comparison = "lt" | "le" | "gt" | "ge" | "eq";

/** One test of one sample: it holds when any of the patterns matches any value of the sample. */
export interface Match {
  readonly kind: "match";
  /** Base fetch, method suffix already split off: `path_beg` is fetch "path" with method "beg". */
  readonly fetch: string;
  readonly args: readonly string[];
  readonly ignoreCase: boolean;
  readonly method: MatchMethod;
  readonly patterns: readonly Pattern[];
}

export type Pattern =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "integer"; readonly comparison: Comparison; readonly value: number }
  | { readonly kind: "range"; readonly low: number; readonly high: number }
  /** `address` in canonical text, `prefixLength` in bits. */
  | { readonly kind: "network"; readonly family: 4 | 6; readonly address: string; readonly prefixLength: number };
