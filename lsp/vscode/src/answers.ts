/**
 * Reads what the server's commands return, and words it.
 */

const SHORT = 100;

/** What `mldeploy.test` returns. */
export interface Tested {
  readonly name: string;
  readonly status: number;
  readonly body: string;
  readonly seconds: number;
  readonly explanation: readonly string[];
}

/** What `mldeploy.logs` returns. */
export interface Logged {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Returns the answer to a test request as text for the output channel. */
export function testedText(answer: Tested, at: Date): string {
  const head = `[${at.toLocaleTimeString()}] ${answer.name} answered ${answer.status} in ${milliseconds(answer.seconds)}`;
  return [head, indented(prettyJson(answer.body)), ...answer.explanation.map(line => `  ${line}`)].join('\n');
}

/** Returns a service's log as text. */
export function loggedText(answer: Logged): string {
  return answer.lines.length === 0 ? `${answer.name} has written no logs yet.` : answer.lines.join('\n');
}

/** Lays longer JSON out on lines of its own; other text stays as it is. */
export function prettyJson(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    const short = JSON.stringify(value);
    return short.length <= SHORT ? short : JSON.stringify(value, null, 2);
  } catch {
    return text;
  }
}

/** Reads a payload that somebody typed: JSON, or what is wrong with it. */
export function readPayload(text: string): { value: unknown } | { problem: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { problem: `This is no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function milliseconds(seconds: number): string {
  const ms = seconds * 1000;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ');
}
