/** The certificates of a listener: read once at load, chosen by the name in the ClientHello. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { TlsConfig } from "../../config/types-proxy.ts";
import type { TlsMaterial } from "../../ipc/messages.ts";
import { err, ok, type Result } from "../../lib/result.ts";

export interface TlsListener {
  /** What `upgradeTLS` takes as `secureContext`. */
  choose(serverName: string | null): unknown;
  /** ALPN in wire format: each name with its length before it; empty: none is offered. */
  readonly alpn: Buffer;
  readonly certificates: readonly ServedCertificate[];
}

export interface ServedCertificate {
  /** Where in the configuration, and the file: `frontend.web.bind[0]: /etc/ssl/web.pem`. */
  readonly path: string;
  /** End of its life; it is served beyond that. */
  readonly validToWallMs: number;
}

interface Certificate {
  /** In lower case; `*.example.com` for a wildcard. */
  readonly names: readonly string[];
  readonly context: unknown;
  readonly validTo: Date;
}

/** `path`: where the listener stands in the configuration. `isHttp`: only protocols that we speak are offered. */
export function buildTlsListener(
  config: TlsConfig,
  materials: readonly TlsMaterial[],
  path: string,
  isHttp: boolean,
): Result<TlsListener, readonly string[]> {
  const reasons: string[] = [];
  const certificates: ServedCertificate[] = [];
  const exact = new Map<string, unknown>();
  const wildcard = new Map<string, unknown>();
  let first: unknown = null;
  for (const material of materials) {
    const loaded = loadCertificate(material, config.minVersion);
    if (!loaded.ok) {
      reasons.push(`${path}: ${material.path}: ${loaded.error}`);
      continue;
    }
    const { names, context, validTo } = loaded.value;
    certificates.push({ path: `${path}: ${material.path}`, validToWallMs: validTo.getTime() });
    first ??= context;
    for (const name of names) {
      const map = name.startsWith("*.") ? wildcard : exact;
      const key = name.startsWith("*.") ? name.slice(2) : name;
      // The first certificate for a name wins, as in HAProxy.
      if (!map.has(key)) map.set(key, context);
    }
  }
  if (materials.length === 0) reasons.push(`${path}: no certificate was found`);
  if (reasons.length > 0) return err(reasons);
  return ok({
    choose: (serverName) => {
      if (serverName === null) return first;
      const dot = serverName.indexOf(".");
      return exact.get(serverName) ?? (dot < 0 ? undefined : wildcard.get(serverName.slice(dot + 1))) ?? first;
    },
    alpn: wireAlpn(isHttp ? config.alpn.flatMap(spoken) : config.alpn),
    certificates,
  });
}

/**
 * What is promised in mode http. HTTP/2 is not spoken: a client that was promised it could not be served. A client of
 * HTTP/1.0 names that (`curl -0`), and without a common name the handshake would end (RFC 7301 section 3.2).
 */
function spoken(name: string): readonly string[] {
  return name === "http/1.1" ? [name, "http/1.0"] : [];
}

function loadCertificate(material: TlsMaterial, minVersion: "1.2" | "1.3"): Result<Certificate, string> {
  const gap = gapOf(material.pem);
  if (gap !== null) return err(gap);
  try {
    const certificate = new X509Certificate(material.pem);
    if (!certificate.checkPrivateKey(createPrivateKey(material.pem))) {
      return err("the private key does not belong to the certificate");
    }
    const secure: SecureContext = createSecureContext({
      key: material.pem,
      cert: material.pem,
      minVersion: `TLSv${minVersion}`,
    });
    return ok({ names: namesOf(certificate), context: secure.context, validTo: new Date(certificate.validTo) });
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
}

/** What the file lacks, before OpenSSL says it in its own words (PEM routines, NO_START_LINE). */
function gapOf(pem: string): string | null {
  if (!/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(pem)) return "has no certificate in PEM form";
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    return "its private key has a passphrase; openssl pkey takes it away";
  }
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(pem)) {
    return "has no private key: chain and key stand in one file (cat chain.pem key.pem)";
  }
  return null;
}

/** DNS names of the certificate; the common name when there is no subjectAltName. */
function namesOf(certificate: X509Certificate): readonly string[] {
  const alternative = [...(certificate.subjectAltName ?? "").matchAll(/DNS:([^,\s"]+)/g)].map((match) => match[1]);
  const names =
    alternative.length > 0 ? alternative : [...certificate.subject.matchAll(/^CN=(.+)$/gm)].map((m) => m[1]);
  return names.map((name) => (name ?? "").toLowerCase()).filter((name) => name !== "");
}

function wireAlpn(names: readonly string[]): Buffer {
  return Buffer.concat(names.map((name) => Buffer.concat([Buffer.from([name.length]), Buffer.from(name, "latin1")])));
}
