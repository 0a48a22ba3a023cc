/** A runner on a loop and a folder for scripts and what they write. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command, CommandResult } from "../../../src/notify/command.ts";
import { CommandRunner } from "../../../src/notify/shell/command-runner.ts";
import { launchCommand } from "../../../src/roles/command-launch.ts";
import { Loop } from "../../../src/sys/loop.ts";

export const isRoot = process.getuid?.() === 0;
/** Who runs the test. */
export const ownUser = isRoot ? "root" : (process.env["USER"] ?? "");

export function commandOf(argv: readonly string[], fields: Partial<Command> = {}): Command {
  return { argv, user: ownUser, timeoutMs: 5000, graceMs: 0, environment: {}, output: "ignore", ...fields };
}

/** Runs as root belong in folders that only root can write; /tmp is sticky and will do. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "ballast-notify-"));

  constructor() {
    chmodSync(this.path, 0o755);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  script(name: string, body: string): string {
    const path = this.file(name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** Empty while the file is not there. */
  read(name: string): string {
    return existsSync(this.file(name)) ? readFileSync(this.file(name), "utf8") : "";
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class RunnerFixture {
  readonly loop = new Loop();
  readonly runner = new CommandRunner(this.loop, launchCommand);
  private readonly finished = this.loop.run();

  run(command: Command): Promise<CommandResult> {
    return new Promise((resolve) => this.runner.run(command, resolve));
  }

  async close(): Promise<void> {
    this.runner.killAll();
    this.loop.stop();
    await this.finished;
  }
}

/** A process that nobody has collected yet (state Z) does not live. */
export function isAlive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, "utf8"));
}
