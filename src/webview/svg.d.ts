/** An icon of `@vscode/codicons`, of which the build keeps the outline: scripts/build.ts. */
declare module '*.svg' {
  export const outline: string;
}
