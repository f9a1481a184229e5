import { expect, test } from 'vitest';
import type { Carrier, PlaceResult } from '../carriers/carrier.ts';
import type { ClaimResult, ClaimTerms, Ledger, Reservation } from '../dialer/ledger.ts';
import { measureCarrier, measureLedger } from './measure.ts';
import { createMetrics, type Metrics } from './metrics.ts';

const NOW = new Date('2026-03-02T10:00:00Z');
const reservation = (callId: number, dueAt?: Date): Reservation => ({ callId, window: undefined, place: {} as never, dueAt });

const samples = async ({ registry }: Metrics, pattern: RegExp): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => pattern.test(line) && !line.startsWith('#'));

const measured = (result: ClaimResult, send: Ledger['send'] = async (ids) => [...ids]) => {
  const metrics = createMetrics();
  const ledger = measureLedger({ claim: async () => result, send, release: async () => {} } as unknown as Ledger, metrics);
  return { metrics, ledger, claim: () => ledger.claim(1, {} as ClaimTerms, NOW) };
};

test('a claim is counted with its calls and with every reason for which there was none, and passed on as it is', async () => {
  const result: ClaimResult = {
    reserved: [reservation(1), reservation(2)],
    refused: 'campaign_lines_full',
    again: undefined,
    refusedLeads: ['blacklisted', 'blacklisted'],
  };
  const { metrics, claim } = measured(result);
  expect(await claim()).toBe(result);
  expect(await samples(metrics, /^outdial_(refusals|calls_reserved|claim_duration_seconds_count)/)).toEqual([
    'outdial_claim_duration_seconds_count 1',
    'outdial_calls_reserved_total 2',
    'outdial_refusals_total{reason="campaign_lines_full"} 1',
    'outdial_refusals_total{reason="blacklisted"} 2',
  ]);
});

test('the lag is that of calls which were sent, once', async () => {
  const due = new Date(NOW.getTime() - 4000);
  const reserved = [reservation(1, due), reservation(2, due), reservation(3), reservation(4, due)];
  const { metrics, ledger, claim } = measured({ reserved, refused: undefined, again: undefined }, async () => [1, 3]);
  await claim();
  await ledger.release([4], 'window_closed', NOW);
  // The second was revoked before it was sent, and the third is one of make_call.
  for (let time = 0; time < 2; time += 1) await ledger.send([1, 2, 3, 4], 'w', NOW);
  expect(await samples(metrics, /^outdial_call_due_lag_seconds_(sum|count)/)).toEqual([
    'outdial_call_due_lag_seconds_sum 4',
    'outdial_call_due_lag_seconds_count 1',
  ]);
});

test.each<[string, () => Promise<PlaceResult>, string]>([
  ['accepts', async () => ({ kind: 'accepted', carrierCallId: 'x' }), 'accepted'],
  ['refuses', async () => ({ kind: 'rejected', scope: 'carrier', code: '503', message: 'no' }), 'rejected'],
  ['breaks the contract and throws', () => Promise.reject(new Error('broken')), 'unknown'],
])('a carrier that %s', async (_, place, result) => {
  const metrics = createMetrics();
  const carrier = measureCarrier({ kind: 'x', place } as unknown as Carrier, metrics);
  await carrier.place({} as never, AbortSignal.timeout(1000)).catch(() => {});
  expect(await samples(metrics, /^outdial_carrier_requests_total.* 1$/)).toEqual([`outdial_carrier_requests_total{result="${result}"} 1`]);
  expect(await samples(metrics, /^outdial_carrier_request_duration_seconds_count/)).toEqual([
    'outdial_carrier_request_duration_seconds_count 1',
  ]);
});
