import { UIKind, env, window } from 'vscode';
import type { AtHand } from '../../trace/proposal.ts';

/** Of the clipboard no more is looked at. */
const mostCharacters = 64 * 1024;

/**
 * Where a request may be named that the user means.
 *
 * @param recordAtCaret of a log as it was written: its document shortens ids; undefined where the caret is in no log
 */
export async function atHand(recordAtCaret: () => Promise<string | undefined>): Promise<AtHand> {
  const editor = window.activeTextEditor;
  // A browser asks for leave to read the clipboard, and until the user has answered nothing else would happen.
  const clipboard = env.uiKind === UIKind.Web ? '' : (await env.clipboard.readText()).slice(0, mostCharacters);
  if (editor === undefined) return { selected: '', line: '', caret: 0, clipboard };
  const { document, selection } = editor;
  const line = (await recordAtCaret()) ?? document.lineAt(selection.active.line).text;
  return { selected: document.getText(selection), line, caret: selection.active.character, clipboard };
}
