/** The oldest VS Code that this extension works in; the same as `engines.vscode` of the manifest. */
export const oldestEditor = '1.105.0';

/** Whether a VS Code of this version is too old. Editors built from VS Code may ignore the manifest. */
export function isTooOld(version: string): boolean {
  return version.localeCompare(oldestEditor, 'en', { numeric: true }) < 0;
}
