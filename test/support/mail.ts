/** A mail server in a process of its own, and a certificate that only who is told of it trusts. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { mustRun, startProcess, type TestProcess } from "./process.ts";
import { PATIENCE_MS, waitFor } from "./wait.ts";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** For 127.0.0.1 and "localhost", its own authority. */
export async function makeCertificate(): Promise<Certificate> {
  const folder = mkdtempSync(join(tmpdir(), "ballast-cert-"));
  try {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    await mustRun(
      [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
      ].concat(
        ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
        ["-keyout", key, "-out", cert],
      ),
    );
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface SmtpOptions extends Partial<Certificate> {
  readonly tls: "starttls" | "implicit" | "none";
  readonly user?: string;
  readonly password?: string;
  readonly port?: number;
  /** Answers to a command in turn, the last one for ever. */
  readonly replies?: Readonly<Record<string, readonly string[]>>;
  /** A command that is not answered. */
  readonly silentAfter?: string;
  /** Before each answer. */
  readonly delayMs?: number;
}

export interface TakenMail {
  readonly to: readonly string[];
  readonly text: string;
  readonly secure: boolean;
}

/** The message without the line breaks that quoted-printable puts into long lines (RFC 2045, section 6.7). */
export function unfolded({ text }: TakenMail): string {
  return text.replaceAll("=\n", "");
}

export class SmtpServer {
  readonly port: number;
  private readonly process: TestProcess;

  private constructor(process: TestProcess, port: number) {
    this.process = process;
    this.port = port;
  }

  /** Ends with `stopAllProcesses`. `prefix`: words before the program, such as `ip netns exec NAME`. */
  static async start(options: SmtpOptions, prefix: readonly string[] = []): Promise<SmtpServer> {
    const script = resolve(import.meta.dir, "smtp-server.mjs");
    const process = startProcess([...prefix, "node", script, JSON.stringify(options)]);
    const match = await process.waitForOutput(/"port":(\d+)/);
    return new SmtpServer(process, Number(match[1]));
  }

  get mails(): readonly TakenMail[] {
    return this.lines().flatMap((line) => (line.mail === undefined ? [] : [line.mail]));
  }

  get commands(): readonly string[] {
    return this.lines().flatMap((line) => (line.command === undefined ? [] : [line.command]));
  }

  mail(count: number, timeoutMs = PATIENCE_MS): Promise<TakenMail> {
    return waitFor(`mail number ${count}`, () => this.mails[count - 1], timeoutMs);
  }

  async stop(): Promise<void> {
    await this.process.stop("SIGKILL");
  }

  private lines(): readonly { readonly mail?: TakenMail; readonly command?: string }[] {
    const whole = this.process.stdout().split("\n").slice(0, -1);
    return whole.map((line) => JSON.parse(line) as { readonly mail?: TakenMail; readonly command?: string });
  }
}
