/** The lines around every screen: who and when, the tabs, what is wrong, which keys. */
import type { Snapshot, VrrpStatus } from "../../src/admin/api.ts";
import { formatSpan, plural } from "../../src/lib/humanize.ts";
import { fitCells, truncateCells } from "../../src/lib/display-width.ts";
import { vrrpWord } from "../../src/lib/state-words.ts";
import { clockText } from "../../src/lib/wall-time.ts";
import { keyName, keyTable, worksIn } from "../keys.ts";
import { activeList, currentSnapshot, isReadOnly, type Model, viewNames } from "../model.ts";
import { fitPainted, paintedWidth, shown, spread, unpaint } from "../text.ts";
import type { Theme } from "../theme.ts";

export function header(model: Model, theme: Theme, width: number): string {
  const snapshot = currentSnapshot(model);
  const flags = [
    model.paused ? theme.paint("warn", "PAUSED") : "",
    isReadOnly(model) ? theme.paint("warn", "[RO]") : "",
  ];
  if (snapshot === null) return fill(theme, [theme.paint("strong", "BALLAST")], [...flags], width);
  // Most important first: what does not fit is left out from the end.
  const left = [
    theme.paint("strong", `BALLAST ${shown(theme, snapshot.version)}`),
    shown(theme, snapshot.node),
    // What a daemon that is gone last said is not how things are: its address may be elsewhere by now.
    ...(model.link.state === "lost"
      ? [theme.paint("bad", "NO ANSWER"), theme.paint("quiet", lastSeen(theme, snapshot.vrrp))]
      : [
          vipSummary(theme, snapshot.vrrp),
          configSummary(theme, snapshot),
          `up ${formatSpan(snapshot.wallMs - snapshot.startedWallMs)}`,
        ]),
  ];
  const right = [
    ...flags,
    shown(theme, snapshot.user),
    `every ${model.refreshMs / 1000}s`,
    clockText(snapshot.wallMs, model.offsetMinutes),
  ];
  return fill(theme, left, right, width);
}

function lastSeen(theme: Theme, instances: readonly VrrpStatus[]): string {
  const summary = unpaint(vipSummary(theme, instances));
  return summary === "" ? "" : `last seen: ${summary}`;
}

function fill(theme: Theme, left: readonly string[], right: readonly string[], width: number): string {
  const end = right.filter((part) => part !== "").join("   ");
  const parts = left.filter((part) => part !== "");
  let line = "";
  for (const part of parts) {
    const longer = line === "" ? part : `${line}   ${part}`;
    if (paintedWidth(longer) + paintedWidth(end) + 5 > width && line !== "") break;
    line = longer;
  }
  return ` ${spread(theme, line, end, Math.max(0, width - 2))} `;
}

function vipSummary(theme: Theme, instances: readonly VrrpStatus[]): string {
  const [first, ...more] = instances;
  if (first === undefined) return "";
  if (more.length === 0) {
    const { word, tone } = vrrpWord(first.state);
    return `VIP ${shown(theme, first.instance)} ${theme.paint(tone, word)}`;
  }
  const states = ["master", "backup", "fault", "maint", "init"] as const;
  const counts = states.flatMap((state) => {
    const count = instances.filter((row) => row.state === state).length;
    const { word, tone } = vrrpWord(state);
    return count === 0 ? [] : [theme.paint(tone, `${count} ${word}`)];
  });
  return `VIPs ${counts.join(" ")}`;
}

function configSummary(theme: Theme, snapshot: Snapshot): string {
  const { hash, lastReloadOk } = snapshot.config;
  const verdict = lastReloadOk ? theme.fine : theme.paint("bad", theme.plain("✗ reload failed"));
  return `config ${shown(theme, hash)} ${verdict}`;
}

export function tabs(model: Model, theme: Theme, width: number): string {
  const wide = width >= 100;
  const parts = viewNames.map((view, index) => {
    const title = `${index + 1} ${view === "vrrp" ? "VRRP" : view[0].toUpperCase() + view.slice(1)}`;
    const alarm = hasProblem(model, view) ? theme.paint("bad", "!") : wide ? " " : "";
    return model.view === view ? `${theme.paint("strong", `[${title}]`)}${alarm}` : ` ${title} ${alarm}`;
  });
  return spread(theme, ` ${parts.join(wide ? " " : "")}`, "", width);
}

function hasProblem(model: Model, view: string): boolean {
  const snapshot = currentSnapshot(model);
  const objects = (snapshot?.problems ?? []).map((problem) => problem.object);
  if (view === "backends") {
    return objects.some((object) =>
      snapshot?.backends.some((each) => object === each.name || object.startsWith(`${each.name}/`)),
    );
  }
  if (view === "vrrp") return objects.some((object) => snapshot?.vrrp.some((each) => each.instance === object));
  if (view === "frontends") return objects.some((object) => snapshot?.frontends.some((each) => each.name === object));
  return false;
}

/** One line on every screen: a lost daemon first, then what is wrong, else that all is well. */
export function problemBar(model: Model, theme: Theme, width: number): string {
  const inner = Math.max(0, width - 2);
  return ` ${problemText(model, theme, inner)} `;
}

function problemText(model: Model, theme: Theme, width: number): string {
  const snapshot = currentSnapshot(model);
  const { link } = model;
  if (link.state === "lost") {
    const seen = snapshot === null ? "" : `; figures of ${clockText(snapshot.wallMs, model.offsetMinutes)}`;
    const text = `${theme.alarm} daemon lost ${formatSpan(model.nowMs - link.sinceMs)} ago, trying again: ${shown(theme, link.error.text)}${seen}`;
    return theme.paint("bad", spread(theme, text, "", width));
  }
  if (snapshot === null) return spread(theme, shown(theme, `asking the daemon behind ${model.socket} …`), "", width);
  const { problems } = snapshot;
  if (problems.length === 0) return spread(theme, theme.paint("good", `${theme.fine} no problems`), "", width);
  const index = model.problem >= 0 && model.problem < problems.length ? model.problem : 0;
  const problem = problems[index];
  const count = problems.length === 1 ? "1 problem" : `problem ${index + 1} of ${problems.length}`;
  const age = formatSpan(snapshot.wallMs - problem.sinceWallMs);
  const end = `  for ${age}${width >= 100 ? "   n next problem" : ""}`;
  const text = `${theme.alarm} ${count}: ${shown(theme, problem.text)}`;
  return theme.paint("bad", fitCells(text, Math.max(0, width - end.length), "left", theme.ellipsis) + end);
}

/** The bottom line: a prompt that takes text, a notice, or the keys of this screen. */
export function footer(model: Model, theme: Theme, width: number): string {
  const inner = Math.max(0, width - 2);
  return ` ${footerText(model, theme, inner)} `;
}

function footerText(model: Model, theme: Theme, width: number): string {
  const { layer, notice } = model;
  if (layer.kind === "filter") {
    return spread(theme, `${theme.paint("strong", "/")}${shown(theme, layer.text)}_`, "Enter keep  Esc drop", width);
  }
  if (layer.kind === "command") {
    const typed = `${theme.paint("strong", ":")}${shown(theme, layer.text)}_`;
    if (layer.problem === "") return spread(theme, typed, "Tab complete  Enter run  Esc leave", width);
    // Cut rather than left out: what was typed stays beside what is wrong with it.
    const room = Math.max(Math.floor(width / 2), width - paintedWidth(typed) - 2);
    const problem = theme.paint("bad", truncateCells(shown(theme, layer.problem), room, theme.ellipsis));
    return spread(theme, fitPainted(theme, typed, width - paintedWidth(problem) - 1), problem, width);
  }
  if (notice !== null) {
    const undo = model.undo === null ? "" : theme.paint("strong", "U undo");
    return spread(theme, theme.paint(notice.tone, shown(theme, notice.text)), undo, width);
  }
  return spread(theme, keyHints(model, theme, width), "", width);
}

function keyHints(model: Model, theme: Theme, width: number): string {
  const readOnly = isReadOnly(model);
  const always = ["?", "q"];
  const rows = keyTable.filter(
    (row) =>
      row.footer !== undefined &&
      worksIn(row, model.view) &&
      !(row.action === "undo" && model.undo === null) &&
      !(row.action === "filter" && model.filters[activeList(model)] !== ""),
  );
  const hint = (keys: readonly string[], word: string, grey: boolean): string => {
    const text = `${keyName(keys[0])} ${word}`;
    return grey ? theme.paint("quiet", text) : `${theme.paint("strong", keyName(keys[0]))} ${word}`;
  };
  const ends = rows.filter((row) => always.includes(row.keys[0])).map((row) => hint(row.keys, row.footer ?? "", false));
  const tail = ends.join("  ");
  let line = "";
  for (const row of rows) {
    if (always.includes(row.keys[0])) continue;
    const next = hint(row.keys, row.footer ?? "", readOnly && row.writes === true);
    const longer = line === "" ? next : `${line}  ${next}`;
    if (paintedWidth(longer) + paintedWidth(tail) + 2 > width) break;
    line = longer;
  }
  return `${line}  ${tail}`;
}

/** `3 of 9 marked`, `filter: app`, `sort: name`: the state of a list, for the edge of its panel. */
export function listState(model: Model, theme: Theme, sortName: string): string {
  const list = activeList(model);
  const filter = model.filters[list];
  const sorting = model.sortings[list];
  const parts = [
    model.marked.size > 0 ? plural(model.marked.size, "marked", "marked") : "",
    filter === "" ? "" : theme.paint("warn", `filter: ${shown(theme, filter)}`),
    sorting.order === 0 && !sorting.reverse ? "" : `sort: ${sortName}${sorting.reverse ? " reversed" : ""}`,
  ];
  return parts.filter((part) => part !== "").join("  ");
}
