/** An error as one or two sentences for a person: what did not work, and what to do. */
export function problemText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Errors about what a target lacks tell how to give it.
  const wayOut = 'wayOut' in error && typeof error.wayOut === 'string' ? error.wayOut : undefined;
  return wayOut === undefined ? error.message : `${error.message}. ${wayOut.charAt(0).toUpperCase()}${wayOut.slice(1)}.`;
}
