/** Which events people are told of (pure). */

/**
 * `topics`: kinds of events, whole or their first words: "server" takes "server.state". Events about alerts are never
 * taken: one that cannot be sent would make the next.
 */
export function isWanted(kind: string, topics: readonly string[]): boolean {
  if (kind.startsWith("notify.")) return false;
  return topics.some((topic) => kind === topic || kind.startsWith(`${topic}.`));
}
