/** React only draws: the store's model, as lines, with a dialog over them. */
import { Box, Text, useApp } from "ink";
import { memo, type ReactElement, useEffect, useSyncExternalStore } from "react";
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
    <Picture
      columns={model.size.columns}
      rows={model.size.rows}
      text={lines.join("\n")}
      dialogText={dialog === null ? "" : dialog.lines.join("\n")}
      dialogLeft={dialog?.left ?? 0}
      dialogTop={dialog?.top ?? 0}
    />
  );
}

interface PictureProps {
  readonly columns: number;
  readonly rows: number;
  readonly text: string;
  /** Empty: no dialog. */
  readonly dialogText: string;
  readonly dialogLeft: number;
  readonly dialogTop: number;
}

/** Laid out only when a character changed: Ink's layout costs ten times what drawing the lines does. */
const Picture = memo(function Picture(props: PictureProps): ReactElement {
  return (
    <Box width={props.columns} height={props.rows} flexDirection="column" overflow="hidden">
      <Text wrap="truncate">{props.text}</Text>
      {props.dialogText === "" ? null : (
        <Box position="absolute" marginLeft={props.dialogLeft} marginTop={props.dialogTop}>
          <Text wrap="truncate">{props.dialogText}</Text>
        </Box>
      )}
    </Box>
  );
});
