/** React only draws: the store's model, as lines, with a dialog over them. */
import { Box, Text, useApp } from "ink";
import { type ReactElement, useEffect, useSyncExternalStore } from "react";
import { drawScreen } from "./screen.ts";
import type { Store } from "./store.ts";
import type { Theme } from "./theme.ts";
import type { Model } from "./model.ts";

export interface Controls {
  /** Gives the terminal to somebody else until the promise settles, then draws everything again. */
  suspend(meanwhile: () => Promise<void>): Promise<void>;
}

export interface AppProps {
  readonly store: Store;
  readonly theme: Theme;
  readonly onControls: (controls: Controls) => void;
}

export function App({ store, theme, onControls }: AppProps): ReactElement {
  const model = useSyncExternalStore(store.subscribe, store.model);
  const { suspendTerminal } = useApp();
  useEffect(() => {
    onControls({ suspend: (meanwhile) => suspendTerminal(meanwhile) });
  }, [onControls, suspendTerminal]);
  return <Frame model={model} theme={theme} />;
}

/** One frame of exactly the terminal's size. */
export function Frame({ model, theme }: { readonly model: Model; readonly theme: Theme }): ReactElement {
  const { lines, dialog } = drawScreen(model, theme);
  return (
    <Box width={model.size.columns} height={model.size.rows} flexDirection="column" overflow="hidden">
      <Text wrap="truncate">{lines.join("\n")}</Text>
      {dialog === null ? null : (
        <Box position="absolute" marginLeft={dialog.left} marginTop={dialog.top}>
          <Text wrap="truncate">{dialog.lines.join("\n")}</Text>
        </Box>
      )}
    </Box>
  );
}
