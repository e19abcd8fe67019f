/** How many lines are read from the end of a log: enough to come past the stack of what ended the process. */
export const linesRead = 60;

const linesKept = 5;

/** Frames of a stack: indented ones of Node and Go, and the ones of Go at the margin. */
const frame = /^\s|^goroutine \d|^[\w./*-]+\.[\w.*()]+\(.*\)$/;

/** The last lines of a log that say something: at most five, frames of a stack only where there is nothing else. */
export function lastWords(lines: readonly string[]): readonly string[] {
  const words = lines.filter((line) => !frame.test(line));
  return (words.length > 0 ? words : lines).slice(-linesKept);
}
