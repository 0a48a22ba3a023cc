/** What is measured: the same work for both proxies, described once. */

export interface BenchCase {
  readonly name: string;
  readonly title: string;
  readonly mode: "tcp" | "http";
  readonly tls: boolean;
  readonly path: "/small" | "/large";
  readonly connections: number;
  readonly headers: readonly string[];
}

/** What Chrome 120 sends for a page, without the host: twelve headers. */
const browserHeaders = [
  'sec-ch-ua: "Not_A Brand";v="8", "Chromium";v="120", "Google Chrome";v="120"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Linux"',
  "Upgrade-Insecure-Requests: 1",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
  "Sec-Fetch-Site: none",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-User: ?1",
  "Accept-Encoding: gzip, deflate, br",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
  "Cookie: session=4f2b9c7d8e1a4f2b9c7d8e1a4f2b9c7d; theme=dark; consent=1",
] as const;

const small = { path: "/small", connections: 64, headers: [], tls: false } as const;

export const benchCases: readonly BenchCase[] = [
  { ...small, name: "l4-small", title: "L4, small answers", mode: "tcp" },
  { ...small, name: "http-small", title: "HTTP keep-alive, small answers", mode: "http" },
  { ...small, name: "http-headers", title: "HTTP, twelve browser headers", mode: "http", headers: browserHeaders },
  { ...small, name: "http-1mb", title: "HTTP, 1 MB answers", mode: "http", path: "/large", connections: 16 },
  {
    ...small,
    name: "http-short",
    title: "HTTP, a connection per request",
    mode: "http",
    headers: ["Connection: close"],
  },
  { ...small, name: "tls", title: "HTTPS keep-alive, P-256", mode: "http", tls: true },
];

export const SMALL_BODY = "0123456789abcdef\n";
export const LARGE_BYTES = 1024 * 1024;
