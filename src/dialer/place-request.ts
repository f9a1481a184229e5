// What a carrier is asked for: from a campaign's and its assistant's settings to one call.                        [pure]
import type { PlaceCall } from '../carriers/carrier.ts';
import type { Variables } from '../db/schema.ts';

/** The part of an assistant and its campaign that a call is made by. */
export interface DialSettings {
  assistant_settings: Record<string, unknown>;
  post_call_schema: readonly { name: string; type: string; description: string }[];
  goal_completion_variable: string | null;
  simulation: Record<string, unknown> | null;
}

const SECOND = 1000;
const DEFAULT_RINGING = 30;
const DEFAULT_DURATION = 600;

const seconds = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise) * SECOND;

/** The values of a call: the assistant's, over them the primary's, over them the contact's own; null falls back. Source: lifecycle 1.8. */
export const variablesAtDial = (...layers: (Variables | undefined)[]): Variables => {
  const merged: Variables = {};
  for (const [name, value] of layers.flatMap((layer) => Object.entries(layer ?? {}))) {
    if (value !== null || !Object.hasOwn(merged, name)) merged[name] = value;
  }
  return merged;
};

/** The request for one attempt. Only a simulated carrier is told how calls are to turn out. */
export const toPlaceCall = (
  callId: number,
  { phone_number, caller_number }: { phone_number: string; caller_number: string },
  settings: DialSettings,
  simulated: boolean,
): PlaceCall => {
  const { ringing_time, max_duration, record } = settings.assistant_settings;
  const rehearsal = {
    post_call_schema: JSON.stringify(settings.post_call_schema),
    ...(settings.goal_completion_variable === null ? {} : { goal: settings.goal_completion_variable }),
    ...(settings.simulation === null ? {} : { simulation: JSON.stringify(settings.simulation) }),
  };
  return {
    callId: String(callId),
    to: phone_number,
    from: caller_number,
    ringTimeoutMs: seconds(ringing_time, DEFAULT_RINGING),
    maxDurationMs: seconds(max_duration, DEFAULT_DURATION),
    amd: 'detect',
    record: record === true,
    ...(simulated ? { vars: rehearsal } : {}),
  };
};
