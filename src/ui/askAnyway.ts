import { window } from 'vscode';
import type { Engine } from './engineSlot.ts';
import type { FlowSession } from './flowSession.ts';

/** How long opening the target may take, for which nothing but a cluster or an engine is asked. */
const openWithinMs = 10_000;

/**
 * Asks whether to put a check's question to the API with a token that is not known to be live: Caracal
 * writes a row to its admin audit for each call that it refuses.
 *
 * @throws Error when the check would not know what to ask even so.
 */
export async function agreesToAsk(engine: Engine, session: FlowSession, check: string): Promise<boolean> {
  const { target, state } = session;
  if (!target) return false;
  const { callsByConsent } = await engine.load();
  const calls = await callsByConsent({
    target,
    zone: state.zone,
    check,
    observations: session.evidence(check),
    redactor: engine.redactor,
    signal: AbortSignal.timeout(openWithinMs),
  });
  if (calls.length === 0) throw new Error('Cannot ask the API: it is not known about which zone. Pick one with "Caracal: Pick Zone…"');
  const detail = [
    `This sends one call with the admin token of the target:`,
    ...calls,
    '',
    'If the API refuses the call, Caracal writes one row to its admin audit. If it answers, Caracal notes when the token was last used. Nothing else changes. The call and its result go into the report.',
  ].join('\n');
  const ask = 'Ask the API';
  const chosen = await window.showWarningMessage(`Ask the API of ${target.target.name}?`, { modal: true, detail }, ask);
  return chosen === ask && session.target === target;
}
