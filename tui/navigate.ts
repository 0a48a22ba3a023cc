/** From the name of an object to the screen and row that show it. Pure. */
import { currentSnapshot, type Model } from "./model.ts";

export interface Place {
  readonly list: "frontends" | "backends" | "vrrp";
  readonly key: string;
}

/** Where an object of an event or a problem is shown; null when nothing of that name is there. */
export function locateObject(model: Model, object: string): Place | null {
  const snapshot = currentSnapshot(model);
  if (snapshot === null || object === "") return null;
  const isServer = snapshot.backends.some((backend) =>
    backend.servers.some((server) => `${backend.name}/${server.name}` === object),
  );
  if (isServer || snapshot.backends.some((backend) => backend.name === object))
    return { list: "backends", key: object };
  if (snapshot.vrrp.some((row) => row.instance === object)) return { list: "vrrp", key: object };
  if (snapshot.frontends.some((row) => row.name === object)) return { list: "frontends", key: object };
  return null;
}

/** Shows a place; a filter or a fold that would hide it is taken away. */
export function goTo(model: Model, place: Place): Model {
  const folded = new Set(model.folded);
  folded.delete(place.key.split("/", 1)[0] ?? "");
  return {
    ...model,
    view: place.list,
    zoomed: false,
    folded,
    filters: { ...model.filters, [place.list]: "" },
    cursors: { ...model.cursors, [place.list]: { key: place.key, index: 0 } },
  };
}
