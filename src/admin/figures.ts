/** The figures of a snapshot, read from the shared counters by object index. */
import type { Config } from "../config/types.ts";
import { assert } from "../lib/result.ts";
import { headerWords, objectKey } from "../stats/layout.ts";
import {
  type BackendNumbers,
  type FrontendNumbers,
  readBackend,
  readFrontend,
  readServer,
  type ServerNumbers,
} from "../stats/read.ts";
import { serverKey } from "../stats/registry.ts";
import type { Figures } from "./snapshot.ts";

/** The mapped file, as far as it is read here. */
export interface CounterMemory {
  readonly header: Int32Array;
  worker(index: number): Float64Array;
}

export type ObjectIndexes = Readonly<Record<string, number>>;

export class CounterFigures implements Figures {
  private readonly memory: CounterMemory;
  private readonly workers: Float64Array[] = [];
  private objects: ObjectIndexes = {};

  constructor(memory: CounterMemory, config: Config, objects: ObjectIndexes) {
    this.memory = memory;
    this.configure(config, objects);
  }

  /** With each committed configuration. What workers that are gone since have counted stays in the totals. */
  configure(config: Config, objects: ObjectIndexes): void {
    this.objects = objects;
    while (this.workers.length < config.global.workers) this.workers.push(this.memory.worker(this.workers.length));
  }

  connections(): number {
    return Atomics.load(this.memory.header, headerWords.connections);
  }

  frontend(name: string): FrontendNumbers {
    return readFrontend(this.workers, this.indexOf(objectKey("frontend", name)));
  }

  backend(name: string): BackendNumbers {
    return readBackend(this.workers, this.indexOf(objectKey("backend", name)));
  }

  server(backend: string, server: string): ServerNumbers {
    return readServer(this.workers, this.indexOf(serverKey(backend, server)));
  }

  private indexOf(key: string): number {
    const index = this.objects[key];
    assert(index !== undefined, `admin: no counters are registered for ${key}`);
    return index;
  }
}
