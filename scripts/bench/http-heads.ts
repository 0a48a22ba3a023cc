/**
 * Nanoseconds to parse a request head and write it in its forwarded form.
 *
 *   bun scripts/bench/http-heads.ts        wanted after warm-up: at most 500 for the small request, 1500 for the browser's
 */
import { defaultHeadLimits, MessageHead } from "../../src/http/head.ts";
import { parseRequestHead } from "../../src/http/request-parser.ts";
import { RequestForward, writeRequestHead } from "../../src/http/writer.ts";
import { IN, latin1, newArena, OUT, OUT_END, TEXT } from "../../test/unit/http/material.ts";

const ROUNDS = 200_000;
const WARM_UP = 4;

const small = [
  "GET /index.html HTTP/1.1",
  "Host: www.example.com",
  "User-Agent: curl/8.5.0",
  "Accept: */*",
  "Connection: keep-alive",
];
const browser = [
  "GET /products/list?page=2&sort=price HTTP/1.1",
  "Host: www.example.com",
  "Connection: keep-alive",
  "Cache-Control: max-age=0",
  "sec-ch-ua-mobile: ?0",
  "Upgrade-Insecure-Requests: 1",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "Sec-Fetch-Site: same-origin",
  "Referer: https://www.example.com/products/list?page=1",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
  "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes; _ga=GA1.2.1234567890.1234567890",
];

const buf = newArena();
const address = latin1("192.168.100.200");
buf.set(address, TEXT);
const head = new MessageHead();
const forward = new RequestForward();
for (const lines of [small, browser]) {
  const bytes = latin1(`${lines.join("\r\n")}\r\n\r\n`);
  buf.set(bytes, IN);
  for (let pass = 0; pass <= WARM_UP; pass++) {
    const startedMs = performance.now();
    for (let i = 0; i < ROUNDS; i++) {
      parseRequestHead(buf, IN, IN + bytes.length, head, defaultHeadLimits);
      forward.clear();
      forward.forwardedForStart = TEXT;
      forward.forwardedForEnd = TEXT + address.length;
      writeRequestHead(buf, OUT, OUT_END, head, forward);
    }
    const nanoseconds = ((performance.now() - startedMs) * 1e6) / ROUNDS;
    if (pass === WARM_UP)
      console.log(`${lines.length - 1} fields, ${bytes.length} bytes: ${nanoseconds.toFixed(0)} ns`);
  }
}
