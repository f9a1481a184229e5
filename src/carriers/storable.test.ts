import { expect, test } from 'vitest';
import type { CarrierEvent } from './carrier.ts';
import { toStorable } from './storable.ts';

const AT = new Date('2026-03-02T10:00:00Z');

test('texts lose what no database takes, at any depth; all else stays', () => {
  const event: CarrierEvent = {
    callId: '7',
    carrierCallId: 'c\u00001',
    dedupeKey: 'd\ud8001',
    at: AT,
    body: { type: 'report', extraction: { 'a\u0000': ['b\u0000', 1, null, { c: '\udfff' }] }, transcript: [] },
  };
  expect(toStorable(event)).toEqual({
    callId: '7',
    carrierCallId: 'c1',
    dedupeKey: 'd\ufffd1',
    at: AT,
    body: { type: 'report', extraction: { a: ['b', 1, null, { c: '\ufffd' }] }, transcript: [] },
  });
});

test('an event that is all right stays as it is', () => {
  const event: CarrierEvent = { carrierCallId: 'c', dedupeKey: 'd', at: AT, body: { type: 'ringing', earlyMedia: false } };
  expect(toStorable(event)).toEqual(event);
});
