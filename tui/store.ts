/** Holds the model, feeds messages to the reducer, hands the effects to the shell in order. */
import type { Effect, Message, Model } from "./model.ts";
import { reduce } from "./reduce.ts";

export interface Store {
  model(): Model;
  dispatch(message: Message): void;
  subscribe(listener: () => void): () => void;
}

export function createStore(initial: Model, perform: (effect: Effect) => void): Store {
  let model = initial;
  const listeners = new Set<() => void>();
  let announced = false;
  // "jjjj" in one read is one new picture, not four.
  const announce = (): void => {
    if (announced) return;
    announced = true;
    queueMicrotask(() => {
      announced = false;
      for (const listener of listeners) listener();
    });
  };
  return {
    model: () => model,
    dispatch: (message) => {
      const step = reduce(model, message);
      if (step.model !== model) announce();
      model = step.model;
      for (const effect of step.effects) perform(effect);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
