/** What every pane is given: it draws lines of exactly this width and height and decides nothing. */
import type { Model } from "../model.ts";
import type { Theme } from "../theme.ts";

export interface PaneProps {
  readonly model: Model;
  readonly theme: Theme;
  readonly width: number;
  readonly height: number;
}

export type Pane = (props: PaneProps) => readonly string[];
