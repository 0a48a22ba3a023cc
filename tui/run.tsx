/** `runTui`: from a socket path to a running screen and back to a clean terminal. */
import { render, renderToString } from "ink";
import type { Snapshot } from "../src/admin/api.ts";
import { type AdminClient, adminClient, type ClientError } from "../src/admin/client.ts";
import { clientExitCode } from "../src/admin/client-error.ts";
import { formatRate, formatSpan, plural } from "../src/lib/humanize.ts";
import { unreachable } from "../src/lib/result.ts";
import { App, type Controls, Frame } from "./app.tsx";
import {
  currentSnapshot,
  type Effect,
  initialModel,
  type Message,
  type Model,
  viewNames,
  type ViewName,
} from "./model.ts";
import { reduce } from "./reduce.ts";
import { createStore, type Store } from "./store.ts";
import { copyToClipboard, type Keyboard, makeKeyboard, stopUntilContinued } from "./terminal.ts";
import { shown } from "./text.ts";
import { localeIsUtf8, makeTheme, type Theme } from "./theme.ts";
import { startTransport, type Transport } from "./transport.ts";

export interface TuiOptions {
  readonly socket: string;
  readonly readonly: boolean;
  /** Prints one frame and ends; needs no terminal. */
  readonly once: boolean;
  /** The mouse is never taken: selecting text works as in the shell. Accepted for the sake of habit. */
  readonly noMouse: boolean;
  readonly noUnicode: boolean;
  readonly noColor: boolean;
  readonly refreshMs: number;
  /** One of viewNames; anything else starts with the overview. */
  readonly view: string;
  readonly filter: string;
  /** false when the daemon ends with the TUI (`demo`): then the good-bye does not promise that it runs on. */
  readonly daemonStays?: boolean;
}

const EXIT_INTERNAL = 70;
const MAX_FPS = 10;
/** --once without a terminal. */
const DEFAULT_SIZE = { columns: 120, rows: 36 } as const;

export function isViewName(name: string): name is ViewName {
  return viewNames.some((view) => view === name);
}

/**
 * Shows the daemon behind a socket until the operator quits.
 * @returns 0; 69, 75 or 77 when there is no daemon to show at the start; 70 after a crash, with a clean terminal.
 */
export async function runTui(options: TuiOptions): Promise<number> {
  const client = adminClient(options.socket);
  const first = await client.snapshot();
  if (!first.ok) return refuse(first.error);
  const unicode = !options.noUnicode && localeIsUtf8(process.env);
  const theme = makeTheme({ paint: paintFor(options), unicode });
  const model = startingModel(options, first.value);
  if (options.once) {
    return printOnce(await secondLook(client, model), theme);
  }
  return new Session(options, theme, model).run();
}

function refuse(error: ClientError): number {
  process.stderr.write(`ballast: ${error.text}\n${error.help}\n`);
  return clientExitCode(error);
}

function startingModel(options: TuiOptions, snapshot: Snapshot): Model {
  const nowMs = Date.now();
  const model = initialModel({
    size: terminalSize(),
    socket: options.socket,
    readonly: options.readonly,
    offsetMinutes: -new Date(nowMs).getTimezoneOffset(),
    nowMs,
    refreshMs: options.refreshMs,
    view: isViewName(options.view) ? options.view : "overview",
    filter: options.filter,
  });
  return reduce(model, { kind: "snapshot", snapshot, nowMs }).model;
}

function terminalSize(): { readonly columns: number; readonly rows: number } {
  const { columns, rows } = process.stdout;
  // A terminal of size 0x0 has not been told its size (serial lines).
  return columns > 0 && rows > 0 ? { columns, rows } : DEFAULT_SIZE;
}

function paintFor(options: TuiOptions): "color" | "mono" | "none" {
  if (process.stdout.isTTY !== true) return "none";
  return options.noColor || (process.env["NO_COLOR"] ?? "") !== "" ? "mono" : "color";
}

/** Rates need two looks. */
async function secondLook(client: AdminClient, model: Model): Promise<Model> {
  const past = await client.events(0);
  const withEvents = past.ok ? reduce(model, { kind: "events", events: past.value }).model : model;
  await Bun.sleep(model.refreshMs);
  const look = await client.snapshot();
  return look.ok ? reduce(withEvents, { kind: "snapshot", snapshot: look.value, nowMs: Date.now() }).model : withEvents;
}

function printOnce(model: Model, theme: Theme): number {
  process.stdout.write(`${renderToString(<Frame model={model} theme={theme} />, { columns: model.size.columns })}\n`);
  return 0;
}

/** One stay on the terminal: everything that has to be taken back is taken back in `finish`. */
class Session {
  readonly #options: TuiOptions;
  readonly #theme: Theme;
  readonly #store: Store;
  readonly #startedMs = Date.now();
  #transport: Transport | null = null;
  #keyboard: Keyboard | null = null;
  #controls: Controls | null = null;
  #suspending = false;
  #finish: (end: End) => void = () => undefined;

  constructor(options: TuiOptions, theme: Theme, model: Model) {
    this.#options = options;
    this.#theme = theme;
    this.#store = createStore(model, (effect) => this.#perform(effect));
  }

  async run(): Promise<number> {
    const ended = new Promise<End>((resolve) => {
      this.#finish = resolve;
    });
    const crash = (error: unknown): void => this.#finish({ code: EXIT_INTERNAL, error });
    const quit = (): void => this.#finish({ code: 0, error: null });
    const resize = (): void => this.#store.dispatch({ kind: "resize", size: terminalSize() });
    process.on("uncaughtException", crash);
    process.on("unhandledRejection", crash);
    for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.on(signal, quit);
    process.stdout.on("resize", resize);
    process.stdout.on("error", crash);

    const ink = render(
      <App store={this.#store} theme={this.#theme} onControls={(controls) => (this.#controls = controls)} />,
      {
        alternateScreen: true,
        exitOnCtrlC: false,
        patchConsole: true,
        maxFps: MAX_FPS,
        incrementalRendering: true,
        interactive: true,
      },
    );
    ink.waitUntilExit().catch(crash);
    this.#keyboard = makeKeyboard((event) => this.#store.dispatch(event), quit);
    this.#keyboard.open();
    this.#transport = startTransport(
      adminClient(this.#options.socket),
      (message) => this.#dispatch(message),
      this.#options.refreshMs,
    );
    if (this.#store.model().view === "config") this.#transport.loadConfig();

    const end = await ended;
    this.#transport.stop();
    this.#keyboard.close();
    ink.unmount();
    process.off("uncaughtException", crash);
    process.off("unhandledRejection", crash);
    for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.off(signal, quit);
    process.stdout.off("resize", resize);
    process.stdout.off("error", crash);
    return this.#sayGoodbye(end);
  }

  #dispatch(message: Message): void {
    this.#store.dispatch(message);
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "quit":
        return this.#finish({ code: 0, error: null });
      case "suspend":
        return this.#lend(stopUntilContinued);
      case "redraw":
        return this.#lend(() => Promise.resolve());
      case "refresh":
        return this.#transport?.refresh();
      case "load_config":
        return this.#transport?.loadConfig();
      case "set_refresh":
        return this.#transport?.setRefresh(effect.refreshMs);
      case "copy":
        return copyToClipboard(effect.text);
      case "order":
        return this.#transport?.send(effect.order);
      default:
        return unreachable(effect);
    }
  }

  /** Gives the terminal away; taking it back draws everything again. */
  #lend(meanwhile: () => Promise<void>): void {
    if (this.#controls === null || this.#suspending) return;
    this.#suspending = true;
    const lending = this.#controls.suspend(async () => {
      this.#keyboard?.close();
      await meanwhile();
      this.#keyboard?.open();
      this.#store.dispatch({ kind: "resize", size: terminalSize() });
    });
    lending
      .catch((error: unknown) => this.#finish({ code: EXIT_INTERNAL, error }))
      .finally(() => {
        this.#suspending = false;
      });
  }

  #sayGoodbye(end: End): number {
    if (end.error !== null) {
      const text = end.error instanceof Error ? (end.error.stack ?? end.error.message) : String(end.error);
      process.stderr.write(`ballast: internal error in the terminal UI; the daemon is not touched\n${text}\n`);
      return end.code;
    }
    for (const line of this.#summary()) process.stdout.write(`${line}\n`);
    return end.code;
  }

  #summary(): readonly string[] {
    const model = this.#store.model();
    const snapshot = currentSnapshot(model);
    if (snapshot === null) return [];
    const [problem] = snapshot.problems;
    const health =
      problem === undefined
        ? "no problems"
        : `${plural(snapshot.problems.length, "problem")}: ${shown(this.#theme, problem.text)}`;
    const watched = `watched for ${formatSpan(Date.now() - this.#startedMs)}; ${formatRate(model.rates.total.requests)} requests/s at the end`;
    const stays = "the daemon keeps running; ask it with: ballast status";
    return [
      `ballast ${shown(this.#theme, snapshot.node)}: ${health}`,
      watched,
      ...(this.#options.daemonStays === false ? [] : [stays]),
    ];
  }
}

interface End {
  readonly code: number;
  readonly error: unknown;
}
